"""Copies that outlive this process, so that the next one starts warm.

Public: the ports `SecondLevel` and `Codec`; `InMemorySecondLevel`; `Behind`.

Nothing here can delay or fail a page: writes happen behind it, a look-up has little time, and a second level that did
not answer is left alone for a while.
"""

import asyncio
import math
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Any, Generic, Protocol, TypeVar

import msgspec

from bff.resilience import log
from bff.resilience.cache_control import Lifetime
from bff.resilience.copies import Copy, Key
from bff.resilience.policy import KeepPolicy

T = TypeVar("T")
S = TypeVar("S")

_logger = log.get("second_level")


class SecondLevel(Protocol):
    """Bytes by key, for as long as they are worth keeping. May lose anything; may raise, which counts as not there."""

    async def get(self, key: str) -> tuple[bytes, float] | None:
        """The bytes and their age in seconds, told by the second level itself: clocks of two nodes may differ."""

    async def put(self, key: str, data: bytes, keep_s: int) -> None:
        """Keep `data` for `keep_s`; 0 forgets what is kept."""


class Codec(Protocol[T]):
    """How a value travels. `load` raises ValueError for bytes that it does not understand."""

    def dump(self, value: T) -> bytes: ...

    def load(self, data: bytes) -> T: ...


class InMemorySecondLevel:
    """A second level for one process, as tests and a single house need it. `clock` in seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._kept: dict[str, tuple[bytes, float, float]] = {}

    async def get(self, key: str) -> tuple[bytes, float] | None:
        data, stored_at, until = self._kept.get(key, (b"", 0.0, 0.0))
        now = self._clock()
        return (data, now - stored_at) if now < until else None

    async def put(self, key: str, data: bytes, keep_s: int) -> None:
        now = self._clock()
        self._kept[key] = (data, now, now + keep_s)


class _Parcel(msgspec.Struct, array_like=True):
    fresh_s: int
    revalidate_s: int
    error_s: int
    data: bytes

    def lifetime(self) -> Lifetime:
        return Lifetime(self.fresh_s, self.revalidate_s, self.error_s)


_decode = msgspec.msgpack.Decoder(_Parcel).decode


def _parcel(copy: Copy[Any], data: bytes) -> bytes:
    lives = copy.lifetime
    return msgspec.msgpack.encode(_Parcel(lives.fresh_s, lives.revalidate_s, lives.error_s, data))


class Behind(Generic[T]):
    """A second level, kept at arm's length."""

    def __init__(self, second: SecondLevel, codec: Codec[T], policy: KeepPolicy, clock: Callable[[], float]) -> None:
        self._second = second
        self._codec = codec
        self._policy = policy
        self._clock = clock
        self._quiet_until = 0.0
        # What waits to be written, the latest of each key; None to forget it.
        self._pending: dict[Key, Copy[T] | None] = {}
        self._written_at: OrderedDict[Key, float] = OrderedDict()
        self._missing_until: OrderedDict[Key, float] = OrderedDict()
        self._writer: asyncio.Task[None] | None = None

    def worth_asking(self, key: Key) -> bool:
        """Whether it answers at all, and did not lately answer that there is nothing under `key`."""
        now = self._clock()
        return now >= self._quiet_until and now >= self._missing_until.get(key, -math.inf)

    async def look(self, key: Key) -> Copy[T] | None:
        """The copy under `key`, or None, within the policy's time."""
        found = await self._within(self._second.get(key.digest()))
        if found is None:
            self._missing_until.pop(key, None)
            self._missing_until[key] = self._clock() + self._policy.second_missing_s
            if len(self._missing_until) > self._policy.entries_max:
                self._missing_until.popitem(last=False)
            return None
        data, age_s = found
        try:
            parcel = _decode(data)
            value = self._codec.load(parcel.data)
        except (msgspec.DecodeError, ValueError) as error:
            _logger.warning("second_level_copy_unreadable", error=str(error)[:200])
            return None
        return Copy(value, len(parcel.data), self._clock() - age_s, parcel.lifetime())

    def write(self, key: Key, copy: Copy[T]) -> None:
        """Write `copy`, later; not when that was done lately, nor when much is waiting already."""
        now = self._clock()
        lately = now - self._written_at.get(key, -math.inf) < self._policy.rewrite_s_min
        if lately or now < self._quiet_until or len(self._pending) >= self._policy.pending_max:
            return
        self._written_at[key] = now
        while len(self._written_at) > self._policy.entries_max:
            self._written_at.popitem(last=False)
        self._later(key, copy)

    def forget(self, key: Key) -> None:
        """Forget what this process wrote under `key`, later."""
        if self._written_at.pop(key, None) is not None:
            self._later(key, None)

    async def aclose(self) -> None:
        """Wait for what is still being written."""
        if self._writer is not None:
            await asyncio.wait({self._writer})

    def _later(self, key: Key, copy: Copy[T] | None) -> None:
        self._pending[key] = copy
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._drain())

    async def _drain(self) -> None:
        # One at a time: a copy that is forgotten right after it was written must stay forgotten.
        while self._pending:
            key = next(iter(self._pending))
            copy = self._pending.pop(key)
            data, keep_s = (
                (b"", 0) if copy is None else (_parcel(copy, self._codec.dump(copy.value)), copy.lifetime.kept_s)
            )
            await self._within(self._second.put(key.digest(), data, keep_s))
            if self._clock() < self._quiet_until:
                self._pending.clear()

    async def _within(self, asking: Awaitable[S]) -> S | None:
        try:
            async with asyncio.timeout(self._policy.second_ms_max / 1000):
                return await asking
        except Exception as error:  # noqa: BLE001  whatever is wrong with it, pages go on without
            self._quiet_until = self._clock() + self._policy.second_quiet_s
            _logger.warning("second_level_lost", error=repr(error)[:200], quiet_s=self._policy.second_quiet_s)
            return None
