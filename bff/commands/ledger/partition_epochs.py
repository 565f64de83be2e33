"""The epoch of each partition of the ledger's stream, as the relay's one row holds them.

Public: `PartitionEpoch`, `decode_epochs`, `epoch_of`.
"""

import msgspec

from bff.commands.engine import statements
from bff.commands.ledger.models import RelayState
from bff.contracts.ledger_partition import aggregate_of_player, partition_of


class PartitionEpoch(msgspec.Struct, array_like=True):
    """`began_ms` is Unix time. `restate_after` is the last player who was looked at, of those who are to be restated
    in a partition that began its epoch by itself: None once all of them were."""

    epoch: str
    began_ms: int
    restate_after: str | None = None


_EPOCHS = msgspec.json.Decoder(list[PartitionEpoch])


def decode_epochs(raw: str, latest: str) -> list[PartitionEpoch]:
    """By partition; none where all are in the ledger's `latest` epoch.

    A process of the release before begins epochs of the whole ledger and does not know what stands here: then none of
    these is the latest, and nothing of it holds.
    """
    found = _EPOCHS.decode(raw)
    return found if any(each.epoch == latest for each in found) else []


def epoch_of(player_id: str) -> str:
    """The epoch of the partition that the player is in."""
    latest, raw = statements.values(RelayState, "epoch", "epochs", id=1)
    found = decode_epochs(raw, latest) if raw != "[]" else []
    return found[partition_of(aggregate_of_player(player_id), len(found))].epoch if found else str(latest)
