"""The outbox as the relay sees it: take rows, give positions, mark what is out, begin an epoch.

Public: `Batch`, `next_batch`, `is_idle`, `set_partitions`, `partitions`, `begin_epoch`, `restate_some`, `backlog`,
`prune`.

Every function is one step that may be the last before a kill: rows are marked only after they are published, so after a
crash some are published again; positions are given once, in one transaction, in the order in which rows became visible.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar, cast

import msgspec
from django.db import connection, transaction
from django.db.models import Model, Q, QuerySet

from bff.commands.engine import statements
from bff.commands.engine.identifiers import is_epoch, next_epoch
from bff.commands.engine.policy import POLICY, RELAY
from bff.commands.ledger import outbox
from bff.commands.ledger.accounts import PlayerAccounts
from bff.commands.ledger.models import OutboxRow, Player, ProviderRequest, Receipt, RelayState
from bff.commands.relay.partition_ends import COLUMNS, End, read_ends, write_ends
from bff.contracts.event import Event
from bff.contracts.ledger_partition import partition_of

Row = TypeVar("Row", bound=Model)

_TABLE = OutboxRow._meta.db_table
_PLAYERS = Player._meta.db_table

# A batch is taken a hundred times a second under load, and the ORM would compose each of these anew.
_WAITING = (
    f"SELECT id, event_id, aggregate FROM {_TABLE} WHERE position IS NULL AND published_at IS NULL ORDER BY id LIMIT %s"  # noqa: S608
)
_PLACE = f"UPDATE {_TABLE} SET position_epoch = %s, position = %s, previous_id = %s WHERE id = %s"  # noqa: S608
_READY = f"SELECT * FROM {_TABLE} WHERE position IS NOT NULL AND published_at IS NULL ORDER BY position LIMIT %s"  # noqa: S608
# Rows that another epoch has taken back since are to go out again.
_OUT = f"UPDATE {_TABLE} SET published_at = %s WHERE id = %s AND position_epoch = %s"  # noqa: S608
_WORK = (
    f"SELECT EXISTS (SELECT 1 FROM {_TABLE} WHERE published_at IS NULL), "  # noqa: S608
    f"EXISTS (SELECT 1 FROM {_PLAYERS} WHERE epoch < %s)"
)


@dataclass(frozen=True, slots=True)
class Batch:
    """What is to be published next, in order. `leading` is False while another relay is at work.

    `ends` says for each partition which position was given last in `epoch`, and to what.

    `drained`: nothing that was committed before this batch is missing from `events` or the stream. Only a `measured`
    batch knows that, and its `backlog`.
    """

    leading: bool
    rows: list[int]
    events: list[Event]
    epoch: str
    ends: list[End]
    drained: bool
    backlog: int


def next_batch(
    holder: str,
    published: "Batch | None",
    now: datetime,
    *,
    measured: bool = True,
    events_max: int = RELAY.batch_events_max,
) -> Batch:
    """Mark the events of the batch `published`, take at most `events_max` waiting rows and give them positions."""
    with transaction.atomic():
        if published is not None and published.rows:
            _mark_published(published, now)
        [state] = statements.find(RelayState, lock=True, id=1)
        ends = read_ends(state)
        if state.holder != holder and state.held_until is not None and state.held_until > now:
            return Batch(False, [], [], state.epoch, ends, False, 0)
        taken = _waiting(events_max)
        _give_positions(state.epoch, ends, taken)
        write_ends(state, ends)
        if taken or state.holder != holder or _lease_half_over(state, now):
            state.holder, state.held_until = holder, now + timedelta(seconds=RELAY.lease_s)
            statements.update(state, *COLUMNS, "holder", "held_until")
    ready = list(OutboxRow.objects.raw(_READY, [events_max]))
    waiting = backlog() if measured else 0
    full = events_max in (len(taken), len(ready))
    drained = measured and not full and not _not_restated(state.epoch).exists()
    events = [_event(row) for row in ready]
    return Batch(True, [row.pk for row in ready], events, state.epoch, ends, drained, waiting)


def backlog() -> int:
    """Events that have not gone out."""
    return OutboxRow.objects.filter(published_at__isnull=True).count()


def _mark_published(published: Batch, now: datetime) -> None:
    published_at = connection.ops.adapt_datetimefield_value(now)
    with connection.cursor() as cursor:
        cursor.executemany(_OUT, [(published_at, pk, published.epoch) for pk in published.rows])


def _waiting(events_max: int) -> list[tuple[int, str, str]]:
    """Rows that have no position yet: their keys, and the ids and aggregates of their events."""
    skipping = connection.features.has_select_for_update_skip_locked
    with connection.cursor() as cursor:
        cursor.execute(_WAITING + (" FOR UPDATE SKIP LOCKED" if skipping else ""), [events_max])
        return list(cursor.fetchall())


def _give_positions(epoch: str, ends: list[End], taken: list[tuple[int, str, str]]) -> None:
    """Each row the next position of its partition; `ends` moves with it."""
    given = []
    for pk, event_id, aggregate in taken:
        end = ends[partition_of(aggregate, len(ends))]
        end.position += 1
        given.append((epoch, end.position, end.event_id, pk))
        end.event_id = event_id
    if given:
        with connection.cursor() as cursor:
            # One statement a row, sent together: ten times faster than the CASE of a bulk update.
            cursor.executemany(_PLACE, given)


def is_idle(holder: str, now: datetime) -> bool:
    """Whether a batch would find nothing to do, read without a lock."""
    [state] = statements.find(RelayState, id=1)
    if state.holder != holder or _lease_half_over(state, now):
        return False
    with connection.cursor() as cursor:
        cursor.execute(_WORK, [state.epoch])
        return not any(cursor.fetchone())


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


def restate_some(now: datetime) -> int:
    """Restate some players who have not been restated in this epoch; how many. 0 when all have.

    One transaction a player, and no more of them once `restate_rows_batch` rows are written.
    """
    epoch = RelayState.objects.values_list("epoch", flat=True).get(pk=1)
    players = list(_not_restated(epoch).values_list("pk", "currency")[: RELAY.restate_players_batch])
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


def prune(now: datetime) -> int:
    """Delete a batch of rows that are past their retention; returns how many. These are events published long ago (a
    reader that needs older ones gets the players restated), keys of answers that are past their time (the receipts
    stay), and requests of providers whose signatures are refused by now.
    """
    old = OutboxRow.objects.filter(published_at__lt=now - timedelta(days=RELAY.outbox_retained_days))
    gone = _first_rows(old).delete()[0]
    answered_since = now - timedelta(seconds=POLICY.provider_requests_retained_s)
    denied_since = now - timedelta(hours=POLICY.denied_bets_retained_h)
    requests = ProviderRequest.objects.filter(Q(at__lt=answered_since, status="") | Q(at__lt=denied_since))
    gone += _first_rows(requests).delete()[0]
    retained_since = now - timedelta(days=POLICY.receipt_keys_retained_days)
    answered = Receipt.objects.filter(at__lt=retained_since, key__isnull=False, fingerprint__gt="").exclude(
        state="pending"
    )
    lasting = answered.exclude(command__in=("opening", "grant-bonus"))
    return gone + _first_rows(lasting).update(key=None, fingerprint="")


def _first_rows(chosen_from: QuerySet[Row]) -> QuerySet[Row]:
    chosen = list(chosen_from.values_list("pk", flat=True)[:1000])
    return chosen_from.model._default_manager.filter(pk__in=chosen)


def _not_restated(epoch: str) -> QuerySet[Player]:
    return Player.objects.filter(epoch__lt=epoch).order_by("epoch", "pk")


def _lease_half_over(state: RelayState, now: datetime) -> bool:
    return state.held_until is None or state.held_until - now < timedelta(seconds=RELAY.lease_s / 2)


def _event(row: OutboxRow) -> Event:
    return Event(
        id=row.event_id,
        type=row.type,
        version=1,
        aggregate=row.aggregate,
        sequence=(row.epoch, row.sequence),
        occurred_at=row.at,
        data=msgspec.json.decode(row.data),
        position=(row.position_epoch, cast(int, row.position)),
        previous_id=row.previous_id,
    )
