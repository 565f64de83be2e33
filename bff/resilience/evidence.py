"""Breaker transitions that processes share about an upstream: evidence, never a decision.

Public: the ports `Evidence` and `ProbeLease`; `InMemoryEvidence`, `InMemoryLease`, `OwnLease`.

Without the transport each process decides, and probes, by itself.
"""

import asyncio
from collections import defaultdict
from collections.abc import Callable
from typing import Protocol

from bff.resilience.breaker import Transition

Listener = Callable[[Transition], None]


class Evidence(Protocol):
    """Carries transitions between processes. Neither method waits or raises: an adapter queues, and may drop."""

    def publish(self, transition: Transition) -> None:
        """Tell the other processes."""

    def subscribe(self, upstream: str, listener: Listener) -> Callable[[], None]:
        """Call `listener`, on the event loop, with what others publish about `upstream`; returns how to stop it."""


class ProbeLease(Protocol):
    """Lets one process of many probe an upstream."""

    async def take(self, upstream: str, lease_ms: int) -> bool | None:
        """True: probe, no other process will within `lease_ms`. False: another one does. None: unknown."""


class OwnLease:
    """For a process that shares nothing: it always probes."""

    async def take(self, upstream: str, lease_ms: int) -> bool | None:
        return True


class InMemoryEvidence:
    """Joins guards of one process as if each were a process of its own: `between.member()` for each."""

    def __init__(self) -> None:
        self._listeners: dict[str, list[tuple[object, Listener]]] = defaultdict(list)

    def member(self) -> Evidence:
        """One process's end."""
        return _Member(self._listeners)


class _Member:
    def __init__(self, listeners: dict[str, list[tuple[object, Listener]]]) -> None:
        self._listeners = listeners

    def publish(self, transition: Transition) -> None:
        loop = asyncio.get_running_loop()
        for member, listener in self._listeners[transition.upstream]:
            if member is not self:
                loop.call_soon(listener, transition)

    def subscribe(self, upstream: str, listener: Listener) -> Callable[[], None]:
        entry = (self, listener)
        self._listeners[upstream].append(entry)
        return lambda: self._listeners[upstream].remove(entry)


class InMemoryLease:
    """One lease for guards of one process; `clock` in seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._until: dict[str, float] = {}

    async def take(self, upstream: str, lease_ms: int) -> bool | None:
        now = self._clock()
        if self._until.get(upstream, 0.0) > now:
            return False
        self._until[upstream] = now + lease_ms / 1000
        return True
