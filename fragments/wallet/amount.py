"""A typed amount, read strictly: money is never guessed.

Public: `read_amount`, `AmountRefused`.
"""

import re

from fragments.kit.formats import Formats, minor_digits
from fragments.wallet.policy import DepositLimits

AMOUNT_CHARS_MAX = 16
_PLAIN = re.compile(r"([0-9]{1,12})(?:[.,]([0-9]{1,4}))?", re.ASCII)


class AmountRefused(Exception):
    """The text is no amount that can be deposited; the message is a sentence for the player."""


def read_amount(text: str, currency: str, limits: DepositLimits, formats: Formats) -> int:
    """Minor units. A comma and a point both start the decimals; grouping is refused, for `1,000` could mean either."""
    typed = text.strip()
    if not typed:
        raise AmountRefused("Enter an amount.")
    digits = minor_digits(currency)
    match = _PLAIN.fullmatch(typed) if len(typed) <= AMOUNT_CHARS_MAX else None
    if match is None:
        example = formats.plain(limits.amount_minor_min, currency)
        raise AmountRefused(f"Write the amount in digits only, for example {example}.")
    whole, decimals = match[1], match[2] or ""
    if len(decimals) > digits:
        raise AmountRefused(_too_fine(currency, digits))
    amount_minor = int(whole + decimals.ljust(digits, "0"))
    if amount_minor < limits.amount_minor_min:
        raise AmountRefused(f"The least you can deposit is {formats.money(limits.amount_minor_min, currency)}.")
    if amount_minor > limits.amount_minor_max:
        raise AmountRefused(f"The most you can deposit at once is {formats.money(limits.amount_minor_max, currency)}.")
    return amount_minor


def _too_fine(currency: str, digits: int) -> str:
    if digits == 0:
        return f"{currency} has no decimals. Write whole amounts without commas or points."
    return f"{currency} has {digits} decimals. Write the amount without separators between thousands."
