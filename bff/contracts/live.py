"""The messages of the live WebSocket.

Public: `LiveMessage`, `LIVE_CHANNEL_PREFIX`.
"""

from datetime import datetime
from typing import Any

import msgspec

from bff.contracts.view import FreshnessState, Sequence

# Where the query store publishes the live messages of a topic: `live:<topic>`.
LIVE_CHANNEL_PREFIX = "live:"


class LiveMessage(msgspec.Struct, frozen=True, omit_defaults=True):
    """The latest state of one topic; a later `seq` of the same epoch replaces it, a new epoch means resync.

    `parts` is only between houses: of how many parts a feed is made, where it is several. Then the message is about all
    of them together, and says that one of them may have changed.
    """

    topic: str
    seq: Sequence
    as_of: datetime | None
    state: FreshnessState
    data: Any
    parts: int = 1
