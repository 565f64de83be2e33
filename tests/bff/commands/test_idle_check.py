"""An idle relay does not query its database, and notices a commit at once."""

import sqlite3
from pathlib import Path

import pytest

from bff.commands.relay.idle_check import CommitWatch, IdleCheck

pytestmark = pytest.mark.quick

LOOKS = 20
ALL, ONE = frozenset({0, 1}), frozenset({1})


class Outbox:
    """A SQLite outbox with waiting rows, and a count of its queries."""

    def __init__(self, folder: Path) -> None:
        self.path = str(folder / "a folder" / "commands.sqlite3")
        Path(self.path).parent.mkdir()
        self.writer = sqlite3.connect(self.path, isolation_level=None)
        self.writer.execute("PRAGMA journal_mode = WAL")
        self.writer.execute("CREATE TABLE outbox (id INTEGER PRIMARY KEY)")
        self.queries = 0

    def commit(self) -> None:
        self.writer.execute("INSERT INTO outbox DEFAULT VALUES")

    def publish(self) -> None:
        self.writer.execute("DELETE FROM outbox")

    async def query(self, held: frozenset[int]) -> bool:
        self.queries += 1
        return not self.writer.execute("SELECT EXISTS (SELECT 1 FROM outbox)").fetchone()[0]


@pytest.fixture
def outbox(tmp_path: Path) -> Outbox:
    return Outbox(tmp_path)


async def test_database_that_nobody_writes_to_is_queried_once(outbox: Outbox) -> None:
    """However often a relay looks; another number of partitions is another question."""
    watch = CommitWatch(outbox.path)
    check = IdleCheck(watch, outbox.query)
    assert [await check.is_idle(ALL) for _ in range(LOOKS)] == [True] * LOOKS
    assert outbox.queries == 1
    assert await check.is_idle(ONE)
    assert outbox.queries == 2
    watch.close()
    watch.close()  # no connection is open any more


async def test_event_is_seen_by_the_first_look_after_its_commit(outbox: Outbox) -> None:
    """And by each until it is out."""
    check = IdleCheck(CommitWatch(outbox.path), outbox.query)
    for _ in range(3):
        assert await check.is_idle(ALL)
        outbox.commit()
        assert [await check.is_idle(ALL) for _ in range(3)] == [False] * 3
        outbox.publish()
    assert await check.is_idle(ALL)


async def test_commit_beside_a_query_shows_in_the_next_look(outbox: Outbox) -> None:
    """What that query could not see is not taken for seen."""

    async def query(held: frozenset[int]) -> bool:
        idle = await outbox.query(held)
        if outbox.queries == 1:
            outbox.commit()
        return idle

    check = IdleCheck(CommitWatch(outbox.path), query)
    assert await check.is_idle(ALL)
    assert not await check.is_idle(ALL)


@pytest.mark.parametrize("path", [None, "/nowhere/at/all.sqlite3"])
async def test_database_that_can_not_be_watched_is_queried_each_time(path: str | None, outbox: Outbox) -> None:
    """One on a server, or a file that is not there."""
    check = IdleCheck(CommitWatch(path), outbox.query)
    assert [await check.is_idle(ALL) for _ in range(LOOKS)] == [True] * LOOKS
    assert outbox.queries == LOOKS
