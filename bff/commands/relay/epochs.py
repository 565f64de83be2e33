"""The epochs of the ledger's partitions: how many partitions there are, and what begins another epoch in one or all.

Public: `partitions`, `set_partitions`, `begin_epoch`.

Every function is one step that may be the last before a kill.
"""

from datetime import datetime, timedelta

from django.db import transaction

from bff.commands.engine.identifiers import is_epoch, next_epoch
from bff.commands.engine.policy import RELAY
from bff.commands.ledger import outbox
from bff.commands.ledger.models import RelayState
from bff.commands.relay.partition_ends import COLUMNS, End, read_ends, write_ends


def partitions() -> int:
    """The number of partitions that is in force."""
    return len(read_ends(RelayState.objects.get(pk=1)))


def set_partitions(count: int, now: datetime) -> str | None:
    """Make this the number of partitions; the epoch that begins with it, None where it is that number already.

    Players move to other partitions, so nothing that was counted before says anything about what comes.
    """
    with transaction.atomic():
        state = RelayState.objects.select_for_update().get(pk=1)
        if len(read_ends(state)) == count:
            return None
        return _begin_all(state, next_epoch(state.epoch), count, now)


def begin_epoch(lost: str, now: datetime, partition: int | None = None, *, forced: bool = False) -> str | None:
    """Start another epoch in `partition`, or in all where None is named, because events of `lost` ("" for any) are
    gone; None when that has been done already, or where there is no such partition.

    A reader that knows a later epoch than this ledger has read one that was further: this one was set back, and what
    it begins must sort after both. It sorts after the epochs of all other partitions too.

    Positions begin at 1 again. What waits is published in the epoch that begins; what was published before is replaced
    by the present state of every player of these partitions (`bff.commands.relay.restating`).
    """
    with transaction.atomic():
        state = RelayState.objects.select_for_update().get(pk=1)
        ends = read_ends(state)
        concerned = ends if partition is None else ends[partition : partition + 1]
        if not concerned or not (forced or _is_due(lost, concerned, now)):
            return None
        epoch = next_epoch(max(state.epoch, lost) if is_epoch(lost) else state.epoch)
        if partition is None or len(ends) == 1:
            return _begin_all(state, epoch, len(ends), now)
        ends[partition] = End(epoch, _ms(now), restate_after="")
        _save(state, epoch, ends, now)
        outbox.reset_positions(partition, len(ends))
        return epoch


def _is_due(lost: str, concerned: list[End], now: datetime) -> bool:
    """Whether `lost` names these partitions' current epochs, or a gap that they have not handled, and not too soon
    after the last.
    """
    epochs = {end.epoch for end in concerned}
    since = _ms(now - timedelta(seconds=RELAY.replay_s_min))
    recent = any(end.began_ms > since for end in concerned) and any(end.position for end in concerned)
    return not recent and (lost == "" or lost in epochs or (is_epoch(lost) and lost > max(epochs)))


def _begin_all(state: RelayState, epoch: str, count: int, now: datetime) -> str:
    _save(state, epoch, [End(epoch, _ms(now)) for _ in range(count)], now)
    outbox.reset_positions()
    return epoch


def _save(state: RelayState, epoch: str, ends: list[End], now: datetime) -> None:
    state.epoch, state.began_at = epoch, now
    write_ends(state, ends)
    state.save(update_fields=["epoch", "began_at", *COLUMNS])


def _ms(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)
