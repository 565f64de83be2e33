"""The loops of the relay process: outbox to broker, replay requests, pending payments, pruning.

Public: `Relay`. Django must be set up before this is imported; `bff.commands.relay` does that.
"""

import asyncio
import contextlib
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar

import msgspec
from django.conf import settings
from django.db import connection
from prometheus_client import Counter

from bff.broker import (
    Broker,
    BrokerPolicy,
    BrokerUnavailable,
    Delivery,
    Progress,
    Unusable,
    pause,
    subscribe,
)
from bff.commands.engine.policy import RELAY
from bff.commands.engine.threads import Engine, EngineUnavailable
from bff.commands.relay import epochs, restating, steps
from bff.commands.relay.backlog_metrics import BacklogMetrics
from bff.commands.relay.backpressure import Backpressure
from bff.commands.relay.idle_check import CommitWatch, IdleCheck
from bff.commands.relay.partition_leases import PartitionLeases
from bff.commands.relay.places import Places
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
from bff.resilience import log
from bff.resilience.backoff import backoff_s

logger = log.get("relay")
T = TypeVar("T")

PUBLISHED = Counter("mullion_relay_events_published_total", "Events that left the outbox")
REPLAYS = Counter(
    "mullion_relay_epochs_begun_total", "Times that the players of one partition, or of all, were restated"
)


class Relay:
    """The loops of one relay process, which publishes the partitions that `leases` holds. `state` is what /healthz
    reports."""

    def __init__(
        self,
        broker: Broker,
        engine: Engine,
        durable_engine: Engine,
        leases: PartitionLeases,
        *,
        holder: str,
        policy: BrokerPolicy,
    ) -> None:
        self.broker = broker
        self.backpressure = Backpressure(
            broker,
            min(RELAY.unread_events_max, policy.stream_events_max // 2),
            ask_s_min=RELAY.poll_ms_min / 1000,
            ask_s_max=RELAY.lag_s_max,
        )
        self.engine = engine
        self.durable_engine = durable_engine  # an epoch that others have read of must not be lost
        self.leases = leases
        self.holder = holder
        self.progress = Progress()
        self.requests = Progress()
        self.reconciler = Reconciler(broker, durable_engine, settings.COMPARE_S, self._places_drained)
        self._partitions_wanted = settings.LEDGER_PARTITIONS  # 0 once it is in force
        self._held: frozenset[int] = frozenset()  # what the last step was for
        self._heartbeat_at = 0.0
        self._unmarked: steps.Batch | None = None  # published, but not yet marked as published
        self._drained: Places | None = None  # what the last heartbeats spoke of
        self.backlog = BacklogMetrics()
        file = str(connection.settings_dict["NAME"]) if connection.vendor == "sqlite" else None
        self._commits = CommitWatch(file)
        self._idle = IdleCheck(self._commits, lambda held: engine.run(steps.is_idle, held))

    def state(self) -> dict[str, Any]:
        """For /healthz: readiness does not depend on broker or database, only says how they are."""
        return {
            "leading": bool(self._held),
            "partitions": sorted(self._held),
            "backlog_events": self.backlog.total,
            "backlog_by_partition": {str(place): events for place, events in (self.backlog.events or {}).items()},
            "held_back": self.backpressure.held_back,
            "detail": self.progress.detail or self.requests.detail,
        }

    async def share(self, stopping: asyncio.Event) -> None:
        """Hold a part of the partitions among all relays, for ever."""
        while not stopping.is_set():
            await self.leases.refresh()
            await pause(stopping, RELAY.share_s)

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

    async def leave(self) -> None:
        """Mark what is out and let others have the partitions at once. When `publish` has ended."""
        self._commits.close()
        if self._unmarked and self._unmarked.rows:
            with contextlib.suppress(EngineUnavailable):  # then it goes out again
                await self.engine.run(steps.next_batch, frozenset(), self._unmarked, datetime.now(UTC), measured=False)
        await self.leases.leave()

    async def _step(self) -> int:
        """How many events went out or got their positions, whichever is more."""
        now = datetime.now(UTC)
        await self._set_partitions(now)
        held = self._follow_leases()
        due = bool(held) and asyncio.get_running_loop().time() - self._heartbeat_at >= RELAY.heartbeat_s
        to_mark = bool(self._unmarked and self._unmarked.spans)
        if not to_mark and not due and (not held or await self._idle.is_idle(held)):
            await self.leases.release_ended()
            return 0
        published, self._unmarked = self._unmarked, None
        room = self.backpressure.room(held)
        batch = await self.engine.run(steps.next_batch, held, published, now, measured=due, room=room)
        # Nothing of those is under way any more, and all that went out is marked.
        await self.leases.release_ended()
        if due:
            # Told before anything is sent, for it matters most while nothing can be.
            self.backlog.count(batch.backlogs)
        await self._publish(batch)
        # What was restated before is out with this batch, where a partition has caught up.
        room = self.backpressure.room(batch.caught_up.held)
        restated = Places.of(frozenset(place for place in room if room[place]), batch.places.count)
        if restated:
            await self.engine.run(restating.restate_some, now, restated)
        return max(len(batch.rows), batch.taken)

    async def _publish(self, batch: steps.Batch) -> None:
        await publish_batch(self.broker, batch)
        self.backpressure.count_published({place: len(span) for place, span in batch.spans.items()})
        # Only what is out is marked, by the next batch; a kill before that sends it twice.
        self._unmarked = batch
        PUBLISHED.inc(len(batch.events))
        if batch.drained:
            await publish_heartbeats(self.broker, batch)
            self._drained, self._heartbeat_at = batch.drained, asyncio.get_running_loop().time()
        now = asyncio.get_running_loop().time()
        await self.backpressure.refresh(RELAY.batch_events_max, batch.places.held, now)

    def _follow_leases(self) -> frozenset[int]:
        """Take over the leases held at this moment; partitions that are new here start without any state."""
        held = self.leases.held
        if held != self._held:
            self.backpressure.keep(held & self._held)
        if held - self._held:
            self._heartbeat_at = 0.0
        if not held:
            self.backlog.count({})  # others tell what waits
        self._held = held
        return held

    async def _set_partitions(self, now: datetime) -> None:
        """Once per process: a relay that keeps running adopts the number that a later relay has set."""
        if self._partitions_wanted:
            if self._partitions_wanted > 1:
                await self.broker.prepare(LEDGER_STREAM, self._partitions_wanted)
            epoch = await self.durable_engine.run(epochs.set_partitions, self._partitions_wanted, now)
            if epoch is not None:
                logger.warning("relay_epoch_begun", epoch=epoch, why=f"{self._partitions_wanted} partitions")
            self._partitions_wanted = 0

    async def _failed(self, error: Exception, stopping: asyncio.Event) -> None:
        self.progress.failed(error)
        if self.progress.failures == 1:
            logger.warning("relay_retrying", detail=str(error))
        await pause(stopping, backoff_s(RELAY.backoff, self.progress.failures - 1))

    async def listen(self, stopping: asyncio.Event, policy: BrokerPolicy) -> None:
        """Begin an epoch when a reader reports that it has lost events."""
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
            epoch = await self.durable_engine.run(
                epochs.begin_epoch, request.epoch, datetime.now(UTC), request.partition
            )
            if epoch is not None:
                REPLAYS.inc()
                logger.warning("relay_epoch_begun", epoch=epoch, partition=request.partition, why=request.why)
        return deliveries

    def _places_drained(self) -> Places | None:
        """What this relay sends and of which everything had gone out a moment ago."""
        recent = asyncio.get_running_loop().time() - self._heartbeat_at < 2 * RELAY.heartbeat_s
        return self._drained if recent else None

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
