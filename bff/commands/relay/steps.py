"""The outbox as the relay sees it: take rows, give positions, mark what is out, forget what is old.

Public: `Batch`, `next_batch`, `is_idle`, `prune`.

Every function is one step that may be the last before a kill: rows are marked only after they are out, and so go out
again when nobody knows; positions are given once, in one transaction, in the order in which rows became visible.

Several relays may take steps at once, each for partitions of its own. Two that are at one partition for a moment send
its rows twice, which is no news to a reader, and never give a position twice: that is done under the lock of one row.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar, cast

import msgspec
from django.db import connection, transaction
from django.db.models import Model, Q, QuerySet

from bff.commands.engine import statements
from bff.commands.engine.policy import POLICY, RELAY
from bff.commands.ledger.models import OutboxRow, Player, ProviderRequest, Receipt, RelayState
from bff.commands.relay.partition_ends import COLUMNS, End, first_epoch, read_ends, write_ends
from bff.commands.relay.places import Places
from bff.commands.relay.restating import is_restated, not_restated, restart_for_late
from bff.commands.relay.spans import Span, next_spans
from bff.commands.relay.unsent import UNPLACED, UNPUBLISHED, count_unplaced, find_sent, rows_of, unsent
from bff.contracts.command_names import GRANT_BONUS, OPENING
from bff.contracts.event import Event
from bff.contracts.ledger_partition import partition_key, partition_of
from bff.contracts.view import Sequence

Row = TypeVar("Row", bound=Model)

_TABLE = OutboxRow._meta.db_table
_PLAYERS = Player._meta.db_table

# A batch is taken a hundred times a second under load, and the ORM would compose each of these anew.
_KEY = f"UPDATE {_TABLE} SET partition_key = %s WHERE id = %s"  # noqa: S608
_WAITING = f"SELECT id, event_id, aggregate, epoch FROM {_TABLE} WHERE position IS NULL AND published_at IS NULL"  # noqa: S608
_PLACE = f"UPDATE {_TABLE} SET position_epoch = %s, position = %s, previous_id = %s WHERE id = %s"  # noqa: S608
# Rows that another epoch has taken back since are to go out again.
_OUT = f"UPDATE {_TABLE} SET published_at = %s WHERE id = %s AND position_epoch = %s"  # noqa: S608
_UNKEYED = f"SELECT id, aggregate {UNPUBLISHED} AND partition_key IS NULL ORDER BY id LIMIT %s"
_NOT_RESTATED = f"SELECT 1 FROM {_PLAYERS} WHERE epoch < %s"  # noqa: S608


@dataclass(frozen=True, slots=True)
class Batch:
    """What is to be published next, in order, to the partitions `places`.

    `ends` says for each partition, theirs or not, in which epoch it is, which position was given last, and to what.
    `events` are all of the positions `spans` that nobody knew to be out, and `taken` rows have got positions.

    `caught_up`: of which of `places` nothing that was committed before this batch is missing from `events` or the
    stream. `drained`: of which of these everybody is restated too. Only a `measured` batch knows that, and its
    `backlogs`: by partition, how many events have not gone out.
    """

    places: Places
    rows: list[int]
    events: list[Event]
    ends: list[End]
    spans: Mapping[int, Span]
    taken: int
    caught_up: Places
    drained: Places
    backlogs: Mapping[int, int]


def next_batch(
    held: frozenset[int],
    published: "Batch | None",
    now: datetime,
    *,
    measured: bool = True,
    events_max: int = RELAY.batch_events_max,
    room: Mapping[int, int] | None = None,
) -> Batch:
    """Mark the events of the batch `published`, give positions to at most `events_max` waiting rows of the partitions
    `held`, and take at most as many rows that have one: of each partition no more than its `room` (None: no limit).

    A row of a partition without room has its position and waits for its turn out of the way of the others.
    """
    with transaction.atomic():
        # Locked before any row is, as by whoever begins an epoch.
        [state] = statements.find(RelayState, lock=True, id=1)
        ends = read_ends(state)
        if published is not None:
            _mark_published(published, ends, now)
        places = Places.of(held, len(ends))
        # A player's rows are in order only where all that came before have their keys.
        sending = places if _give_keys() else Places.of(frozenset(), len(ends))
        find_sent(ends, places)
        taken = _waiting(sending, events_max) if sending else []
        if taken:
            _give_positions(ends, taken)
            restart_for_late(ends, ((aggregate, epoch) for _, _, aggregate, epoch in taken))
        before = [getattr(state, column) for column in COLUMNS]
        write_ends(state, ends)
        if before != [getattr(state, column) for column in COLUMNS]:
            statements.update(state, *COLUMNS)
    spans = next_spans(ends, sending.held, room, events_max)
    ready = rows_of(spans, len(ends))
    unplaced = count_unplaced(places) if measured else {}
    complete = frozenset(place for place in sending.held if _is_complete(ends[place], spans.get(place)))
    if len(taken) == events_max:  # there may be more of them
        complete &= {place for place, count in unplaced.items() if not count}
    return Batch(
        places=places,
        rows=[row.pk for row in ready],
        events=[_event(row) for row in ready],
        ends=ends,
        spans=spans,
        taken=len(taken),
        caught_up=Places.of(complete, len(ends)),
        drained=Places.of(_restated(complete, ends) if measured else frozenset(), len(ends)),
        backlogs={place: count + unsent(ends[place]) for place, count in unplaced.items()},
    )


def _is_complete(end: End, span: Span | None) -> bool:
    return (span.last if span else end.sent) == end.position


def _restated(complete: frozenset[int], ends: list[End]) -> frozenset[int]:
    """Those of `complete` in which everybody is restated; none while one is not in the epoch that came first."""
    if not_restated(first_epoch(ends)).exists():
        return frozenset()
    return frozenset(place for place in complete if is_restated(ends[place]))


def _give_keys() -> bool:
    """Fill in the keys of rows that a process of the release before has written; whether all have theirs."""
    with connection.cursor() as cursor:
        cursor.execute(_UNKEYED, [RELAY.keys_batch])
        found = cursor.fetchall()
        if found:
            cursor.executemany(_KEY, [(partition_key(aggregate), pk) for pk, aggregate in found])
    return len(found) < RELAY.keys_batch


def _mark_published(published: Batch, ends: list[End], now: datetime) -> None:
    """The rows, and how far their partitions have gone out with them."""
    published_at = connection.ops.adapt_datetimefield_value(now)
    if published.rows:
        with connection.cursor() as cursor:
            sent = zip(published.rows, published.events, strict=True)
            cursor.executemany(_OUT, [(published_at, pk, cast(Sequence, event.position)[0]) for pk, event in sent])
    found = Counter(partition_of(each.aggregate, len(published.ends)) for each in published.events)
    for place, span in published.spans.items():
        if place < len(ends) and ends[place].epoch == published.ends[place].epoch:
            # Whoever else has sent some of these may be further, and may not have said so.
            last = max(span.last, ends[place].sent or 0)
            ends[place].sent = last if found[place] == len(span) else None


def _waiting(places: Places, events_max: int) -> list[tuple[int, str, str, str]]:
    """Rows that have no position yet: their keys, and the ids, aggregates and epochs of their events."""
    with connection.cursor() as cursor:
        cursor.execute(f"{_WAITING}{places.condition} ORDER BY id LIMIT %s", [events_max])
        return list(cursor.fetchall())


def _give_positions(ends: list[End], taken: list[tuple[int, str, str, str]]) -> None:
    """Each row the next position of its partition; `ends` moves with it."""
    given = []
    for pk, event_id, aggregate, _ in taken:
        end = ends[partition_of(aggregate, len(ends))]
        end.position += 1
        given.append((end.epoch, end.position, end.event_id, pk))
        end.event_id = event_id
    with connection.cursor() as cursor:
        # One statement a row, sent together: ten times faster than the CASE of a bulk update.
        cursor.executemany(_PLACE, given)


def is_idle(held: frozenset[int]) -> bool:
    """Whether a batch of the partitions `held` would find nothing to do, read without a lock."""
    [state] = statements.find(RelayState, id=1)
    ends = read_ends(state)
    places = Places.of(held, len(ends))
    if not places:
        return True
    if not all(is_restated(ends[place]) for place in places.held):
        return False
    if any(ends[place].sent != ends[place].position for place in places.held):
        return False
    own = f"SELECT EXISTS (SELECT 1 {UNPLACED}{places.condition})"
    unkeyed = f"EXISTS (SELECT 1 {UNPUBLISHED} AND partition_key IS NULL)"
    with connection.cursor() as cursor:
        cursor.execute(f"{own}, {unkeyed}, EXISTS ({_NOT_RESTATED})", [first_epoch(ends)])
        return not any(cursor.fetchone())


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
    lasting = answered.exclude(command__in=(OPENING, GRANT_BONUS))
    return gone + _first_rows(lasting).update(key=None, fingerprint="")


def _first_rows(chosen_from: QuerySet[Row]) -> QuerySet[Row]:
    chosen = list(chosen_from.values_list("pk", flat=True)[:1000])
    return chosen_from.model._default_manager.filter(pk__in=chosen)


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
