"""What the projector does with a batch of the ledger's events: apply, park, mark, hear, and notice what is lost.

Public: `Projector`, `ProjectorPolicy`, `GROUP`, `MARKER`, `SHAPE`.
"""

import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby
from typing import Any

import msgspec
from prometheus_client import Counter

from bff.broker import Broker, Delivery, Progress, Unusable
from bff.broker.port import Reader
from bff.contracts.event import Event
from bff.contracts.ledger import (
    BALANCES_COMPARED,
    BALANCES_STATED,
    ENGINE_HEARTBEAT,
    HEARTBEAT,
    PLAYERS_REBUILT,
    REPLAY_REQUESTED,
    REQUESTS_STREAM,
    BalancesStated,
    EngineHealth,
    LedgerHeartbeat,
    ReplayRequested,
)
from bff.queries.projections import Parked, Wallets, Watch, compare, topics_of
from bff.queries.rebuilding import Shadows, is_rebuilding
from bff.resilience import log
from bff.store import Put, Store, StoreUnavailable

logger = log.get("projector")

GROUP = "projector"
MARKER = "projection.ledger"
# Raised by whoever changes what the projector writes: records of another shape are asked for again.
SHAPE = 4
_OTHER_SHAPE = "the records were written by another release"

APPLIED = Counter("projector_events_applied_total", "Events that changed the query store")
ASKED = Counter("projector_replays_asked_total", "Times that events were found lost and asked for again")
DIFFERING = Counter("projector_players_differing_total", "Players found to differ from the ledger in a comparison")


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectorPolicy:
    """Units stand last in each name."""

    gap_s_max: float = 2.0  # how long an event may be late before it counts as lost
    heartbeat_age_s_max: float = 3.0  # an older heartbeat says nothing about now
    ask_s: float = 2.0
    parked_max: int = 1000
    puts_batch: int = 50
    compared_batch: int = 25
    lag_s: float = 2.0


class Projector:
    """One consumer of the ledger. `handle` takes a batch and says what may be acknowledged."""

    def __init__(
        self,
        store: Store,
        broker: Broker,
        reader: Reader,
        policy: ProjectorPolicy = ProjectorPolicy(),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.store, self.broker, self.reader = store, broker, reader
        self.policy, self.clock = policy, clock
        self.progress = Progress()
        self.watch: Watch | None = None
        self.lost = ""
        self._lost_epoch = ""
        self._asked_at = float("-inf")
        self._parked: dict[str, tuple[Delivery, float]] = {}
        self._marked = ("", 0)
        self._shadows = Shadows(store)

    def state(self) -> dict[str, Any]:
        """For /healthz."""
        at = self.watch.at if self.watch else None
        return {"at": at, "parked": len(self._parked), "lost": self.lost, "detail": self.progress.detail}

    async def handle(self, deliveries: Sequence[Delivery]) -> Sequence[Delivery]:
        """Apply what is next; the rest waits, unacknowledged, for what comes before it."""
        if not self.reader.leading:
            self.watch = None
            self._parked.clear()
            return []
        try:
            return await self._handle(deliveries)
        except (StoreUnavailable, Unusable):
            # All that is not acknowledged comes again, what is parked too.
            self._parked.clear()
            raise

    async def _handle(self, deliveries: Sequence[Delivery]) -> list[Delivery]:
        if self.watch is None:
            marker = await self.store.get(MARKER)
            self._marked = marker.sequence if marker else ("", 0)
            self.watch = Watch(self.policy.gap_s_max, self._marked)
            if marker is not None and marker.data.get("shape") != SHAPE:
                self._lose(_OTHER_SHAPE)
        await self._follow(deliveries)
        about_players = [each for each in deliveries if each.event.aggregate.startswith("player:")]
        done, parked = await self._take(about_players)
        now = self.clock()
        for each in [*done, *parked, *deliveries]:
            if each.event.position is not None:
                self.watch.seen(each.event.position, now)
        await self._mark()
        others = [each for each in deliveries if not each.event.aggregate.startswith("player:")]
        await self._hear(others)
        for each in others:
            if each.event.type == BALANCES_STATED:
                await self._compare(each)
        await self._look_for_losses(now)
        return done + others

    async def _take(self, told: list[Delivery]) -> tuple[list[Delivery], list[Delivery]]:
        """What is done, and what had to be parked. In order: a shadow rests on what happened before it was told."""
        done: list[Delivery] = []
        for rebuilding, some in groupby(told, key=is_rebuilding):
            together = list(some)
            done += await self._rebuild(together) if rebuilding else (await self._project(together))[0]
        given_up, parked = await self._project([])
        return done + given_up, parked

    async def _rebuild(self, told: list[Delivery]) -> list[Delivery]:
        for answer in await self._shadows.project(told):
            await self._say(PLAYERS_REBUILT, (answer.run, 0), answer)
        return told

    async def _project(self, fresh: list[Delivery]) -> tuple[list[Delivery], list[Delivery]]:
        """What is done, and what had to be parked."""
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
                    news = wallets.apply(delivery.event)
                except Parked:
                    continue
                APPLIED.inc(news)
                done.append(waiting.pop(at))
                progressed = True
        await self._write(wallets)
        self._parked = {at: self._parked.get(at, (each, now)) for at, each in waiting.items()}
        return done + self._give_up(now), list(waiting.values())

    async def _write(self, wallets: Wallets) -> None:
        puts = wallets.changes()
        for start in range(0, len(puts), self.policy.puts_batch):
            await self.store.put_many(puts[start : start + self.policy.puts_batch])

    def _give_up(self, now: float) -> list[Delivery]:
        """Parked events whose predecessor is not coming: a replay will tell it all."""
        old = [at for at, (_, since) in self._parked.items() if now - since > self.policy.gap_s_max]
        if len(self._parked) > self.policy.parked_max:
            old = list(self._parked)
        given_up = [self._parked.pop(at)[0] for at in old]
        if given_up:
            self._lose(f"what comes before {given_up[0].event.aggregate} {given_up[0].event.sequence[1]} is missing")
        return given_up

    async def _follow(self, deliveries: Sequence[Delivery]) -> None:
        """Mark the beginning of an epoch before anything of it is written, so nothing of it is forgotten unseen."""
        epoch = max((each.event.position[0] for each in deliveries if each.event.position is not None), default="")
        if epoch > self._marked[0] and not await self._put_marker((epoch, 0), past=None):
            await self._check_marker()

    async def _mark(self) -> None:
        """Say in the store how far it is: a store that has forgotten this has forgotten more.

        A mark is moved and never written anew within its epoch, so a store that forgets it between two looks is found
        out by the next of them, whatever has been written since.
        """
        if self._is_lost() and self.lost == _OTHER_SHAPE:
            return  # else a successor would take them for its own
        if self.watch is None or not self.watch.epoch or self.watch.at == self._marked:
            return
        continued = self.watch.epoch == self._marked[0]
        if not await self._put_marker(self.watch.at, past=self._marked if continued else None):
            await self._check_marker()

    async def _put_marker(self, at: tuple[str, int], *, past: tuple[str, int] | None) -> bool:
        where = {"epoch": at[0], "position": at[1], "shape": SHAPE}
        [put] = await self.store.put_many([Put(MARKER, where, feed="ledger", sequence=at, past=past)])
        if put:
            self._marked = at
        return put

    async def _hear(self, heartbeats: list[Delivery]) -> None:
        engine = [each for each in heartbeats if each.event.type == ENGINE_HEARTBEAT]
        ledger = [each for each in heartbeats if each.event.type == HEARTBEAT]
        if engine and engine[-1].age_s <= self.policy.heartbeat_age_s_max:
            health = msgspec.convert(engine[-1].event.data, EngineHealth)
            await self.store.beat("engine", data=msgspec.to_builtins(health))
        if not ledger or self.watch is None:
            return
        told = msgspec.convert(ledger[-1].event.data, LedgerHeartbeat).position
        complete = self.watch.told(told, self.clock())
        await self._mark()
        await self._check_marker()
        recent = ledger[-1].age_s <= self.policy.heartbeat_age_s_max
        if complete and recent and not self._is_lost() and not self._parked:
            # All who are in the ledger have been told in this epoch; whose records are older is not in it.
            await self.store.beat("ledger", data={"epoch": self.watch.epoch})

    async def _compare(self, delivery: Delivery) -> None:
        """Hold the records against the ledger's own word, and answer."""
        try:
            stated = msgspec.convert(delivery.event.data, BalancesStated)
        except msgspec.ValidationError as error:
            raise Unusable(delivery, f"not what {delivery.event.type} looks like: {error}") from error
        standing: dict[str, tuple[tuple[str, int], bytes] | None] = {}
        for start in range(0, len(stated.players), self.policy.compared_batch):
            players = stated.players[start : start + self.policy.compared_batch]
            records = await self.store.get_many(topic for each in players for topic in topics_of(each))
            for topic, record in records.items():
                standing[topic] = (record.sequence, record.raw) if record else None
        compared = compare(stated, standing)
        for wrong in compared.wrong:
            logger.error("projection_differs", detail=wrong)
        DIFFERING.inc(len(compared.wrong))
        await self._say(BALANCES_COMPARED, (stated.run, stated.part), compared)

    async def _check_marker(self) -> None:
        marker = await self.store.get(MARKER)
        stands = marker.sequence if marker else ("", 0)
        if stands < self._marked:
            self._lose("the query store has forgotten what it held")
        else:
            self._marked = stands  # moved by us without our hearing of it, or by another who took over

    async def _look_for_losses(self, now: float) -> None:
        if self.watch is None:
            return
        if why := self.watch.lost(now):
            self._lose(why)
        if self._is_lost() and now - self._asked_at >= self.policy.ask_s:
            self._asked_at = now
            await self._ask()

    def _lose(self, why: str) -> None:
        if self.watch is not None and not self._is_lost():
            logger.warning("projector_events_lost", why=why, at=self.watch.at)
            ASKED.inc()
            self.lost, self._lost_epoch = why, self.watch.epoch

    def _is_lost(self) -> bool:
        if self.lost and self.watch is not None and self.watch.epoch > self._lost_epoch:
            logger.info("projector_epoch_followed", epoch=self.watch.epoch)
            self.lost = ""
        return bool(self.lost)

    async def _ask(self) -> None:
        request = ReplayRequested(epoch=self._lost_epoch, why=self.lost)
        await self._say(REPLAY_REQUESTED, (self._lost_epoch, 0), request)

    async def _say(self, event_type: str, sequence: tuple[str, int], data: msgspec.Struct) -> None:
        event = Event(
            id=f"rq_{uuid.uuid4().hex}",
            type=event_type,
            version=1,
            aggregate="ledger",
            sequence=sequence,
            occurred_at=datetime.now(UTC),
            data=msgspec.to_builtins(data),
        )
        await self.broker.publish(REQUESTS_STREAM, [event])


def _checked(deliveries: list[Delivery]) -> list[str]:
    topics: dict[str, None] = {}
    for delivery in deliveries:
        try:
            topics |= dict.fromkeys(Wallets.topics([delivery.event]))
        except msgspec.ValidationError as error:
            raise Unusable(delivery, f"not what {delivery.event.type} looks like: {error}") from error
    return list(topics)
