"""Money on the wire: integers in minor units and an ISO 4217 currency, never a float.

Public: `Money`, `Currency`, `MINOR_DIGITS`.
"""

from typing import Annotated

import msgspec

Currency = Annotated[str, msgspec.Meta(pattern=r"^[A-Z]{3}\Z")]  # \Z, as $ lets a line end through

# Digits after the decimal point, by ISO 4217; two where a currency is not listed.
MINOR_DIGITS = {"JPY": 0, "KRW": 0, "ISK": 0, "BHD": 3, "KWD": 3, "TND": 3}


class Money(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An amount: `amount_minor` in the currency's minor unit (cents for EUR), signed."""

    amount_minor: int
    currency: Currency
