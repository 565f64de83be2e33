"""The run as JUnit XML: what Jenkins' schema allows, with whatever words pages said."""

from pathlib import Path
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

import msgspec
import pytest

from tests.drills.report.samples import a_journal, put_run
from tests.drills.report.write import write_report
from tests.drills.verdict import Verdict

pytestmark = pytest.mark.quick

# junit-10.xsd of Jenkins' xUnit plugin: what each element needs, may have, and may hold.
SUITE = {"group", "time", "skipped", "timestamp", "hostname", "id", "package", "file", "log", "url"}
SCHEMA: dict[str, tuple[set[str], set[str], set[str]]] = {
    "testsuites": (set(), {"name", "time", "tests", "failures", "errors"}, {"testsuite"}),
    "testsuite": (
        {"name", "tests", "failures", "errors"},
        SUITE,
        {"testsuite", "properties", "testcase", "system-out", "system-err"},
    ),
    "properties": (set(), set(), {"property"}),
    "property": ({"name", "value"}, set(), set()),
    "testcase": ({"name"}, {"time", "classname", "group"}, {"skipped", "error", "failure", "system-out", "system-err"}),
    "failure": (set(), {"type", "message"}, set()),
    "error": (set(), {"type", "message"}, set()),
    "system-out": (set(), set(), set()),
}
MIXED = {"failure", "error", "system-out"}


def problems(element: Element) -> list[str]:
    """Where a document breaks the schema."""
    needed, allowed, children = SCHEMA[element.tag]
    found = [f"{element.tag} needs {name}" for name in needed - set(element.keys())]
    found += [f"{element.tag} has {name}" for name in set(element.keys()) - needed - allowed]
    found += [f"{element.tag} holds {child.tag}" for child in element if child.tag not in children]
    if element.tag not in MIXED and (element.text or "").strip():
        found.append(f"{element.tag} holds text")
    float(element.get("time", "0"))
    return found + [problem for child in element if child.tag in SCHEMA for problem in problems(child)]


def written(folder: Path, *journals: object) -> Element:
    file = write_report([put_run(folder, *journals)]).junit  # type: ignore[arg-type]
    return ElementTree.fromstring(file.read_bytes())


def test_each_verdict_is_what_a_ci_calls_it(tmp_path: Path) -> None:
    """A deviation is a failure; what was stopped or could not run is an error, so that nobody takes it for a pass."""
    journals = [a_journal(str(verdict), verdict, sentence=f"it {verdict}") for verdict in Verdict]
    root = written(tmp_path, *journals)
    assert problems(root) == []
    (suite,) = root
    assert (suite.get("tests"), suite.get("failures"), suite.get("errors")) == ("4", "1", "2")
    cases = {case.attrib["classname"].rpartition(".")[2]: case for case in suite.iter("testcase")}
    assert {name: [child.tag for child in case] for name, case in cases.items()} == {
        "held": ["system-out"],
        "deviated": ["failure", "system-out"],
        "aborted": ["error", "system-out"],
        "could_not_run": ["error", "system-out"],
    }
    assert cases["deviated"][0].attrib["message"] == "it deviated"


def test_figures_and_files_stand_in_the_output(tmp_path: Path) -> None:
    (output,) = written(tmp_path, a_journal()).iter("system-out")
    assert output.text
    assert "Promotions answered 3 s late" in output.text
    assert "recover: 3.3 s" in output.text
    assert "[[ATTACHMENT|promotions-slow/trace.zip]]" in output.text


def test_words_that_xml_can_not_hold_are_replaced(tmp_path: Path) -> None:
    hostile = 'a\0b\x1b[31m</failure><failure message="x">\ufffe&]]>'
    journal = a_journal(verdict=Verdict.DEVIATED, sentence=hostile)
    journal.experiment = msgspec.structs.replace(journal.experiment, title=hostile)
    root = written(tmp_path, journal)
    assert problems(root) == []
    (failure,) = root.iter("failure")
    assert failure.attrib["message"] == hostile.replace("\0", "\ufffd").replace("\x1b", "\ufffd").replace(
        "\ufffe", "\ufffd"
    )
