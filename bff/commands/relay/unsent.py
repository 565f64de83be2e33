"""What has not gone out of each partition.

Public: `backlog`, `backlogs`, `leaving`, and what a batch is made of: `find_sent`, `rows_of`, `count_unplaced`,
`unsent`, `UNPUBLISHED`, `UNPLACED`.

Rows that have no position yet are few, for they get one in the next turn. All others are found by their positions,
which follow what has gone out, as the relay's row says it. So what waits in one is not gone through for another.
"""

from collections.abc import Mapping

from django.db import connection

from bff.commands.ledger.models import OutboxRow, RelayState
from bff.commands.relay.partition_ends import End, read_ends
from bff.commands.relay.places import Places
from bff.commands.relay.spans import Span, next_spans

_TABLE = OutboxRow._meta.db_table
UNPUBLISHED = f"FROM {_TABLE} WHERE published_at IS NULL"
UNPLACED = f"{UNPUBLISHED} AND position IS NULL"
_OF_SPANS = (
    "WITH span (place, begins, ends) AS (VALUES {spans}) "  # noqa: S608
    f"SELECT waiting.* FROM span CROSS JOIN {_TABLE} waiting WHERE waiting.position IS NOT NULL "
    "AND waiting.published_at IS NULL AND waiting.position BETWEEN span.begins AND span.ends "
    "AND waiting.partition_key %% {count} = span.place ORDER BY waiting.position"
)


def backlog() -> int:
    """Events that have not gone out."""
    return OutboxRow.objects.filter(published_at__isnull=True).count()


def backlogs(places: Places) -> dict[int, int]:
    """Events of each of `places` that have not gone out."""
    unplaced, ends = count_unplaced(places), read_ends(RelayState.objects.get(pk=1))
    find_sent(ends, places)
    return {place: count + unsent(ends[place]) for place, count in unplaced.items()}


def leaving(places: Places) -> set[str]:
    """The aggregates of which an event has not gone out that goes to one of `places`, or to any where there is another
    number of them by then; others may be among them."""
    names = set(OutboxRow.objects.filter(published_at=None, position=None).values_list("aggregate", flat=True))
    # Read after those: a row that has got its position meanwhile is seen here.
    ends = read_ends(RelayState.objects.get(pk=1))
    if len(ends) != places.count:
        places = Places(tuple(range(len(ends))), len(ends))
    find_sent(ends, places)
    spans = next_spans(ends, places.held, None, sum(unsent(ends[place]) for place in places.held))
    return names | {row.aggregate for row in rows_of(spans, len(ends))}


def unsent(end: End) -> int:
    """How many positions have not gone out."""
    return end.position - (end.sent or 0)


def count_unplaced(places: Places) -> dict[int, int]:
    """Events of each of `places` that have no position yet; a row without its key has no partition."""
    return dict.fromkeys(places.held, 0) | _by_partition(places, f"COUNT(*) {UNPLACED}")


def find_sent(ends: list[End], places: Places) -> None:
    """Look into the outbox how far those of `places` have gone out of which it is not known."""
    unknown = Places.of(frozenset(place for place in places.held if ends[place].sent is None), len(ends))
    first = _by_partition(unknown, f"MIN(position) {UNPUBLISHED} AND position IS NOT NULL")
    for place in unknown.held:
        ends[place].sent = first.get(place, ends[place].position + 1) - 1


def rows_of(spans: Mapping[int, Span], count: int) -> list[OutboxRow]:
    """Rows that have a position of `spans`, of `count` partitions, and are not out, as far as anybody knows."""
    if not spans:
        return []
    listed = ", ".join(f"({place}, {span.first}, {span.last})" for place, span in spans.items())
    return list(OutboxRow.objects.raw(_OF_SPANS.format(spans=listed, count=count), ()))


def _by_partition(places: Places, selected: str) -> dict[int, int]:
    if not places:
        return {}
    keyed = f"{places.condition} AND partition_key IS NOT NULL GROUP BY 1"
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT partition_key %% {places.count}, {selected}{keyed}", ())
        return dict(cursor.fetchall())
