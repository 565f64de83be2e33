"""Players are restated in the epoch of their partition, a few at a time.

Public: `restate_some`, `not_restated`, `is_restated`, `restart_for_late`.

After an epoch of the whole ledger, who is to be restated is found by the epoch in the player's row, whatever their
number. A partition that began an epoch by itself has some of all players, and the row does not say which: its players
are gone through once, in the order of their ids, and how far that has come stands with the partition's epoch.
"""

from collections.abc import Iterable
from datetime import datetime

from django.db import transaction
from django.db.models import QuerySet

from bff.commands.engine.policy import RELAY
from bff.commands.ledger import outbox
from bff.commands.ledger.accounts import PlayerAccounts
from bff.commands.ledger.models import Player, RelayState
from bff.commands.relay.partition_ends import COLUMNS, End, first_epoch, read_ends, write_ends
from bff.commands.relay.places import Places
from bff.contracts.ledger_partition import partition_of

_PLAYER = "player:"


def restate_some(now: datetime, places: Places | None = None) -> int:
    """Restate some players, of `places` where they are given, who have not been in their partition's epoch; how many
    were looked at, and at least one as long as it is not known that all have been.

    One transaction a player, and no more of them once `restate_rows_batch` rows are written.
    """
    ends = read_ends(RelayState.objects.get(pk=1))
    # Each relay finds some of its own among so many.
    count = RELAY.restate_players_batch * (-(-places.count // len(places.held)) if places else 1)
    found = list(not_restated(first_epoch(ends)).values_list("pk", "currency")[:count])
    restated = _restate([each for each in found if places is None or places.has_player(each[0])], now)
    if restated:
        return len(restated)
    for place in places.held if places else range(len(ends)):
        if ends[place].restate_after is not None:
            return _restate_partition(place, ends, now)
    return 0


def _restate_partition(place: int, ends: list[End], now: datetime) -> int:
    """Go on with the players of one partition, and write down how far that is; how many were looked at."""
    own, after = Places((place,), len(ends)), ends[place].restate_after or ""
    some = Player.objects.filter(pk__gt=after).order_by("pk").values_list("pk", "currency", "epoch")
    found = list(some[: RELAY.restate_players_batch * len(ends)])
    mine = [each for each in found if own.has_player(each[0]) and each[2] < ends[place].epoch]
    restated = _restate([(player, currency) for player, currency, _ in mine], now)
    # All that were found are done with, or those up to the last that there was room for.
    last = found[-1][0] if found else None
    _move(place, ends[place], last if len(restated) == len(mine) else restated[-1])
    return max(1, len(restated))


def _move(place: int, end: End, after: str | None) -> None:
    """Unless the partition is in another epoch by now, or has begun to go through its players anew."""
    with transaction.atomic():
        state = RelayState.objects.select_for_update().get(pk=1)
        ends = read_ends(state)
        here = ends[place : place + 1]
        if [(each.epoch, each.restate_after) for each in here] == [(end.epoch, end.restate_after)]:
            ends[place].restate_after = after
            write_ends(state, ends)
            state.save(update_fields=COLUMNS)


def _restate(players: Iterable[tuple[str, str]], now: datetime) -> list[str]:
    """Those of `players` (id and currency), in order, that there was room for."""
    restated: list[str] = []
    written = 0
    for player_id, currency in players:
        if written >= RELAY.restate_rows_batch:
            break
        with transaction.atomic():
            accounts = PlayerAccounts.open(player_id, currency, now)
            if accounts.player.epoch != accounts.epoch:
                written += outbox.restate(accounts)
        restated.append(player_id)
    return restated


def not_restated(epoch: str) -> QuerySet[Player]:
    """Players who have not been restated in `epoch`, the first that any partition is in, or in a later one."""
    return Player.objects.filter(epoch__lt=epoch).order_by("epoch", "pk")


def is_restated(end: End) -> bool:
    """Whether all players of a partition that began its epoch by itself have been gone through."""
    return end.restate_after is None


def restart_for_late(ends: list[End], events: Iterable[tuple[str, str]]) -> None:
    """Go through a partition anew where one of `events` (aggregate and epoch) shows a player who has been passed over.

    A transaction that did not see the partition's epoch begin may have made a player whom nobody saw meanwhile. The
    event that it wrote comes out once the player can be seen, and names the epoch before.
    """
    first, late = first_epoch(ends), dict[str, End]()
    for aggregate, epoch in events:
        end = ends[partition_of(aggregate, len(ends))]
        if epoch < end.epoch and end.epoch > first and aggregate.startswith(_PLAYER):
            late[aggregate.removeprefix(_PLAYER)] = end
    for player, epoch in Player.objects.filter(pk__in=late).values_list("pk", "epoch") if late else ():
        if epoch < late[player].epoch:
            late[player].restate_after = ""
