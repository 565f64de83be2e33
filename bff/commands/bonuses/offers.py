"""Promotions as the feeds publish them, taken from the broker into the command database.

Public: `record_offer`, `main`.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
from django.conf import settings

from bff.broker import BROKER, Delivery, Progress, Unusable, connect, subscribe
from bff.commands.engine.process import name_of_process
from bff.commands.engine.threads import Engine, EngineUnavailable
from bff.commands.ledger.models import Offer
from bff.contracts.event import Event
from bff.contracts.ledger import OFFERS_STREAM
from bff.contracts.promotions import OFFER_PUBLISHED, OFFER_WITHDRAWN, OfferState
from bff.contracts.text import built
from bff.resilience import log, worker

logger = log.get("offers-intake")


def record_offer(event: Event, now: datetime) -> None:
    """Store one event; idempotent. Raises `ValueError` for an event that is no valid offer."""
    if event.type == OFFER_PUBLISHED:
        # Checked here, so that every stored offer is complete when a player claims it.
        offer = msgspec.convert(event.data, built(OfferState))
        fields = {"data": event.data, "withdrawn": False, "published_at": now}
        Offer.objects.update_or_create(pk=offer.promotion_id, defaults=fields)
    elif event.type == OFFER_WITHDRAWN:
        promotion_id = event.data.get("promotion_id")
        if not isinstance(promotion_id, str):
            raise ValueError("a withdrawn offer needs its promotion_id")
        Offer.objects.filter(pk=promotion_id).update(withdrawn=True, published_at=now)
    else:
        raise ValueError(f"{event.type} is no event about an offer")


async def _main(stopping: Any, progress: Progress) -> None:
    policy = BROKER
    broker = connect(settings.BROKER_URL, policy)
    engine = Engine(threads=1)

    async def handle(deliveries: Sequence[Delivery]) -> Sequence[Delivery]:
        for delivery in deliveries:
            try:
                await engine.run(record_offer, delivery.event, datetime.now(UTC))
            except ValueError as error:
                raise Unusable(delivery, str(error)) from error
        return deliveries

    reader = broker.reader(OFFERS_STREAM, "commands", name_of_process("offers-intake"))
    try:
        await subscribe(
            reader,
            handle,
            stopping,
            policy=policy,
            progress=progress,
            retried=(EngineUnavailable,),
            on_failure=lambda what, error: logger.warning(f"offers_{what}", detail=str(error)),
        )
    finally:
        await broker.aclose()
        engine.close()


def main() -> None:
    """The process: takes offers until it is stopped."""
    progress = Progress()
    worker.run(
        lambda stopping: _main(stopping, progress),
        healthy=lambda: {
            "handled": progress.handled,
            "dead_lettered": progress.dead_lettered,
            "detail": progress.detail,
        },
    )
