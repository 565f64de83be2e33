"""Processes are replaced while players keep loading pages: no page fails, whatever is ended, killed or published."""

import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest

from tests.support import plain_http, slow_house
from tests.support.lobby import SLOTS, wait_for, whole
from tests.support.mullion import Mullion
from tests.support.slow_house import SlowHouse

pytestmark = pytest.mark.timeout(180)
VISITORS = 4
# The pause between two pages of a visitor leaves a core for the process that starts.
PAUSE_S = 0.1


@contextmanager
def visited(url: str, slots: tuple[str, ...] = SLOTS) -> Iterator[Counter[str]]:
    """Pages are loaded all the time; counts them as whole, broken, or refused (not one byte came)."""
    seen: Counter[str] = Counter()
    over = threading.Event()

    def visit() -> None:
        while not over.is_set():
            ended = "refused"
            try:
                with plain_http.Client() as client, client.stream("GET", url, timeout=60) as answer:
                    ended = "broken"
                    text = answer.read().decode()
                    ended = "whole" if answer.status_code == 200 and whole(text, slots) else "broken"
            except (httpx.ConnectError, httpx.ReadError, httpx.RemoteProtocolError):
                time.sleep(0.02)
            except httpx.HTTPError:
                ended = "broken"
            seen[ended] += 1
            time.sleep(PAUSE_S)

    visitors = [threading.Thread(target=visit) for _ in range(VISITORS)]
    for visitor in visitors:
        visitor.start()
    try:
        wait_for(lambda: seen["whole"] > 20, describe=lambda: seen)
        yield seen
    finally:
        over.set()
        for visitor in visitors:
            visitor.join()


@pytest.mark.parametrize(
    ("process", "number"),
    [
        pytest.param("promotions", signal.SIGKILL, id="promotions-killed"),
        pytest.param("bff-queries", signal.SIGTERM, id="bff-queries-ended"),
        pytest.param("promotions", signal.SIGTERM, id="promotions-ended", marks=pytest.mark.full),
        pytest.param("bff-queries", signal.SIGKILL, id="bff-queries-killed", marks=pytest.mark.full),
    ],
)
def test_no_page_fails_while_a_part_is_replaced(house: Mullion, process: str, number: int) -> None:
    """Every page is whole while the process ends, while it is away, and when its successor answers."""
    with visited(house.url) as seen:
        before = house.processes()[process]["starts"]
        os.kill(house.pid(process), number)
        house.wait(lambda: house.processes()[process]["starts"] > before)
        house.wait_state(process, "ready")
        enough = seen["whole"] + 20
        wait_for(lambda: seen["whole"] > enough, describe=lambda: seen)
    assert seen["broken"] == 0
    assert seen["refused"] == 0


def test_shell_that_is_ended_finishes_what_it_began(house: Mullion) -> None:
    """A visitor who comes between the old process's last answer and the new one's first waits for the new one."""
    with visited(house.url) as seen:
        before = house.processes()["shell"]["starts"]
        os.kill(house.pid("shell"), signal.SIGTERM)
        house.wait(lambda: house.processes()["shell"]["starts"] > before)
        house.wait_state("shell", "ready")
        enough = seen["whole"] + 20
        wait_for(lambda: seen["whole"] > enough, describe=lambda: seen)
    assert seen["broken"] == 0
    assert seen["refused"] == 0


def test_shell_that_is_held_down_refuses_at_once(house: Mullion) -> None:
    """A shell that is disabled on purpose lets nobody wait, and answers again when it is enabled."""
    house.disable("shell")
    try:
        with pytest.raises(httpx.ConnectError):
            plain_http.get(house.url, timeout=2)
    finally:
        house.enable("shell")
    assert plain_http.get(house.url).status_code == 200


@pytest.mark.full
def test_no_page_fails_while_versions_are_published(releasing: SlowHouse) -> None:
    """A manifest that differs at every fetch is published again and again under load; pages follow, all fresh."""
    releasing.fail("odd-manifest=changing", at="/manifest.json")
    with visited(releasing.url, slow_house.SLOTS) as seen:
        versions: set[str] = set()
        for _ in range(2):
            releasing.publish()
            versions.add(wait_for_another(releasing.url, versions))
    assert len(versions) == 2
    assert seen["broken"] == seen["refused"] == 0


def wait_for_another(url: str, versions: set[str]) -> str:
    """The version of the first slot, once it is none of `versions`."""
    found = ""

    def another() -> bool:
        nonlocal found
        text = plain_http.get(url).text
        found = text.partition('data-version="')[2].partition('"')[0]
        return found not in versions and text.count('data-state="fresh"') == len(slow_house.SLOTS)

    wait_for(another, describe=lambda: found)
    return found
