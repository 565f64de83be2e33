"""The projector's work on a batch of the ledger's events: apply, park, checkpoint, and detect losses.

A ledger that denies what it said (see `PositionTracker`) is another one than the one whose events were applied, so
nothing of its epoch is believed any more: the wallets are stale until it has told everything again in a later one.

Public: `Projector`, `ProjectorPolicy`, `GROUP`, `CHECKPOINT_TOPIC`, `SHAPE`.
"""

import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, TypeVar

import msgspec
from prometheus_client import Counter

from bff.broker import Broker, Delivery, Progress, Unusable
from bff.broker.port import Reader
from bff.contracts.ledger import (
    BALANCES_STATED,
    ENGINE_HEARTBEAT,
    HEARTBEAT,
    LEDGER_READER,
    PLAYERS_REBUILT,
    ROLLING,
    EngineHealth,
    LedgerHeartbeat,
)
from bff.queries.checkpoint import CHECKPOINT_TOPIC, SHAPE, Checkpoint
from bff.queries.comparer import Comparer
from bff.queries.ledger_feed import LedgerFeed
from bff.queries.projections import Parked, PositionTracker, Wallets
from bff.queries.requests import Loss, publish_request
from bff.queries.shadows import Shadows, is_rebuilding
from bff.resilience.policies import house_policy
from bff.store import Store, StoreUnavailable

__all__ = ["CHECKPOINT_TOPIC", "GROUP", "SHAPE", "Projector", "ProjectorPolicy"]

T = TypeVar("T")

GROUP = LEDGER_READER
# Heartbeats of some minutes: longer than any that comes again was on its way.
HEARTBEATS_NAMED = 256
_OTHER_SHAPE = "the records were written by another release"

APPLIED = Counter("mullion_projector_events_applied_total", "Events that changed the query store")
DENIED = Counter(
    "mullion_projector_ledgers_denied_total", "Times that the ledger was found to be another one than before"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectorPolicy:
    """Units stand last in each name."""

    gap_s_max: float = 2.0  # how long an event may be late before it counts as lost
    heartbeat_age_s_max: float = 3.0  # an older heartbeat says nothing about now
    replay_s: float = 2.0
    parked_max: int = 1000
    puts_batch: int = 50
    compared_batch: int = 25
    lag_s: float = 2.0
    # A partition whose projector died is taken over after the first; every projector looks after the second.
    lease_ms: int = 3000
    share_s: float = 1.0


PROJECTOR = house_policy("projector", ProjectorPolicy())


class Projector:
    """One consumer of a partition of the ledger. `handle` takes a batch and returns what may be acknowledged.

    `partitions` is how many there are, until the ledger's heartbeats say it; `on_partitions` hears what they say.
    """

    def __init__(
        self,
        store: Store,
        broker: Broker,
        reader: Reader,
        policy: ProjectorPolicy = PROJECTOR,
        clock: Callable[[], float] = time.monotonic,
        *,
        partition: int = 0,
        partitions: int = 1,
        on_partitions: Callable[[str, int], None] = lambda _epoch, _partitions: None,
    ) -> None:
        self.store, self.broker, self.reader = store, broker, reader
        self.policy, self.clock = policy, clock
        self.progress = Progress()
        self.tracker: PositionTracker | None = None
        self._loss = Loss(broker, policy.replay_s, partition)
        self._comparer = Comparer(store, broker, policy.compared_batch)
        self._parked: dict[str, tuple[Delivery, float]] = {}
        self._checkpoint = Checkpoint(store, partition)
        self._feed = LedgerFeed(store, partition, partitions)
        self._on_partitions = on_partitions
        self._denied_epoch = ""  # the epoch that is no longer trusted
        self._heartbeats_seen: deque[str] = deque(maxlen=HEARTBEATS_NAMED)
        self._shadows = Shadows(store, lambda: self._feed.part)

    def state(self) -> dict[str, Any]:
        """For /healthz."""
        at = self.tracker.at if self.tracker else None
        return {"at": at, "parked": len(self._parked), "lost": self._loss.why, "detail": self.progress.detail}

    async def handle(self, deliveries: Sequence[Delivery]) -> Sequence[Delivery]:
        """Apply what is next; the rest waits, unacknowledged, for what comes before it."""
        if not self.reader.leading:
            self.tracker = None
            self._parked.clear()
            return []
        try:
            return await self._handle(deliveries)
        except (StoreUnavailable, Unusable):
            # All that is not acknowledged comes again, what is parked too.
            self._parked.clear()
            raise

    async def _handle(self, deliveries: Sequence[Delivery]) -> list[Delivery]:
        if self.tracker is None:
            fits = await self._checkpoint.read()
            self.tracker = PositionTracker(self.policy.gap_s_max, self._checkpoint.at, self._checkpoint.event_id)
            if not fits:
                self._lose(_OTHER_SHAPE)
        if denial := self.tracker.contradiction(each.event for each in deliveries if not self._is_denied(each)):
            await self._deny(*denial)
        denied = [each for each in deliveries if self._is_denied(each)]
        return denied + await self._handle_undenied([each for each in deliveries if not self._is_denied(each)])

    async def _handle_undenied(self, deliveries: list[Delivery]) -> list[Delivery]:
        await self._follow(deliveries)
        about_players = [each for each in deliveries if each.event.aggregate.startswith("player:")]
        done, _ = await self._apply(about_players)
        now = self.clock()
        complete = self._count(deliveries, now)
        await self._move_checkpoint()
        others = [each for each in deliveries if not each.event.aggregate.startswith("player:")]
        await self._pass_on_heartbeats(others, complete)
        for each in others:
            if each.event.type == BALANCES_STATED and (each.event.data.get("run") != ROLLING or self._is_settled()):
                await self._comparer.answer(each)
        await self._look_for_losses(now)
        return done + others

    async def _apply(self, deliveries: list[Delivery]) -> tuple[list[Delivery], list[Delivery]]:
        """(the handled deliveries, the parked ones). In order: a shadow is built on the events before it."""
        done: list[Delivery] = []
        for rebuilding, some in groupby(deliveries, key=is_rebuilding):
            together = list(some)
            done += await self._rebuild(together) if rebuilding else (await self._project(together))[0]
        given_up, parked = await self._project([])
        return done + given_up, parked

    async def _rebuild(self, deliveries: list[Delivery]) -> list[Delivery]:
        for answer in await self._shadows.project(deliveries):
            await publish_request(self.broker, PLAYERS_REBUILT, (answer.run, 0), answer)
        return deliveries

    async def _project(self, fresh: list[Delivery]) -> tuple[list[Delivery], list[Delivery]]:
        """(the handled deliveries, the parked ones)."""
        now = self.clock()
        waiting = {at: each for at, (each, _) in self._parked.items()} | {each.at: each for each in fresh}
        if not waiting:
            return [], []
        topics = _checked(list(waiting.values()))
        records = await self.store.get_many(topics)
        wallets = Wallets(
            {topic: (record.sequence, record.raw) if record else None for topic, record in records.items()}
        )
        done: list[Delivery] = []
        progressed = True
        while progressed:
            progressed = False
            for at, delivery in list(waiting.items()):
                try:
                    applied = wallets.apply(delivery.event)
                except Parked:
                    continue
                APPLIED.inc(applied)
                done.append(waiting.pop(at))
                progressed = True
        await self._write(wallets)
        self._parked = {at: self._parked.get(at, (each, now)) for at, each in waiting.items()}
        return done + self._give_up(now), list(waiting.values())

    async def _write(self, wallets: Wallets) -> None:
        puts = wallets.changes()
        for start in range(0, len(puts), self.policy.puts_batch):
            await self.store.put_many(puts[start : start + self.policy.puts_batch], part=self._feed.part)

    def _give_up(self, now: float) -> list[Delivery]:
        """Drop parked events whose predecessor is lost: a replay will bring all of it."""
        old = [at for at, (_, since) in self._parked.items() if now - since > self.policy.gap_s_max]
        if len(self._parked) > self.policy.parked_max:
            old = list(self._parked)
        given_up = [self._parked.pop(at)[0] for at in old]
        # What an earlier epoch told is told again in this one; it has not come to that player yet.
        missing = [each.event for each in given_up if self.tracker and each.event.sequence[0] >= self.tracker.epoch]
        if missing:
            self._lose(f"what comes before {missing[0].aggregate} {missing[0].sequence[1]} is missing")
        return given_up

    def _is_settled(self) -> bool:
        """Nothing is missing, waits, or is lost. Else records differ for a reason that has its own remedy."""
        return self.tracker is not None and self.tracker.is_whole and not self._parked and not self._is_lost()

    async def _follow(self, deliveries: Sequence[Delivery]) -> None:
        """Store the beginning of an epoch before anything of it is written: then no loss of it goes unseen."""
        epoch = max((each.event.position[0] for each in deliveries if each.event.position is not None), default="")
        if epoch > self._checkpoint.at[0] and not await self._checkpoint.begin(epoch):
            await self._verify_checkpoint()

    async def _move_checkpoint(self) -> None:
        """Say in the store how far it is: a store that has forgotten this has forgotten more."""
        if self._is_lost() and self._loss.why == _OTHER_SHAPE:
            return  # else the next epoch would count them as its own
        if self.tracker is None or not self.tracker.epoch or self.tracker.at == self._checkpoint.at:
            return
        if not await self._checkpoint.move(self.tracker.at, self.tracker.last_id):
            await self._verify_checkpoint()

    def _count(self, deliveries: list[Delivery], now: float) -> bool:
        """Count the events in the stream's order; whether the ledger's last heartbeat confirms that none is missing."""
        complete = False
        for each in deliveries:
            event = each.event
            if event.position is not None and self.tracker is not None:
                self.tracker.seen(event.position, now, event.id)
            if (
                event.type == HEARTBEAT
                and self.tracker is not None
                and each.attempts == 1
                and each.at not in self._heartbeats_seen
            ):
                # One that comes again stands before events that have been counted, and would seem to deny them.
                self._heartbeats_seen.append(each.at)
                beat = _as(each, LedgerHeartbeat)
                complete = self.tracker.reported_last(beat.position, now, beat.event_id)
                if beat.position[0] == self.tracker.epoch:
                    self._feed.partitions = beat.partitions
                    self._on_partitions(self.tracker.epoch, beat.partitions)
        return complete

    async def _pass_on_heartbeats(self, heartbeats: list[Delivery], complete: bool) -> None:
        engine = [each for each in heartbeats if each.event.type == ENGINE_HEARTBEAT]
        ledger = [each for each in heartbeats if each.event.type == HEARTBEAT]
        if engine and engine[-1].age_s <= self.policy.heartbeat_age_s_max:
            health = _as(engine[-1], EngineHealth)
            await self.store.heartbeat("engine", data=msgspec.to_builtins(health))
        if not ledger or self.tracker is None:
            return
        await self._verify_checkpoint()
        if self.tracker.doubt:
            await self._feed.stale()
        recent = ledger[-1].age_s <= self.policy.heartbeat_age_s_max
        if complete and recent and not self._is_lost() and not self._parked:
            await self._feed.live(self.tracker.epoch)

    async def _verify_checkpoint(self) -> None:
        if await self._checkpoint.was_lost():
            self._lose("the query store has forgotten what it held")

    async def _deny(self, epoch: str, why: str) -> None:
        """The ledger was set back: records may contain events that it does not have any more."""
        await self._feed.stale()
        DENIED.inc()
        self._loss.why = ""
        self._loss.declare(why, (epoch, 0))
        self._denied_epoch = epoch

    def _is_denied(self, delivery: Delivery) -> bool:
        position = delivery.event.position
        return position is not None and position[0] == self._denied_epoch

    async def _look_for_losses(self, now: float) -> None:
        if self.tracker is not None and (why := self.tracker.lost(now)):
            self._lose(why)
        if self._is_lost():
            await self._loss.request_replay(now)

    def _lose(self, why: str) -> None:
        if self.tracker is not None and not self._is_lost():
            self._loss.declare(why, self.tracker.at)

    def _is_lost(self) -> bool:
        self._loss.followed(self.tracker.epoch if self.tracker is not None else "")
        return bool(self._loss.why)


def _as(delivery: Delivery, kind: type[T]) -> T:
    try:
        return msgspec.convert(delivery.event.data, kind)
    except msgspec.ValidationError as error:
        raise Unusable(delivery, f"not what {delivery.event.type} looks like: {error}") from error


def _checked(deliveries: list[Delivery]) -> list[str]:
    topics: dict[str, None] = {}
    for delivery in deliveries:
        try:
            topics |= dict.fromkeys(Wallets.topics([delivery.event]))
        except msgspec.ValidationError as error:
            raise Unusable(delivery, f"not what {delivery.event.type} looks like: {error}") from error
    return list(topics)
