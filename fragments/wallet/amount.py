"""A typed amount, read strictly: money is never guessed.

Public: `read_amount`, `AmountRefused`.
"""

import re

from bff.contracts.money import minor_digits
from fragments.kit.formats import Formats
from fragments.wallet.policy import AmountLimits

AMOUNT_CHARS_MAX = 16
_EXAMPLE_MINOR = 500
_PLAIN = re.compile(r"([0-9]{1,12})(?:[.,]([0-9]{1,4}))?", re.ASCII)


class AmountRefused(Exception):
    """The text is no amount that can be taken; the message is a sentence for the player."""


def read_amount(text: str, currency: str, limits: AmountLimits, formats: Formats) -> int:
    """Minor units. A comma and a point both start the decimals; grouping is refused, for `1,000` could mean either."""
    typed = text.strip()
    if not typed:
        raise AmountRefused("Enter an amount.")
    digits = minor_digits(currency)
    match = _PLAIN.fullmatch(typed) if len(typed) <= AMOUNT_CHARS_MAX else None
    if match is None:
        example = formats.plain(max(limits.amount_minor_min, _EXAMPLE_MINOR), currency)
        raise AmountRefused(f"Write the amount in digits only, for example {example}.")
    whole, decimals = match[1], match[2] or ""
    if len(decimals) > digits:
        raise AmountRefused(_too_fine(currency, digits))
    amount_minor = int(whole + decimals.ljust(digits, "0"))
    if amount_minor < limits.amount_minor_min:
        least = formats.money(limits.amount_minor_min, currency)
        raise AmountRefused(f"The least you can {limits.verb} is {least}.")
    if amount_minor > limits.amount_minor_max:
        most = formats.money(limits.amount_minor_max, currency)
        raise AmountRefused(f"The most you can {limits.verb} at once is {most}.")
    return amount_minor


def _too_fine(currency: str, digits: int) -> str:
    if digits == 0:
        return f"{currency} has no decimals. Write whole amounts without commas or points."
    return f"{currency} has {digits} decimals. Write the amount without separators between thousands."
