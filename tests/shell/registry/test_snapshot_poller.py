"""The poller of the snapshot: the first pages wait for it, and no failure ends it."""

import asyncio
import time
from collections.abc import Callable
from types import MappingProxyType

import pytest
from django.db import InterfaceError, OperationalError

from shell.composition.release import Snapshot
from shell.registry import snapshot_poller
from shell.registry.poll_policy import PollPolicy, wait_s
from shell.registry.snapshot_loader import Holds
from shell.registry.snapshot_poller import SnapshotPoller

POLICY = PollPolicy(poll_s=0.02)


class Database:
    """Answers the poller's loads with the snapshot or error in `says`, after `took_s`."""

    def __init__(self, took_s: float = 0.0) -> None:
        self.says: Snapshot | Exception = Snapshot(1, MappingProxyType({}))
        self.took_s = took_s
        self.loads = 0

    def load(self, current: Snapshot, holds: Holds) -> tuple[Snapshot, Holds]:
        says = self.says
        self.loads += 1
        time.sleep(self.took_s)
        if isinstance(says, Exception):
            raise says
        return says, holds


@pytest.fixture
def database(monkeypatch: pytest.MonkeyPatch) -> Database:
    database = Database()
    monkeypatch.setattr(snapshot_poller, "load_snapshot", database.load)
    return database


async def until(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + 5
    while not holds():
        assert time.monotonic() < end
        await asyncio.sleep(0.01)


async def test_all_who_come_while_the_first_load_runs_wait_for_it(database: Database) -> None:
    """A server without lifespan loads with its first requests; none of them is served from an empty snapshot."""
    database.took_s = 0.2
    poller = SnapshotPoller()

    async def request() -> int:
        await poller.start()
        return poller.current.generation

    leaving = asyncio.create_task(request())
    await asyncio.sleep(0.05)
    others = [asyncio.create_task(request()) for _ in range(3)]
    leaving.cancel()
    assert await asyncio.gather(*others) == [1, 1, 1]
    assert database.loads == 1
    await poller.stop()


async def test_database_that_hangs_keeps_the_first_pages_for_a_while_only(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a limit they are served without releases; the snapshot is loaded as soon as the database answers."""
    monkeypatch.setattr(snapshot_poller, "FIRST_S_MAX", 0.1)
    database.took_s = 0.5
    following = SnapshotPoller(policy=POLICY)
    await following.start()
    assert following.current.generation == 0
    database.took_s = 0.0
    await until(lambda: following.current.generation == 1)
    await following.stop()


@pytest.mark.parametrize(
    "error",
    [OperationalError("away"), InterfaceError("connection already closed"), ValueError("a row that nobody expected")],
    ids=lambda error: type(error).__name__,
)
async def test_nothing_that_goes_wrong_ends_the_following(
    database: Database, error: Exception, capsys: pytest.CaptureFixture[str]
) -> None:
    """A failure is logged, the interval grows, and the next publish is followed."""
    following = SnapshotPoller(policy=POLICY)
    database.says = error
    await following.start()
    await until(lambda: database.loads >= 4)
    assert "registry_" in "".join(capsys.readouterr())
    database.says = Snapshot(7)
    await until(lambda: following.current.generation == 7)
    await following.stop()


async def test_failing_subscriber_is_called_again_until_it_succeeds(database: Database) -> None:
    """The snapshot advances, and a subscriber that raised is called again."""
    generations: list[int] = []

    def on_change(snapshot: Snapshot, holds: Holds) -> None:
        generations.append(snapshot.generation)
        if len(generations) < 3:
            raise RuntimeError("a mistake")

    following = SnapshotPoller(on_change, policy=POLICY)
    await following.start()
    assert following.current.generation == 1
    await until(lambda: len(generations) == 3)
    database.says = Snapshot(2)
    await until(lambda: generations == [1, 1, 1, 2])
    await following.stop()


async def test_who_waits_for_what_is_live_gets_what_was_published_before_the_question(database: Database) -> None:
    """A load that had already begun does not count; callers that arrive during a load share the next one."""
    database.took_s = 0.1
    poller = SnapshotPoller()
    first = asyncio.create_task(poller.catch_up())
    await until(lambda: database.loads == 1)
    database.says = Snapshot(2)
    database.took_s = 0.0
    assert await asyncio.gather(*(poller.catch_up() for _ in range(5))) == [True] * 5
    assert (poller.current.generation, database.loads, await first) == (2, 2, True)


async def test_load_that_took_long_takes_no_publish_back(database: Database) -> None:
    """Loads run one after the other, so an older result never replaces a newer one."""
    seen: list[int] = []
    poller = SnapshotPoller(lambda snapshot, holds: seen.append(snapshot.generation))
    database.took_s = 0.1
    slow = asyncio.create_task(poller.refresh())
    await until(lambda: database.loads == 1)
    database.says, database.took_s = Snapshot(2), 0.0
    await asyncio.gather(slow, poller.catch_up(), poller.refresh())
    assert seen == sorted(seen)
    assert poller.current.generation == 2


@pytest.mark.parametrize("error", [OperationalError("away"), ValueError("a row that nobody expected")])
async def test_who_waits_for_what_is_live_learns_that_it_can_not_be_read(database: Database, error: Exception) -> None:
    """The caller gets False; the next call loads again."""
    poller = SnapshotPoller()
    database.says = error
    assert await poller.catch_up() is False
    database.says = Snapshot(3)
    assert await poller.catch_up() is True
    assert poller.current.generation == 3


def test_it_is_looked_for_more_rarely_while_announced_and_while_it_goes_wrong() -> None:
    """The interval is longer while hints are subscribed, and while the database is away."""
    policy = PollPolicy(poll_s=0.5, pushed_poll_s=30, poll_s_max=5)
    waits = [wait_s(policy, failures=failures, listening=False) for failures in (0, 1, 2, 3, 4, 10_000)]
    assert waits == [0.5, 1, 2, 4, 5, 5]
    assert wait_s(policy, failures=0, listening=True) == 30
    assert wait_s(policy, failures=1, listening=True) == 1
