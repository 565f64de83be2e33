"""Limits of amounts. The engine decides; these save the player a round trip.

Public: `AmountLimits`, `limits_for`, `WITHDRAWAL_LIMITS`, `CAP_LIMITS`.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class AmountLimits:
    """Minor units of the currency they were asked for; `verb` is what the player wants to do with the amount."""

    amount_minor_min: int
    amount_minor_max: int
    verb: str = "deposit"


_DEPOSIT = {
    "EUR": AmountLimits(500, 500_000),
    "GBP": AmountLimits(500, 500_000),
    "JPY": AmountLimits(500, 500_000),
}
_OTHERWISE = AmountLimits(1_000, 500_000)

# The whole withdrawable balance can be withdrawn, to the last cent; the engine checks how much that is.
WITHDRAWAL_LIMITS = AmountLimits(1, 1_000_000_000, "withdraw")

# The range of a player's own deposit limit: zero is the strictest.
CAP_LIMITS = AmountLimits(0, 1_000_000_000, "set")


def limits_for(currency: str) -> AmountLimits:
    """The limits of a deposit in `currency`."""
    return _DEPOSIT.get(currency, _OTHERWISE)
