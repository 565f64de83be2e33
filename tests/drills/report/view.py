"""A run as its report shows it: everything decided and put into words, so that templates only place it.

Public: `Report`, `Drill`, `report_of`.

All values are text or tuples of such; templates escape them.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tests.drills.evidence.value import Evidence, SiblingDigest
from tests.drills.evidence.volatile import VOLATILE
from tests.drills.journal import Findings
from tests.drills.phrases import amount, duration
from tests.drills.report.comparison import Comparison, compare
from tests.drills.report.matrix import SIGNS, Matrix, hit_nothing, matrix_of
from tests.drills.report.pictures import Photograph, inside, photographs
from tests.drills.report.runs import Drilled, Run
from tests.drills.report.steps import Row, row_of, steps_of
from tests.drills.report.summary import broken_slots, count, lead, listed, moment
from tests.drills.report.timeline import Chart, chart_of, spans_of
from tests.drills.verdict import Verdict, worst

# A run of more has a row for each drill, and a section for those that have something to show.
SECTIONS_MAX = 12
LINES_MAX = 60

Pair = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Figure:
    """`value` is empty where it was not seen."""

    name: str
    value: str
    meaning: str


@dataclass(frozen=True, slots=True)
class Drill:
    """One section. `anchor` is what the matrix and the list lead to."""

    anchor: str
    title: str
    description: str
    kind: str
    verdict: str
    sign: str
    sentence: str
    facts: tuple[Pair, ...]
    figures: tuple[Figure, ...]
    seen: bool
    chart: Chart | None
    spans: tuple[Pair, ...]
    tester: tuple[Photograph, ...]
    control: tuple[Photograph, ...]
    siblings: tuple[Row, ...]
    differences: tuple[tuple[str, ...], ...]
    actions: tuple[Row, ...]
    expectations: tuple[Row, ...]
    steps: tuple[Row, ...]
    money: tuple[Row, ...]
    accessibility: tuple[str, ...]
    console: tuple[Pair, ...]
    timings: tuple[tuple[str, ...], ...]
    traces: tuple[str, ...]
    logs: tuple[Pair, ...]
    files: tuple[Pair, ...]
    missing: tuple[Pair, ...]


@dataclass(frozen=True, slots=True)
class Listed:
    """A drill in the list of all; `has_section` says whether its anchor is further below. By its `name` it is run
    again. `note` is what its verdict alone does not say."""

    anchor: str
    name: str
    kind: str
    sign: str
    verdict: str
    title: str
    figures: tuple[str, ...]
    note: str
    has_section: bool


@dataclass(frozen=True, slots=True)
class Report:
    title: str
    kind: str
    verdict: str
    sign: str
    sentence: str
    description: str
    facts: tuple[Pair, ...]
    tally: tuple[tuple[str, str, str], ...]
    matrix: Matrix | None
    comparison: Comparison | None
    listed: tuple[Listed, ...]
    drills: tuple[Drill, ...]
    volatile: tuple[Pair, ...]


def report_of(run: Run, last: Run | None = None) -> Report:
    """`last` is the run that this one is compared with."""
    drills = tuple(_drill(each) for each in run.drills)
    single = len(drills) == 1
    few = len(drills) <= SECTIONS_MAX
    shown = [drill for drill, each in zip(drills, run.drills, strict=True) if few or _has_more(each)]
    shown.sort(key=lambda drill: drill.kind == Verdict.HELD)
    overall = worst(each.journal.mullion.verdict for each in run.drills)
    verdict, sign = SIGNS[overall]
    return Report(
        title=drills[0].title if single else "Outage drills",
        kind=str(overall),
        verdict=verdict.capitalize(),
        sign=sign,
        sentence=drills[0].sentence if single else _summary(run),
        description=drills[0].description if single and drills[0].description != drills[0].title else "",
        facts=_run_facts(run) + (drills[0].facts if single else ()),
        tally=() if single else tuple(_tally(run)),
        matrix=matrix_of(run),
        comparison=compare(run, last) if last else None,
        listed=() if single else tuple(_listed(*each, shown) for each in zip(drills, run.drills, strict=True)),
        drills=tuple(shown),
        volatile=tuple((each.name, each.reason) for each in VOLATILE),
    )


def _listed(drill: Drill, drilled: Drilled, shown: Sequence[Drill]) -> Listed:
    figures, found = tuple(each.value or "–" for each in drill.figures), drilled.journal.mullion
    notes = [found.sentence] if hit_nothing(found) else []
    notes += [_looks(found)] if found.earlier else []
    return Listed(
        anchor=drill.anchor,
        name=found.drill,
        kind=drill.kind,
        sign=drill.sign,
        verdict=drill.verdict,
        title=drill.title,
        figures=figures,
        note=" ".join(notes),
        has_section=drill in shown,
    )


def _looks(found: Findings) -> str:
    """How often it was looked at, and what came of it before the look that counts."""
    looks = " ".join(f"({number}) {words}" for number, words in enumerate(found.earlier, 1))
    return f"Looked at {len(found.earlier) + 1} times, and the last look counts. Before: {looks}"


def _has_more(each: Drilled) -> bool:
    found = each.journal.mullion
    return found.verdict is not Verdict.HELD or found.story or each.evidence is not None


_AMISS = {
    Verdict.DEVIATED: "Not as expected",
    Verdict.COULD_NOT_RUN: "Could not run",
    Verdict.ABORTED: "Stopped before the end",
}


def _summary(run: Run) -> str:
    found = [each.journal for each in run.drills]
    held = sum(each.mullion.verdict is Verdict.HELD for each in found)
    unhit = sum(hit_nothing(each.mullion) for each in found)
    sentences = [f"{held:,} of {count(len(found), 'drill')} held."]
    if held == len(found):
        words = "what was broken fell back and healed by itself, and nothing else changed."
        sentences = [f"All {held:,} drills held: {words}"]
    for verdict, words in _AMISS.items():
        bad = [each for each in found if each.mullion.verdict is verdict]
        titles = listed([f"“{each.experiment.title}”" for each in bad[:3]])
        more = f", and {len(bad) - 3:,} more" if len(bad) > 3 else ""
        sentences += [f"{words}: {titles}{more}."] if bad else []
    sentences += [f"In {unhit:,} of them nothing came by for the fault to hit."] if unhit else []
    return " ".join(sentences)


def _run_facts(run: Run) -> tuple[Pair, ...]:
    record = run.record
    given = [
        ("System", record.target),
        ("Began", moment(record.start)),
        ("Ended", moment(record.end)),
        ("Command", f"manage.py {record.command}" if record.command else ""),
        ("Run again", _again(run)),
    ]
    return tuple((name, value) for name, value in given if value)


def _again(run: Run) -> str:
    """How many have a verdict that is not that of the first look."""
    number = sum(bool(each.journal.mullion.earlier) for each in run.drills)
    if not number:
        return ""
    return (
        f"{count(number, 'drill')} that did not hold beside others, or had a late sibling alone; the last look counts"
    )


def _tally(run: Run) -> Iterator[tuple[str, str, str]]:
    for verdict, (words, _) in SIGNS.items():
        number = sum(each.journal.mullion.verdict is verdict for each in run.drills)
        if number:
            yield str(verdict), f"{number:,}", words


def _drill(drilled: Drilled) -> Drill:
    journal, evidence = drilled.journal, drilled.evidence
    found = journal.mullion
    verdict, sign = SIGNS[found.verdict]
    pictures = photographs(evidence, drilled.folder) if evidence else {}
    digests = evidence.siblings if evidence else ()
    broken = broken_slots(found, evidence)
    return Drill(
        anchor=f"drill-{found.drill}",
        title=journal.experiment.title,
        description=journal.experiment.description,
        kind=str(found.verdict),
        verdict=verdict.capitalize(),
        sign=sign,
        sentence=lead(journal, evidence),
        facts=tuple(_drill_facts(found, evidence)),
        figures=tuple(_figures(found, evidence)),
        # That nobody noticed is no gap where nobody had to.
        seen=found.verdict is not Verdict.HELD or found.phases.detect_ms is not None,
        chart=chart_of(found, evidence, broken),
        spans=tuple((span.title, span.words) for span in spans_of(found, evidence)),
        tester=tuple(pictures.get("tester", ())),
        control=tuple(pictures.get("control", ())),
        siblings=tuple(_siblings(found, digests)),
        differences=tuple(
            (each.slot, at.aspect, at.where, at.control, at.tester) for each in digests for at in each.differences
        ),
        actions=tuple(_actions(digests)),
        expectations=tuple(
            row_of(each.held, each.subject, each.kind, each.expected, each.seen) for each in found.expectations
        ),
        steps=tuple(steps_of(journal)),
        money=tuple(_money(found)),
        accessibility=tuple(_accessibility(evidence)) if evidence else (),
        console=tuple((each.viewer, each.text) for each in evidence.console_errors[:LINES_MAX]) if evidence else (),
        timings=tuple(_timings(evidence)) if evidence else (),
        traces=evidence.trace_ids[:LINES_MAX] if evidence else (),
        logs=tuple((each.process, each.text) for each in evidence.log_lines[:LINES_MAX]) if evidence else (),
        files=tuple(_files(drilled, evidence)) if evidence else (),
        missing=tuple(evidence.missing.items()) if evidence else (),
    )


def _drill_facts(found: Findings, evidence: Evidence | None) -> Iterator[Pair]:
    if found.hop:
        given = " ".join(f"{name}={value}" for name, value in found.attributes.items())
        yield "Broken", f"{found.hop} by {found.fault} {given}".strip()
    yield "For", "one browser session" if found.scope == "session" else found.scope
    if found.phases.fault_ms:
        yield "How long", duration(found.phases.fault_ms)
    if found.hits:
        yield "Hit", "; ".join(f"{count(each.count, each.of.removesuffix('s'))} at {each.hop}" for each in found.hits)
    if found.earlier:
        yield "Again", _looks(found)
    if evidence:
        yield "Page", evidence.base_url + evidence.path
        answers = ", ".join(f"{number} × {status}" for status, number in evidence.statuses.items())
        yield "Answers", answers


def _figures(found: Findings, evidence: Evidence | None) -> Iterator[Figure]:
    figures = found.phases
    reload = ", without a reload" if figures.viewer == "browser" else ""
    broken = listed(broken_slots(found, evidence)) or "what was broken"
    for name, value, meaning in (
        ("Seen", figures.detect_ms, f"from the fault's start until {broken} said so on the page"),
        ("Contained", figures.contain_ms, "until a page stood whole, with everything else as it should be"),
        ("Healed", figures.recover_ms, f"from the fault's end until everything was fresh{reload}"),
    ):
        yield Figure(name, "" if value is None else duration(value), meaning)


def _siblings(found: Findings, digests: Sequence[SiblingDigest]) -> Iterator[Row]:
    for each in digests:
        against = f"page {each.against}{', ' + each.note if each.note else ''}"
        size = f"{each.bytes_differ:,} of {max(each.bytes, each.control_bytes):,}"
        styles = "not measured" if each.styles_differ is None else f"{each.styles_differ} of {each.styled_elements}"
        works = f"{sum(action.works for action in each.actions)} of {len(each.actions)}" if each.actions else "none"
        words = "same" if each.text_same else "differ"
        digest = each.digest if each.digest == each.control_digest else f"{each.digest} ≠ {each.control_digest}"
        yield row_of(each.same, each.slot, f"{each.moment}, {against}", size, words, styles, works, digest)
    if not digests:
        for one in found.siblings:
            size = "0" if one.same else one.difference
            yield row_of(one.same, one.slot, count(one.samples, "page"), size, "–", "–", "–", one.seen[:16])


def _actions(digests: Sequence[SiblingDigest]) -> Iterator[Row]:
    for each in digests:
        for action in each.actions:
            if each.moment == "during":
                yield row_of(action.works, each.slot, action.name, action.detail or "can be used")


def _money(found: Findings) -> Iterator[Row]:
    for each in found.money:
        change = each.after_minor - each.before_minor
        yield row_of(
            each.held,
            each.player.removeprefix("pl_"),
            *(
                amount(minor, each.currency)
                for minor in (each.before_minor, each.after_minor, each.expected_change_minor, change)
            ),
            str(each.doubles),
        )


def _accessibility(evidence: Evidence) -> Iterator[str]:
    for run in evidence.axe:
        if not run.violations:
            yield f"{run.moment.capitalize()} the fault: no broken rule of WCAG 2.2 AA."
        for each in run.violations:
            yield f"{run.moment.capitalize()}: {each.impact} {each.rule}: {each.help} ({'; '.join(each.elements)})"


def _timings(evidence: Evidence) -> Iterator[tuple[str, ...]]:
    origin = evidence.fault_began_ms or 0
    for each in evidence.server_timings[:LINES_MAX]:
        yield duration(each.at_ms - origin), each.viewer, each.slot, duration(each.ms), each.state


def _files(drilled: Drilled, evidence: Evidence) -> Iterator[Pair]:
    for each in evidence.files:
        there = "" if inside(drilled.folder, each.path) else ", not in the folder any more"
        yield each.kind, f"{each.path} ({each.bytes / 1024:,.0f} KB{there})"
