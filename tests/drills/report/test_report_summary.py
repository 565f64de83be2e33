"""What a drill came to, in plain words."""

from typing import Any

import pytest

from tests.drills.evidence.value import ActionCheck, Difference
from tests.drills.journal import Expectation, Phases, Sample, Sibling
from tests.drills.phrases import PHRASES, duration
from tests.drills.proxy.faults import FAULTS
from tests.drills.report.samples import a_journal, a_sibling, an_evidence
from tests.drills.report.summary import lead, siblings_sentence, what_was_broken
from tests.drills.verdict import Verdict

pytestmark = pytest.mark.quick


def test_each_fault_has_a_phrase() -> None:
    """Adding one asks for the words that a boss reads."""
    assert set(PHRASES) == set(FAULTS)
    for name, fault in FAULTS.items():
        typical = {each.name: each.typical or 0 for each in fault.parameters}
        assert PHRASES[name](typical)
        assert PHRASES[name]({})


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, "Promotions answered 3 s late for 30 s, for one browser session."),
        ({"scope": "everyone"}, "Promotions answered 3 s late for 30 s."),
        (
            {"hop": "bff-queries:valkey", "fault": "down"},
            "Valkey could not be reached (as bff-queries saw it) for 30 s",
        ),
        (
            {"hop": "browser:shell", "fault": "status", "attributes": {"status": 502}},
            "The shell answered 502 (as browsers saw it) for 30 s",
        ),
        ({"hop": "", "fault": ""}, "Promotions slow, for one tester for 30 s"),
        ({"fault": "made_up"}, "Promotions was broken (made_up) for 30 s"),
    ],
)
def test_what_was_broken_is_said_in_one_sentence(changes: dict[str, Any], words: str) -> None:
    assert what_was_broken(a_journal(evidence=None, **changes), None).startswith(words)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"bytes_differ": 6}, "6 of 412 bytes differ"),
        ({"state": "stale"}, "it was stale, and fresh without the fault"),
        ({"styles_differ": 3}, "3 elements look different"),
        (
            {"actions": (ActionCheck("a: Deposit", works=False, detail="something covers it"),)},
            "a: Deposit: something covers it",
        ),
        (
            {"text_same": False, "differences": (Difference("text", "wallet", "€12.50", "€125"),)},
            "“€125” became “€12.50”",
        ),
    ],
)
def test_harm_to_a_sibling_is_named(changes: dict[str, Any], words: str) -> None:
    found = siblings_sentence(a_journal().mullion, an_evidence(siblings=(a_sibling(**changes),)))
    assert found.startswith("The wallet was affected: ")
    assert words in found


def test_sibling_that_deviated_on_another_page_is_not_said_to_be_unharmed() -> None:
    amiss = Expectation(subject="sibling wallet", kind="state", expected="fresh", seen="stale", held=False)
    assert siblings_sentence(a_journal(expectations=[amiss]).mullion, an_evidence()) == ""


def test_siblings_that_only_http_compared_are_told_apart_too() -> None:
    same = Sibling(slot="tables", compared="bytes", control="a", seen="a", same=True)
    other = Sibling(slot="wallet", compared="bytes", control="a", seen="b", same=False, difference="“1” became “2”")
    found = siblings_sentence(a_journal(siblings=[same, other]).mullion, None)
    assert found == (
        "The tables were not affected: the markup is the same as without the fault. "
        "The wallet was affected: “1” became “2”."
    )


def test_drill_that_could_not_run_broke_nothing() -> None:
    journal = a_journal(verdict=Verdict.COULD_NOT_RUN, sentence="the page answered 502 before anything was broken")
    assert lead(journal, None) == (
        "“Promotions slow, for one tester” could not be run, and nothing was broken: the page answered 502 before "
        "anything was broken."
    )


def test_what_did_not_heal_is_not_said_to_be_back() -> None:
    never = a_journal(phases=Phases(viewer="browser", fault_ms=30_000, detect_ms=580))
    assert "Promotions fell back after 580 ms" in lead(never, an_evidence())
    assert "it was not seen to heal" in lead(never, an_evidence())
    assert "fell back" not in lead(a_journal(phases=Phases(fault_ms=30_000)), an_evidence())


def test_what_only_visits_saw_heal_is_not_said_to_have_healed_without_a_reload() -> None:
    samples = [Sample(at_ms=600, state="fallback"), Sample(at_ms=33_000, state="fresh")]
    phases = Phases(fault_ms=30_000, detect_ms=600, contain_ms=600, recover_ms=3000)
    words = lead(a_journal(phases=phases, slots={"promotions": samples}, evidence=None), None)
    assert words.endswith("Promotions fell back after 600 ms; 3 s after the end everything was back.")


@pytest.mark.parametrize(
    ("ms", "words"),
    [(0, "0 ms"), (999, "999 ms"), (3000, "3 s"), (3349, "3.3 s"), (180_000, "3 min"), (7_200_000, "2 h")],
)
def test_durations_are_said_as_people_say_them(ms: float, words: str) -> None:
    assert duration(ms) == words
