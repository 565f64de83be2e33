"""Promotions as the BFF shows them.

Public: `ClaimState`, `Offer`, `PromotionsData`, `PROMOTIONS_TOPIC`, `claims_topic`.
Answered at `GET /views/promotions?currency=EUR` as `View[PromotionsData]`; with a player's bearer `claim` is theirs.
"""

from datetime import datetime
from typing import Literal

import msgspec

from bff.contracts.money import Currency

ClaimState = Literal["open", "claimed", "signed_out"]

PROMOTIONS_TOPIC = "promotions"


def claims_topic(player: str) -> str:
    """The topic of one player's claims."""
    return f"claims.{player}"


class Offer(msgspec.Struct, frozen=True):
    """One offer that runs. `wagering` is how many times the bonus is to be staked, within `days` days.

    `amount_minor` is what the player gets, `stake_max_minor` the largest bet while wagering, both in `currency`.
    """

    promotion_id: str
    title: str
    summary: str
    kind: str
    terms: str
    amount_minor: int
    stake_max_minor: int
    currency: Currency
    wagering: int
    days: int
    ends_at: datetime
    claim: ClaimState


class PromotionsData(msgspec.Struct, frozen=True):
    """Offers that run now, the one that ends first first."""

    offers: list[Offer]
    server_time: datetime
