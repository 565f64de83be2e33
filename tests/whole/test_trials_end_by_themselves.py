"""A trial in a real shell ends by itself: what hangs, fails, slows down or throws goes back, what is healthy stays."""

import json
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest

from tests.origin.server import Origin
from tests.shell.test_ship_alone import VISITORS, command
from tests.support import plain_http
from tests.support.lobby import wait_for
from tests.support.slow_house import BODY, SlowHouse

pytestmark = [pytest.mark.full, pytest.mark.timeout(500)]
ENDS_S_MAX = 200
PATHS = ("/one", "/two", "/three")


@contextmanager
def candidate(releasing: SlowHouse, *how: str) -> Iterator[Origin]:
    """A second origin whose release is on trial; what is left of it is rolled back."""
    newer = Origin(body=BODY)
    releasing._run(newer.__aenter__())
    releasing._run(newer.fail("odd-manifest=changing", at="/manifest.json"))
    try:
        command(releasing, "publish", f"{newer.url}/manifest.json", "--move", *how)
        releasing._run(newer.heal())
        yield newer
    finally:
        releasing.heal()
        if newest(releasing)["action"] in ("canary", "paused"):
            command(releasing, "rollback", "origin")
        releasing.publish()
        releasing._run(newer.aclose())


def visit(releasing: SlowHouse, visitor: str) -> str:
    with plain_http.Client(cookies={"visitor": visitor}) as client:
        return str(client.get(releasing.url, timeout=15).text)


_tokens: dict[str, str] = {}


def newest(releasing: SlowHouse) -> dict[str, str]:
    """Over HTTP: a command takes as long to start as a busy machine takes for the pages that a step needs."""
    if releasing.url not in _tokens:
        made = command(releasing, "token", "make", "origin", "--purpose", "read", "--label", "trials")
        _tokens[releasing.url] = made.splitlines()[-1]
    url, token = f"{releasing.url}/registry/v1/fragments/origin/audit", _tokens[releasing.url]
    headers = {"Authorization": f"Bearer {token}"}
    # Who asks more often than a token may is told when to come again.
    while (answer := httpx.get(url, params={"limit": "1"}, headers=headers, timeout=30)).status_code == 429:
        time.sleep(float(answer.headers["Retry-After"]))
    [entry] = answer.raise_for_status().json()
    return dict(entry)


def visited_until_it_ends(releasing: SlowHouse) -> dict[str, str]:
    """The line of the audit that ended the trial, while visitors come all the time."""
    turns = iter(range(100_000))

    def ended() -> bool:
        for _ in range(20):
            visit(releasing, VISITORS[next(turns) % len(VISITORS)])
        return newest(releasing)["actor"] == "analysis"

    wait_for(ended, ENDS_S_MAX, every_s=0.5)
    return newest(releasing)


@pytest.mark.parametrize(
    ("fault", "words"), [("silence", "outcomes failed, beside 0.0%"), ("status=500", "outcomes failed, beside 0.0%")]
)
def test_candidate_that_fails_is_rolled_back(releasing: SlowHouse, fault: str, words: str) -> None:
    """Whether it says so or says nothing at all."""
    with candidate(releasing, "--canary", "50") as newer:
        releasing._run(newer.fail(fault))
        entry = visited_until_it_ends(releasing)
    assert (entry["action"], words in entry["detail"]) == ("canary_rolled_back", True), entry


def test_candidate_that_is_slower_by_half_is_rolled_back(releasing: SlowHouse) -> None:
    """Beside what is live in the same minutes, however slow that is itself."""
    with candidate(releasing, "--canary", "50") as newer:
        releasing.fail("slow=100")
        releasing._run(newer.fail("slow=150"))
        entry = visited_until_it_ends(releasing)
    assert (entry["action"], " is " in entry["detail"]) == ("canary_rolled_back", True), entry
    assert "of what is live" in entry["detail"]


def test_healthy_candidate_goes_through_its_steps_and_is_live(releasing: SlowHouse) -> None:
    """Nobody does anything."""
    with candidate(releasing, "--steps", "40:30s,60:30s"):
        seen = set()

        def promoted() -> bool:
            entry = visited_until_it_ends(releasing)
            seen.add(entry["action"])
            assert entry["action"] in ("canary", "promoted"), entry
            return entry["action"] == "promoted"

        wait_for(promoted, ENDS_S_MAX)
        assert "promoted" in seen


def test_candidate_whose_scripts_throw_is_rolled_back(releasing: SlowHouse) -> None:
    """Beacons of thirty visitors from ten networks, each with the token of a page that the candidate drew for it."""
    with candidate(releasing, "--canary", "50"):
        digest = newest(releasing)["digest"][:12]
        sent = 0
        for number in range(500):
            page = visit(releasing, f"{number:032x}")
            if f"~{digest}" in page and sent < 30:
                [view] = re.findall(r'name="mullion-view" content="([^"]+)"', page)
                [file, *_] = re.findall(r"/assets/origin/[0-9a-f]{32}/", page)
                _beacon(releasing, view, file, network=sent % 10)
                sent += 1
        entry = visited_until_it_ends(releasing)
        if entry["action"] == "paused":  # by the first few
            wait_for(lambda: newest(releasing)["action"] != "paused", ENDS_S_MAX)
            entry = newest(releasing)
    assert (entry["action"], entry["detail"][:19]) == ("canary_rolled_back", "a script threw for "), entry


def _beacon(releasing: SlowHouse, view: str, file: str, network: int) -> None:
    with httpx.Client(transport=httpx.HTTPTransport(local_address=f"127.0.{network + 1}.1")) as client:
        answer = client.post(
            f"{releasing.url.replace('localhost', '127.0.0.1')}/script-errors/",
            content=json.dumps({"view": view, "file": file}),
            headers={"Sec-Fetch-Site": "same-origin", "Content-Type": "text/plain"},
        )
    assert answer.status_code == 204
