"""Data of the BFF's views for tests of fragments: a wallet, tables, offers, receipts.

Public: `wallet_data`, `history_data`, `limits_data`, `tables`, `table`, `open_table`, `bet`, `offers`, `bonus`,
`receipt`.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from bff.contracts.bets import Bet, BetState
from bff.contracts.history import HistoryData, HistoryMonth, KindTotals
from bff.contracts.promotions import ClaimState, GrantProgress, GrantState, Offer, PromotionsData
from bff.contracts.tables import Limits, RoundResult, Table, TableKind
from bff.contracts.wallet import (
    Availability,
    Balances,
    DepositLimit,
    LimitsData,
    Movement,
    MovementState,
    Receipt,
    WalletData,
)
from tests.support.fragments_fake_bff import AS_OF

_RED = frozenset({1, 3, 5, 7, 9, 12, 14, 16, 18, 19, 21, 23, 25, 27, 30, 32, 34, 36})
_NAMES: dict[TableKind, tuple[str, ...]] = {
    "roulette": ("Harbour Roulette", "Copper Roulette", "Quick Roulette", "Roulette Alba", "Salon Roulette"),
    "blackjack": ("Blackjack Ash", "Blackjack Beech", "Blackjack Elm", "Blackjack Larch"),
    "baccarat": ("Baccarat Jade", "Quick Baccarat", "Baccarat Onyx"),
    "gameshow": ("Lantern Wheel", "Dice Parade", "Big Six Bazaar"),
}
_DEALERS = ("Mirela", "Tomasz", "Anneke", "Jorge", "Sunniva")
_ROUNDS: dict[TableKind, tuple[tuple[str, str], ...]] = {
    "roulette": tuple(
        (str(n), "green" if n == 0 else "red" if n in _RED else "black") for n in (17, 32, 0, 8, 23, 4, 36, 11)
    ),
    "blackjack": tuple((f"Dealer {word}", "") for word in ("20", "Bust", "18", "Blackjack", "19", "21", "17", "Bust")),
    "baccarat": (("Banker", "red"), ("Player", ""), ("Banker", "red"), ("Tie", "green"), ("Player", "")) * 2,
    "gameshow": tuple((word, "") for word in ("1", "2", "x5", "1", "Lantern", "10", "2", "5")),
}
_NO_DECIMALS = frozenset({"JPY"})


def minor(units: float, currency: str) -> int:
    """`units` of `currency` in its minor unit."""
    return round(units * (150 if currency in _NO_DECIMALS else 100))


def wallet_data(
    currency: str = "EUR",
    *,
    deposit: Availability | None = None,
    withdraw: Availability | None = None,
    pending_minor: int = 0,
    held_minor: int = 0,
) -> WalletData:
    """A player with a balance, some history, and a withdrawal if something is held."""
    real, bonus, free = (minor(units, currency) for units in (1284.5, 20, 1204.5))
    balances = Balances(real, bonus, free, pending_minor, currency, held_minor)
    held = []
    if held_minor:
        held = [Movement("rc_held", "withdrawal", "pending", -held_minor, currency, AS_OF - timedelta(hours=3))]
    history: tuple[tuple[str, MovementState, float, float], ...] = (
        ("deposit", "pending", 50, 0.1),
        ("win", "done", 36, 0.6),
        ("bet", "done", -1, 0.7),
        ("bonus", "done", 20, 26),
        ("deposit", "declined", 500, 27),
        ("deposit", "done", 100, 49),
    )
    recent = [
        Movement(f"mv_{n}", kind, state, minor(units, currency), currency, AS_OF - timedelta(hours=hours))
        for n, (kind, state, units, hours) in enumerate(history)
    ]
    actions = {"deposit": deposit or Availability(True), "withdraw": withdraw or Availability(True)}
    return WalletData(balances, recent, actions, [recent[0], *held])


def history_data(*, lines: int = 6, page: int = 1, pages: int = 3) -> HistoryData:
    """Three months with lines in the first two of them."""
    movements = [
        msgspec.structs.replace(each, reference=f"rc_{n}") for n, each in enumerate(wallet_data().recent[:lines])
    ]
    movements = [
        msgspec.structs.replace(each, at=each.at - timedelta(days=30 * (n > 3))) for n, each in enumerate(movements)
    ]
    months = [
        HistoryMonth("2026-03", KindTotals(44, 5600, -1200)),
        HistoryMonth("2026-02", KindTotals(1, 0, 0)),
        HistoryMonth("2026-01", KindTotals(0, 0, 0)),
    ]
    kinds = {"deposit": 20, "bet": 12, "win": 10, "bonus": 3} if lines else {}
    return HistoryData("EUR", movements, months, kinds, "2026-03", "2025-04", "2026-03", page, pages)


def limits_data(action: Availability | None = None) -> LimitsData:
    """A limit a day that is about to rise, one a month, none a week."""
    deposit = [
        DepositLimit("day", 10_000, 20_000, AS_OF + timedelta(hours=20)),
        DepositLimit("week", None),
        DepositLimit("month", 50_000, None, AS_OF + timedelta(hours=3)),
    ]
    changes = action or Availability(True)
    return LimitsData("EUR", deposit, {"limit": changes, "exclude": changes})


def table(
    table_id: str, name: str, kind: TableKind, *, currency: str = "EUR", opens_at: datetime | None = None
) -> Table:
    """One table with eight results; it is closed if `opens` is given."""
    number = int(table_id)
    results = [
        RoundResult(value, color, f"r{n}", AS_OF - timedelta(seconds=30 * n), value.rsplit(" ", 1)[-1][:4])
        for n, (value, color) in enumerate(_ROUNDS[kind][:8])
    ]
    return Table(
        table_id=table_id,
        name=name,
        kind=kind,
        open=opens_at is None,
        opens_at=opens_at,
        dealer="" if kind == "gameshow" else _DEALERS[number % len(_DEALERS)],
        limits=Limits(minor(0.5, currency), minor(5000, currency), currency),
        seats_taken=number % 8 if kind == "blackjack" else number * 3,
        seats_max=7 if kind == "blackjack" else 0,
        results=results,
    )


def tables(currency: str = "EUR") -> list[Table]:
    """Fifteen tables of four kinds; one is closed and says when it opens."""
    made = []
    for hundred, (kind, names) in enumerate(_NAMES.items(), 2):
        for n, name in enumerate(names, 1):
            opens_at = AS_OF + timedelta(minutes=76) if name == "Salon Roulette" else None
            made.append(table(f"{hundred}{n:02}", name, kind, currency=currency, opens_at=opens_at))
    return sorted(made, key=lambda one: not one.open)


def open_table() -> Table:
    """A roulette table with a video that takes bets for the next half minute."""
    made = table("205", "Midnight Roulette", "roulette")
    closes_at = datetime.now(UTC) + timedelta(seconds=30)
    return msgspec.structs.replace(made, video="http://provider.example/205/live.m3u8", bets_close_at=closes_at)


def bet(state: BetState = "accepted", **fields: Any) -> Bet:
    """Five euros on red at that table; a bet that is over has its result."""
    ended = state in ("won", "lost")
    made = Bet(
        bet_id=f"bet_{state}_0001",
        game="205",
        round_id="205-1",
        side="red",
        amount_minor=500,
        currency="EUR",
        state=state,
        at=AS_OF,
        paid=ended,
        won_minor=1000 if state == "won" else 0,
        result=("32" if state == "won" else "17") if ended else "",
        color=("red" if state == "won" else "black") if ended else "",
    )
    return msgspec.structs.replace(made, **fields)


def offers(claim: ClaimState = "open", currency: str = "EUR") -> PromotionsData:
    """Four offers; the first ends soonest."""
    rows = (
        ("pr_rain", "Rainy Day Reload", "reload", 25, 0.2, "Top up today and play a little longer on us."),
        ("pr_first", "First Seat", "welcome", 100, 30, "Your first deposit, matched once for every live table."),
        (
            "pr_wheel",
            "Wheel Nights",
            "cashback",
            50,
            76,
            "Every evening this week, part of what the wheel took comes back.",
        ),
        (
            "pr_spring",
            "Spring Table Talk",
            "bonus",
            10,
            410,
            "A small bonus for trying a table that you have never sat at.",
        ),
    )
    made = [
        Offer(
            promotion_id=promotion_id,
            title=title,
            summary=summary,
            kind=kind,
            terms="Bonus money is staked before winnings from it can be withdrawn. One grant for each player; 18+.",
            amount_minor=minor(units, currency),
            stake_max_minor=minor(5, currency),
            currency=currency,
            wagering=30,
            days=7,
            ends_at=AS_OF + timedelta(hours=hours),
            claim="claimed" if claim == "open" and promotion_id == "pr_wheel" else claim,
            contribution={"slots": 100, "live_roulette": 10},
        )
        for promotion_id, title, kind, units, hours, summary in rows
    ]
    return PromotionsData(made, AS_OF)


def bonus(state: GrantState = "running", **more: Any) -> GrantProgress:
    """A bonus of 50 euros of which 600 of 1,500 have been staked, with two days left."""
    made = GrantProgress(
        promotion_id="pr_wheel",
        number=1,
        title="Wheel Nights",
        state=state,
        amount_minor=5000,
        wagering_minor=150_000,
        wagered_minor=60_000,
        stake_max_minor=500,
        currency="EUR",
        ends_at=AS_OF + timedelta(days=2),
        contribution={"live_roulette": 10, "slots": 100},
        decided_at=None if state == "running" else AS_OF,
    )
    return msgspec.structs.replace(made, **more)


def receipt(state: MovementState = "done", *, command: str = "deposit", reason: str = "") -> Receipt:
    """A stored answer over 20 euros."""
    return Receipt("rc_0a1b2c", command, state, 2000, "EUR", AS_OF, ("e1", 8), reason)
