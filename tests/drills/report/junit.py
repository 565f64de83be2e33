"""A run as JUnit XML for Jenkins and GitLab: a suite for the run, a case for each drill.

Public: `junit`.

It follows the schema of Jenkins' xUnit plugin (junit-10.xsd), which has no properties in a case: figures and files are
in `system-out`, files in the form that both systems attach.
"""

import re
from collections.abc import Iterator
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from tests.drills.journal import Journal
from tests.drills.phrases import duration
from tests.drills.report.runs import Drilled, Run
from tests.drills.report.summary import lead
from tests.drills.verdict import Verdict

# Characters that XML 1.0 can not contain in any form.
_FORBIDDEN = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit(run: Run) -> bytes:
    """The document, in UTF-8."""
    failures = _count(run, Verdict.DEVIATED)
    errors = _count(run, Verdict.ABORTED) + _count(run, Verdict.COULD_NOT_RUN)
    total_s = f"{sum(each.journal.duration for each in run.drills):.3f}"
    counts = {"tests": str(len(run.drills)), "failures": str(failures), "errors": str(errors), "time": total_s}
    root = Element("testsuites", {"name": "outage drills", **counts})
    given = {"name": _text(f"drills of {run.record.target}"), "timestamp": _text(run.record.start[:19]), "skipped": "0"}
    suite = SubElement(root, "testsuite", {**given, **counts})
    properties = SubElement(suite, "properties")
    for name, value in (("target", run.record.target), ("command", run.record.command)):
        SubElement(properties, "property", {"name": name, "value": _text(value)})
    for drilled in run.drills:
        _case(suite, run, drilled)
    ElementTree.indent(root)
    written: bytes = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return written


def _case(suite: Element, run: Run, drilled: Drilled) -> None:
    journal, found = drilled.journal, drilled.journal.mullion
    kind = "story" if found.story or not found.hop else found.hop
    names = {
        "name": _text(journal.experiment.title),
        "classname": _text(f"drills.{kind.replace(':', '-')}.{found.drill}"),
    }
    case = SubElement(suite, "testcase", {**names, "time": f"{journal.duration:.3f}"})
    if found.verdict is not Verdict.HELD:
        element = "failure" if found.verdict is Verdict.DEVIATED else "error"
        attributes = {"type": str(found.verdict), "message": _text(found.sentence)}
        SubElement(case, element, attributes).text = _text("\n".join(_failed(journal)) or found.sentence)
    SubElement(case, "system-out").text = _text("\n".join(_output(run, drilled)))


def _failed(journal: Journal) -> Iterator[str]:
    for each in journal.mullion.expectations:
        if not each.held:
            yield f"{each.subject}, {each.kind}: expected {each.expected}; seen: {each.seen}"


def _output(run: Run, drilled: Drilled) -> Iterator[str]:
    yield lead(drilled.journal, drilled.evidence)
    for name in ("detect_ms", "contain_ms", "recover_ms"):
        value = getattr(drilled.journal.mullion.phases, name)
        yield f"{name.removesuffix('_ms')}: {'not seen' if value is None else duration(value)}"
    if drilled.evidence:
        for file in drilled.evidence.files:
            path = (drilled.folder / file.path).resolve()
            base = run.folder.resolve()
            yield f"[[ATTACHMENT|{path.relative_to(base) if path.is_relative_to(base) else path}]]"


def _count(run: Run, verdict: Verdict) -> int:
    return sum(each.journal.mullion.verdict is verdict for each in run.drills)


def _text(text: str) -> str:
    return _FORBIDDEN.sub("\N{REPLACEMENT CHARACTER}", text)
