"""Last good copies of an upstream's answers, shared ones and each player's own.

Public: `LastGood`, `LastGoodPolicy`; from `memory_cache`: `Key`, `Fetched`; from `second_level`: `Codec`,
`SecondLevel`.

Shared copies are reused while they are fresh, and fetched once for all who ask at once; one of the last seconds stands
in, unmarked, for an answer that was late. A player's copy serves only that player, and only when fetching failed.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Generic, TypeVar

from prometheus_client import Counter

from bff.contracts.partition import Partition
from bff.resilience import log, metrics
from bff.resilience.cache_control import Lifetime, lifetime
from bff.resilience.memory_cache import Copy, Fetched, Key, MemoryCache
from bff.resilience.outcome import Failure, Outcome, State
from bff.resilience.partition import current
from bff.resilience.policy import LastGoodPolicy
from bff.resilience.reason import Reason
from bff.resilience.reason_properties import PROPERTIES
from bff.resilience.second_level import Codec, SecondLevel, WriteBehind

__all__ = ["Codec", "Fetched", "Key", "LastGood", "LastGoodPolicy", "SecondLevel"]

T = TypeVar("T")
Fetch = Callable[[], Awaitable[Fetched[T] | Failure]]

_logger = log.get("last_good")
_FETCHED, _STALE, _NONE = (metrics.LAST_GOOD.labels(word) for word in ("fetched", "stale", "none"))


class LastGood(Generic[T]):
    """Copies in this process, bounded in bytes and number, and optionally a second level that outlives it."""

    def __init__(
        self,
        policy: LastGoodPolicy,
        *,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], datetime] = lambda: datetime.now(UTC),
        second: SecondLevel | None = None,
        codec: Codec[T] | None = None,
        own: Partition | None = None,
    ) -> None:
        self._own = own
        self._grace_s = policy.late_grace_s
        self._clock = clock
        self._wall = wall
        self._copies: MemoryCache[T] = MemoryCache(policy)
        self._flights: dict[Key, asyncio.Task[Fetched[T] | Failure]] = {}
        self._outliving: set[asyncio.Task[Fetched[T] | Failure]] = set()
        self._lookups: set[asyncio.Task[Copy[T] | None]] = set()
        self._second_level = WriteBehind(second, codec, policy, clock) if second and codec else None

    @property
    def bytes_stored(self) -> int:
        """What all copies in this process weigh."""
        return self._copies.bytes_stored

    async def get(
        self,
        key: Key,
        fetch: Fetch[T],
        *,
        stale_s_max: int,
        unshared: bool = False,
        wait_s: float | None = None,
    ) -> Outcome[T] | Failure:
        """The value under `key`: kept and fresh, fetched, or, when fetching failed, the last good one.

        `fetch` answers a `Failure`, it does not raise; for `stale_s_max` after its freshness a copy may stand in.
        `unshared`: what is asked for is about more than the key says, so no other's answer will do. In a partition it
        is always so, and what is answered there neither becomes a copy nor takes one away; unless these are its own.
        With `wait_s` a fetch that takes longer goes on by itself, and whoever asks next for the same (a player, too)
        joins it.
        """
        alone = unshared or self._is_partitioned
        unshared = alone or key.player is not None
        copy = self._copies.get(key, self._clock())
        if copy is not None and not unshared:
            age_s = copy.age_s(self._clock())
            if age_s < copy.lifetime.fresh_s:
                return self._fresh(copy, "reused")
            if age_s < copy.lifetime.fresh_s + copy.lifetime.revalidate_s:
                self._single_flight(key, fetch, stale_s_max)
                return self._fresh(copy, "revalidated")
        if wait_s is not None:
            own = asyncio.create_task(self._ask(key, fetch, stale_s_max)) if alone else None
            flying = own or self._single_flight(key, fetch, stale_s_max)
            self._outliving.add(flying)
            flying.add_done_callback(self._outliving.discard)
            ending: Awaitable[Fetched[T] | Failure] = _within(wait_s, flying)
        elif unshared:
            # A player's request may say what only that tab knows, so one never answers another.
            ending = self._ask(key, fetch, stale_s_max)
        else:
            ending = asyncio.shield(self._single_flight(key, fetch, stale_s_max))
        return await self._end_or_fall_back(key, copy, ending, stale_s_max, unshared)

    def at_once(
        self, key: Key, refused: Callable[[], Failure | None], *, stale_s_max: int, unshared: bool = False
    ) -> Outcome[T] | Failure | None:
        """What `get` would answer without waiting for an upstream; None where it has to wait.

        `refused` says why a fetch would fail before it began, if it would.
        """
        copy = self._copies.get(key, self._clock())
        unshared = unshared or key.player is not None or self._is_partitioned
        if copy is not None and not unshared and copy.age_s(self._clock()) < copy.lifetime.fresh_s:
            return self._fresh(copy, "reused")
        if copy is None and stale_s_max > 0 and self._second_level and self._second_level.may_hold(key):
            return None
        failure = refused()
        if failure is None:
            return None
        in_grace = None if unshared or not failure.late else self._in_grace(copy)
        return in_grace or self._fallen_back(copy, failure)

    @property
    def _is_partitioned(self) -> bool:
        """Whether who asks belongs to a partition, and these copies are not its own."""
        partition = current()
        return partition is not None and partition != self._own

    async def aclose(self) -> None:
        """Wait for fetches and writes under way; those without a waiting caller are cancelled."""
        for flight in self._outliving:
            flight.cancel()
        under_way: list[asyncio.Task[Any]] = [*self._flights.values(), *self._outliving, *self._lookups]
        if under_way:
            await asyncio.wait(under_way)
        if self._second_level:
            await self._second_level.aclose()

    async def _end_or_fall_back(
        self,
        key: Key,
        copy: Copy[T] | None,
        ending: Awaitable[Fetched[T] | Failure],
        stale_s_max: int,
        unshared: bool,
    ) -> Outcome[T] | Failure:
        # Asked beside the fetch, so that it costs no time when the fetch fails late.
        lookup = self._start_second_level_lookup(key) if copy is None and stale_s_max > 0 else None
        ended = await ending
        in_grace = None if unshared or not ended.late else self._in_grace(copy)
        if in_grace is not None:
            return in_grace
        if isinstance(ended, Fetched):
            _count(_FETCHED)
            return Outcome(State.FRESH, ended.value, as_of=self._wall())
        if PROPERTIES[ended.reason].denies:
            return ended
        copy = self._copies.get(key, self._clock())
        if copy is None and lookup is not None:
            copy = await asyncio.shield(lookup)
            if copy is not None and not self._is_partitioned:
                self._copies.put(key, copy)
        return self._fallen_back(copy, ended)

    def _in_grace(self, copy: Copy[T] | None) -> Outcome[T] | None:
        # Readers have this copy on their screen from a moment ago; a stale mark that comes and goes would tell them
        # nothing.
        if copy is None or not copy.lifetime.unmarked or copy.lifetime.error_s == 0:
            return None
        if copy.age_s(self._clock()) >= self._grace_s:
            return None
        return self._fresh(copy, "grace")

    def _fallen_back(self, copy: Copy[T] | None, failure: Failure) -> Outcome[T] | Failure:
        if copy is None or copy.age_s(self._clock()) >= copy.lifetime.fresh_s + copy.lifetime.error_s:
            _count(_NONE)
            return failure
        _count(_STALE)
        return Outcome(
            State.STALE, copy.value, failure.reason, failure.detail, self._as_of(copy), failure.retry_after_ms
        )

    def _start_second_level_lookup(self, key: Key) -> asyncio.Task[Copy[T] | None] | None:
        if self._second_level is None or not self._second_level.may_hold(key):
            return None
        lookup = asyncio.create_task(self._second_level.get(key))
        self._lookups.add(lookup)
        lookup.add_done_callback(self._lookups.discard)
        return lookup

    def _fresh(self, copy: Copy[T], how: str) -> Outcome[T]:
        metrics.LAST_GOOD.labels(how).inc()
        return Outcome(State.FRESH, copy.value, as_of=self._as_of(copy))

    def _as_of(self, copy: Copy[T]) -> datetime:
        return self._wall() - timedelta(seconds=copy.age_s(self._clock()))

    def _single_flight(self, key: Key, fetch: Fetch[T], stale_s_max: int) -> asyncio.Task[Fetched[T] | Failure]:
        """The single flight for a shared key; it goes on when a caller leaves."""
        flight = self._flights.get(key)
        if flight is None:
            flight = self._flights[key] = asyncio.create_task(self._ask(key, fetch, stale_s_max))
            flight.add_done_callback(lambda _: self._flights.pop(key))
        return flight

    async def _ask(self, key: Key, fetch: Fetch[T], stale_s_max: int) -> Fetched[T] | Failure:
        began = self._clock()
        try:
            ended = await fetch()
        except Exception as error:
            # Several may wait for this one: a mistake in one fetch is a failure to each of them.
            _logger.exception("fetch_raised")
            return Failure(Reason.INTERNAL, repr(error)[:200])
        if self._is_partitioned:
            return ended
        if isinstance(ended, Fetched):
            self._keep(key, ended, began, lifetime(ended.headers, stale_s_max=stale_s_max, shared=key.player is None))
        elif PROPERTIES[ended.reason].denies:
            self._forget(key)
        return ended

    def _keep(self, key: Key, fetched: Fetched[T], began: float, lives: Lifetime) -> None:
        if not fetched.keep or self._overtaken(key, began):
            return
        if lives.retained_s == 0:
            self._forget(key)
            return
        copy = Copy(fetched.value, fetched.size_bytes, self._clock(), lives, began)
        self._copies.put(key, copy)
        if self._second_level:
            self._second_level.write(key, copy)

    def _overtaken(self, key: Key, began: float) -> bool:
        """Whether a request that began later was answered before: its answer is newer."""
        copy = self._copies.get(key, self._clock())
        return copy is not None and copy.requested_at > began

    def _forget(self, key: Key) -> None:
        self._copies.delete(key)
        if self._second_level:
            self._second_level.forget(key)


async def _within(wait_s: float, flight: asyncio.Task[Fetched[T] | Failure]) -> Fetched[T] | Failure:
    await asyncio.wait({flight}, timeout=wait_s)
    if not flight.done():
        return Failure(Reason.COLD, f"no answer within {wait_s * 1000:.0f} ms; it is still under way", late=True)
    return Failure(Reason.INTERNAL, "the process ends") if flight.cancelled() else flight.result()


def _count(counter: Counter) -> None:
    if current() is None:
        counter.inc()
