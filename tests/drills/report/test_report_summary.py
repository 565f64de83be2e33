"""What a drill came to, in plain words."""

from typing import Any

import pytest

from bff.sandbox.functions.server import FunctionPlatform
from bff.sandbox.games.server import GamesProvider
from bff.sandbox.payments.server import PaymentsProvider
from bff.sandbox.promotions.server import PromotionsProvider
from bff.sandbox.tables.server import TablesProvider
from shell.operations.up import find
from tests.drills.evidence.value import ActionCheck, Difference
from tests.drills.journal import Activity, Expectation, Hit, MoneySum, Phases, Sample, Sibling, Step
from tests.drills.phrases import PEOPLES_NAMES, PHRASES, PROVIDER_PHRASES, amount, duration
from tests.drills.proxy.faults import FAULTS
from tests.drills.report.samples import a_journal, a_sibling, an_evidence
from tests.drills.report.steps import steps_of
from tests.drills.report.summary import lead, money_sentence, siblings_sentence, what_was_broken
from tests.drills.verdict import Verdict
from tests.support.mullion import ROOT

pytestmark = pytest.mark.quick


def test_each_fault_of_a_provider_has_a_phrase() -> None:
    providers = (PaymentsProvider, PromotionsProvider, TablesProvider, GamesProvider, FunctionPlatform)
    assert set(PROVIDER_PHRASES) == {kind for provider in providers for kind in provider.fault_kinds}


def test_part_of_the_system_has_a_name_for_whoever_never_saw_it() -> None:
    """Also one that a house gains; promotions are called so by everybody."""
    processes = {process.name for house in find.houses(ROOT) for process in house.processes}
    assert processes - {"promotions"} <= set(PEOPLES_NAMES)


@pytest.mark.parametrize(
    ("after", "expected", "words"),
    [
        (12_500, 0, "Amber has 125.00 EUR, as before, and nothing was booked."),
        (14_500, 2000, "Amber has 145.00 EUR: 20.00 EUR more, as it should be, and nothing was booked twice."),
        (12_000, -500, "Amber has 120.00 EUR: 5.00 EUR less, as it should be, and nothing was booked twice."),
        (12_400, 0, ""),
    ],
)
def test_money_that_is_as_it_should_be_is_said_with_its_figures(after: int, expected: int, words: str) -> None:
    money = MoneySum(
        player="pl_amber", currency="EUR", before_minor=12_500, after_minor=after, expected_change_minor=expected
    )
    assert money_sentence(a_journal(money=[money]).mullion) == words


def test_currency_without_decimals_has_none() -> None:
    assert amount(12_500, "JPY") == "12,500 JPY"


def step(at_s: int, name: str, arguments: dict[str, Any] | None = None, **given: Any) -> Step:
    provider = {"type": "http"} | ({"arguments": arguments} if arguments else {})
    moment = f"2026-03-01T12:00:{at_s:02}+00:00"
    activity = Activity(type="action", name=name, provider=provider)
    return Step(activity=activity, start=moment, end=moment, duration=1.2, **({"status": "succeeded"} | given))


def test_fault_that_comes_again_and_again_is_not_told_as_one() -> None:
    flaps = a_journal(hop="ingest:sandbox-tables", fault="down", attributes={})
    flaps.run = [step(at, "ingest:sandbox-tables down for 1 s", {"enabled": False, "ttl_s": 1}) for at in (2, 4, 6)]
    assert what_was_broken(flaps, None).startswith(
        "The table provider could not be reached (as the intake of feeds saw it) 3 times, for 1 s each"
    )


def test_steps_are_told_with_when_and_what_came_of_them() -> None:
    """Of a story with a player in it; times count from the fault."""
    story = a_journal()
    lost = {"kind": "answer_lost", "for_s": 12}
    story.run = [
        step(6, "deposit 20", output={"key": "k", "answers": ["ReadTimeout", "303 /?cashier.receipt=r"]}),
        step(5, "sandbox-payments answer_lost for 12 s", lost, output=[{}]),
        step(7, "30 visitors load the page for 16 s", output="40 pages, 0 failed, the slowest in 80 ms"),
        step(8, "bet 200 minor units on red at table 205", status="failed", output="no bets were taken"),
        step(3, "table 205 plays red", output=[{}]),
    ]
    assert [(row.kind, *row.cells) for row in steps_of(story)] == [
        ("good", "2 s before", "Table 205 plays red", "done"),
        ("good", "0 ms", "The payment provider did what it was asked to do and never answered, for 12 s", "done"),
        ("good", "1 s", "Deposit 20", "pressed 2 times with one key, answered 303 with a receipt after 1.2 s"),
        ("good", "2 s", "30 visitors load the page for 16 s", "40 pages, 0 failed, the slowest in 80 ms"),
        ("bad", "3 s", "Bet 200 minor units on red at table 205", "no bets were taken"),
    ]
    story.mullion.hop = ""
    assert what_was_broken(story, None).startswith("The payment provider did what it was asked to do and never")
    story.run = story.run[:1]
    assert [*steps_of(story)] == []


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
            "Valkey could not be reached (as the read side saw it) for 30 s",
        ),
        (
            {"hop": "browser:shell", "fault": "status", "attributes": {"status": 502}},
            "The shell answered 502 (as browsers saw it) for 30 s",
        ),
        (
            {"hop": "*:bff-queries", "fault": "down"},
            "The read side could not be reached (as everybody saw it) for 30 s",
        ),
        (
            {"hop": "sandbox-payments", "fault": "answer_lost"},
            "The payment provider did what it was asked to do and never answered for 30 s",
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


def test_drill_whose_fault_hit_nothing_is_not_said_to_have_broken_nothing() -> None:
    hits = [Hit(hop="shell:promotions", fault="latency", count=0, of="requests")]
    journal = a_journal(
        verdict=Verdict.COULD_NOT_RUN, sentence="It proves nothing: no request met the fault", hits=hits
    )
    assert lead(journal, None) == (
        "“Promotions slow, for one tester” hit nothing: It proves nothing: no request met the fault."
    )


def test_what_did_not_heal_is_not_said_to_be_back() -> None:
    never = a_journal(phases=Phases(viewer="browser", fault_ms=30_000, detect_ms=580))
    assert "Promotions fell back after 580 ms" in lead(never, an_evidence())
    assert "it was not seen to heal" in lead(never, an_evidence())
    assert "fell back" not in lead(a_journal(phases=Phases(fault_ms=30_000)), an_evidence())


def test_what_only_visits_saw_heal_is_not_said_to_have_healed_without_a_reload() -> None:
    samples = [Sample(at_ms=600, state="fallback"), Sample(at_ms=33_000, state="fresh")]
    phases = Phases(fault_ms=30_000, detect_ms=600, contain_ms=600, recover_ms=3000)
    words = lead(a_journal(phases=phases, slots={"promotions": samples}, evidence=None, money=[]), None)
    assert words.endswith("Promotions fell back after 600 ms; 3 s after the end everything was back.")


@pytest.mark.parametrize(
    ("ms", "words"),
    [(0, "0 ms"), (999, "999 ms"), (3000, "3 s"), (3349, "3.3 s"), (180_000, "3 min"), (7_200_000, "2 h")],
)
def test_durations_are_said_as_people_say_them(ms: float, words: str) -> None:
    assert duration(ms) == words
