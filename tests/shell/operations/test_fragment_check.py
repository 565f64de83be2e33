"""`fragment check`: the most frequent mistakes are reported with field, line and remedy."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Mapping

import pytest

from bff.resilience.outcome import State
from shell.composition.page import Page, PageTable, Slot
from shell.composition.release import Trust
from shell.operations.fragment_check import browser
from shell.operations.fragment_check.browser_findings import look
from shell.operations.fragment_check.check import CheckRequest, check
from shell.operations.fragment_check.output import as_json, for_people
from shell.operations.fragment_check.report import Report
from tests.support.mullion import ROOT
from tests.support.release_mistakes import MISTAKES, VERSION, WELL, content, manifest
from tests.support.route_server import Answer, RouteServer


async def checked(changes: Mapping[str, Answer] = {}, *slots: str, trust: Trust = Trust.SANDBOXED) -> Report:
    async with RouteServer({**WELL, **changes}) as server:
        return await check(CheckRequest(f"{server.url}/manifest.json", trust, slots))


async def test_fragment_that_is_well_has_nothing_to_mend() -> None:
    """The report says what pages show, which files are copied, and what is shown while the origin fails."""
    report = await checked()
    assert (report.findings, report.exit_code()) == ([], 0)
    [slot] = report.slots
    assert (slot.where, slot.included.state, slot.included.status) == ("content", State.FRESH, 200)
    assert {row.state for row in slot.survivals} == {State.FALLBACK}
    assert [each.content_type.partition(";")[0] for each in report.files] == ["text/css"]
    words = "\n".join(for_people(report))
    assert "poll 1.0.0, sandboxed" in words
    assert "slow     the answer takes longer than pages wait" in words
    assert "a page shows its fallback (timeout)" in words
    assert words.endswith("0 errors, 0 warnings. It can be published.")


@pytest.mark.parametrize("mistake", MISTAKES)
async def test_mistake_is_reported_with_field_line_and_remedy(mistake: str) -> None:
    """Each mistake is one finding; an error also sets the exit code for a CI."""
    expected = MISTAKES[mistake]
    level, (field, place, message, remedy) = expected.level, expected.finding
    report = await checked(expected.changes)
    output = "\n".join(for_people(report))
    found = [each for each in report.findings if (each.level, each.field, each.place) == (level, field, place)]
    assert any(message in each.message and remedy in each.remedy for each in found), output
    assert report.exit_code() == (2 if not report.checked else 1 if level == "error" else 0), output
    assert report.exit_code(strict=True) == (report.exit_code() or 1)


async def test_one_mistake_hides_no_other() -> None:
    """All findings are reported, not only the first one that publishing would refuse."""
    report = await checked({"/poll.css": Answer(status=404), **content("<p onclick='x()'>Hello</p>")})
    assert [each.field for each in report.findings] == ["css[0]", "content"]


async def test_finding_of_several_slots_is_printed_once() -> None:
    """A finding of several slots is printed once, with each place."""
    body = content("<p onclick='x()'>1</p>")
    report = await checked({**body, "/more": body["/"]}, "", "/more")
    [line] = [line for line in for_people(report) if line.startswith("WARNING")]
    assert line.startswith("WARNING content (/:1), more (/more:1): removed onclick of <p>")


async def test_degraded_answer_says_what_it_lacks_and_is_blamed_for_nothing_else() -> None:
    """The report names the upstream outage; headers about age and caching that follow from it are no findings."""
    degraded = {**VERSION, "fragment-state": "degraded; reason=connect", "cache-control": "private, no-store"}
    report = await checked(
        {
            **manifest('"deadline_ms": 1000', '"stale_s_max": 60, "audience": "shared"'),
            "/": Answer("<p>Hello</p>", headers=degraded),
        }
    )
    [finding] = report.findings
    assert finding.message.startswith("it calls itself degraded (connect)")
    assert "Start what it calls" in finding.remedy
    assert all(row.heals for row in report.slots[0].survivals)


async def test_unreachable_address_is_reported_as_unchecked() -> None:
    """The report says what to do and has an exit code of its own."""
    async with RouteServer({}) as server:
        url = server.url
    report = await check(CheckRequest(f"{url}/manifest.json", Trust.SANDBOXED))
    assert report.exit_code() == 2
    [finding] = report.findings
    assert "did not answer" in finding.message
    assert finding.remedy == "Start it, or correct the address and the port."


async def test_pathnames_are_those_that_are_given_or_those_of_the_pages_table() -> None:
    """The slot's own pathname is requested, and its findings name it."""
    answers = {"/results": Answer("<p onclick='x()'>12</p>", headers=VERSION)}
    report = await checked(answers, "/results", "")
    assert [slot.where for slot in report.slots] == ["results", "content"]
    assert [(each.field, each.place) for each in report.findings] == [("results", "/results:1")]
    page = Page("lobby", "/{kind}/", "lobby.html", (Slot("poll", "poll", "/{kind}"),), samples={"kind": "results"})
    async with RouteServer({**WELL, **answers}) as server:
        report = await check(CheckRequest(f"{server.url}/manifest.json", Trust.SANDBOXED, (), PageTable([page])))
    assert [(slot.where, slot.include.pathname) for slot in report.slots] == [("lobby.poll", "/results")]


async def test_place_of_a_slot_inside_is_looked_for_as_the_pages_table_declares_it() -> None:
    """Content and fallback are reported separately where the place is missing, with either source of the pathname."""
    around = (Slot("poll", "poll", "/results"), Slot("cart", "basket", inside="poll"))
    pages = PageTable([Page("lobby", "/", "lobby.html", around)])
    answers = {**WELL, "/results": Answer('<nav>12 <slot name="cart"></slot></nav>', headers=VERSION)}
    async with RouteServer(answers) as server:
        for slots in ((), ("/results",)):
            report = await check(CheckRequest(f"{server.url}/manifest.json", Trust.SANDBOXED, slots, pages))
            [finding] = [each for each in report.findings if "stands at its end" in each.message]
            assert finding.field == "fallback"
            assert '<slot name="…"></slot>' in finding.remedy
            assert report.slots[0].include.places == ("cart",)


async def test_json_has_all_that_people_read() -> None:
    """Levels, states and reasons are the words that pages and logs use."""
    found = json.loads(as_json(await checked(content("<p>Hello</p><script>x()</script>"))))
    assert found["fragment"] == "poll"
    assert found["findings"][0]["line"] == 1
    [slot] = found["slots"]
    assert (slot["state"], slot["reason"], slot["status"]) == ("fresh", None, 200)
    slow = {"fault": "slow", "state": "fallback", "reason": "timeout", "ms": 1000, "heals": True, "survived": True}
    assert slow in slot["failing"]


async def test_command_needs_no_shell_no_database_and_no_key() -> None:
    """It runs in an empty environment, without a copy on this machine and without MULLION_URL."""
    environ = {"PATH": os.environ["PATH"], "MULLION_URL": "https://shell.test", "SHELL_DATABASE_URL": "nonsense"}
    async with RouteServer(WELL) as server:
        command = [
            sys.executable,
            "manage.py",
            "fragment",
            "check",
            f"{server.url}/manifest.json",
            "--json",
            "--no-browser",
        ]
        ended = await _run(command, environ)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert json.loads(ended.stdout)["checked"] is True


@pytest.mark.parametrize("missing", ["playwright.sync_api", "axe_playwright_python"])
async def test_without_a_browser_everything_else_is_done_and_one_line_says_so(
    missing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The line says what to install; it is no finding about the fragment."""
    report = await checked()
    monkeypatch.setitem(sys.modules, missing, None)
    look(report, None)
    [line] = [line for line in for_people(report) if line.startswith("not looked at: ")]
    assert "pictures and accessibility" in line
    assert "pip install playwright" in line
    assert report.exit_code() == 0


async def test_missing_chromium_is_reported_with_a_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Playwright is installed and finds no Chromium that starts."""
    report = await checked()
    monkeypatch.setenv("CHROMIUM", "/nowhere/chromium")
    monkeypatch.setenv("PLAYWRIGHT_BROWSERS_PATH", "/nowhere")
    monkeypatch.setattr(browser, "_NAMES", ())
    await asyncio.to_thread(look, report, None)
    [what] = report.skipped
    assert "playwright install chromium" in what


@pytest.mark.parametrize(
    ("options", "environ", "words"),
    [
        (["http://["], {}, "is no address to fetch from"),
        (["poll.test/manifest.json"], {}, "write it with its scheme"),
        (["http://127.0.0.1:1/", "--pictures", "/dev/null/x"], {}, "no pictures can be put into /dev/null/x"),
        (["http://127.0.0.1:1/"], {"SHELL_PAGES": "/nowhere.toml"}, "/nowhere.toml"),
    ],
)
async def test_unusable_argument_is_one_sentence_and_exit_code_two(
    options: list[str], environ: dict[str, str], words: str
) -> None:
    """An unusable argument or environment is one sentence and exit code 2."""
    command = [sys.executable, "manage.py", "fragment", "check", *options, "--no-browser"]
    ended = await _run(command, {"PATH": os.environ["PATH"], **environ})
    assert ended.returncode == 2, ended.stderr
    assert words in ended.stdout + ended.stderr
    assert "Traceback" not in ended.stderr


async def _run(command: list[str], environ: dict[str, str]) -> "subprocess.CompletedProcess[str]":
    return await asyncio.to_thread(
        subprocess.run, command, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=60
    )
