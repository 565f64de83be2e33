"""Which positions of each partition are sent next: those that follow what has gone out, as far as there is room.

Public: `Span`, `next_spans`.

Positions of a partition follow each other without a gap and go out in order, so a batch is found by them, however much
waits in partitions that have no room.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from bff.commands.relay.partition_ends import End


@dataclass(frozen=True, slots=True)
class Span:
    """Positions of one partition, both ends included."""

    first: int
    last: int

    def __len__(self) -> int:
        return self.last - self.first + 1


def next_spans(
    ends: list[End], held: Iterable[int], room: Mapping[int, int] | None, events_max: int
) -> dict[int, Span]:
    """At most `events_max` positions of the partitions `held`, and of each no more than its `room` (None: no limit).

    Where that is not enough for all, those with few have theirs and the others share the rest.
    """
    wanted = {place: ends[place].position - (ends[place].sent or 0) for place in held}
    if room is not None:
        wanted = {place: min(count, room.get(place, 0)) for place, count in wanted.items()}
    left, spans = events_max, {}
    sending = sorted((count, place) for place, count in wanted.items() if count > 0)
    for done, (count, place) in enumerate(sending):
        share = min(count, -(-left // (len(sending) - done)))
        if share:
            sent = ends[place].sent or 0
            spans[place] = Span(sent + 1, sent + share)
            left -= share
    return spans
