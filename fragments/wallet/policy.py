"""What amounts may be. The engine has the last word; these save the player a round trip.

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

# Whatever is there can be had back, to the last cent; the engine knows how much that is.
WITHDRAWAL_LIMITS = AmountLimits(1, 1_000_000_000, "withdraw")

# What a player may forbid themselves to pay in: zero is the strictest of all.
CAP_LIMITS = AmountLimits(0, 1_000_000_000, "set")


def limits_for(currency: str) -> AmountLimits:
    """The limits of a deposit in `currency`."""
    return _DEPOSIT.get(currency, _OTHERWISE)
