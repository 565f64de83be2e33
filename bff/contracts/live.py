"""The messages of the live WebSocket.

Public: `LiveMessage`, `LIVE_CHANNEL_PREFIX`.
"""

from datetime import datetime
from typing import Any

import msgspec

from bff.contracts.view import FreshnessState, Sequence

# Where the query store publishes the live messages of a topic: `live:<topic>`.
LIVE_CHANNEL_PREFIX = "live:"


class LiveMessage(msgspec.Struct, frozen=True):
    """The latest state of one topic; a later `seq` of the same epoch replaces it, a new epoch means resync."""

    topic: str
    seq: Sequence
    as_of: datetime | None
    state: FreshnessState
    data: Any
