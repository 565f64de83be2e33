"""Offers that run.

Public: `promotions_view`.
"""

from datetime import datetime, timedelta

from msgspec.structs import replace

from bff.contracts.promotions import (
    PROMOTIONS_TOPIC,
    ClaimsState,
    GrantProgress,
    Offer,
    OfferState,
    PromotionsData,
    claims_topic,
)
from bff.contracts.view import Freshness, View
from bff.queries.asked import Asked, currency_of
from bff.queries.views.standing import break_of, standing_topics
from bff.queries.views.waiting import ENGINE, LEDGER, commands_of
from bff.store import Snapshot, Store

FEED = "promotions"
DECIDED_SHOWN = timedelta(hours=24)


async def promotions_view(store: Store, asked: Asked) -> View[PromotionsData]:
    """Offers that run at the store's time and are worth something in `currency`, the one that ends first first.

    An expired offer is gone even while the provider is silent. With a player's bearer also what they have claimed, how
    far each bonus is. Who is on a break is shown no offer.
    """
    currency = currency_of(asked)
    player = asked.player.player if asked.player else ""
    own = [claims_topic(player)] if player else []
    look = await store.read([PROMOTIONS_TOPIC, *own, *standing_topics(asked.player)], [FEED, LEDGER, ENGINE])
    record, on_break = look.records[PROMOTIONS_TOPIC], break_of(look, asked.player)
    if record is None:
        return View(data=None, freshness=Freshness(state="down"), commands=commands_of(look), on_break=on_break)
    claims = _claims(look, player) if player else None
    offers = [
        _shown(offer, currency, claims)
        for offer in record.decode(list[OfferState])
        if on_break is None and currency in offer.amounts and _runs(offer, look.now)
    ]
    offers.sort(key=lambda offer: (offer.ends_at, offer.promotion_id))
    return View(
        data=PromotionsData(offers=offers, server_time=look.now, grants=_grants(claims, look.now)),
        freshness=look.feeds[FEED].freshness(record.sequence),
        commands=commands_of(look),
        on_break=on_break,
    )


def _runs(offer: OfferState, now: datetime) -> bool:
    return offer.ends_at > now


def _claims(look: Snapshot, player: str) -> ClaimsState:
    record = look.current(claims_topic(player))
    return record.decode(ClaimsState) if record is not None else ClaimsState({})


def _grants(claims: ClaimsState | None, now: datetime) -> list[GrantProgress]:
    known = claims.grants if claims is not None else []
    return [each for each in known if each.decided_at is None or each.decided_at > now - DECIDED_SHOWN]


def _shown(offer: OfferState, currency: str, claims: ClaimsState | None) -> Offer:
    amounts = offer.amounts[currency]
    shown = Offer(
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
        claim="signed_out",
        contribution=offer.contribution,
        grants_max=offer.grants_max,
    )
    if claims is None:
        return shown
    granted = claims.claimed.get(offer.promotion_id, 0)
    if granted >= offer.grants_max:
        return replace(shown, claim="claimed", granted=granted)
    return replace(shown, claim="open", granted=granted)
