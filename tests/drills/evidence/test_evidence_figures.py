"""How fast: from a timeline alone, as somebody with a stopwatch and the page would say it."""

from typing import Any

import pytest

from tests.drills.evidence.figures import Figures, figures_of
from tests.drills.evidence.value import Transition

pytestmark = pytest.mark.quick

SLOTS = ("wallet", "tables", "promotions")
BROKEN = ("promotions",)


def at(ms: int, slot: str, state: str, load: int = 1, viewer: Any = "tester") -> Transition:
    return Transition(ms, slot, state, viewer=viewer, load=load)


def loaded(ms: int, load: int, **states: str) -> list[Transition]:
    """A page whose slots come one after another, ten milliseconds apart."""
    return [at(ms + 10 * n, slot, states.get(slot, "fresh"), load) for n, slot in enumerate(SLOTS)]


STORY = [
    *loaded(100, 1),
    *loaded(2000, 2, promotions="fallback"),
    at(9000, "promotions", "fresh", 2),
]


def figures(timeline: list[Transition], began_ms: int | None = 1500, ended_ms: int | None = 8000) -> Figures:
    return figures_of(timeline, BROKEN, SLOTS, began_ms=began_ms, ended_ms=ended_ms)


def test_detected_contained_and_recovered() -> None:
    """Contained no sooner than the last slot of the page is there; recovered on the page that stood open."""
    assert figures(STORY) == Figures(detect_ms=520, contain_ms=520, recover_ms=1000)
    assert figures([*loaded(2000, 2, promotions="fallback")[::-1], *STORY[3:]]).contain_ms == 520


def test_sibling_that_is_hurt_is_not_contained_until_it_is_well() -> None:
    timeline = [*loaded(2000, 2, promotions="fallback", wallet="stale"), at(3000, "wallet", "fresh", 2)]
    assert figures(timeline) == Figures(detect_ms=520, contain_ms=1500, recover_ms=None)


def test_page_without_its_last_slot_is_not_contained() -> None:
    timeline = [*loaded(2000, 2, promotions="fallback")[1:], at(2100, "wallet", "absent", 2)]
    assert figures(timeline).contain_ms is None


def test_what_heals_only_by_a_reload_did_not_recover() -> None:
    assert figures([*STORY[:-1], *loaded(9000, 3)]).recover_ms is None


def test_what_was_well_before_the_end_recovered_at_once() -> None:
    assert figures([*STORY[:-1], at(7000, "promotions", "fresh", 2)]).recover_ms == 0


def test_relapse_before_the_end_is_not_taken_for_recovery() -> None:
    flapping = [*STORY[:-1], at(7000, "promotions", "fresh", 2), at(7500, "promotions", "stale", 2), STORY[-1]]
    assert figures(flapping).recover_ms == 1000


def test_fault_that_nobody_saw_has_no_figures() -> None:
    assert figures([*loaded(100, 1), *loaded(2000, 2)]) == Figures()
    assert figures(STORY, began_ms=None) == Figures()


def test_what_the_control_page_shows_counts_for_nothing() -> None:
    assert figures([*loaded(100, 1), at(2000, "promotions", "fallback", 2, "control")]) == Figures()
