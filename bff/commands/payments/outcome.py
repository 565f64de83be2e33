"""The outcome of a charge as far as it is known. Public: `ChargeOutcome`."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class ChargeOutcome:
    """The outcome of a charge. `unknown`: it may or may not have been made; `lost`: it was not."""

    state: Literal["approved", "declined", "processing", "lost", "unknown"]
    charge_id: str = ""
    reason: str = ""  # a sentence for the player
    # What the provider says was charged, where it says so.
    amount_minor: int | None = None
    currency: str | None = None
