"""How far each partition of the ledger's stream has come, as the relay's one row holds it.

Public: `End`, `read_ends`, `write_ends`, `COLUMNS`.
"""

import msgspec

from bff.commands.ledger.models import RelayState

# What `write_ends` changes.
COLUMNS = ("position", "event_id", "others")


class End(msgspec.Struct, array_like=True):
    """The last position given in a partition, and the id of what it was given to ("" before the first)."""

    position: int = 0
    event_id: str = ""


def read_ends(state: RelayState) -> list[End]:
    """By partition; their number is the number of partitions that is in force."""
    return [End(state.position, state.event_id), *msgspec.json.decode(state.others, type=list[End])]


def write_ends(state: RelayState, ends: list[End]) -> None:
    """Put `ends` into the row, which is not saved by this."""
    first, *others = ends
    state.position, state.event_id = first.position, first.event_id
    state.others = msgspec.json.encode(others).decode()
