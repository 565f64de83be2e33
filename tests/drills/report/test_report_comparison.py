"""A run beside the last one: what got worse is named, and noise is not."""

from pathlib import Path
from typing import Any

import pytest

from tests.drills.evidence.value import ConsoleError
from tests.drills.journal import Journal, Phases
from tests.drills.report.comparison import compare
from tests.drills.report.runs import last_before, load
from tests.drills.report.samples import a_journal, an_evidence, put_run
from tests.drills.report.write import write_report
from tests.drills.verdict import Verdict

pytestmark = pytest.mark.quick

OLD, NEW = "2026-03-01T12:00:00+00:00", "2026-03-02T12:00:00+00:00"


def compared(folder: Path, was: Journal, became: Journal) -> Any:
    last, run = put_run(folder / "one", was, start=OLD), put_run(folder / "two", became, start=NEW)
    return compare(load([run]), load([last]))


BROKEN = a_journal(verdict=Verdict.DEVIATED, sentence="slot promotions: it is gone")
SLOW = a_journal(phases=Phases(fault_ms=30_000, detect_ms=580, contain_ms=610, recover_ms=8000))
NOISY = a_journal(evidence=an_evidence(console_errors=(ConsoleError(1, "tester", "a"),) * 3))


@pytest.mark.parametrize(
    ("became", "words"),
    [
        (BROKEN, "held → deviated: slot promotions: it is gone"),
        (SLOW, "healed after 3.3 s → 8 s"),
        (NOISY, "1 console error → 3 console errors"),
        (a_journal(phases=Phases(fault_ms=30_000, contain_ms=610, recover_ms=3300)), "seen after 580 ms → never"),
    ],
)
def test_regression_is_named_with_both_values(tmp_path: Path, became: Journal, words: str) -> None:
    found = compared(tmp_path, a_journal(), became)
    assert [(change.drill, change.words) for change in found.regressions] == [("promotions-slow", words)]
    assert found.improvements == ()


def test_what_got_better_is_an_improvement(tmp_path: Path) -> None:
    found = compared(tmp_path, SLOW, a_journal())
    assert [change.words for change in found.improvements] == ["healed after 8 s → 3.3 s"]
    assert found.regressions == ()


def test_noise_is_no_regression(tmp_path: Path) -> None:
    """A busy machine adds a second here and there."""
    later = Phases(fault_ms=30_000, detect_ms=1500, contain_ms=610, recover_ms=4900)
    found = compared(tmp_path, a_journal(), a_journal(phases=later))
    assert (found.regressions, found.improvements) == ((), ())


@pytest.mark.parametrize("verdict", [Verdict.COULD_NOT_RUN, Verdict.ABORTED])
@pytest.mark.parametrize("it_was_so_then", [True, False])
def test_drill_that_came_to_no_end_is_never_called_free_of_regressions(
    tmp_path: Path, verdict: Verdict, it_was_so_then: bool
) -> None:
    ended, not_ended = a_journal(verdict=Verdict.DEVIATED), a_journal(verdict=verdict)
    last = put_run(tmp_path / "one", not_ended if it_was_so_then else ended, start=OLD)
    run = put_run(tmp_path / "two", ended if it_was_so_then else not_ended, start=NEW)
    found = compare(load([run]), load([last]))
    assert (found.compared, found.unjudged) == ("", ("promotions-slow",))
    text = write_report([run]).html.read_text("utf-8")
    assert "No regressions" not in text
    assert "Nothing to compare:" in text


def test_no_regressions_says_of_how_many_drills_and_of_which_not(tmp_path: Path) -> None:
    stopped = a_journal("live-hang", Verdict.ABORTED)
    put_run(tmp_path / "one", a_journal(), stopped, start=OLD)
    text = write_report([put_run(tmp_path / "two", a_journal(), stopped, start=NEW)]).html.read_text("utf-8")
    assert "No regressions</b> in 1 drill:" in text
    assert "so not compared:</b> live-hang" in text


def test_run_without_one_before_it_says_that_there_was_nothing_to_compare_with(tmp_path: Path) -> None:
    text = write_report([put_run(tmp_path / "this", a_journal(), start=NEW)]).html.read_text("utf-8")
    assert "Nothing to compare with" in text
    assert "No regressions" not in text


def test_drills_that_one_run_lacks_are_listed(tmp_path: Path) -> None:
    found = compared(tmp_path, a_journal("old"), a_journal("new"))
    assert (found.added, found.missing) == (("new",), ("old",))


def test_run_of_other_drills_is_nothing_to_compare_with(tmp_path: Path) -> None:
    put_run(tmp_path / "other", a_journal("other"), start=OLD)
    assert last_before(load([put_run(tmp_path / "this", a_journal(), start=NEW)])) is None


def test_report_is_compared_with_the_last_run_beside_it(tmp_path: Path) -> None:
    """By the moment at which it began, and never with a later one or one that can not be read."""
    put_run(tmp_path / "z-oldest", BROKEN, start="2026-02-01T12:00:00+00:00")
    put_run(tmp_path / "a-last", a_journal(), start=OLD)
    put_run(tmp_path / "later", a_journal(), start="2026-03-09T12:00:00+00:00")
    (
        put_run(tmp_path / "broken", a_journal(), start="2026-03-02T11:00:00+00:00")
        / "promotions-slow"
        / "journal.json"
    ).unlink()
    run = put_run(tmp_path / "this", BROKEN, start=NEW)
    found = last_before(load([run]))
    assert found is not None
    assert found.folder.name == "a-last"
    text = write_report([run]).html.read_text("utf-8")
    assert "Regressions" in text
    assert "held → deviated" in text
    assert "Regressions" not in write_report([run], compare_with=tmp_path / "z-oldest").html.read_text("utf-8")
