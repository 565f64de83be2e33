"""The offers that run at a moment.

Public: `offers_at`.
Pure: an offer's cycle follows from the clock alone, so every process that asks at the same time sees the same.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

HOUR_S = 3600
DAY_S = 24 * HOUR_S

_SLOTS_FIRST = {"slots": 100, "gameshow": 50, "roulette": 10, "blackjack": 5, "baccarat": 5}
_LIVE_FIRST = {"slots": 50, "gameshow": 100, "roulette": 100, "blackjack": 50, "baccarat": 50}
_NOTHING = dict.fromkeys(_SLOTS_FIRST, 0)


@dataclass(frozen=True, slots=True)
class Template:
    """An offer that comes again every `period_s` and runs `runs_s` of it. Amounts are in euros."""

    code: str
    offer_type: str
    title: str
    description: str
    award: float
    stake_max: float
    wagering: int
    contribution: dict[str, int]
    days: int
    grants: int
    period_s: int
    runs_s: int
    terms: str


_TEMPLATES = (
    Template(
        "welcome-match", "DEPOSIT_MATCH", "Double your first deposit", "We match your first deposit, once.",
        100, 5, 35, _SLOTS_FIRST, 30, 1, 28 * DAY_S, 28 * DAY_S,
        "First deposit only, at least 20.00. The bonus and the deposit are staked 35 times within 30 days.",
    ),
    Template(
        "live-hour", "CASHBACK", "The live hour", "Part of what you lose at live tables within the hour comes back.",
        25, 10, 5, _LIVE_FIRST, 3, 1, HOUR_S, HOUR_S,
        "Net losses at live tables within the hour count. The return is staked 5 times within 3 days.",
    ),
    Template(
        "evening-reload", "RELOAD", "Evening reload", "Half again on one deposit today.",
        50, 5, 30, _SLOTS_FIRST, 7, 1, DAY_S, DAY_S,
        "One deposit of at least 10.00 a day. The bonus is staked 30 times within 7 days.",
    ),
    Template(
        "wheel-spins", "FREE_SPINS", "Twenty spins of the Lantern Wheel", "Twenty rounds on the house, at 0.20 each.",
        4, 2, 20, _LIVE_FIRST, 2, 1, 6 * HOUR_S, 6 * HOUR_S,
        "Winnings are paid as a bonus and staked 20 times within 2 days.",
    ),
    Template(
        "blackjack-insurance", "CASHBACK", "Blackjack with a net", "A losing day at blackjack gives a tenth back.",
        30, 15, 1, {**_NOTHING, "blackjack": 100}, 1, 1, DAY_S, 18 * HOUR_S,
        "Counted from the offer's start to its end, paid the next morning, staked once at blackjack.",
    ),
    Template(
        "weekly-tournament", "LEADERBOARD", "The week at the roulette", "The hundred best weeks share the pot.",
        500, 25, 0, {**_NOTHING, "roulette": 100}, 7, 1, 7 * DAY_S, 7 * DAY_S,
        "A point for every 1.00 staked at roulette. Prizes are paid as cash, without wagering.",
    ),
    Template(
        "quick-gift", "NO_DEPOSIT", "A quick gift", "Claim it while it is there.",
        2, 1, 40, _SLOTS_FIRST, 1, 1, 20 * 60, 15 * 60,
        "No deposit is needed. The bonus is staked 40 times within a day; at most 20.00 can be withdrawn from it.",
    ),
    Template(
        "loyalty-gift", "NO_DEPOSIT", "Two gifts for coming back", "Small, but yours; twice in three days.",
        5, 2, 15, _LIVE_FIRST, 5, 2, 3 * DAY_S, 3 * DAY_S,
        "For players with a deposit in the last 30 days. Each gift is staked 15 times within 5 days.",
    ),
)  # fmt: skip

# What a provider multiplies its amounts by; not an exchange rate, a round figure near one.
_FACTORS = {"EUR": 1.0, "GBP": 1.0, "USD": 1.0, "JPY": 150.0}
_DECIMALS = {"JPY": 0}


def offers_at(now: float) -> list[dict[str, Any]]:
    """The offers that run at `now` (Unix seconds), as the provider writes them."""
    return [_written(template, now) for template in _TEMPLATES if now % template.period_s < template.runs_s]


def _written(template: Template, now: float) -> dict[str, Any]:
    cycle = int(now // template.period_s)
    start = cycle * template.period_s
    return {
        "offerCode": f"{template.code}-{cycle}",
        "offerType": template.offer_type,
        "name": template.title,
        "description": template.description,
        "award": _amounts(template.award),
        "wageringRequirement": f"{template.wagering}x",
        "contribution": template.contribution,
        "maxBetWhileWagering": _amounts(template.stake_max),
        "timeLimitDays": template.days,
        "grantsPerPlayer": template.grants,
        "termsAndConditions": template.terms,
        "validFrom": _rfc3339(start),
        "validUntil": _rfc3339(start + template.runs_s),
    }


def _amounts(euros: float) -> list[dict[str, str]]:
    return [
        {"currency": currency, "amount": f"{euros * factor:.{_DECIMALS.get(currency, 2)}f}"}
        for currency, factor in _FACTORS.items()
    ]


def _rfc3339(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat().replace("+00:00", "Z")
