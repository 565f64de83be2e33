"""Messages of the payments provider, and the charge outcome that each means.

Public: `ChargeMessage`, `ChargesMessage`, `outcome_of`.
"""

import msgspec

from bff.commands.payments.outcome import ChargeOutcome
from bff.contracts import text
from bff.contracts.text import Plain


class ChargeMessage(msgspec.Struct, frozen=True):
    """One charge."""

    charge_id: Plain
    reference: Plain
    status: Plain
    decline_reason: str | None = None
    amount_minor: int | None = None
    currency: Plain | None = None


class ChargesMessage(msgspec.Struct, frozen=True):
    """The charges of one reference."""

    charges: list[ChargeMessage]


def outcome_of(charge: ChargeMessage) -> ChargeOutcome:
    """The charge outcome that the message means."""
    if charge.status == "approved":
        return ChargeOutcome("approved", charge.charge_id, amount_minor=charge.amount_minor, currency=charge.currency)
    if charge.status == "declined":
        return ChargeOutcome("declined", charge.charge_id, _declined(charge.decline_reason or ""))
    if charge.status == "processing":
        return ChargeOutcome("processing", charge.charge_id)
    return ChargeOutcome("unknown", charge.charge_id)


def _declined(reason: str) -> str:
    words = text.cleaned(reason.replace("_", " "), chars_max=120).rstrip(".")
    return f"The payment was declined ({words}). Nothing was charged." if words else "The payment was declined."
