"""What a deposit may be. The engine has the last word; these save the player a round trip.

Public: `DepositLimits`, `limits_for`.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class DepositLimits:
    """Minor units of the currency they were asked for."""

    amount_minor_min: int
    amount_minor_max: int


_LIMITS = {
    "EUR": DepositLimits(500, 500_000),
    "GBP": DepositLimits(500, 500_000),
    "JPY": DepositLimits(500, 500_000),
}
_OTHERWISE = DepositLimits(1_000, 500_000)


def limits_for(currency: str) -> DepositLimits:
    """The limits in `currency`."""
    return _LIMITS.get(currency, _OTHERWISE)
