"""What was done and what came of it: which slot changed, after how long, and when it was back."""

from dataclasses import replace
from typing import Any

import pytest

from tests.drills.console.causes import may_hit
from tests.drills.console.history import EVERYONE, TESTER, Fault, History

SLOW = Fault("shell:promotions", "latency_downstream", "latency 3000", "everyone", "everyone", 30.0)
MINE = Fault("shell:promotions", "status_downstream_x", "status 503", "session", "this browser's session", 30.0)
DOWN = Fault("shell:wallet", "down", "down", "everyone", "everyone", 30.0)
WELL = {"promotions": ("fresh", ""), "wallet": ("fresh", "")}
FELL = {"promotions": ("fallback", "timeout")}


def watched() -> History:
    history = History(may_hit)
    history.see(EVERYONE, WELL, 99.0)
    return history


def entry(history: History, place: int = 0) -> dict[str, Any]:
    found: dict[str, Any] = history.body()[place]
    return found


def steps(history: History, place: int = 0) -> list[tuple[str, str, str, int, int | None]]:
    """(viewer, slot, state, milliseconds from the beginning, milliseconds from the end) of all changes."""
    return [
        (change["viewer"], change["slot"], step["state"], step["after_ms"], step["healed_ms"])
        for change in entry(history, place)["changes"]
        for step in change["steps"]
    ]


def test_slot_that_fell_and_healed_is_told_with_both_times_and_the_others_as_untouched() -> None:
    history = watched()
    history.begin(SLOW, 100.0, 0)
    history.see(EVERYONE, FELL, 100.6)
    history.heal("shell:promotions", 110.0)
    history.see(EVERYONE, WELL, 112.5)
    assert steps(history) == [
        (EVERYONE, "promotions", "fallback", 600, None),
        (EVERYONE, "promotions", "fresh", 12500, 2500),
    ]
    assert entry(history)["untouched"] == [{"viewer": EVERYONE, "slot": "wallet"}]
    assert (entry(history)["lasted_ms"], entry(history)["how"]) == (10000, "here")


def test_slot_that_fell_before_the_proxy_had_answered_fell_by_this_fault_and_its_healing_is_told() -> None:
    """A busy machine answers late. A poll that was sent before the fault was set does not end it."""
    history = watched()
    history.see(EVERYONE, FELL, 101.0)
    history.begin(SLOW, 102.0, 0, requested_at=100.0)
    history.follow([], 101.5, 102.1, 0)
    history.see(EVERYONE, {"promotions": ("fallback", "breaker_open")}, 102.7)
    history.heal("shell:promotions", 104.0)
    history.follow([], 107.0, 107.1, 0)
    history.see(EVERYONE, WELL, 110.0)
    assert steps(history) == [
        (EVERYONE, "promotions", "fallback", 1000, None),
        (EVERYONE, "promotions", "fallback", 2700, None),
        (EVERYONE, "promotions", "fresh", 10000, 6000),
    ]
    assert entry(history)["how"] == "here"


@pytest.mark.parametrize("again", [True, False], ids=["another reason seen", "seen once"])
def test_slot_that_fell_before_a_poll_found_the_fault_fell_by_the_fault_that_was_asked_for_here(again: bool) -> None:
    """On a busy machine the poll finds the fault before the proxy's answer comes, and long after the slot fell."""
    history = watched()
    fault = replace(SLOW, number=7)
    history.see(EVERYONE, FELL, 100.5)
    history.follow([fault], 102.4, 102.5, 0)
    if again:
        history.see(EVERYONE, {"promotions": ("fallback", "breaker_open")}, 102.7)
    history.begin(fault, 103.0, 0, requested_at=100.0)
    history.heal("shell:promotions", 104.0)
    history.follow([], 107.0, 107.1, 0)
    history.see(EVERYONE, WELL, 110.0)
    reached = [(state, after_ms, healed_ms) for _, _, state, after_ms, healed_ms in steps(history)]
    assert reached == [("fallback", 500, None), ("fresh", 10000, 6000)]
    assert (entry(history)["lasted_ms"], entry(history)["how"]) == (4000, "here")


def test_slot_that_is_fresh_before_the_proxy_has_answered_that_it_healed_was_fresh_after_the_end() -> None:
    """A poll that was sent before the proxy had healed the hop begins no new fault."""
    history = watched()
    history.begin(SLOW, 100.0, 0)
    history.see(EVERYONE, FELL, 101.0)
    history.see(EVERYONE, WELL, 104.5)
    history.heal("shell:promotions", 105.0, requested_at=104.0)
    history.follow([SLOW], 104.2, 105.1, 0)
    assert [(state, after_ms, healed_ms) for _, _, state, after_ms, healed_ms in steps(history)] == [
        ("fallback", 1000, None),
        ("fresh", 4500, 500),
    ]
    assert (len(history.body()), entry(history)["lasted_ms"]) == (1, 4000)


def test_healing_is_told_of_a_slot_that_had_fallen_by_itself_before_the_fault() -> None:
    """On a busy machine it may have been late by itself; with another reason it is not as it was before."""
    history = watched()
    history.see(EVERYONE, FELL, 99.5)
    history.begin(SLOW, 100.2, 0, requested_at=100.0)
    history.see(EVERYONE, {"promotions": ("fallback", "breaker_open")}, 102.3)
    history.heal("shell:promotions", 103.0)
    history.follow([], 106.0, 106.1, 0)
    history.see(EVERYONE, WELL, 108.0)
    assert [(state, after_ms, healed_ms) for _, _, state, after_ms, healed_ms in steps(history)] == [
        ("fallback", 2300, None),
        ("fresh", 8000, 5000),
    ]


def test_slot_that_fell_before_anybody_asked_for_the_fault_did_not_fall_by_it() -> None:
    history = watched()
    history.see(EVERYONE, FELL, 99.5)
    history.begin(SLOW, 102.0, 0, requested_at=100.0)
    assert steps(history) == []


def test_nothing_is_claimed_of_slots_on_a_page_that_did_not_come() -> None:
    history = watched()
    history.see(EVERYONE, {"page": ("fresh", "")}, 99.0)
    history.begin(SLOW, 100.0, 0)
    history.see(EVERYONE, {"page": ("unreachable", "no answer in time")}, 105.0)
    assert entry(history)["untouched"] == []


def test_entry_is_closed_once_all_is_as_it_was_and_not_before() -> None:
    history = watched()
    history.begin(SLOW, 100.0, 0)
    history.see(EVERYONE, FELL, 100.6)
    history.heal("", 101.0)
    history.follow([], 105.0, 105.0, 0)
    assert not entry(history)["closed"]
    history.see(EVERYONE, WELL, 106.0)
    history.follow([], 107.0, 107.0, 0)
    assert entry(history)["closed"]
    assert history.open == []


def test_what_never_heals_is_given_up_after_a_minute() -> None:
    history = watched()
    history.begin(SLOW, 100.0, 0)
    history.see(EVERYONE, FELL, 100.6)
    history.heal("", 101.0)
    history.follow([], 162.0, 162.0, 0)
    assert entry(history)["closed"]


def test_fault_whose_time_is_over_ended_then_and_by_itself() -> None:
    """Whenever it is looked for; one that is gone before was ended by somebody else."""
    history = watched()
    history.begin(SLOW, 100.0, 0)
    history.follow([], 130.4, 130.4, 0)
    assert (entry(history)["how"], entry(history)["lasted_ms"]) == ("by itself", 30000)
    history.begin(SLOW, 200.0, 0)
    history.follow([], 210.0, 210.0, 0)
    assert (entry(history)["how"], entry(history)["lasted_ms"]) == ("elsewhere", 10000)


def test_fault_that_another_program_put_on_stands_in_the_list() -> None:
    history = watched()
    history.follow([SLOW], 100.0, 100.1, 0)
    assert (entry(history)["by"], len(history.body())) == ("elsewhere", 1)


def test_look_that_began_before_a_click_does_not_undo_it() -> None:
    """Neither is what was just broken taken for healed, nor what was just healed for broken anew."""
    history = watched()
    history.begin(SLOW, 100.0, 0)
    history.follow([], 99.9, 100.1, 0)
    assert entry(history)["lasted_ms"] is None
    history.heal("", 105.0)
    history.follow([SLOW], 104.9, 105.1, 0)
    assert len(history.body()) == 1


def test_same_fault_again_takes_the_place_of_the_first() -> None:
    history = watched()
    history.begin(SLOW, 100.0, 0)
    history.begin(SLOW, 103.0, 0)
    assert [each["how"] for each in history.body()] == ["", "replaced"]


def test_fault_that_is_seen_on_the_proxy_before_its_click_is_answered_stands_once() -> None:
    history = watched()
    fault = replace(SLOW, number=7)
    history.follow([fault], 100.0, 100.1, 0)
    history.see(EVERYONE, FELL, 100.2)
    history.begin(fault, 100.3, 0)
    assert [(each["how"], each["by"]) for each in history.body()] == [("", "here")]
    assert steps(history) == [(EVERYONE, "promotions", "fallback", 100, None)]


def test_fault_for_one_session_has_changed_nothing_for_everybody() -> None:
    history = watched()
    history.see(TESTER, WELL, 99.0)
    history.begin(MINE, 100.0, 0)
    history.see(TESTER, FELL, 100.4)
    assert steps(history) == [(TESTER, "promotions", "fallback", 400, None)]
    assert {"viewer": EVERYONE, "slot": "promotions"} in entry(history)["untouched"]


def test_fault_for_one_session_that_everybody_sees_is_told_and_one_for_everybody_is_believed_first() -> None:
    history = watched()
    history.begin(SLOW, 99.5, 0)
    history.begin(MINE, 100.0, 0)
    history.see(EVERYONE, FELL, 100.5)
    assert (steps(history), steps(history, 1)) == ([], [(EVERYONE, "promotions", "fallback", 1000, None)])
    history = watched()
    history.begin(MINE, 100.0, 0)
    history.see(EVERYONE, FELL, 100.5)
    assert steps(history) == [(EVERYONE, "promotions", "fallback", 500, None)]


def others(history: History, place: int = 0) -> list[list[int]]:
    return [step["others"] for change in entry(history, place)["changes"] for step in change["steps"]]


@pytest.mark.parametrize("wallet_is_later", [True, False])
def test_change_while_two_are_on_is_told_of_the_one_that_can_hit_the_slot_also_where_it_is_the_older(
    wallet_is_later: bool,
) -> None:
    history = watched()
    for place, fault in enumerate([SLOW, DOWN] if wallet_is_later else [DOWN, SLOW]):
        history.begin(fault, 100.0 + place, 0)
    history.see(EVERYONE, {"wallet": ("fallback", "refused")}, 101.2)
    wallets, promotions = (0, 1) if wallet_is_later else (1, 0)
    assert steps(history, wallets) == [(EVERYONE, "wallet", "fallback", 200 if wallet_is_later else 1200, None)]
    assert (steps(history, promotions), others(history, wallets)) == ([], [[]])


def test_change_on_the_way_of_several_faults_is_told_of_each_and_each_names_the_others() -> None:
    """A slot's own hop, one behind it, and the page's: nobody can tell them from each other."""
    history = watched()
    history.begin(DOWN, 100.0, 0)
    history.begin(
        Fault("wallet:bff-queries", "status_downstream", "status 503", "everyone", "everyone", 30.0), 101.0, 0
    )
    history.begin(SLOW, 102.0, 0)
    history.see(EVERYONE, {"wallet": ("fallback", "connect")}, 102.5)
    assert [steps(history, place) for place in (0, 1, 2)] == [
        [],
        [(EVERYONE, "wallet", "fallback", 1500, None)],
        [(EVERYONE, "wallet", "fallback", 2500, None)],
    ]
    assert (others(history, 1), others(history, 2)) == ([[1]], [[2]])
    history.heal("", 103.0)
    history.see(EVERYONE, WELL, 104.0)
    history.follow([], 106.0, 106.0, 0)
    assert [each["closed"] for each in history.body()] == [True, True, True]


def test_change_that_no_fault_that_is_on_should_make_is_told_of_all_of_them() -> None:
    history = watched()
    history.begin(SLOW, 100.0, 0)
    history.begin(replace(SLOW, hop="shell:games"), 100.5, 0)
    history.see(EVERYONE, {"wallet": ("fallback", "timeout")}, 101.0)
    assert (others(history, 0), others(history, 1)) == ([[1]], [[2]])


def test_fault_that_hits_a_slot_that_is_amiss_already_is_told_of_too_and_closed_once_it_is_well() -> None:
    history = watched()
    history.begin(DOWN, 100.0, 0)
    history.see(EVERYONE, {"wallet": ("stale", "connect")}, 100.2)
    history.begin(replace(DOWN, hop="wallet:bff-queries"), 101.0, 0)
    history.see(EVERYONE, {"wallet": ("fallback", "timeout")}, 101.4)
    assert [each[2:4] for each in steps(history, 0)] == [("fallback", 400)]
    assert [each[2:4] for each in steps(history, 1)] == [("stale", 200), ("fallback", 1400)]
    history.heal("", 102.0)
    history.see(EVERYONE, WELL, 103.0)
    history.follow([], 105.0, 105.0, 0)
    assert history.open == []


def test_change_while_nothing_is_broken_is_nobodys() -> None:
    history = watched()
    history.see(EVERYONE, FELL, 100.0)
    assert history.body() == []
    assert history.slots()[EVERYONE]["promotions"] == {"state": "fallback", "reason": "timeout"}


def test_slot_that_flaps_keeps_its_first_step_and_its_last() -> None:
    history = watched()
    history.begin(SLOW, 100.0, 0)
    for turn in range(40):
        history.see(EVERYONE, FELL if turn % 2 == 0 else WELL, 101.0 + turn)
    found = steps(history)
    assert len(found) == 12
    assert (found[0][3], found[-1][3]) == (1000, 40000)
