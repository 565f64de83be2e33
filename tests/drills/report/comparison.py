"""Compares a run with the one before it: what got worse, what got better, what was not run again.

Public: `Comparison`, `Change`, `compare`.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tests.drills.phrases import duration
from tests.drills.report.runs import Drilled, Run
from tests.drills.report.summary import count, moment
from tests.drills.verdict import Verdict

# A figure is worse if it is half as long again, and by more than a busy machine adds.
WORSE_FACTOR, WORSE_MS = 1.5, 1000
# A drill that could not run, or was stopped, proves nothing about the system.
_JUDGED = frozenset({Verdict.HELD, Verdict.DEVIATED})
FIGURES = (("detect_ms", "seen"), ("contain_ms", "contained"), ("recover_ms", "healed"))


@dataclass(frozen=True, slots=True)
class Change:
    """`drill` got worse or better: from which value to which."""

    drill: str
    words: str


@dataclass(frozen=True, slots=True)
class Comparison:
    """`last_start` is when the compared run began. `compared` is the number of drills that came to an end in both runs;
    `unjudged` are those in both runs that did not in one of them."""

    last_start: str
    compared: str
    unjudged: tuple[str, ...]
    regressions: tuple[Change, ...]
    improvements: tuple[Change, ...]
    added: tuple[str, ...]
    missing: tuple[str, ...]


def compare(run: Run, last: Run) -> Comparison:
    """Drills are matched by name."""
    drills, before = _by_name(run), _by_name(last)
    both = [name for name in drills if name in before]
    judged = [name for name in both if {_verdict(drills[name]), _verdict(before[name])} <= _JUDGED]
    return Comparison(
        last_start=moment(last.record.start),
        compared=count(len(judged), "drill") if judged else "",
        unjudged=tuple(name for name in both if name not in judged),
        regressions=tuple(Change(name, words) for name in both for words in _worse(before[name], drills[name])),
        improvements=tuple(
            Change(name, words) for name in both for words in _worse(drills[name], before[name], turned=True)
        ),
        added=tuple(name for name in drills if name not in before),
        missing=tuple(name for name in before if name not in drills),
    )


def _verdict(drilled: Drilled) -> Verdict:
    return drilled.journal.mullion.verdict


def _by_name(run: Run) -> dict[str, Drilled]:
    return {each.journal.mullion.drill: each for each in run.drills}


def _worse(good: Drilled, bad: Drilled, *, turned: bool = False) -> Iterator[str]:
    """Each way in which `bad` is worse than `good`; with `turned` the words go from `bad` to `good`."""

    def change(better: str, worse: str) -> str:
        return f"{worse} → {better}" if turned else f"{better} → {worse}"

    well, ill = good.journal.mullion, bad.journal.mullion
    if well.verdict is Verdict.HELD and ill.verdict is not Verdict.HELD:
        why = "" if turned else f": {ill.sentence}"
        yield change("held", str(ill.verdict).replace("_", " ")) + why
    for name, words in FIGURES:
        fast, slow = _figure(good, name), _figure(bad, name)
        if fast is not None and slow is None and well.phases.fault_ms and ill.phases.fault_ms:
            yield f"{words} {change(f'after {duration(fast)}', 'never')}"
        elif fast is not None and slow is not None and slow > max(fast * WORSE_FACTOR, fast + WORSE_MS):
            yield f"{words} after {change(duration(fast), duration(slow))}"
    if good.evidence and bad.evidence:
        yield from _more(len(good.evidence.console_errors), len(bad.evidence.console_errors), "console error", change)
        yield from _more(_violations(good), _violations(bad), "broken rule of accessibility", change)


def _more(fewer: int, more: int, one: str, change: Callable[[str, str], str]) -> Iterator[str]:
    many = one.replace("rule", "rules") if "rule" in one else f"{one}s"
    if more > fewer:
        yield change(count(fewer, one, many), count(more, one, many))


def _figure(drilled: Drilled, name: str) -> float | None:
    found: float | None = getattr(drilled.journal.mullion.phases, name)
    return found


def _violations(drilled: Drilled) -> int:
    return sum(len(each.violations) for each in drilled.evidence.axe) if drilled.evidence else 0
