"""The report as one HTML file: what it says first, what is in it, and that nothing a page said can act in it."""

import html.parser
import re
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.drills.journal import Hit, Sample
from tests.drills.report.page import html as page
from tests.drills.report.runs import CanNotRead, load
from tests.drills.report.samples import a_journal, a_sibling, an_evidence, put_run, with_everywhere
from tests.drills.report.view import report_of
from tests.drills.report.write import write_report
from tests.drills.run_record import Cell
from tests.drills.verdict import Verdict

pytestmark = pytest.mark.quick

HOSTILE = (
    "\"'><script>alert(1)</script><img src=x onerror=alert(2)></style>{{ 7|add:7 }}{% now 'Y' %}\0\x1b[31m\u202e&amp;"
)


class Elements(html.parser.HTMLParser):
    """Every element and attribute of a page, as a browser without scripts parses it."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]

    def values(self, *names: str) -> list[str]:
        return [value for name, value in self.attributes if name in names]


def written(folder: Path, *journals: Any, **more: Any) -> str:
    return write_report([put_run(folder, *journals, **more)]).html.read_text("utf-8")


def test_report_begins_with_the_verdict_in_plain_words(tmp_path: Path) -> None:
    text = written(tmp_path, a_journal())
    lead = re.search(r'<p class="lead">(.*?)</p>', text)
    assert lead
    assert lead[1] == (
        "Promotions answered 3 s late for 30 s, for one browser session. The wallet was not affected: 0 of 412 bytes "
        "differ, the words are the same, so is the look of 23 elements, and all 2 actions still work, compared with a "
        "page beside it without the fault. Promotions fell back after 580 ms and said “Offers are out of reach. They "
        "return by themselves”; 3.3 s after the end everything was back, without a reload. "
        "Amber has 125.00 EUR, as before, and nothing was booked."
    )
    body = text.partition("<body>")[2]
    assert body.index("Promotions answered") < min(body.index(words) for words in ("<dl", "<svg class", "<table"))


def test_report_is_one_file_without_script(tmp_path: Path) -> None:
    """Pictures and styles are in it; it asks nobody for anything."""
    found = Elements(written(tmp_path, a_journal()))
    assert not {"script", "link", "iframe", "object", "embed", "base", "form"} & set(found.tags)
    assert found.tags.count("image") == 4
    assert all(address.startswith(("data:image/png;base64,", "#")) for address in found.values("src", "href", "action"))
    assert "default-src 'none'" in found.values("content")[0]


def test_all_that_was_seen_is_in_it(tmp_path: Path) -> None:
    text = written(tmp_path, a_journal())
    for words in (
        "fallback · breaker_open", "Balance €125.00", "0 of 412", "00aa11bb22cc33dd", "WebSocket connection failed",
        "included slot=promotions", "no ffmpeg for this machine", "trace.zip", "no broken rule of WCAG 2.2 AA",
        "125.00 EUR", "580 ms", "610 ms", "3.3 s", "idempotency_key", "each form that is drawn has a key of its own",
    ):  # fmt: skip
        assert words in text, words


def test_text_of_pages_and_logs_is_text(tmp_path: Path) -> None:
    """Every word of a journal may be an attacker's: none becomes an element, an attribute or a template."""
    sane, evil = tmp_path / "sane", tmp_path / "evil"
    harmed = a_sibling(bytes_differ=9, differences=(), actions=a_sibling().actions)
    journal = a_journal(evidence=an_evidence(siblings=(harmed,)))
    before = Elements(page(report_of(load([put_run(sane, journal)]))))
    hostile = with_everywhere(journal, HOSTILE)
    hostile = msgspec.structs.replace(hostile, status="completed", start=journal.start, end=journal.end)
    hostile.mullion.drill = journal.mullion.drill
    text = page(report_of(load([put_run(evil, hostile)])))
    found = Elements(text)
    assert "&lt;script&gt;" in text
    assert "{{ 7|add:7 }}" in text
    assert not re.search("[\0\x1b\u202e]", text)
    assert {tag for tag in found.tags if tag in ("script", "img")} == set()
    assert {name for name, _ in found.attributes} <= {name for name, _ in before.attributes}
    assert set(found.values("class", "id", "style", "href")) <= set(before.values("class", "id", "style", "href")) | {
        "span other"
    }


@pytest.mark.parametrize(
    "path", ["../../secret.png", "/etc/passwd", "https://elsewhere.example/x.png", "deep/gone.png"]
)
def test_picture_outside_of_the_folder_is_not_taken(tmp_path: Path, path: str) -> None:
    """A journal may come from anywhere, and must not make a report carry away other files."""
    (tmp_path / "secret.png").write_bytes(b"\x89PNG secret")
    pictures = (msgspec.structs.replace(an_evidence().pictures[0], path=path),)
    text = written(tmp_path / "runs" / "one", a_journal(evidence=an_evidence(pictures=pictures)))
    assert "This picture is not in the run&#x27;s folder" in text
    assert "data:image" not in text


def test_file_that_is_no_picture_is_not_shown_as_one(tmp_path: Path) -> None:
    run = put_run(tmp_path, a_journal())
    for file in (run / "promotions-slow").glob("*.png"):
        file.write_bytes(b"<svg onload=alert(1)>")
    text = write_report([run]).html.read_text("utf-8")
    assert "This file is no picture." in text
    assert "data:" not in text.replace("img-src data:", "")


def test_deviation_is_said_first_and_with_what_was_seen(tmp_path: Path) -> None:
    harmed = a_sibling(bytes_differ=6, text_same=False, digest="ffff000011112222")
    sentence = "sibling wallet: expected the same markup as the control; seen: “€125.00” became “€12.50”"
    text = written(
        tmp_path, a_journal(verdict=Verdict.DEVIATED, sentence=sentence, evidence=an_evidence(siblings=(harmed,)))
    )
    assert "It did not go as expected: sibling wallet" in text
    assert "The wallet was affected: 6 of 412 bytes differ." in text
    assert "not affected" not in text


def test_matrix_has_a_verdict_or_a_reason_in_each_cell(tmp_path: Path) -> None:
    """Cells of the same reason share a letter; what is not in the run says that too."""
    cells = [
        Cell(hop="shell:promotions", fault="latency", drill="promotions-slow"),
        Cell(hop="shell:promotions", fault="status", drill="another"),
        Cell(hop="shell:valkey", fault="latency", drill="valkey-slow"),
        Cell(hop="shell:valkey", fault="status", absent="no HTTP travels there"),
        Cell(hop="shell:promotions", fault="flood", absent="no WebSocket travels there"),
    ]
    journals = (a_journal(), a_journal("valkey-slow", Verdict.DEVIATED, hop="shell:valkey"))
    report = report_of(load([put_run(tmp_path, *journals, cells=cells)]))
    assert report.matrix
    table = {
        (row.hop, fault): cell
        for row in report.matrix.rows
        for fault, cell in zip(report.matrix.faults, row.cells, strict=True)
    }
    assert len(table) == 6
    assert all(cell.sign and cell.words for cell in table.values())
    assert table["shell:promotions", "latency"].kind == "held"
    assert table["shell:valkey", "latency"].kind == "deviated"
    letters = {reason.letter: reason.words for reason in report.matrix.reasons}
    assert letters[table["shell:valkey", "status"].sign] == "no HTTP travels there"
    assert letters[table["shell:promotions", "status"].sign] == "its drill was not part of this run"
    assert letters[table["shell:valkey", "flood"].sign] == "the run does not say"
    text = page(report)
    anchors = set(re.findall(r'href="#([^"]+)"', text))
    assert anchors <= set(re.findall(r'id="([^"]+)"', text))


def test_large_run_has_sections_for_what_needs_one(tmp_path: Path) -> None:
    """Cells that held over HTTP have a row each; every link of the matrix leads somewhere."""
    names = [f"cell-{n}" for n in range(20)]
    journals = [a_journal(name, evidence=None) for name in names]
    journals.append(a_journal("bad", Verdict.DEVIATED, evidence=None, sentence="slot wallet: it is gone"))
    cells = [Cell(hop=f"a:{name}", fault="latency", drill=name) for name in [*names, "bad"]]
    report = report_of(load([put_run(tmp_path, *journals, cells=cells)]))
    assert [drill.anchor for drill in report.drills] == ["drill-bad"]
    assert report.sentence == "20 of 21 drills held. Not as expected: “Promotions slow, for one tester”."
    text = page(report)
    assert set(re.findall(r'href="#([^"]+)"', text)) <= set(re.findall(r'id="([^"]+)"', text))


def test_run_that_was_halted_is_not_said_to_have_gone_wrong(tmp_path: Path) -> None:
    verdicts = {"held": Verdict.HELD, "bad": Verdict.DEVIATED, "last": Verdict.ABORTED}
    journals = [a_journal(name, verdict, evidence=None) for name, verdict in verdicts.items()]
    title = "“Promotions slow, for one tester”"
    assert report_of(load([put_run(tmp_path, *journals)])).sentence == (
        f"1 of 3 drills held. Not as expected: {title}. Stopped before the end: {title}."
    )


def test_what_a_verdict_alone_does_not_say_stands_in_matrix_and_list(tmp_path: Path) -> None:
    """A fault that hit nothing has a sign of its own, and a look that does not count is not kept quiet."""
    names = [f"a:{n}/latency" for n in range(13)]
    unhit, again = names[0], names[1]
    why = "All 9 expectations held. The fault hit nothing: nothing went over a:0 meanwhile."
    hits = [Hit(hop="a:0", fault="latency", count=0, of="requests")]
    late = ["sibling wallet: expected fresh; seen: degraded (timeout)"]
    journals = [a_journal(unhit, evidence=None, sentence=why, hits=hits)]
    journals += [a_journal(again, evidence=None, earlier=late)]
    journals += [a_journal(name, evidence=None) for name in names[2:]]
    cells = [Cell(hop=name.partition("/")[0], fault="latency", drill=name) for name in names]
    report = report_of(load([put_run(tmp_path, *journals, cells=cells)]))
    assert report.matrix
    assert [row.cells[0].sign for row in report.matrix.rows[:3]] == ["○", "✓", "✓"]
    assert report.matrix.rows[0].cells[0].words == "a:0, latency: held, and the fault hit nothing"
    assert (report.matrix.held, report.matrix.unhit) == ("13", "1")
    assert [each.note for each in report.listed[:3]] == [
        why, f"Looked at 2 times, and the last look counts. Before: (1) {late[0]}", "",
    ]  # fmt: skip
    assert dict(report.facts)["Run again"].startswith("1 drill ")
    assert report.sentence.endswith("nothing else changed. In 1 of them nothing came by for the fault to hit.")
    assert "nothing came by for the fault to hit" in page(report)


def test_report_is_made_of_journals_that_somebody_picked(tmp_path: Path) -> None:
    run = put_run(tmp_path / "run", a_journal(), a_journal("second"))
    files = [run / name / "journal.json" for name in ("promotions-slow", "second")]
    made = write_report(files, folder=tmp_path / "here")
    assert made.html == tmp_path / "here" / "report.html"
    assert made.report.sentence.startswith("All 2 drills held")


def test_file_that_is_no_journal_is_named(tmp_path: Path) -> None:
    (tmp_path / "journal.json").write_text('{"a": 1}')
    with pytest.raises(CanNotRead, match=r"journal.json can not be read: .*missing required field"):
        write_report([tmp_path / "journal.json"])
    with pytest.raises(CanNotRead, match="No such file"):
        write_report([tmp_path / "nothing"])


def test_cell_without_a_browser_says_which_slot_was_hit_and_how_fast(tmp_path: Path) -> None:
    """From what was asked over HTTP: the slots that it expected something of, and the pages that showed them."""
    samples = {
        "wallet": [Sample(at_ms=-200, state="fresh"), Sample(at_ms=900, state="fresh")],
        "promotions": [
            Sample(at_ms=-200, state="fresh"),
            Sample(at_ms=900, state="fallback", reason="timeout"),
            Sample(at_ms=33_300, state="fresh"),
        ],
    }
    report = report_of(load([put_run(tmp_path, a_journal(evidence=None, slots=samples))]))
    (drill,) = report.drills
    assert drill.chart
    assert [(lane.slot, lane.broken) for lane in drill.chart.lanes] == [("promotions", True), ("wallet", False)]
    assert [span.state for span in drill.chart.lanes[0].spans] == ["fresh", "fallback", "fresh"]
    assert [figure.value for figure in drill.figures] == ["580 ms", "610 ms", "3.3 s"]
    assert drill.figures[0].meaning == "from the fault's start until promotions said so on the page"
