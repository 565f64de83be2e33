"""How far each partition of the ledger's stream has come in its epoch, as the relay's one row holds it.

Public: `End`, `read_ends`, `write_ends`, `first_epoch`, `COLUMNS`.
"""

from collections.abc import Iterable

import msgspec

from bff.commands.ledger.models import RelayState
from bff.commands.ledger.partition_epochs import PartitionEpoch, decode_epochs

# What `write_ends` changes.
COLUMNS = ("position", "event_id", "others", "epochs", "sent")


class _Position(msgspec.Struct, array_like=True):
    position: int
    event_id: str


class End(msgspec.Struct):
    """The last position given in a partition's epoch, and the id of what it was given to ("" before the first).

    `restate_after` is how far the players of a partition that began its epoch by itself are restated, None when all
    of them are. Everything up to the position `sent` has gone out; None where only the outbox can tell.
    """

    epoch: str
    began_ms: int
    position: int = 0
    event_id: str = ""
    restate_after: str | None = None
    sent: int | None = 0


def read_ends(state: RelayState) -> list[End]:
    """By partition; their number is the number of partitions that is in force."""
    positions = [_Position(state.position, state.event_id), *msgspec.json.decode(state.others, type=list[_Position])]
    epochs = decode_epochs(state.epochs, state.epoch)
    if len(epochs) != len(positions):
        epochs = [PartitionEpoch(state.epoch, int(state.began_at.timestamp() * 1000))] * len(positions)
    sent = _decode_sent(state, len(positions))
    return [
        End(of.epoch, of.began_ms, at.position, at.event_id, of.restate_after, out)
        for at, of, out in zip(positions, epochs, sent, strict=True)
    ]


def write_ends(state: RelayState, ends: list[End]) -> None:
    """Put `ends` into the row, which is not saved by this."""
    first, *others = [_Position(end.position, end.event_id) for end in ends]
    state.position, state.event_id = first.position, first.event_id
    state.others = msgspec.json.encode(others).decode()
    epochs = [PartitionEpoch(end.epoch, end.began_ms, end.restate_after) for end in ends]
    alike = all(end.epoch == state.epoch for end in ends)
    state.epochs = "[]" if alike else msgspec.json.encode(epochs).decode()
    state.sent = msgspec.json.encode([state.epoch, *(end.sent for end in ends)]).decode()


def _decode_sent(state: RelayState, count: int) -> list[int | None]:
    """By partition. Any epoch that begins is the latest: where that is not the one that was written beside these, a
    process of the release before has begun it, and nothing of them holds."""
    epoch, *sent = msgspec.json.decode(state.sent) or [""]
    return sent if epoch == state.epoch and len(sent) == count else [None] * count


def first_epoch(ends: Iterable[End]) -> str:
    """The earliest epoch that a partition is in: who was not restated in that one was not in any that is in force."""
    return min(end.epoch for end in ends)
