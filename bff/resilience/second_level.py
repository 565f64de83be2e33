"""Copies that outlive this process, so that the next one starts warm.

Public: the ports `SecondLevel` and `Codec`; `InMemorySecondLevel`; `WriteBehind`.

Nothing here can delay or fail a page: writes happen behind it, a look-up has little time, and a second level that did
not answer is left alone for a while. What the upstream has denied is forgotten whoever wrote it, and stays to be
forgotten while the second level is away.
"""

import asyncio
import contextlib
import math
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from itertools import islice
from typing import Any, Generic, Protocol, TypeVar

import msgspec

from bff.resilience import log
from bff.resilience.cache_control import Lifetime
from bff.resilience.memory_cache import Copy, Key
from bff.resilience.policy import LastGoodPolicy

T = TypeVar("T")
S = TypeVar("S")

_logger = log.get("second_level")

# Denials wait here for a second level that is away, some 200 bytes each; then they go in few commands, so that a flood
# of answers that deny something is not a flood of deletes.
FORGETS_MAX = 4096
FORGETS_AT_ONCE = 512
FORGETS_GAP_S = 0.1


class SecondLevel(Protocol):
    """Bytes by key, for as long as they are worth keeping. May lose anything; may raise, which counts as not there."""

    async def get(self, key: str) -> tuple[bytes, float] | None:
        """The bytes and their age in seconds, told by the second level itself: clocks of two nodes may differ."""

    async def put(self, key: str, data: bytes, keep_s: int) -> None:
        """Keep `data` for `keep_s`."""

    async def forget(self, keys: Sequence[str]) -> None:
        """Keep nothing under `keys`, whoever put it there."""


class Codec(Protocol[T]):
    """How a value travels. `load` raises ValueError for bytes that it does not understand."""

    def dump(self, value: T) -> bytes: ...

    def load(self, data: bytes) -> T: ...


class InMemorySecondLevel:
    """A second level for one process, as tests and a single house need it. `clock` in seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._copies: dict[str, tuple[bytes, float, float]] = {}

    async def get(self, key: str) -> tuple[bytes, float] | None:
        data, stored_at, until = self._copies.get(key, (b"", 0.0, 0.0))
        now = self._clock()
        return (data, now - stored_at) if now < until else None

    async def put(self, key: str, data: bytes, keep_s: int) -> None:
        now = self._clock()
        self._copies[key] = (data, now, now + keep_s)

    async def forget(self, keys: Sequence[str]) -> None:
        for key in keys:
            self._copies.pop(key, None)


class _Parcel(msgspec.Struct, array_like=True):
    fresh_s: int
    revalidate_s: int
    error_s: int
    data: bytes
    unmarked: bool = True  # a process of the version before writes none

    def lifetime(self) -> Lifetime:
        return Lifetime(self.fresh_s, self.revalidate_s, self.error_s, self.unmarked)


_decode = msgspec.msgpack.Decoder(_Parcel).decode


def _parcel(copy: Copy[Any], data: bytes) -> bytes:
    lives = copy.lifetime
    return msgspec.msgpack.encode(_Parcel(lives.fresh_s, lives.revalidate_s, lives.error_s, data, lives.unmarked))


class WriteBehind(Generic[T]):
    """Writes to a second level in the background, and reads from it under a short limit."""

    def __init__(
        self, second: SecondLevel, codec: Codec[T], policy: LastGoodPolicy, clock: Callable[[], float]
    ) -> None:
        self._second = second
        self._codec = codec
        self._policy = policy
        self._clock = clock
        self._quiet_until = 0.0
        # What waits to be written, the latest of each key, and what waits to be forgotten.
        self._writes: dict[Key, Copy[T]] = {}
        self._forgets: OrderedDict[Key, None] = OrderedDict()
        self._forgets_due = 0.0
        self._written_at: OrderedDict[Key, float] = OrderedDict()
        # When the upstream last denied it, and when the delete was last sent to the second level.
        self._denied: OrderedDict[Key, tuple[float, float]] = OrderedDict()
        self._missing_until: OrderedDict[Key, float] = OrderedDict()
        self._writer: asyncio.Task[None] | None = None
        self._closing = asyncio.Event()

    def may_hold(self, key: Key) -> bool:
        """Whether it answers at all, and did not lately answer that there is nothing under `key`."""
        now = self._clock()
        return now >= self._quiet_until and now >= self._missing_until.get(key, -math.inf)

    async def get(self, key: Key) -> Copy[T] | None:
        """The copy under `key`, or None, within the policy's time. One from before a denial counts as none."""
        requested_at = self._clock()
        found = await self._within(self._second.get(key.digest()))
        if found is None:
            self._remember(self._missing_until, key, self._clock() + self._policy.second_missing_s)
            return None
        data, age_s = found
        denied_at, _ = self._denied.get(key, (-math.inf, 0.0))
        if requested_at - age_s <= denied_at:
            return None
        try:
            parcel = _decode(data)
            value = self._codec.load(parcel.data)
        except (msgspec.DecodeError, ValueError) as error:
            _logger.warning("second_level_copy_unreadable", error=str(error)[:200])
            return None
        return Copy(value, len(parcel.data), requested_at - age_s, parcel.lifetime())

    def write(self, key: Key, copy: Copy[T]) -> None:
        """Write `copy`, later; not when that was done lately, nor when much is waiting already."""
        now = self._clock()
        lately = now - self._written_at.get(key, -math.inf) < self._policy.rewrite_s_min
        if lately or now < self._quiet_until or len(self._writes) >= self._policy.pending_max:
            return
        self._remember(self._written_at, key, now)
        self._writes[key] = copy
        self._ensure_writer()

    def forget(self, key: Key) -> None:
        """Forget what anybody wrote under `key`, later; what is denied again and again is forgotten once in a while."""
        now = self._clock()
        written = self._written_at.pop(key, None) is not None
        self._writes.pop(key, None)
        _, sent_at = self._denied.get(key, (0.0, -math.inf))
        due = written or now - sent_at >= self._policy.rewrite_s_min
        self._remember(self._denied, key, (now, now if due else sent_at))
        if due:
            self._forgets[key] = None
            if len(self._forgets) > FORGETS_MAX:
                self._forgets.popitem(last=False)
            self._ensure_writer()

    async def aclose(self) -> None:
        """Wait for what is still written and forgotten; a second level that is lost is tried once more."""
        if self._writer is not None:
            self._closing.set()
            await asyncio.wait({self._writer})
            self._closing.clear()

    def _remember(self, memory: OrderedDict[Key, S], key: Key, value: S) -> None:
        memory.pop(key, None)
        memory[key] = value
        if len(memory) > self._policy.entries_max:
            memory.popitem(last=False)

    def _ensure_writer(self) -> None:
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._drain())

    async def _drain(self) -> None:
        # One at a time, and forgetting first: `forget` takes back a write that waits, so one that waits came after it.
        while self._forgets or self._writes:
            if self._forgets:
                await self._pause(max(self._forgets_due, self._quiet_until) - self._clock())
                await self._send_forgets()
            else:
                key = next(iter(self._writes))
                copy = self._writes.pop(key)
                data = _parcel(copy, self._codec.dump(copy.value))
                await self._within(self._second.put(key.digest(), data, copy.lifetime.retained_s))
            if self._clock() < self._quiet_until:
                self._writes.clear()
                if self._closing.is_set() and self._forgets:
                    _logger.warning("second_level_deletes_lost", denied=len(self._forgets))
                    self._forgets.clear()

    async def _send_forgets(self) -> None:
        batch = list(islice(self._forgets, FORGETS_AT_ONCE))
        for key in batch:
            del self._forgets[key]
        self._forgets_due = self._clock() + FORGETS_GAP_S
        await self._within(self._second.forget([key.digest() for key in batch]))
        if self._clock() < self._quiet_until:
            self._forgets = OrderedDict.fromkeys([*batch, *self._forgets][-FORGETS_MAX:])

    async def _pause(self, wait_s: float) -> None:
        if wait_s > 0:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait_s):
                    await self._closing.wait()

    async def _within(self, call: Awaitable[S]) -> S | None:
        try:
            async with asyncio.timeout(self._policy.second_ms_max / 1000):
                return await call
        except Exception as error:  # noqa: BLE001  whatever is wrong with it, pages go on without
            self._quiet_until = self._clock() + self._policy.second_quiet_s
            _logger.warning("second_level_lost", error=repr(error)[:200], quiet_s=self._policy.second_quiet_s)
            return None
