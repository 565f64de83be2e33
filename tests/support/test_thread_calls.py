"""A call that its caller gave up does not meet the next test's database."""

import threading
import time

import pytest

from shell.players.threads import Threads, ThreadsBusy
from tests.support import thread_calls
from tests.support.thread_calls import ending_with_it


async def give_up(over: threading.Event) -> None:
    with pytest.raises(ThreadsBusy):
        await Threads("endless", 1, 0).run(over.wait, deadline_ms=1)


async def test_call_that_was_given_up_has_ended_when_its_test_has(monkeypatch: pytest.MonkeyPatch) -> None:
    ended: list[str] = []
    with ending_with_it(monkeypatch):
        with pytest.raises(ThreadsBusy):
            await Threads("given-up", 1, 0).run(lambda: (time.sleep(0.3), ended.append("late")), deadline_ms=1)
        assert ended == []
    assert ended == ["late"]


async def test_call_that_never_ends_is_that_tests_own_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(thread_calls, "ENDED_S_MAX", 0.05)
    over = threading.Event()
    with pytest.raises(AssertionError, match="1 calls in threads still run"), ending_with_it(monkeypatch):
        await give_up(over)
    over.set()
