"""Commands whose answer was lost: the id that names one, and how its outcome is found out.

Public: `UnansweredCommand`, `parse_unanswered`, `settle_unanswered`.

The id crosses a redirect and a reload as the slot's receipt, `key_<form>_<when>_<key>`: a fragment stores nothing, and
the engine finds a command by its key.
"""

import re
import time
from dataclasses import dataclass
from datetime import UTC, datetime

from bff.contracts import codes
from bff.contracts.command_names import CLOSE_KEY
from bff.contracts.problem import Problem
from bff.contracts.wallet import CloseKey, Receipt
from fragments.kit import bff
from fragments.kit.context import Context

_LOST = re.compile(r"key_([a-z]{1,16})_([0-9]{10})_([A-Za-z0-9_-]{1,128})", re.ASCII)
# The command whose receipt says that nothing was done, and nothing can be any more.


@dataclass(frozen=True, slots=True)
class UnansweredCommand:
    """A command of the form `about`, sent under `key` at `sent_s` (seconds since 1970)."""

    about: str
    sent_s: int
    key: str

    @classmethod
    def sent_now(cls, about: str, key: str) -> "UnansweredCommand":
        return cls(about, int(time.time()), key)

    @property
    def receipt_id(self) -> str:
        """The id in place of a receipt's."""
        return f"key_{self.about}_{self.sent_s:010}_{self.key}"


def parse_unanswered(receipt_id: str) -> UnansweredCommand | None:
    """The lost command that `receipt_id` names, None where it is a receipt's own id or no name at all."""
    found = _LOST.fullmatch(receipt_id)
    return UnansweredCommand(found[1], int(found[2]), found[3]) if found else None


async def settle_unanswered(unanswered: UnansweredCommand, context: Context) -> Receipt | Problem | None:
    """The engine's answer: a receipt, or the problem that keys of that time are forgotten. None while it has none."""
    sent_at = datetime.fromtimestamp(unanswered.sent_s, UTC)
    outcome = await bff.command(CLOSE_KEY, CloseKey(sent_at), context, unanswered.key)
    if isinstance(outcome, Receipt) or (isinstance(outcome, Problem) and outcome.code == codes.KEY_FORGOTTEN):
        return outcome
    return None
