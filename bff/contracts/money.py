"""Money on the wire: integers in minor units and an ISO 4217 currency, never a float.

Public: `Money`, `Currency`, `CURRENCIES`, `CurrencyUnknown`, `minor_digits`.
"""

from typing import Annotated

import msgspec
from babel.core import get_global

Currency = Annotated[str, msgspec.Meta(pattern=r"^[A-Z]{3}\Z")]  # \Z, as $ lets a line end through

# Where CLDR, which Babel carries, counts the digits that people use and ISO 4217 those of the minor unit.
_ISO_DIGITS = {
    "AFN": 2, "ALL": 2, "IQD": 3, "IRR": 2, "KPW": 2, "LAK": 2, "LBP": 2, "MGA": 2, "MMK": 2, "RSD": 2, "SOS": 2,
    "SYP": 2, "YER": 2,
}  # fmt: skip


class CurrencyUnknown(ValueError):
    """The code is no currency that is tender anywhere."""


class Money(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An amount: `amount_minor` in the currency's minor unit (cents for EUR), signed."""

    amount_minor: int
    currency: Currency


def minor_digits(currency: str) -> int:
    """Digits after the decimal point, by ISO 4217: 0, 2 or 3. Raises `CurrencyUnknown`: no guessing."""
    try:
        return CURRENCIES[currency]
    except KeyError:
        raise CurrencyUnknown(f"{currency!r} is no currency of ISO 4217 that is in use") from None


def _currencies() -> dict[str, int]:
    """Every currency that is legal tender somewhere, with its digits."""
    digits = get_global("currency_fractions")
    usual = digits["DEFAULT"][0]
    tender = {
        code
        for currencies in get_global("territory_currencies").values()
        for code, _since, until, is_tender in currencies
        if until is None and is_tender
    }
    return {code: _ISO_DIGITS.get(code, digits.get(code, (usual,))[0]) for code in sorted(tender)}


CURRENCIES = _currencies()
