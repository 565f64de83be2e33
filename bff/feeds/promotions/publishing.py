"""Publishes which offers came, changed and went, so that a claim can be checked without asking a provider.

Public: `OfferPublisher`.
"""

import asyncio
import hashlib
import time
from datetime import UTC, datetime

import msgspec

from bff.broker import Broker, BrokerUnavailable
from bff.contracts.event import Event
from bff.contracts.ledger import OFFERS_STREAM
from bff.contracts.promotions import OFFER_PUBLISHED, OFFER_WITHDRAWN, OfferState
from bff.resilience import log

EPOCH = "offers"
RETRY_S = 1.0


class OfferPublisher:
    """Keeps what is still to be published, the latest state of an offer, until the broker has taken it.

    An event's id follows from what it says, so telling it twice is harmless. Revisions are Unix milliseconds: the
    provider gives no number, and one reader at a time speaks.
    """

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self._running: dict[str, OfferState] = {}
        self._gone: dict[str, OfferState] = {}
        self._waiting: dict[str, Event] = {}
        self._some = asyncio.Event()
        self._logger = log.get("feeds")
        self._failing = False

    def begin_with(self, offers: list[OfferState]) -> None:
        """What a predecessor knew of; offers that are missing from the next list are withdrawn."""
        for offer in offers:
            self._running.setdefault(offer.promotion_id, offer)

    def publish(self, offers: list[OfferState], *, everything: bool = False) -> None:
        """Publish the difference to the offers that run. `everything` also repeats unchanged and withdrawn ones.

        A withdrawn offer is published until the day on which it would have ended: from then on nobody can claim it.
        """
        now = {offer.promotion_id: offer for offer in offers}
        for promotion_id, offer in now.items():
            if everything or self._running.get(promotion_id) != offer:
                self._put(OFFER_PUBLISHED, promotion_id, msgspec.to_builtins(offer))
        left = {promotion_id: self._running[promotion_id] for promotion_id in self._running.keys() - now.keys()}
        moment = datetime.now(UTC)
        self._gone = {
            promotion_id: offer
            for promotion_id, offer in (self._gone | left).items()
            if promotion_id not in now and offer.ends_at > moment
        }
        for promotion_id in left.keys() | self._gone.keys() if everything else left.keys():
            self._put(OFFER_WITHDRAWN, promotion_id, {"promotion_id": promotion_id})
        self._running = now

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await self._some.wait()
            events = list(self._waiting.values())
            try:
                await self._broker.publish(OFFERS_STREAM, events)
            except BrokerUnavailable as error:
                if not self._failing:
                    self._logger.warning("offers_not_published", detail=str(error), waiting=len(events))
                self._failing = True
                await asyncio.sleep(RETRY_S)
                continue
            self._failing = False
            for event in events:
                if self._waiting.get(event.aggregate) is event:
                    del self._waiting[event.aggregate]
            if not self._waiting:
                self._some.clear()
            self._logger.info("offers_published", events=len(events))

    def _put(self, kind: str, promotion_id: str, data: dict[str, object]) -> None:
        digest = hashlib.sha256(msgspec.json.encode([kind, data], order="deterministic")).hexdigest()[:24]
        aggregate = f"offer:{promotion_id}"
        self._waiting[aggregate] = Event(
            id=f"{aggregate}:{digest}",
            type=kind,
            version=1,
            aggregate=aggregate,
            sequence=(EPOCH, time.time_ns() // 1_000_000),
            occurred_at=datetime.now(UTC),
            data=data,
        )
        self._some.set()
