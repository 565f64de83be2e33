"""Offers that run.

Public: `promotions_view`.
"""

from datetime import datetime

from bff.contracts.promotions import (
    PROMOTIONS_TOPIC,
    ClaimsState,
    ClaimState,
    Offer,
    OfferState,
    PromotionsData,
    claims_topic,
)
from bff.contracts.view import Freshness, View
from bff.queries.asked import Asked, currency_of
from bff.store import Record, Store

FEED = "promotions"


async def promotions_view(store: Store, asked: Asked) -> View[PromotionsData]:
    """Offers that run at the store's time and are worth something in `currency`, the one that ends first first.

    An expired offer is gone even while the provider is silent.
    """
    currency = currency_of(asked)
    player = asked.player.player if asked.player else ""
    claims = claims_topic(player) if player else ""
    look = await store.read([PROMOTIONS_TOPIC, *([claims] if claims else [])], [FEED])
    record = look.records[PROMOTIONS_TOPIC]
    if record is None:
        return View(data=None, freshness=Freshness(state="down"))
    claimed = _claimed(look.records[claims]) if claims else None
    offers = [
        _shown(offer, currency, _claim(offer, claimed))
        for offer in record.decode(list[OfferState])
        if currency in offer.amounts and _runs(offer, look.now)
    ]
    offers.sort(key=lambda offer: (offer.ends_at, offer.promotion_id))
    return View(
        data=PromotionsData(offers=offers, server_time=look.now),
        freshness=look.feeds[FEED].freshness(record.sequence),
    )


def _runs(offer: OfferState, now: datetime) -> bool:
    return offer.ends_at > now


def _claimed(record: Record | None) -> dict[str, int]:
    return record.decode(ClaimsState).claimed if record is not None else {}


def _claim(offer: OfferState, claimed: dict[str, int] | None) -> ClaimState:
    if claimed is None:
        return "signed_out"
    return "claimed" if claimed.get(offer.promotion_id, 0) >= offer.grants_max else "open"


def _shown(offer: OfferState, currency: str, claim: ClaimState) -> Offer:
    amounts = offer.amounts[currency]
    return Offer(
        promotion_id=offer.promotion_id,
        title=offer.title,
        summary=offer.summary,
        kind=offer.kind,
        terms=offer.terms,
        amount_minor=amounts.amount_minor,
        stake_max_minor=amounts.stake_max_minor,
        currency=currency,
        wagering=offer.wagering,
        days=offer.days,
        ends_at=offer.ends_at,
        claim=claim,
        contribution=offer.contribution,
        grants_max=offer.grants_max,
    )
