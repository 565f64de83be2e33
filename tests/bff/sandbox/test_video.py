"""The sandbox's live video: an endless window cut from short loops."""

import struct
import time
from itertools import pairwise

import httpx
import pytest

from bff.sandbox.clock import SandboxClock
from bff.sandbox.tables import server as server_module
from bff.sandbox.tables.server import TablesProvider
from bff.sandbox.tables.video import EPOCH_S, Video

pytestmark = pytest.mark.quick

NOW = EPOCH_S + 1_000_000.5


def playlist(now=NOW):
    return Video().answer("roulette", "media.m3u8", now).body.decode().splitlines()


def numbers(now=NOW):
    return [int(line.removesuffix(".m4s")) for line in playlist(now) if line.endswith(".m4s")]


def decode_time(segment):
    return struct.unpack_from(">Q", segment, segment.index(b"tfdt") + 8)[0]


def test_window_slides_one_segment_every_two_seconds():
    """The playlist holds six whole segments, and its first number follows real time."""
    assert len(numbers()) == 6
    assert f"#EXT-X-MEDIA-SEQUENCE:{numbers()[0]}" in playlist()
    assert numbers(NOW + 2) == [number + 1 for number in numbers()]
    assert "#EXT-X-ENDLIST" not in playlist()


def test_master_playlist_names_a_free_codec():
    """A browser knows before it fetches a segment whether it can play."""
    body = Video().answer("roulette", "live.m3u8", NOW).body.decode()
    assert 'CODECS="vp09.00.' in body
    assert body.endswith("media.m3u8\n")


def test_time_runs_on_where_the_loop_begins_again():
    """Segment after segment follows without a seam, in each kind's loop and beyond its end."""
    for kind in ("roulette", "blackjack", "baccarat", "gameshow"):
        times = []
        for step in range(0, 20, 2):
            newest = numbers(NOW + step)[-1]
            times.append(decode_time(Video().answer(kind, f"{newest}.m4s", NOW + step).body))
        gaps = {later - earlier for earlier, later in pairwise(times)}
        assert len(gaps) == 1
        init = Video().answer(kind, "init.mp4", NOW).body
        assert gaps == {2 * struct.unpack_from(">I", init, init.index(b"mdhd") + 16)[0]}


@pytest.mark.parametrize(
    "name", ["0.m4s", "x.m4s", "١.m4s", "999999999999999.m4s", "init.mp4.m4s", "", ".m4s", "a.m3u8"]
)
def test_what_is_not_in_the_window_is_missing(name):
    """Old, future and nonsense segments are 404, readable by script."""
    answer = Video().answer("roulette", name, NOW)
    assert (answer.status, answer.headers["access-control-allow-origin"]) == (404, "*")


async def test_video_faults_leave_the_tables_alone(monkeypatch):
    """Segments missing, playlist frozen, segments stalled: each by a switch, none of them silences the feed."""
    monkeypatch.setattr(server_module, "STALL_S", 0.3)
    provider = TablesProvider("seed", "casino", SandboxClock(), "http://provider")
    transport = httpx.ASGITransport(app=provider)
    async with httpx.AsyncClient(transport=transport, base_url="http://tables") as client:

        async def newest():
            lines = (await client.get("/video/201/media.m3u8")).text.splitlines()
            return f"/video/201/{lines[-1]}"

        assert (await client.get(await newest())).status_code == 200
        await client.post("/control/fault", json={"kind": "video_missing", "for_s": 600})
        assert (await client.get(await newest())).status_code == 404
        await client.post("/control/fault", json={"kind": "video_stalled", "for_s": 600})
        began = time.monotonic()
        await client.get(await newest())
        assert time.monotonic() - began >= 0.3
        await client.post("/control/fault", json={"kind": "video_frozen", "for_s": 600})
        frozen = await newest()
        later = time.time() + 20
        monkeypatch.setattr(server_module.time, "time", lambda: later)
        provider.switch._set_at -= 20
        assert await newest() == frozen
        assert (await client.get("/video/999/live.m3u8")).status_code == 404
        assert (await client.get("/video/201/../../etc")).status_code == 404
