"""A change of the registry reaches every shell at once by a published hint, and by polling where no hint arrives."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from types import MappingProxyType

import pytest
import redis
from asgiref.sync import sync_to_async
from django.db import OperationalError, transaction
from redis.asyncio import Redis

from bff.resilience.pubsub import SubscriptionPolicy
from shell.composition.release import Snapshot
from shell.registry import change_hints, models, snapshot_poller
from shell.registry.change_hints import CHANNEL, ChangeHints, announce
from shell.registry.poll_policy import PollPolicy
from shell.registry.snapshot_loader import Holds, load_snapshot
from shell.registry.snapshot_poller import SnapshotPoller
from tests.support.valkey_server import ValkeyServer

NOWHERE = "redis://127.0.0.1:1/0"
# What is promised is a second. Without announcements it would be half a minute.
FOLLOWED_S_MAX = 5
RARELY = PollPolicy(poll_s=30, pushed_poll_s=30, poll_s_max=30)


@pytest.fixture(autouse=True)
def announced_in_earnest(changes_are_announced_to_nobody: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(change_hints, "announce", announce)


async def until(holds: Callable[[], bool], within_s: float = 30) -> float:
    began = time.monotonic()
    while not holds():
        assert time.monotonic() - began < within_s
        await asyncio.sleep(0.01)
    return time.monotonic() - began


@asynccontextmanager
async def shell(redis_url: str, policy: PollPolicy = RARELY) -> AsyncIterator[tuple[SnapshotPoller, ChangeHints]]:
    """The registry's poller of one process; it subscribes to hints where there is a Redis."""
    hints = ChangeHints(redis_url, SubscriptionPolicy(retry_s=0.05, retry_s_max=0.1))
    poller = SnapshotPoller(hints=hints, policy=policy)
    await poller.start()
    try:
        if redis_url != NOWHERE:
            await until(lambda: hints.listening)
        yield poller, hints
    finally:
        await poller.stop()


def change() -> int:
    """Changes what is live, and returns the new generation."""
    with transaction.atomic():
        return int(models.AuditEntry.objects.create(actor="ops", action="held", fragment="poll").pk)


@pytest.mark.django_db(transaction=True)
async def test_change_is_served_by_two_shells_at_once_though_they_poll_twice_a_minute(
    valkey: ValkeyServer, settings: object
) -> None:
    """The hint is published after the transaction, to all subscribed shells."""
    settings.REDIS_URL = valkey.url  # type: ignore[attr-defined]
    async with shell(valkey.url) as (one, _), shell(valkey.url) as (other, _):
        for _ in range(3):
            made = await sync_to_async(change)()
            assert await until(lambda made=made: one.current.generation == made == other.current.generation) < (
                FOLLOWED_S_MAX
            )


@pytest.mark.django_db(transaction=True)
async def test_change_is_followed_by_polling_while_redis_is_away(settings: object) -> None:
    """Neither the process that changes something nor a shell that serves it needs Redis."""
    settings.REDIS_URL = NOWHERE  # type: ignore[attr-defined]
    async with shell(NOWHERE, PollPolicy(poll_s=0.1, pushed_poll_s=30)) as (poller, hints):
        assert not hints.listening
        made = await sync_to_async(change)()
        assert await until(lambda: poller.current.generation == made) < FOLLOWED_S_MAX


@pytest.mark.django_db(transaction=True)
async def test_redis_that_dies_and_comes_back_hides_no_change(
    new_valkey: Callable[[], ValkeyServer], settings: object
) -> None:
    """A lost subscription is noticed, polling goes on, and a new subscription starts with a poll."""
    valkey = new_valkey()
    settings.REDIS_URL = NOWHERE  # type: ignore[attr-defined]
    async with shell(valkey.url, PollPolicy(poll_s=0.1, pushed_poll_s=30)) as (poller, hints):
        await asyncio.to_thread(valkey.stop)
        made = await sync_to_async(change)()
        assert await until(lambda: poller.current.generation == made) < FOLLOWED_S_MAX
        assert not hints.listening
        await asyncio.to_thread(valkey.start)
        await until(lambda: hints.listening)
    async with shell(valkey.url) as (poller, hints):
        valkey.stop()
        await until(lambda: not hints.listening)
        made = await sync_to_async(change)()
        valkey.start()
        assert await until(lambda: poller.current.generation == made) < FOLLOWED_S_MAX


class Database:
    """The loader of a shell, with a count of its loads."""

    def __init__(self) -> None:
        self.says: Snapshot | Exception = Snapshot(1, MappingProxyType({}))
        self.loads = 0

    def load(self, current: Snapshot, holds: Holds) -> tuple[Snapshot, Holds]:
        self.loads += 1
        if isinstance(self.says, Exception):
            raise self.says
        return self.says, holds


async def flood(valkey: ValkeyServer, hints: int) -> None:
    """Publishes arbitrary messages on the hints' channel, all at once."""
    async with Redis.from_url(valkey.url) as client, client.pipeline(transaction=False) as pipeline:
        for number in range(hints):
            pipeline.publish(CHANNEL, b'{"generation": 999, "release": "evil"}' * (1 + number % 3))
        await pipeline.execute()


async def test_ten_thousand_hints_cost_a_few_looks(valkey: ValkeyServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Their content is ignored, they cause at most ten loads a second, and a real change after them is loaded."""
    database = Database()
    monkeypatch.setattr(snapshot_poller, "load_snapshot", database.load)
    async with shell(valkey.url) as (poller, _):
        await asyncio.sleep(0.3)
        began, before = time.monotonic(), database.loads
        await flood(valkey, 10_000)
        await asyncio.sleep(0.5)
        took_s = time.monotonic() - began
        assert 1 <= database.loads - before <= took_s / RARELY.hint_gap_s + 2
        assert poller.current.generation == 1
        database.says = Snapshot(2)
        await asyncio.to_thread(announce, valkey.url)
        assert await until(lambda: poller.current.generation == 2) < FOLLOWED_S_MAX


async def test_hints_do_not_hurry_a_database_that_is_away(
    valkey: ValkeyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The database is tried as rarely as without hints."""
    database = Database()
    monkeypatch.setattr(snapshot_poller, "load_snapshot", database.load)
    async with shell(valkey.url, PollPolicy(poll_s=0.01, pushed_poll_s=30, poll_s_max=30)):
        await asyncio.sleep(0.3)
        database.says = OperationalError("away")
        began, before = time.monotonic(), database.loads
        while time.monotonic() - began < 0.6:
            await flood(valkey, 50)
            await asyncio.sleep(0.01)
        # 20, 40, 80, 160, 320 ms: doubled each time.
        assert 1 <= database.loads - before <= 7


@pytest.mark.django_db(transaction=True)
def test_only_what_shells_must_load_is_announced_and_only_once_it_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    """A hint before the commit would come too early, and one for a token would cause a needless load."""
    announced: list[int] = []
    monkeypatch.setattr(
        change_hints, "announce", lambda url: announced.append(load_snapshot(Snapshot(), {})[0].generation)
    )
    models.AuditEntry.objects.create(actor="ops", action="token_made", fragment="poll", changes_pages=False)
    with transaction.atomic():
        models.AuditEntry.objects.create(actor="ops", action="held", fragment="poll")
        transaction.set_rollback(True)
    assert announced == []
    made = change()
    assert announced == [made]


def test_failing_announcement_neither_raises_nor_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """A change is committed when it is announced, so a failing hint neither raises nor takes long."""
    began = time.monotonic()
    announce(NOWHERE)

    def hang(*_: object) -> None:
        raise redis.TimeoutError("hangs")

    monkeypatch.setattr(redis.Redis, "publish", hang)
    announce(NOWHERE)
    assert time.monotonic() - began < FOLLOWED_S_MAX
