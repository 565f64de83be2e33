"""The largest amounts per currency that one command may move, for each currency that accounts may have.

Public: `CurrencyLimits`, `LIMITS`, `limits_of`, `check_amount`.
"""

from dataclasses import dataclass

from bff.commands.ledger.command_request import CommandRejected
from bff.contracts.money import minor_digits


@dataclass(frozen=True, slots=True, kw_only=True)
class CurrencyLimits:
    """Minor units of the currency. Units stand last in each name."""

    # One deposit, withdrawal, limit, win or grant.
    amount_minor_max: int
    # The largest single stake where the game sets none.
    stake_minor_max: int
    # Wins without a bet: one of them, and all of a provider's in a day (UTC).
    prize_minor_max: int
    prizes_day_minor_max: int


# How many of its units count as one euro in a limit: a round figure near the rate, not an exchange rate.
_PER_EURO = {
    "EUR": 1, "GBP": 1, "USD": 1, "CHF": 1, "CAD": 1, "AUD": 2, "NZD": 2, "BRL": 5, "PLN": 5, "SEK": 10, "NOK": 10,
    "DKK": 10, "MXN": 20, "CZK": 25, "INR": 100, "JPY": 150, "ISK": 150, "HUF": 400, "CLP": 1000, "KRW": 1500,
    "BHD": 1, "KWD": 1, "JOD": 1, "TND": 3,
}  # fmt: skip


def _limits(currency: str, per_euro: int) -> CurrencyLimits:
    unit = per_euro * 10 ** minor_digits(currency)
    return CurrencyLimits(
        amount_minor_max=10_000_000 * unit,
        stake_minor_max=100_000 * unit,
        prize_minor_max=50_000 * unit,
        prizes_day_minor_max=250_000 * unit,
    )


LIMITS = {currency: _limits(currency, per_euro) for currency, per_euro in _PER_EURO.items()}


def limits_of(currency: str) -> CurrencyLimits | None:
    """The limits in `currency`; None for one that no account is kept in."""
    return LIMITS.get(currency)


def check_amount(amount_minor: int, currency: str) -> None:
    """Raises `CommandRejected` for an amount or a currency that nobody can pay in."""
    allowed = limits_of(currency)
    if allowed is None:
        accepted = ", ".join(LIMITS)
        raise CommandRejected(422, "currency_unknown", "Nothing was done.", {"currency": f"Use one of {accepted}."})
    if amount_minor <= 0:
        raise CommandRejected(
            422, "amount_too_small", "Nothing was done.", {"amount_minor": "Enter an amount above zero."}
        )
    if amount_minor > allowed.amount_minor_max:
        raise CommandRejected(422, "amount_too_large", "Nothing was done.", {"amount_minor": "Enter a smaller amount."})
