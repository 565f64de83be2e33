"""Bets at a live table, as its provider takes them.

Public: `Side`, `BetState`, `BetRefusal`, `PlaceBet`, `Bet`, `BetsData`.
Placed at `POST /v1/bets` with `Idempotency-Key` and read at `GET /v1/bets?game=<table_id>`, both with a game token
(`bff.contracts.seamless.game_audience`) as the bearer. 200 is a `Bet` that stands, 202 one that is still being placed,
422 a problem whose `code` is a `BetRefusal`: nothing was taken. 503 means that nothing was done.
"""

from datetime import datetime
from enum import StrEnum, unique
from typing import Literal

import msgspec

from bff.contracts import codes
from bff.contracts.money import Currency

Side = Literal["red", "black"]

# placing: the stake may or may not have been taken. returning: it is given back, if it was taken.
BetState = Literal["placing", "accepted", "refused", "returning", "returned", "won", "lost"]

_STEPS: dict[BetState, int] = {
    "placing": 0,
    "accepted": 1,
    "returning": 2,
    "refused": 3,
    "won": 3,
    "lost": 3,
    "returned": 4,
}


@unique
class BetRefusal(StrEnum):
    """Why a bet does not stand. Nothing was taken for it."""

    BETS_CLOSED = "bets_closed"
    NOT_OFFERED = "not_offered"
    UNDER_LIMIT = "under_limit"
    OVER_LIMIT = "over_limit"
    WRONG_CURRENCY = "wrong_currency"
    NOT_ENOUGH_MONEY = codes.NOT_ENOUGH_MONEY
    WALLET_LIMIT = "wallet_limit"
    PLAYER_EXCLUDED = codes.PLAYER_EXCLUDED
    SESSION_ENDED = "session_ended"
    KEY_REUSED = "key_reused"
    REFUSED = "refused"


class PlaceBet(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Body of `POST /v1/bets`.

    `closes_at` is the end of the betting window that the player saw: a bet is for that round and never for the next.
    """

    game: str
    side: Side
    amount_minor: int
    currency: Currency
    closes_at: datetime


class Bet(msgspec.Struct, frozen=True):
    """One bet. `paid` says whether the money has moved as `state` says; `won_minor` holds the stake too.

    `result` is what the wheel showed, empty before; `color` goes with it.
    """

    bet_id: str
    game: str
    round_id: str
    side: Side
    amount_minor: int
    currency: Currency
    state: BetState
    at: datetime
    paid: bool = False
    won_minor: int = 0
    result: str = ""
    color: str = ""
    reason: BetRefusal | None = None

    @property
    def step(self) -> int:
        """How far it has come: of two answers about one bet the one with the higher step is the later."""
        return _STEPS[self.state] + (self.state == "won" and self.paid)

    @property
    def is_open(self) -> bool:
        """Whether something about it is still to come."""
        return self.state in ("placing", "accepted", "returning") or (self.state == "won" and not self.paid)


class BetsData(msgspec.Struct, frozen=True):
    """A player's latest bets at one table, newest first."""

    bets: list[Bet]
