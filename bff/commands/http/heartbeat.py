"""The engine publishes once a second that it takes commands, and whether payments can be reached; a change at once.

Public: `Heartbeat`.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

import msgspec

from bff.broker import Broker, BrokerUnavailable, pause
from bff.commands.engine.identifiers import fresh_id
from bff.commands.engine.policy import EnginePolicy
from bff.contracts.event import Event
from bff.contracts.ledger import ENGINE_HEARTBEAT, LEDGER_STREAM, EngineHealth


class Heartbeat:
    """Two loops in the engine's process. A broker that is away gets the next heartbeat a second later."""

    def __init__(self, broker: Broker, payments_healthy: Callable[[], Awaitable[bool]], policy: EnginePolicy) -> None:
        self._broker = broker
        self._payments_healthy = payments_healthy
        self._policy = policy
        self._count = 0
        # Payments count as available until the first check; a deposit before that finds out by itself.
        self.payments_up = True
        self._changed = asyncio.Event()

    async def run(self) -> None:
        """Until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._poll_payments())
            group.create_task(self._publish())

    async def _poll_payments(self) -> None:
        failures = 0
        while True:
            failures = 0 if await self._payments_healthy() else failures + 1
            up = failures < self._policy.payments_failures
            if up != self.payments_up:
                self.payments_up = up
                self._changed.set()
            await asyncio.sleep(self._policy.payments_recheck_s if failures else self._policy.payments_poll_s)

    async def _publish(self) -> None:
        while True:
            with contextlib.suppress(BrokerUnavailable):
                self._changed.clear()
                await self._broker.publish(LEDGER_STREAM, [self._event()])
            await pause(self._changed, self._policy.heartbeat_s)

    def _event(self) -> Event:
        self._count += 1
        return Event(
            id=fresh_id("ev"),
            type=ENGINE_HEARTBEAT,
            version=1,
            aggregate="engine",
            sequence=("engine", self._count),
            occurred_at=datetime.now(UTC),
            data=msgspec.to_builtins(EngineHealth(payments="up" if self.payments_up else "down")),
        )
