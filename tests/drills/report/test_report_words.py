"""What a drill came to, in plain words."""

from typing import Any

import msgspec
import pytest

from tests.drills.evidence.value import ActionCheck, Difference
from tests.drills.journal import Sibling
from tests.drills.proxy.faults import FAULTS
from tests.drills.report.samples import a_journal, a_sibling, an_evidence
from tests.drills.report.words import PHRASES, duration, lead, siblings_sentence, what_was_broken
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
    evidence = an_evidence(recover_ms=None)
    assert "it was not seen to heal" in lead(a_journal(), evidence)
    assert "fell back" not in lead(a_journal(), msgspec.structs.replace(evidence, detect_ms=None))


@pytest.mark.parametrize(
    ("ms", "words"),
    [(0, "0 ms"), (999, "999 ms"), (3000, "3 s"), (3349, "3.3 s"), (180_000, "3 min"), (7_200_000, "2 h")],
)
def test_durations_are_said_as_people_say_them(ms: float, words: str) -> None:
    assert duration(ms) == words
