"""Drills as they run, against a small site behind a fault proxy: sound, or with one defect that the drill must name."""

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import msgspec
import pytest

from tests.drills import cli, journal, run_record
from tests.drills.control import Control
from tests.drills.crooked_site import CrookedSite
from tests.drills.journal import Journal
from tests.drills.kit.loader import parse
from tests.drills.phrases import duration
from tests.drills.proxy_process import ProxyProcess
from tests.drills.report.runs import load
from tests.drills.report.view import report_of
from tests.drills.runner.execute import Execution, Halt
from tests.drills.runner.target import Target
from tests.support.mullion import ROOT

DRILL = """\
title: Promotions slow
clock: running
method:
  - {hop: "shell:promotions", fault: latency, with: {latency: 1500}, for_s: 1.5}
expect:
  page: {within_ms: 1000}
  slots:
    promotions: {state: [fallback], reason: [timeout], words: [out of reach], within_s: 1.5, heals_within_s: 1.5}
  siblings:
    wallet: {}
    tables: {}
"""
DEPOSIT = """\
title: A deposit while promotions are away
clock: running
method:
  - {act: deposit, amount: "20"}
  - {hop: "shell:promotions", fault: down, for_s: 1}
expect:
  slots: {promotions: {state: [fallback], heals_within_s: 3}}
  money: {change_minor: 2000, lines: 1, within_s: 1}
"""
# Of the hop from browsers, which no page over HTTP needs, with what scripts would ask for there.
REQUESTED = """\
title: A file that scripts ask for
page: /cashier/
clock: running
method:
  - {hop: "browser:site", fault: status, for_s: 1}
  - {act: request, path: /offers, over: "browser:site", for_s: 1}
expect:
  siblings: {cashier: {}}
"""
# The cashier asks for no promotions.
UNTOUCHED = """\
title: A cashier that is not concerned
page: /cashier/
clock: running
method:
  - {hop: "shell:promotions", fault: status, for_s: 1}
expect:
  slots: {cashier: {state: [fresh]}}
"""


@pytest.fixture(scope="module")
def proxy() -> Iterator[ProxyProcess]:
    with ProxyProcess() as process:
        yield process


def run(site: CrookedSite, proxy: ProxyProcess, text: str = DRILL, halt: Halt | None = None) -> Journal:
    async def execute() -> Journal:
        with Control(proxy.url) as control:
            drill = parse(text.encode(), "d.yaml")
            return await Execution("d", drill, Target(site.url, proxy.url), control, halt or Halt()).run()

    return asyncio.run(execute())


def failed(found: Journal) -> dict[tuple[str, str], str]:
    return {(each.subject, each.kind): each.seen for each in found.mullion.expectations if not each.held}


def test_sound_site_holds_and_is_healed(proxy: ProxyProcess) -> None:
    with CrookedSite(proxy.url) as site:
        found = run(site, proxy)
        assert (found.mullion.verdict, failed(found)) == ("held", {})
        assert found.steady_states.before is not None
        assert found.steady_states.after is not None
        assert proxy.api.get("/proxies/shell:promotions/toxics").json() == []


def test_journal_says_what_the_fault_hit(proxy: ProxyProcess) -> None:
    """Once it is over, and with the report's words for it."""
    with CrookedSite(proxy.url) as site:
        found = run(site, proxy)
    [hit] = found.mullion.hits
    assert (hit.hop, hit.fault, hit.of, hit.count > 0) == ("shell:promotions", "latency", "connections", True)


def test_request_takes_the_fault_where_the_page_that_is_watched_does_not(proxy: ProxyProcess) -> None:
    """Over a page, and straight over a hop from browsers; its answers stand in the journal, whatever they are."""
    lobby = UNTOUCHED.replace("expect:", "  - {act: request, path: /, for_s: 1}\nexpect:")
    with CrookedSite(proxy.url) as site:
        body = {"name": "browser:site", "upstream": site.url.removeprefix("http://"), "speaks": ["http"]}
        proxy.api.post("/proxies", json=body).raise_for_status()
        for text, answer in ((lobby, "× 200"), (REQUESTED, "× 503")):
            found = run(site, proxy, text)
            assert found.mullion.verdict == "held", found.mullion.sentence
            assert found.mullion.hits[0].count > 0
            assert answer in str(found.run[-1].output), found.run
        proxy.api.delete("/proxies/browser:site")


def test_form_that_is_sent_has_another_key_each_time(proxy: ProxyProcess) -> None:
    text = UNTOUCHED.replace("expect:", '  - {act: request, path: /act, form: {amount: "1"}, for_s: 1}\nexpect:')
    with CrookedSite(proxy.url) as site:
        found = run(site, proxy, text)
        sent = next(step for step in found.run if "send a form" in step.activity.name)
        assert "× 303" in str(sent.output)
        assert len({*site.keys}) == len(site.keys) > 0


def test_drill_whose_fault_hit_nothing_proves_nothing(proxy: ProxyProcess) -> None:
    """All that was seen was seen without a fault: it neither held nor deviated."""
    with CrookedSite(proxy.url) as site:
        found = run(site, proxy, UNTOUCHED)
    assert (found.mullion.verdict, found.status) == ("could_not_run", "failed")
    assert (
        found.mullion.sentence
        == "It proves nothing: while shell:promotions was broken, no request met the fault there."
    )
    assert [hit.count for hit in found.mullion.hits] == [0]


def test_shell_whose_deadline_is_off_is_named(proxy: ProxyProcess) -> None:
    with CrookedSite(proxy.url, "no-deadline") as site:
        found = run(site, proxy)
    assert found.mullion.verdict == "deviated"
    assert re.search(r"the first took [12]\d{3} ms", failed(found)["page", "status"])
    assert found.mullion.sentence.startswith("page: expected 200 and whole, within 1000 ms, each time; seen: ")


def test_page_that_began_before_the_fault_and_outlasts_it_hides_nothing(proxy: ProxyProcess) -> None:
    """Another is opened in the moment in which the fault is on."""
    with CrookedSite(proxy.url) as site:
        lobby, pages = site.lobby, count(1)

        def outlasting() -> str:
            # One to see that all is steady and three for the control: the next begins with the fault.
            if next(pages) == 5:
                time.sleep(2.5)
            return lobby()

        site.lobby = outlasting  # type: ignore[method-assign]
        found = run(site, proxy, DRILL.replace("within_ms: 1000", "within_ms: 9000"))
    assert (found.mullion.verdict, failed(found)) == ("held", {})
    assert next(sample.state for sample in found.mullion.slots["promotions"] if sample.at_ms >= 0) == "fallback"


def test_fragment_without_a_fallback_is_named(proxy: ProxyProcess) -> None:
    with CrookedSite(proxy.url, "no-fallback") as site:
        found = run(site, proxy)
    assert failed(found)["slot promotions", "state"] == "not on the page"
    assert "slot promotions: expected fallback within 1.5 s; seen: not on the page" in found.mullion.sentence


def test_sibling_that_changes_by_one_word_is_named(proxy: ProxyProcess) -> None:
    with CrookedSite(proxy.url, "word") as site:
        found = run(site, proxy)
    assert failed(found) == {("sibling tables", "bytes"): "“Teo deals” became “Iris deals”"}
    [tables] = [each for each in found.mullion.siblings if each.slot == "tables"]
    assert tables.control != tables.seen


def test_slot_that_heals_late_is_named_with_how_late(proxy: ProxyProcess) -> None:
    with CrookedSite(proxy.url, "slow-heal", heals_s=3) as site:
        found = run(site, proxy)
    seen = failed(found)["slot promotions", "heals"]
    assert 1.5 < float(seen.removeprefix("after ").removesuffix(" s")) < 8


@pytest.mark.full
def test_slot_that_heals_in_thirty_seconds_is_named_with_how_late(proxy: ProxyProcess) -> None:
    with CrookedSite(proxy.url, "slow-heal", heals_s=30) as site:
        found = run(site, proxy, DRILL.replace("heals_within_s: 1.5", "heals_within_s: 10"))
    seen = failed(found)["slot promotions", "heals"]
    assert 28 < float(seen.removeprefix("after ").removesuffix(" s")) < 36


def test_ledger_that_counts_twice_is_named(proxy: ProxyProcess) -> None:
    with CrookedSite(proxy.url, "double") as site:
        found = run(site, proxy, DEPOSIT)
    assert failed(found) == {("money", "sum"): "+4000", ("money", "double"): "1 lines of the history too many"}
    [money] = found.mullion.money
    assert (money.before_minor, money.after_minor, money.held) == (10_000, 14_000, False)


def test_ledger_that_counts_once_holds(proxy: ProxyProcess) -> None:
    with CrookedSite(proxy.url) as site:
        found = run(site, proxy, DEPOSIT)
    assert (found.mullion.verdict, failed(found)) == ("held", {})


@pytest.mark.parametrize(("actor", "cookie"), [("birch", "who=birch"), (None, "who=amber")])
def test_deposit_is_the_actors_where_there_is_one_and_else_the_players(
    proxy: ProxyProcess, actor: str | None, cookie: str
) -> None:
    """Whose page is watched is another question."""

    async def execute() -> Journal:
        drill = msgspec.structs.replace(parse(DEPOSIT.encode(), "d.yaml"), player="amber", actor=actor)
        cookies = {"cookies": {"who": "amber"}, "actor_cookies": {"who": "birch"}}
        with Control(proxy.url) as control:
            return await Execution("d", drill, Target(site.url, proxy.url), control, Halt(), **cookies).run()

    with CrookedSite(proxy.url) as site:
        found = asyncio.run(execute())
    assert (found.mullion.verdict, site.cookies) == ("held", [cookie])


def test_what_a_player_does_behind_it_is_done_once_all_is_healed(proxy: ProxyProcess) -> None:
    text = DRILL.replace("for_s: 1.5}", "for_s: 1}") + 'rollback:\n  - {act: deposit, amount: "5"}\n'
    with CrookedSite(proxy.url) as site:
        found = run(site, proxy, text)
        assert site.balance_minor == 10_500
    healed, deposit = found.rollbacks
    assert (healed.activity.name, deposit.activity.name) == ("heal shell:promotions", "deposit 5")
    assert healed.end <= deposit.start


def test_site_that_is_not_steady_is_not_broken(proxy: ProxyProcess, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.drills.runner.execute.STEADY_WITHIN_S", 0.5)
    with CrookedSite(proxy.url, "unsteady") as site:
        found = run(site, proxy)
    assert (found.mullion.verdict, found.run) == ("could_not_run", [])
    assert found.mullion.sentence == "It was not steady before the fault: wallet is fresh: stale."


def test_drill_whose_browser_opens_no_page_breaks_nothing(proxy: ProxyProcess) -> None:
    async def execute(site: CrookedSite) -> Journal:
        with Control(proxy.url) as control:
            drill, target = parse(DRILL.encode(), "d.yaml"), Target(site.url, proxy.url)
            return await Execution("d", drill, target, control, Halt(), could_not="No page could be opened.").run()

    with CrookedSite(proxy.url) as site:
        found = asyncio.run(execute(site))
    assert (found.mullion.verdict, found.mullion.sentence, found.run) == (
        "could_not_run",
        "No page could be opened.",
        [],
    )


def test_what_somebody_else_broke_is_not_drilled_over(proxy: ProxyProcess) -> None:
    with CrookedSite(proxy.url) as site:
        proxy.api.post("/proxies/shell:promotions/toxics", json={"type": "latency", "name": "other"})
        found = run(site, proxy)
        assert found.mullion.verdict == "could_not_run"
        assert "Something is broken there already: shell:promotions (latency," in found.mullion.sentence
        assert len(proxy.api.get("/proxies/shell:promotions/toxics").json()) == 1


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ("fault: latncy", "there is no fault 'latncy'; did you mean latency?"),
        ("shell:promotion", "There is no hop 'shell:promotion'. Did you mean shell:promotions?"),
        ("provider: sandbox-tables, fault: x", "there is no sandbox provider 'sandbox-tables'"),
    ],
)
def test_unknown_hop_fault_or_provider_breaks_nothing(proxy: ProxyProcess, change: str, sentence: str) -> None:
    old = {"f": "fault: latency", "s": "shell:promotions"}.get(change[0])
    step = '  - {hop: "shell:promotions", fault: latency, with: {latency: 1500}, for_s: 1.5}\n'
    text = DRILL.replace(old, change, 1) if old else DRILL.replace(step, f"  - {{{change}}}\n")
    with CrookedSite(proxy.url) as site:
        found = run(site, proxy, text)
        assert (found.mullion.verdict, found.run) == ("could_not_run", [])
        assert sentence in found.mullion.sentence
        assert proxy.api.get("/proxies/shell:promotions/toxics").json() == []


def test_halt_button_ends_a_drill_healed(proxy: ProxyProcess) -> None:
    async def halted(site: CrookedSite) -> Journal:
        halt = Halt()
        asyncio.get_running_loop().call_later(1.5, halt.set, "the halt button")
        with Control(proxy.url) as control:
            drill = parse(DRILL.replace("for_s: 1.5", "for_s: 60").encode(), "d.yaml")
            return await Execution("d", drill, Target(site.url, proxy.url), control, halt).run()

    with CrookedSite(proxy.url) as site:
        found = asyncio.run(halted(site))
        assert (found.mullion.verdict, found.status) == ("aborted", "aborted")
        assert found.mullion.sentence == "Aborted: the halt button."
        assert found.duration < 30
        assert proxy.api.get("/proxies/shell:promotions/toxics").json() == []


def test_drill_whose_pages_fail_in_a_row_aborts_itself(proxy: ProxyProcess, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.drills.runner.execute.STEADY_WITHIN_S", 1)
    text = DRILL.replace("for_s: 1.5", "for_s: 60") + "abort: {pages_failed: 2}\n"
    with CrookedSite(proxy.url) as site:
        lobby = site.lobby
        site.lobby = lambda: lobby() if time.monotonic() - began < 1.5 else ""  # type: ignore[method-assign]
        began = time.monotonic()
        found = run(site, proxy, text)
        assert found.mullion.verdict == "aborted"
        assert "2 pages in a row did not come" in found.mullion.sentence
        assert proxy.api.get("/proxies/shell:promotions/toxics").json() == []


# --- the command


class Drill:
    """`drill("all", "--hops", "hop")`: the command without a process of its own; `out` and `err` hold what it said."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def __call__(self, *words: str) -> int:
        code = cli.main(words)
        self.out, self.err = self._capsys.readouterr()
        return code


@pytest.fixture
def drill(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Drill:
    monkeypatch.setenv("MULLION_DATA_ROOT", str(tmp_path))
    return Drill(capsys)


def words_of(site: CrookedSite, proxy: ProxyProcess, folder: Path, text: str = DRILL) -> list[str]:
    file = folder / "promotions-late.yaml"
    file.write_text(text, "utf-8")
    where = ["--base-url", site.url, "--control-url", proxy.url, "--http", "--to", str(folder / "run")]
    return ["run", str(file), *where]


def test_killed_runner_leaves_nothing_broken_and_the_next_run_starts_clean(
    proxy: ProxyProcess, tmp_path: Path, drill: Drill
) -> None:
    environ = {**os.environ, "MULLION_DATA_ROOT": str(tmp_path)}
    toxics = "/proxies/shell:promotions/toxics"
    with CrookedSite(proxy.url) as site:
        words = words_of(site, proxy, tmp_path, DRILL.replace("for_s: 1.5", "for_s: 3"))
        runner = subprocess.Popen([sys.executable, "manage.py", "drill", *words], cwd=ROOT, env=environ)
        deadline = time.monotonic() + 90
        while not proxy.api.get(toxics).json():
            assert time.monotonic() < deadline
            time.sleep(0.05)
        os.kill(runner.pid, signal.SIGKILL)
        runner.wait(5)
        while proxy.api.get(toxics).json():
            assert time.monotonic() < deadline
            time.sleep(0.05)
        code = drill(*words_of(site, proxy, tmp_path))
    assert code == 0, drill.out + drill.err
    assert "promotions-late: held." in drill.out
    [found] = run_record.journals(tmp_path / "run", run_record.read(tmp_path / "run"))
    assert found.mullion.verdict == "held"
    assert (tmp_path / "run" / "report.html").is_file()
    assert json.loads((tmp_path / "run" / "promotions-late" / journal.FILE).read_bytes())["status"] == "completed"


MAY_FALL_BACK = """\
title: Promotions slow
clock: running
method:
  - {hop: "shell:promotions", fault: latency, with: {latency: 1500}, for_s: 4}
expect:
  slots: {promotions: {state: [fresh, fallback]}}
  siblings: {wallet: {}, tables: {}}
"""


def reported(folder: Path) -> tuple[Journal, dict[str, str]]:
    """What the run in `folder` wrote down, and the figures of its report."""
    [found] = run_record.journals(folder, run_record.read(folder))
    return found, {each.name: each.value for each in report_of(load([folder])).drills[0].figures}


@pytest.mark.parametrize("viewer", ["visits", "browser"])
def test_report_tells_the_figures_of_the_journal_that_a_run_wrote(
    proxy: ProxyProcess, tmp_path: Path, drill: Drill, viewer: str
) -> None:
    """Also where the slot need not have noticed; a slot that the fault may touch is nobody's sibling."""
    with CrookedSite(proxy.url) as site:
        words = words_of(site, proxy, tmp_path, MAY_FALL_BACK)
        drill(*(word for word in words if word != "--http" or viewer == "visits"))
    found, figures = reported(tmp_path / "run")
    # The little site is no good page to axe and the console, and has nothing to read again.
    assert {what for what in failed(found) if what[1] not in ("axe", "errors", "action")} == set(), drill.out
    phases = found.mullion.phases
    assert phases.viewer == viewer
    measured = (phases.detect_ms, phases.contain_ms, phases.recover_ms)
    durations = ["" if ms is None else duration(ms) for ms in measured]
    assert figures == dict(zip(("Seen", "Contained", "Healed"), durations, strict=True))
    # The little site's page has no script, and does not heal where it stands.
    assert [ms is None for ms in measured] == [False, False, viewer == "browser"]
    if found.mullion.evidence is not None:
        assert found.mullion.evidence.broken_slots == ("promotions",)
        assert {each.slot for each in found.mullion.evidence.siblings} == {"wallet", "tables"}


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (["all", "--hops", "wallet*"], 2, "--hops: no hop is like 'wallet*': manage.py drill hops"),
        (
            ["run", "shell:promotions/status", "--scope", "everyone"],
            3,
            "the page to sign in answered 404, without a form",
        ),
    ],
)
def test_what_can_not_be_run_is_one_sentence(
    proxy: ProxyProcess, drill: Drill, words: list[str], code: int, sentence: str
) -> None:
    with CrookedSite(proxy.url) as site:
        where = ["--base-url", site.url, "--control-url", proxy.url, "--http"]
        assert (drill(*words, *where), drill.err) == (code, f"manage.py drill: {sentence}\n")


def test_target_that_does_not_answer_is_one_sentence(tmp_path: Path) -> None:
    """Of the process, too: none of its libraries adds a word."""
    file = tmp_path / "d.yaml"
    file.write_text(DRILL, "utf-8")
    where = ["--base-url", "http://127.0.0.1:9", "--control-url", "http://127.0.0.1:9"]
    ran = subprocess.run(
        [sys.executable, "manage.py", "drill", "run", str(file), "--http", *where],
        cwd=ROOT,
        env={**os.environ, "MULLION_DATA_ROOT": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ran.returncode == 3
    assert ran.stderr == ("manage.py drill: The fault proxy at http://127.0.0.1:9 does not answer (ConnectError).\n")
