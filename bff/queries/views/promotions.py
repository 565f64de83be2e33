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
from bff.queries.view_request import ViewRequest, currency_of
from bff.queries.views.breaks import break_of, break_topics
from bff.queries.views.snapshots import ENGINE, LEDGER, commands_of, read_of
from bff.store import Snapshot, Store

FEED = "promotions"
DECIDED_SHOWN = timedelta(hours=24)


async def promotions_view(store: Store, request: ViewRequest) -> View[PromotionsData]:
    """Offers that run at the store's time and are worth something in `currency`, the one that ends first first.

    An expired offer is gone even while the provider is silent. With a player's bearer also what they have claimed, how
    far each bonus is. Who is on a break is shown no offer.
    """
    currency = currency_of(request)
    player = request.player.player if request.player else ""
    own = [claims_topic(player)] if player else []
    topics = [PROMOTIONS_TOPIC, *own, *break_topics(request.player)]
    snapshot = await read_of(store, player, topics, [FEED, LEDGER, ENGINE])
    record, on_break = snapshot.records[PROMOTIONS_TOPIC], break_of(snapshot, request.player)
    if record is None:
        return View(data=None, freshness=Freshness(state="down"), commands=commands_of(snapshot), on_break=on_break)
    claims = _claims(snapshot, player) if player else None
    offers = [
        _shown(offer, currency, claims)
        for offer in record.decode(list[OfferState])
        if on_break is None and currency in offer.amounts and _runs(offer, snapshot.now)
    ]
    offers.sort(key=lambda offer: (offer.ends_at, offer.promotion_id))
    return View(
        data=PromotionsData(offers=offers, server_time=snapshot.now, grants=_grants(claims, snapshot.now)),
        freshness=snapshot.feeds[FEED].freshness(record.sequence),
        commands=commands_of(snapshot),
        on_break=on_break,
    )


def _runs(offer: OfferState, now: datetime) -> bool:
    return offer.ends_at > now


def _claims(snapshot: Snapshot, player: str) -> ClaimsState:
    record = snapshot.current(claims_topic(player))
    return record.decode(ClaimsState) if record is not None else ClaimsState({})


def _grants(claims: ClaimsState | None, now: datetime) -> list[GrantProgress]:
    grants = claims.grants if claims is not None else []
    return [each for each in grants if each.decided_at is None or each.decided_at > now - DECIDED_SHOWN]


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
