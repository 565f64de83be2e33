"""Asks, in the background, whether an upstream is well again.

Public: `Prober`.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

from bff.resilience import log
from bff.resilience.breaker import Breaker, Permit, Position
from bff.resilience.evidence import ProbeLease
from bff.resilience.policy import Policy

_logger = log.get("prober")


class Prober:
    """Probes whenever the breaker is due for one, until it closes. `send_probe` makes one probe and ends its permit."""

    def __init__(
        self,
        breaker: Breaker,
        lease: ProbeLease,
        send_probe: Callable[[Permit], Awaitable[None]],
        policy: Policy,
        clock: Callable[[], float],
    ) -> None:
        self._breaker = breaker
        self._lease = lease
        self._send_probe = send_probe
        self._policy = policy
        self._clock = clock
        self._task: asyncio.Task[None] | None = None
        self._wake = asyncio.Event()

    def start(self) -> None:
        """Begin, or look at once whether a probe is due where it runs already; needs a running event loop."""
        self._wake.set()
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._probe_until_closed())

    async def aclose(self) -> None:
        """Stop; a probe that is on its way ends by itself."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})

    async def _probe_until_closed(self) -> None:
        breaker = self._breaker
        while breaker.position not in (Position.CLOSED, Position.FORCED):
            self._wake.clear()
            due_ms = breaker.probe_due_ms(self._clock())
            if due_ms != 0:
                # Nothing is due while a trial is out: look again when it may have ended.
                await self._sleep((due_ms or self._policy.probe_gap_ms) / 1000)
            elif breaker.position is Position.OPEN and await self._leased_elsewhere():
                breaker.postpone(self._clock())
            else:
                permit = breaker.probe(self._clock())
                if permit is not None:
                    await self._send_probe(permit)

    async def _sleep(self, wait_s: float) -> None:
        # Woken by whatever opens the breaker, also by an operator who lets go of it: then a probe is due at once.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(wait_s):
                await self._wake.wait()

    async def _leased_elsewhere(self) -> bool:
        # Whatever goes wrong with the lease, a process that can not share its probe makes its own: a breaker that
        # nobody probes would never close.
        try:
            async with asyncio.timeout(self._policy.lease_wait_ms_max / 1000):
                return await self._lease.take(self._breaker.upstream, self._breaker.interval_ms()) is False
        except Exception as error:  # noqa: BLE001
            _logger.warning("probe_lease_unknown", upstream=self._breaker.upstream, error=repr(error))
            return False
