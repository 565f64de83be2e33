"""The tables there are.

Public: `Spec`, `SPECS`, `CURRENCY_FACTORS`, `limits_minor`.
"""

from dataclasses import dataclass

from bff.contracts.money import minor_digits


@dataclass(frozen=True, slots=True)
class Spec:
    """One table. `seats_max` is 0 where any number may play; limits are in euros; `closed_from_s` places its break."""

    table_id: str
    name: str
    kind: str
    seats_max: int
    bet_min: float
    bet_max: float
    round_s: float
    closed_from_s: float | None = None


def _specs() -> tuple[Spec, ...]:
    roulette = [
        ("201", "Harbour Roulette", 0.5, 5000, 30, None),
        ("202", "Copper Roulette", 1, 2500, 34, None),
        ("203", "Quick Roulette", 0.2, 1000, 20, None),
        ("204", "Roulette Alba", 1, 5000, 36, 0.0),
        ("205", "Midnight Roulette", 2, 8000, 32, None),
        ("206", "Quiet Roulette", 0.1, 500, 24, None),
        ("207", "Salon Roulette", 25, 20000, 40, 2400.0),
        ("208", "Orchard Roulette", 0.5, 2000, 30, None),
    ]
    blackjack = [
        ("301", "Blackjack Ash", 5, 1000, 44, None),
        ("302", "Blackjack Beech", 10, 2500, 48, None),
        ("303", "Blackjack Elm", 5, 1000, 42, None),
        ("304", "Blackjack Larch", 25, 5000, 50, 0.0),
        ("305", "Blackjack Rowan", 50, 10000, 46, None),
        ("306", "Blackjack Yew", 5, 1500, 44, None),
    ]
    baccarat = [
        ("401", "Baccarat Jade", 1, 5000, 28, None),
        ("402", "Quick Baccarat", 1, 3000, 22, None),
        ("403", "Baccarat Pearl", 5, 10000, 32, None),
        ("404", "Baccarat Onyx", 100, 25000, 40, 0.0),
        ("405", "Baccarat Amber", 1, 5000, 30, None),
    ]
    gameshow = [
        ("501", "Lantern Wheel", 0.1, 1000, 42, None),
        ("502", "Dice Parade", 0.2, 1000, 36, None),
        ("503", "Big Six Bazaar", 0.1, 2000, 38, None),
        ("504", "Crystal Drop", 0.5, 2500, 40, 4800.0),
        ("505", "Stained Glass", 0.1, 1000, 44, None),
    ]
    kinds = (
        ("roulette", roulette, 0),
        ("blackjack", blackjack, 7),
        ("baccarat", baccarat, 12),
        ("gameshow", gameshow, 0),
    )
    return tuple(
        Spec(table_id, name, kind, seats_max, bet_min, bet_max, round_s, closed_from_s)
        for kind, rows, seats_max in kinds
        for table_id, name, bet_min, bet_max, round_s, closed_from_s in rows
    )


SPECS = _specs()

# What a provider multiplies its limits by; not an exchange rate, a round figure near one.
CURRENCY_FACTORS = {"EUR": 1.0, "GBP": 1.0, "USD": 1.0, "JPY": 150.0}


def limits_minor(spec: Spec, currency: str) -> tuple[int, int]:
    """Least and most that one bet may be, in minor units of `currency`."""
    units = CURRENCY_FACTORS[currency] * 10 ** minor_digits(currency)
    return round(spec.bet_min * units), round(spec.bet_max * units)
