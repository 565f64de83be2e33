"""Fixtures of all tests of the shell's rooms."""

from collections.abc import Iterator

import pytest

from tests.support.thread_calls import ending_with_it


@pytest.fixture(autouse=True)
def calls_in_threads_end_with_the_test(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    """A call that the shell gave up continues in its thread: without this it would lock, or write to, the database that
    is emptied for the next test."""
    if request.node.get_closest_marker("django_db") is None:
        yield
        return
    with ending_with_it(monkeypatch):
        yield


@pytest.fixture(autouse=True)
def changes_are_announced_to_nobody(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """No shell of another process listens during a test; `test_change_hints.py` has some that do."""
    if request.node.get_closest_marker("django_db") is not None:
        from shell.registry import change_hints

        monkeypatch.setattr(change_hints, "announce", lambda redis_url: None)


@pytest.fixture(autouse=True)
def passwords_are_hashed_at_little_cost(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same algorithm with few iterations; `test_throttle.py` checks the cost outside of tests."""
    if request.node.get_closest_marker("django_db") is not None:
        from shell.players.hashing import Argon2

        monkeypatch.setattr(Argon2, "memory_cost", 64)
        monkeypatch.setattr(Argon2, "time_cost", 1)
