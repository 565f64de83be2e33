"""video.js in a real browser, with the sandbox's live video and its faults."""

import threading
import time

import pytest
import uvicorn

from bff.sandbox.clock import SandboxClock
from bff.sandbox.tables.server import TablesProvider
from tests.support import plain_http
from tests.support.free_ports import free_port
from tests.support.live_browser import FakeLive, PageServer, eventually, live_message, slot

# Two and three times the promise, plus the ladder's own time, which is tested on `watch.js` below: frames of a real
# video are played on a machine that may be busy.
SEEN_S_MAX = 10
OFFLINE_S_MAX = 45


@pytest.fixture(scope="module")
def provider():
    port = free_port()
    application = TablesProvider("seed", "casino", SandboxClock(), "http://provider")
    server = uvicorn.Server(uvicorn.Config(application, port=port, log_config=None, timeout_graceful_shutdown=1))
    thread = threading.Thread(target=server.run)
    thread.start()
    eventually(lambda: server.started)
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join()


@pytest.fixture
def fail(provider):
    """Make the provider's video fail in a named way; ended after the test."""

    def set_fault(kind):
        plain_http.post(f"{provider}/control/fault", json={"kind": kind, "for_s": 600}).raise_for_status()

    yield set_fault
    set_fault("none")


@pytest.fixture
def live():
    with FakeLive() as server:
        yield server


def figure(provider, engine=""):
    return (
        f'<figure data-stream="{provider}/video/201/live.m3u8" data-stream-engine="{engine}">'
        '<video id="video" muted playsinline></video>'
        '<div data-stream-poster hidden>Red 7, Black 2</div><p data-stream-words role="status"></p>'
        '<button type="button" data-stream-play hidden></button>'
        '<button type="button" data-stream-sound data-words-off="Unmute" hidden></button>'
        '<button type="button" data-stream-retry hidden>Try again</button></figure>'
        '<b id="seats" data-live="tables.r1#seats_taken">0</b>'
    )


@pytest.fixture
def pages(live, provider):
    with PageServer() as server:
        server.live_url = live.url
        server.body = slot("tables", figure(provider), feeds="tables")
        yield server


def stream(page):
    return page.evaluate("({...document.querySelector('#slot-tables').shadowRoot.querySelector('figure').dataset})")


def state(page):
    return stream(page).get("streamState")


def frames(page):
    return page.evaluate(
        "document.querySelector('#slot-tables').shadowRoot.querySelector('video')"
        ".getVideoPlaybackQuality().totalVideoFrames"
    )


def is_playing(page):
    eventually(lambda: state(page) == "live")
    before = frames(page)
    eventually(lambda: frames(page) > before)


def shown(page):
    """Which parts are visible."""
    names = ("poster", "play", "sound", "retry")
    return {name for name in names if page.locator(f"[data-stream-{name}]").is_visible()}


def words(page):
    return page.locator("[data-stream-words]").inner_text()


def open_page(page, pages):
    page.goto(pages.url)
    eventually(lambda: page.evaluate("window.ready === true"))


@pytest.mark.parametrize("engine", ["native", "hls"])
def test_a_picture_plays_without_sound_and_says_nothing_while_it_is_well(page, pages, provider, engine):
    """Frames turn "connecting" into "live"; hls.js is loaded only where it plays."""
    errors = []
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    pages.body = slot("tables", figure(provider, engine))
    open_page(page, pages)
    eventually(lambda: state(page) == "connecting")
    is_playing(page)
    assert stream(page)["streamBy"] == engine
    assert any("hls-light" in path for path in pages.requested) == (engine == "hls")
    assert (words(page), shown(page)) == ("", {"play", "sound"})
    assert page.evaluate("document.querySelector('#slot-tables').shadowRoot.querySelector('video').muted")
    assert errors == []


def test_a_playlist_is_asked_for_about_once_in_each_segment(page, pages):
    """A browser with Media Source Extensions plays by hls.js, whatever it says that it plays by itself."""
    playlists = []
    page.on("request", lambda request: "media.m3u8" in request.url and playlists.append(request.url))
    open_page(page, pages)
    is_playing(page)
    assert stream(page)["streamBy"] == "hls"
    began, before = time.monotonic(), len(playlists)
    eventually(lambda: page.wait_for_timeout(100) or len(playlists) >= before + 2)
    assert len(playlists) - before <= 3 + (time.monotonic() - began), "more than one a second"


def test_the_player_can_stop_the_picture_and_hear_it(page, pages):
    """Pause is not a stall; sound is off until the player wants it; buttons have the fragment's words if given."""
    open_page(page, pages)
    is_playing(page)
    assert page.locator("[data-stream-sound]").inner_text() == "Unmute"
    page.locator("[data-stream-sound]").click()
    assert page.locator("[data-stream-sound]").inner_text() == "Sound off"
    page.locator("[data-stream-play]").click()
    assert page.locator("[data-stream-play]").inner_text() == "Play"
    time.sleep(4)
    assert state(page) == "live"
    page.locator("[data-stream-play]").click()
    is_playing(page)


@pytest.mark.parametrize(
    ("fault", "engine"),
    [
        # By hls.js segments that are missing are seen on the page of a table, and that nobody answers is seen below.
        pytest.param("video_missing", "native", marks=pytest.mark.full),
        ("video_frozen", "hls"),
        pytest.param("video_stalled", "native", marks=pytest.mark.full),
    ],
)
def test_a_picture_that_stops_is_seen_within_5_s_then_poster_and_results_then_heals(
    page, pages, live, provider, fail, fault, engine
):
    """Segments at 404, a frozen playlist, no answer at all: stalled, then offline with the last results, then live
    again; the table's numbers continue meanwhile."""
    pages.body = slot("tables", figure(provider, engine), feeds="tables")
    open_page(page, pages)
    is_playing(page)
    eventually(lambda: "tables.r1" in live.followed)
    fail(fault)
    last, still_since = frames(page), time.monotonic()
    while state(page) in ("live", "behind"):
        assert time.monotonic() - still_since < SEEN_S_MAX, "frames have stopped, and nobody said so"
        if frames(page) != last:
            last, still_since = frames(page), time.monotonic()
        time.sleep(0.1)
    assert state(page) == "stalled"
    assert "stopped" in words(page)
    eventually(lambda: state(page) == "offline", OFFLINE_S_MAX)
    assert shown(page) == {"poster", "retry"}
    assert "No picture right now" in words(page)
    live.tell(live_message("tables.r1", 1, {"seats_taken": 6}))
    eventually(lambda: page.locator("#seats").inner_text() == "6")
    fail("none")
    is_playing(page)
    assert shown(page) == {"play", "sound"}


def test_a_provider_that_is_down_from_the_start_is_offline_and_can_be_tried_again(page, pages, fail):
    """A missing picture is reported with a button, and nothing else on the page changes."""
    fail("video_stalled")
    open_page(page, pages)
    eventually(lambda: state(page) == "offline", OFFLINE_S_MAX)
    assert shown(page) == {"poster", "retry"}
    fail("none")
    page.locator("[data-stream-retry]").click()
    is_playing(page)


def test_a_swapped_slot_keeps_its_picture(page, pages, provider):
    """New HTML around it does not restart the stream: the same element plays on, neither emptied nor paused. That it
    waits for data for a moment, and seeks over what is missing, is left out: a slow machine's pictures do."""
    open_page(page, pages)
    is_playing(page)
    before = page.evaluate(
        """html => {
      window.picture = document.querySelector('#slot-tables').shadowRoot.querySelector('video');
      window.breaks = 0;
      const broke = () => window.breaks++;
      for (const name of ['emptied', 'pause']) picture.addEventListener(name, broke);
      const at = picture.currentTime;
      window.swap('slot-tables', html);
      return at;
    }""",
        figure(provider),
    )
    assert page.evaluate("document.querySelector('#slot-tables').shadowRoot.querySelector('video') === window.picture")
    eventually(lambda: page.evaluate("window.picture.currentTime") > before + 1)
    assert state(page) == "live"
    assert page.evaluate("window.breaks") == 0


def test_a_picture_that_left_the_page_stops_loading(page, pages):
    """A slot that returns without its figure ends the stream."""
    requested = []
    page.on("request", lambda request: requested.append(request.url))
    open_page(page, pages)
    is_playing(page)
    page.evaluate("window.swap('slot-tables', '<p>Closed</p>')")
    time.sleep(2.5)
    requested.clear()
    time.sleep(4)
    assert requested == []


WATCH = """async ([looks, options]) => {
  const { Watch } = await import('/static/video/watch.js');
  const watch = new Watch(0, options);
  const one = ([now, frames, lateS, edge]) => [watch.look(now, { frames, lateS, edge }), watch.state].reverse();
  return looks.map(one);
}"""


def watched(page, pages, looks, **options):
    open_page(page, pages)
    return page.evaluate(WATCH, [looks, options])


def test_frames_that_stop_go_up_the_ladder_once_each(page, pages):
    """Nudge, jump to the edge, reload, give up; each once, each by the time since the last frame."""
    pages.body = slot("tables", "<p>x</p>")
    looks = [[0, 0, 0], [500, 10, 0]] + [[500 + 500 * n, 10, 0] for n in range(1, 30)]
    found = watched(page, pages, looks)
    assert found[0] == ["connecting", ""]
    assert found[1] == ["live", ""]
    acts = [(at, act) for (at, _, _), (_, act) in zip(looks, found, strict=True) if act]
    assert acts == [(3000, "nudge"), (5000, "jump"), (7500, "reload"), (14500, "giveUp")]
    assert [state for state, _ in found[6:29]] == ["stalled"] * 23
    assert found[29] == ["offline", "giveUp"]


def test_a_late_picture_is_behind_and_jumps_only_when_it_stays_so(page, pages):
    """Frames from too long ago are not live; the player jumps only if that lasts."""
    pages.body = slot("tables", "<p>x</p>")
    looks = [[0, 0, 0], [500, 10, 9], [1000, 20, 1], [1500, 30, 9], [4500, 40, 9], [5000, 50, 9], [5500, 60, 0]]
    assert watched(page, pages, looks) == [
        ["connecting", ""],
        ["behind", ""],
        ["live", ""],
        ["behind", ""],
        ["behind", "jump"],
        ["behind", ""],
        ["live", ""],
    ]


def test_offline_is_over_only_when_frames_come_steadily(page, pages):
    """A flapping provider does not make the poster flicker."""
    pages.body = slot("tables", "<p>x</p>")
    looks = [[0, 0, 0], [500, 5, 0], [1000, 6, 0], [1500, 6, 0], [5000, 6, 0], [5500, 7, 0], [6000, 8, 0], [6500, 9, 0]]
    found = watched(page, pages, looks, state="offline")
    assert [state for state, _ in found] == ["offline"] * 7 + ["live"]


def test_a_playlist_that_stands_still_shows_nothing_again_as_if_it_were_live(page, pages):
    """After a reload the same old segments play, but the picture counts as live only when the playlist's edge moves."""
    pages.body = slot("tables", "<p>x</p>")
    looks = [[0, 0, 0, 7], [500, 5, 0, 7], [3500, 5, 0, 7], [4000, 9, 0, 7], [4500, 12, 0, 7], [5000, 15, 0, 8]]
    found = watched(page, pages, looks)
    assert [state for state, _ in found] == ["connecting", "live", "stalled", "stalled", "stalled", "live"]
