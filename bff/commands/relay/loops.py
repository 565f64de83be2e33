"""The loops of the relay process: outbox to broker, replay requests, pending payments, pruning.

Public: `Relay`, `main`. Django must be set up before this is imported; `bff.commands.relay` does that.
"""

import asyncio
from collections.abc import Awaitable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, TypeVar

import msgspec
from django.conf import settings
from prometheus_client import Counter, Gauge

from bff.broker import (
    BROKER,
    Broker,
    BrokerPolicy,
    BrokerUnavailable,
    Delivery,
    Progress,
    Unusable,
    connect,
    pause,
    subscribe,
)
from bff.commands.bonuses import expiry
from bff.commands.engine.policy import PAYMENTS, POLICY, RELAY
from bff.commands.engine.process import name_of_process
from bff.commands.engine.threads import Engine, EngineUnavailable
from bff.commands.payments import resolver
from bff.commands.payments.provider import PaymentsProvider
from bff.commands.relay import steps
from bff.commands.relay.backpressure import Backpressure
from bff.commands.relay.publishing import publish_batch, publish_heartbeats
from bff.commands.relay.reconciler import Reconciler
from bff.contracts.ledger import (
    BALANCES_COMPARED,
    LEDGER_STREAM,
    PLAYERS_REBUILT,
    REPLAY_REQUESTED,
    REQUESTS_STREAM,
    BalancesCompared,
    PlayersRebuilt,
    ReplayRequested,
)
from bff.resilience import log, worker
from bff.resilience.backoff import backoff_s

logger = log.get("relay")
T = TypeVar("T")

PUBLISHED = Counter("mullion_relay_events_published_total", "Events that left the outbox")
BACKLOG = Gauge("mullion_relay_backlog_events", "Events in the outbox that have not left it")
REPLAYS = Counter("mullion_relay_epochs_begun_total", "Times that every player was restated")


class Relay:
    """The loops of one relay process. `state` is what /healthz reports."""

    def __init__(
        self, broker: Broker, engine: Engine, durable_engine: Engine, *, holder: str, policy: BrokerPolicy
    ) -> None:
        self.broker = broker
        self.backpressure = Backpressure(broker, min(RELAY.unread_events_max, policy.stream_events_max // 2))
        self.engine = engine
        self.durable_engine = durable_engine  # an epoch that others have read of must not be lost
        self.holder = holder
        self.progress = Progress()
        self.requests = Progress()
        self.reconciler = Reconciler(broker, durable_engine, settings.COMPARE_S, self._partitions_drained)
        self._partitions_wanted = settings.LEDGER_PARTITIONS  # 0 once it is in force
        self._heartbeat_at = 0.0
        self._unmarked: steps.Batch | None = None  # published, but not yet marked as published
        self._last: steps.Batch | None = None
        self._backlog: int | None = None

    def state(self) -> dict[str, Any]:
        """For /healthz: readiness does not depend on broker or database, only says how they are."""
        return {
            "leading": bool(self._last and self._last.leading),
            "backlog_events": self._backlog,
            "held_back": self.backpressure.is_full,
            "detail": self.progress.detail or self.requests.detail,
        }

    async def publish(self, stopping: asyncio.Event) -> None:
        """Outbox to broker, for ever; backs off while either is away."""
        wait_ms: float = RELAY.poll_ms_min
        while not stopping.is_set():
            try:
                moved = await self._step()
            except (BrokerUnavailable, EngineUnavailable) as error:
                await self._failed(error, stopping)
                continue
            self.progress.succeeded()
            # A full batch is followed at once; after another one, what comes meanwhile goes out together.
            wait_ms = RELAY.poll_ms_min if moved else min(RELAY.poll_ms_max, wait_ms * 1.5)
            if moved < RELAY.batch_events_max:
                await pause(stopping, wait_ms / 1000)

    async def _step(self) -> int:
        """How many events went out."""
        now = datetime.now(UTC)
        await self._set_partitions(now)
        due = asyncio.get_running_loop().time() - self._heartbeat_at >= RELAY.heartbeat_s
        if (
            not (self._unmarked and self._unmarked.rows)
            and not due
            and await self.engine.run(steps.is_idle, self.holder, now)
        ):
            return 0
        published, self._unmarked = self._unmarked, None
        events_max = min(RELAY.batch_events_max, self.backpressure.events_left)
        batch = self._last = await self.engine.run(
            steps.next_batch, self.holder, published, now, measured=due, events_max=events_max
        )
        if due or not batch.leading:
            # The backlog is set before publishing, as it matters most while publishing fails; a relay that does not
            # lead has none.
            self._backlog = batch.backlog
            BACKLOG.set(batch.backlog)
        if not batch.leading:
            self._unmarked = batch
            await asyncio.sleep(RELAY.heartbeat_s)
            return 0
        await publish_batch(self.broker, batch)
        self.backpressure.count_published(len(batch.events))
        # Only what is out is marked, by the next batch; a kill before that sends it twice.
        self._unmarked = batch
        PUBLISHED.inc(len(batch.events))
        if batch.drained:
            await publish_heartbeats(self.broker, batch)
            self._heartbeat_at = asyncio.get_running_loop().time()
        await self.backpressure.refresh(RELAY.batch_events_max, len(batch.ends))
        if events_max and not batch.rows:
            await self.engine.run(steps.restate_some, now)
        return len(batch.rows)

    async def _set_partitions(self, now: datetime) -> None:
        """Once per process: a relay that keeps running adopts the number that a later relay has set."""
        if self._partitions_wanted:
            if self._partitions_wanted > 1:
                await self.broker.prepare(LEDGER_STREAM, self._partitions_wanted)
            epoch = await self.durable_engine.run(steps.set_partitions, self._partitions_wanted, now)
            if epoch is not None:
                logger.warning("relay_epoch_begun", epoch=epoch, why=f"{self._partitions_wanted} partitions")
            self._partitions_wanted = 0

    async def _failed(self, error: Exception, stopping: asyncio.Event) -> None:
        self.progress.failed(error)
        if self.progress.failures == 1:
            logger.warning("relay_retrying", detail=str(error))
        await pause(stopping, backoff_s(RELAY.backoff, self.progress.failures - 1))

    async def listen(self, stopping: asyncio.Event, policy: BrokerPolicy) -> None:
        """Begin an epoch when a reader says that it has lost events."""
        reader = self.broker.reader(REQUESTS_STREAM, "relay", self.holder)
        await subscribe(
            reader, self._handle_requests, stopping, policy=policy, progress=self.requests, retried=(EngineUnavailable,)
        )

    async def _handle_requests(self, deliveries: Sequence[Delivery]) -> Sequence[Delivery]:
        for delivery in deliveries:
            if delivery.event.type == BALANCES_COMPARED:
                await self.reconciler.compared(_decode(delivery, BalancesCompared))
            elif delivery.event.type == PLAYERS_REBUILT:
                self.reconciler.rebuilt(_decode(delivery, PlayersRebuilt))
            if delivery.event.type != REPLAY_REQUESTED:
                continue
            request = _decode(delivery, ReplayRequested)
            epoch = await self.durable_engine.run(steps.begin_epoch, request.epoch, datetime.now(UTC))
            if epoch is not None:
                REPLAYS.inc()
                logger.warning("relay_epoch_begun", epoch=epoch, why=request.why)
        return deliveries

    def _partitions_drained(self) -> int:
        """How many partitions there are, where this relay leads and everything had gone out a moment ago; else 0."""
        recent = asyncio.get_running_loop().time() - self._heartbeat_at < 2 * RELAY.heartbeat_s
        return len(self._last.ends) if self._last is not None and self._last.leading and recent else 0

    async def prune(self, stopping: asyncio.Event) -> None:
        """Forget what went out long ago, a little at a time."""
        while not stopping.is_set():
            try:
                gone = await self.engine.run(steps.prune, datetime.now(UTC))
            except EngineUnavailable:
                gone = 0
            await pause(stopping, 1 if gone else 600)


def _decode(delivery: Delivery, kind: type[T]) -> T:
    """The event's data as `kind`; one that can not be read as that is dead-lettered, and the others are handled."""
    try:
        return msgspec.convert(delivery.event.data, kind)
    except msgspec.ValidationError as error:
        raise Unusable(delivery, f"not what {delivery.event.type} looks like: {error}") from error


async def _main(stopping: asyncio.Event, started: list[Relay]) -> None:
    policy = BROKER
    broker = connect(settings.BROKER_URL, policy)
    # Publishing has a database thread of its own, so that it does not wait for other work. What it writes may be lost
    # in a crash (the events are then published again), so it does not wait for the disk, and commands do not wait for
    # it.
    engine, resolving = Engine(threads=1, policy=replace(POLICY, durable=False)), Engine(threads=1)
    payments = PaymentsProvider(settings.PAYMENTS_URL, PAYMENTS)
    relay = Relay(broker, engine, resolving, holder=name_of_process("relay"), policy=policy)
    started.append(relay)
    loops: list[Awaitable[None]] = [
        relay.publish(stopping),
        relay.listen(stopping, policy),
        relay.prune(stopping),
        relay.reconciler.run(stopping),
        resolver.resolve(resolving, payments, stopping),
        expiry.run_expiry(resolving, stopping),
    ]
    try:
        async with asyncio.TaskGroup() as group:
            for loop in loops:
                group.create_task(_run(loop))
    finally:
        await payments.aclose()
        await broker.aclose()
        engine.close()
        resolving.close()


async def _run(loop: Awaitable[None]) -> None:
    await loop


def main() -> None:
    """The process: loops until it is stopped."""
    started: list[Relay] = []
    worker.run(lambda stopping: _main(stopping, started), healthy=lambda: started[0].state() if started else {})
