"""The envelope of events on the broker.

Public: `Event`.
"""

from datetime import datetime
from typing import Any

import msgspec

from bff.contracts.view import Sequence


class Event(msgspec.Struct, frozen=True):
    """A fact, named in the past tense (`FundsDeposited`).

    `id` is unique for ever (consumers drop a second one); `aggregate` names what it is about
    (`player:7`); `sequence` counts per aggregate (consumers apply only what is newer).
    `position`, where a relay gives one, counts the stream's events without gaps, so that a consumer sees what is lost;
    `previous_id` is the id of the event at the position before it in the same epoch ("" at the first, or where the
    relay does not know), so that a consumer sees when positions were given once more to other events.
    `data` must hold JSON values only.
    """

    id: str
    type: str
    version: int
    aggregate: str
    sequence: Sequence
    occurred_at: datetime
    data: dict[str, Any]
    position: Sequence | None = None
    previous_id: str = ""
