"""The epochs of the ledger: in how many partitions its events go out, and every player restated from position 1.

Public: `partitions`, `set_partitions`, `begin_epoch`, `restate_some`, `not_restated`.

Every function is one step that may be the last before a kill.
"""

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import QuerySet

from bff.commands.engine.identifiers import is_epoch, next_epoch
from bff.commands.engine.policy import RELAY
from bff.commands.ledger import outbox
from bff.commands.ledger.accounts import PlayerAccounts
from bff.commands.ledger.models import Player, RelayState
from bff.commands.relay.partition_ends import COLUMNS, End, read_ends, write_ends
from bff.commands.relay.places import Places


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
        return _begin(state, next_epoch(state.epoch), count, now)


def begin_epoch(lost: str, now: datetime, *, forced: bool = False) -> str | None:
    """Start another epoch because events of `lost` ("" for any) are gone; None when that has been done already.

    A reader that knows a later epoch than this ledger has read one that was further: this one was set back, and what
    it begins must sort after both.

    Positions begin at 1 again. What waits is published in the new epoch; what was published before is replaced by the
    present state of every player, by `restate_some`.
    """
    with transaction.atomic():
        state = RelayState.objects.select_for_update().get(pk=1)
        ends = read_ends(state)
        recent = state.began_at > now - timedelta(seconds=RELAY.replay_s_min) and any(end.position for end in ends)
        is_later = is_epoch(lost) and lost > state.epoch
        if not (lost in ("", state.epoch) or is_later) or (recent and not forced):
            return None
        return _begin(state, next_epoch(lost if is_later else state.epoch), len(ends), now)


def _begin(state: RelayState, epoch: str, count: int, now: datetime) -> str:
    state.epoch, state.began_at = epoch, now
    write_ends(state, [End() for _ in range(count)])
    state.save(update_fields=["epoch", "began_at", *COLUMNS])
    outbox.reset_positions()
    return epoch


def restate_some(now: datetime, places: Places | None = None) -> int:
    """Restate some players, of `places` where they are given, who have not been in this epoch; how many were looked at.

    One transaction a player, and no more of them once `restate_rows_batch` rows are written.
    """
    epoch = RelayState.objects.values_list("epoch", flat=True).get(pk=1)
    # Each relay finds some of its own among so many.
    count = RELAY.restate_players_batch * (-(-places.count // len(places.held)) if places else 1)
    found = list(not_restated(epoch).values_list("pk", "currency")[:count])
    players = [each for each in found if places is None or places.has_player(each[0])]
    written = restated = 0
    for player_id, currency in players:
        if written >= RELAY.restate_rows_batch:
            break
        with transaction.atomic():
            accounts = PlayerAccounts.open(player_id, currency, now)
            if accounts.player.epoch != accounts.epoch:
                written += outbox.restate(accounts)
        restated += 1
    return restated


def not_restated(epoch: str) -> QuerySet[Player]:
    """Players who have not been restated in `epoch`."""
    return Player.objects.filter(epoch__lt=epoch).order_by("epoch", "pk")
