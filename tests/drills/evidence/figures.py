"""How fast a fault was seen, contained and healed, decided from the timeline alone.

Public: `Figures`, `figures_in`, `figures_of`, `is_well`.

- Seen: from the fault's start until a broken slot first said so on the tester's page.
- Contained: from the fault's start until a page that was loaded in it stood whole, with a broken slot in an outcome of
  its own, every broken slot on the page, and every sibling fresh.
- Recovered: from the fault's end until every slot of the tester's open page was fresh again, without a reload.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from tests.drills.evidence.value import Evidence, Transition

FRESH = "fresh"


@dataclass(frozen=True, slots=True)
class Figures:
    """Times in milliseconds; None if the event was not observed."""

    detect_ms: int | None = None
    contain_ms: int | None = None
    recover_ms: int | None = None


def figures_in(evidence: Evidence) -> Figures:
    """The figures of a recorder's evidence."""
    slots = {each.slot for each in evidence.timeline if each.viewer == "tester"}
    began_ms, ended_ms = evidence.fault_began_ms, evidence.fault_ended_ms
    return figures_of(evidence.timeline, evidence.broken_slots, slots, began_ms=began_ms, ended_ms=ended_ms)


def figures_of(
    timeline: Sequence[Transition],
    broken_slots: Collection[str],
    slots: Collection[str],
    *,
    began_ms: int | None,
    ended_ms: int | None,
) -> Figures:
    """`slots` are all slots of the page."""
    if began_ms is None or not broken_slots:
        return Figures()
    detect = contain = recover = None
    for at_ms, _load, page in _replayed(timeline):
        if at_ms < began_ms:
            continue
        in_fault = ended_ms is None or at_ms < ended_ms
        if detect is None and in_fault and any(page.get(slot, FRESH) != FRESH for slot in broken_slots):
            detect = at_ms - began_ms
        if contain is None and in_fault and _is_contained(page, broken_slots, slots):
            contain = at_ms - began_ms
    if ended_ms is not None and detect is not None:
        recover = _recover_ms(timeline, slots, ended_ms)
    return Figures(detect, contain, recover)


def is_well(page: Mapping[str, str], slots: Collection[str]) -> bool:
    """Whether every one of `slots` is on the page and fresh."""
    return bool(slots) and all(page.get(slot) == FRESH for slot in slots)


def _is_contained(page: Mapping[str, str], broken_slots: Collection[str], slots: Collection[str]) -> bool:
    siblings = set(slots) - set(broken_slots)
    broken = [page.get(slot, "absent") for slot in broken_slots]
    shows_fault = "absent" not in broken and any(state != FRESH for state in broken)
    return shows_fault and all(page.get(slot) == FRESH for slot in siblings)


def _recover_ms(timeline: Sequence[Transition], slots: Collection[str], ended_ms: int) -> int | None:
    """From `ended_ms` on, in the load that was open then."""
    standing = max((each.load for each in timeline if each.viewer == "tester" and each.at_ms <= ended_ms), default=0)
    well = False
    for at_ms, load, page in _replayed(timeline):
        if load != standing:
            continue
        well = is_well(page, slots)
        if well and at_ms >= ended_ms:
            return at_ms - ended_ms
    return 0 if well else None


def _replayed(timeline: Sequence[Transition]) -> Iterator[tuple[int, int, dict[str, str]]]:
    """The tester's page after each transition: when, in which load, and each slot's state. Each load begins empty."""
    page: dict[str, str] = {}
    load = 0
    for each in sorted(
        (each for each in timeline if each.viewer == "tester"), key=lambda each: (each.load, each.at_ms)
    ):
        if each.load != load:
            page, load = {}, each.load
        page = {**page, each.slot: each.state}
        yield each.at_ms, load, page
