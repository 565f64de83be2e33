"""A real outage, seen by a real browser, down to the report that somebody is handed."""

import json
import zipfile
from pathlib import Path

import msgspec
import pytest
from playwright.async_api import Browser

from bff.resilience.reason import Reason
from shell.operations.up.console import LOG_FILE
from tests.drills import journal
from tests.drills.control import Control
from tests.drills.evidence.accessibility import axe_run
from tests.drills.evidence.browser import BrowserRecorder, open_browser
from tests.drills.evidence.figures import figures_in
from tests.drills.evidence.value import MOMENTS, Evidence
from tests.drills.evidence.visitor import Visitor
from tests.drills.mark import COOKIE, key_of, mint
from tests.drills.report.samples import a_journal
from tests.drills.report.write import write_report
from tests.support.mullion import Mullion

HOP = "shell:promotions"


async def record(house: Mullion, folder: Path, browser: Browser) -> Evidence:
    """Promotions slow by three seconds for one session until it is healed, and another session beside it."""
    mark = mint(key_of(house.data), "evidence")
    tester = Visitor(cookies={COOKIE: mark})
    log_file = house.data / LOG_FILE
    recorder = BrowserRecorder(house.url, folder=folder, tester=tester, browser=browser, log_file=log_file)
    with Control(house.url_of("drills")) as control:
        async with recorder:
            assert await recorder.before(30)
            control.break_(HOP, "latency", {"latency": 3000}, ttl_s=60, session=mark)
            recorder.fault_began()
            assert await recorder.during({"promotions"}, 15)
            control.heal(HOP)
            assert (control.toxics(HOP)[-1]["session"], control.toxics(HOP)[-1]["hits"] > 0) == (mark, True)
            recorder.fault_ended()
            assert await recorder.after(15)
    return recorder.evidence()


@pytest.mark.timeout(240)
async def test_slow_promotions_are_proved_to_touch_nothing_else(drilled_house: Mullion, tmp_path: Path) -> None:
    """The wallet is the same to the byte, the timeline says fallback and then fresh, and the report opens offline."""
    async with open_browser() as browser:
        evidence = await record(drilled_house, tmp_path, browser)
        assert_proof(evidence)
        assert_files(evidence, tmp_path)
        findings = msgspec.structs.replace(a_journal().mullion, evidence=evidence)
        journal.write(msgspec.structs.replace(a_journal(), mullion=findings), tmp_path)
        made = write_report([tmp_path])
        assert "Games, tables and wallet were not affected: 0 of" in made.report.sentence
        await assert_opens(browser, made.html)


def assert_proof(evidence: Evidence) -> None:
    siblings = {each.slot: each for each in evidence.siblings if each.moment == "during"}
    assert set(siblings) == {"wallet", "tables", "games"}
    assert siblings["wallet"].same, siblings["wallet"]
    assert siblings["tables"].same, siblings["tables"]
    assert siblings["wallet"].digest == siblings["wallet"].control_digest
    assert siblings["wallet"].styled_elements
    assert any(action.name.startswith("read again") for action in siblings["wallet"].actions)
    assert {each.against for each in evidence.siblings} == {"beside"}
    # A first page may be late for other reasons: what was steady before the fault is what is compared.
    assert evidence.fault_began_ms is not None
    since = [each for each in evidence.timeline if each.at_ms >= evidence.fault_began_ms]
    # A busy house is late for anybody: what the fault did to the control would be there all the while, and in the end.
    last = {each.slot: each for each in since if each.viewer == "control"}
    assert {each.state for each in last.values()} <= {"fresh"}
    assert {each.reason for each in since if each.viewer == "control"} <= {"", Reason.TIMEOUT, Reason.BREAKER_OPEN}
    states = [each.state for each in since if (each.slot, each.viewer) == ("promotions", "tester")]
    assert states[-1] == "fresh"
    assert {"stale", "fallback"} & set(states)
    assert set(states) <= {"fresh", "stale", "fallback"}
    broken = next(each for each in since if each.slot == "promotions" and each.state != "fresh")
    assert broken.reason
    assert broken.words
    figures = figures_in(evidence)
    assert (figures.detect_ms or 0) > 0
    assert (figures.contain_ms or 0) >= (figures.detect_ms or 0)
    assert 0 < (figures.recover_ms or 0) < 15_000
    assert [run.violations for run in evidence.axe] == [()]
    assert {timing.slot for timing in evidence.server_timings} >= {"wallet", "tables", "games", "promotions"}
    assert evidence.missing == {}
    logged = [line.text for line in evidence.log_lines if line.process == "shell"]
    assert any("included" in line and "promotions" in line for line in logged), evidence.log_lines
    assert {line.trace_id for line in evidence.log_lines} <= set(evidence.trace_ids)


def assert_files(evidence: Evidence, folder: Path) -> None:
    viewers = [(picture.moment, picture.viewer) for picture in evidence.pictures]
    assert viewers == [(moment, viewer) for moment in MOMENTS for viewer in ("tester", "control")]
    assert all(picture.places["promotions"][2] > 100 for picture in evidence.pictures)
    assert {file.kind for file in evidence.files} == {"picture", "trace", "video"}
    assert all((folder / file.path).stat().st_size == file.bytes > 1000 for file in evidence.files)
    assert (folder / "video.webm").read_bytes().startswith(b"\x1a\x45\xdf\xa3")
    with zipfile.ZipFile(folder / "trace.zip") as trace:
        assert "trace.trace" in trace.namelist()
    json.dumps(msgspec.to_builtins(evidence))


async def assert_opens(browser: Browser, file: Path) -> None:
    """Without a network, at both widths, in both schemes; with nothing in the console, and nothing that axe minds."""
    for width, scheme in ((1280, "light"), (390, "dark")):
        context = await browser.new_context(
            offline=True,
            color_scheme=scheme,  # type: ignore[arg-type]
            viewport={"width": width, "height": 900},
            bypass_csp=True,  # for axe alone: the report's own policy lets no script run
        )
        page = await context.new_page()
        console: list[str] = []
        page.on("console", lambda message, console=console: console.append(message.text))
        page.on("pageerror", lambda error, console=console: console.append(str(error)))
        await page.goto(file.as_uri())
        assert console == []
        assert await page.evaluate("document.documentElement.scrollWidth") <= width
        assert (await axe_run(page, "during")).violations == ()
        await context.close()
