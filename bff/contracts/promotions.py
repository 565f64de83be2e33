"""Promotions as the BFF shows them.

Public: `ClaimState`, `Offer`, `PromotionsData`, `OfferAmounts`, `OfferState`, `ClaimsState`, `GrantState`,
`GrantProgress`, `PROMOTIONS_TOPIC`, `OFFER_PUBLISHED`, `OFFER_WITHDRAWN`, `SCOPE_PROMOTIONS`, `claims_topic`.
Answered at `GET /views/promotions?currency=EUR` as `View[PromotionsData]`; with a player's bearer, which needs
`SCOPE_PROMOTIONS`, `claim`, `granted` and `grants` are theirs.
"""

from datetime import datetime
from typing import Literal

import msgspec

from bff.contracts.money import Currency

ClaimState = Literal["open", "claimed", "signed_out"]
GrantState = Literal["running", "done", "ended"]

PROMOTIONS_TOPIC = "promotions"
SCOPE_PROMOTIONS = "promotions.read"
# Events on `ledger.OFFERS_STREAM`: the data of the first is an `OfferState`, that of the second has its `promotion_id`.
OFFER_PUBLISHED = "OfferPublished"
OFFER_WITHDRAWN = "OfferWithdrawn"


def claims_topic(player: str) -> str:
    """The topic of one player's claims."""
    return f"claims.{player}"


class Offer(msgspec.Struct, frozen=True):
    """One offer that runs. `wagering` is how many times the bonus is to be staked, within `days` days.

    `amount_minor` is what the player gets, `stake_max_minor` the largest bet while wagering, both in `currency`.
    `contribution` maps a kind of game to the percentage of a stake that counts; a player gets it `grants_max` times
    and has had it `granted` times.
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
    contribution: dict[str, int] = {}
    grants_max: int = 1
    granted: int = 0


class GrantProgress(msgspec.Struct, frozen=True):
    """A bonus that the player was given, and how far it is from being theirs to withdraw. Minor units of `currency`.

    `running` until `wagered_minor` has reached `wagering_minor` (`done`) or `ends_at` is over (`ended`), which was at
    `decided_at`. `stake_max_minor` is the largest bet that may use it (0: any), `contribution` what a stake counts, by
    kind of game in percent (empty: in full).
    """

    promotion_id: str
    number: int
    title: str
    state: GrantState
    amount_minor: int
    wagering_minor: int
    wagered_minor: int
    stake_max_minor: int
    currency: Currency
    ends_at: datetime
    contribution: dict[str, int] = {}
    decided_at: datetime | None = None


class PromotionsData(msgspec.Struct, frozen=True):
    """Offers that run now, the one that ends first first; and the player's bonuses, those that run first.

    There are no offers for a player on a break.
    """

    offers: list[Offer]
    server_time: datetime
    grants: list[GrantProgress] = []


class OfferAmounts(msgspec.Struct, frozen=True):
    """What an offer is worth in one currency, in minor units of it."""

    amount_minor: int
    stake_max_minor: int


class OfferState(msgspec.Struct, frozen=True):
    """One offer as feeds keep it, in every currency; a list of them stands in the query store under `PROMOTIONS_TOPIC`.

    The same is the `data` of `OfferPublished` on the broker; `OfferWithdrawn` carries `promotion_id` alone.
    """

    promotion_id: str
    title: str
    summary: str
    kind: str
    terms: str
    amounts: dict[Currency, OfferAmounts]
    wagering: int
    contribution: dict[str, int]
    days: int
    grants_max: int
    ends_at: datetime


class ClaimsState(msgspec.Struct, frozen=True):
    """What one player has claimed, as the projector keeps it under `claims_topic`.

    `claimed` maps a promotion's id to the number of grants; `grants` are those that run or were decided lately.
    """

    claimed: dict[str, int]
    grants: list[GrantProgress] = []
