"""A fault between two houses that run: the slot that it hits falls back and heals, alone."""

import json
import re
import subprocess
import sys
import urllib.request
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from bff.resilience.reason import Reason
from tests.drills import cli, output, run_record
from tests.drills.control import Control
from tests.drills.journal import Journal
from tests.drills.mark import COOKIE
from tests.support.mullion import ROOT, Mullion

SLOT = re.compile(r'<fragment-slot slot="(\w+)"[^>]*?data-state="(\w+)"[^>]*?data-reason="([\w-]*)"', re.DOTALL)

# Longer than any test of these, each of which heals what it broke.
LASTS = ("--for", "600")
CAUSE = re.compile(r"cause=(?:'([^']*)'|(\S+))")


@pytest.fixture
def broken_house(drilled_house: Mullion) -> Mullion:
    drilled_house.wait(lambda: set(states(drilled_house).values()) == {"fresh"}, 60)
    return drilled_house


def states(mullion: Mullion, path: str = "/", **headers: str) -> dict[str, str]:
    """Slot to state, of the lobby (or of the slot at `path`) as a visitor who sends these headers has it."""
    return {slot: state for slot, state, _ in SLOT.findall(mullion.get(path, headers)[1])}


def command(mullion: Mullion, *words: str) -> str:
    """What the command says, as a person would run it."""
    line = [sys.executable, "manage.py", "drill", words[0], "--port-base", str(mullion.port_base), *words[1:]]
    ran = subprocess.run(line, cwd=ROOT, env=mullion.environ, capture_output=True, text=True, timeout=120)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


def drill(mullion: Mullion, *words: str) -> str:
    """The same without a process of its own, which costs more than what it does here."""
    stdout, stderr = StringIO(), StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(stdout), redirect_stderr(stderr):
        patch.setenv("MULLION_DATA_ROOT", mullion.environ["MULLION_DATA_ROOT"])
        code = cli.main([words[0], "--port-base", str(mullion.port_base), *words[1:]])
    assert code == 0, stderr.getvalue()
    return stdout.getvalue()


def reasons(mullion: Mullion, path: str = "/", **headers: str) -> dict[str, str]:
    """Slot to reason, empty for one that is fresh."""
    return {slot: reason for slot, _, reason in SLOT.findall(mullion.get(path, headers)[1])}


def on(mullion: Mullion, hop: str) -> dict[str, Any]:
    """The one fault there, as the proxy says it, or the last that was."""
    with Control(mullion.url_of("drills")) as control:
        return control.toxics(hop)[-1]


# What whoever is hit is told. A house that has much to do is late by itself, and never says one of these.
OF_A_STATUS = frozenset({Reason.UPSTREAM_ERROR})
OF_NOBODY_THERE = frozenset({Reason.CONNECT, Reason.CUT})


def test_slot_behind_a_broken_hop_falls_back_and_heals_alone(broken_house: Mullion) -> None:
    """By the command alone, without a drill around it: all faults of all hops are the catalogue's."""
    seen: list[dict[str, str]] = []

    def promotions() -> str:
        seen.append(reasons(broken_house))
        return seen[-1]["promotions"]

    assert "shell:promotions is broken" in command(broken_house, "break", "shell:promotions", "down", *LASTS)
    broken_house.wait(lambda: promotions() in OF_NOBODY_THERE, 30)
    assert "shell:promotions" in command(broken_house, "show")
    command(broken_house, "heal", "shell:promotions")
    broken_house.wait(lambda: promotions() == "", 30)
    assert not OF_NOBODY_THERE & {each[slot] for each in seen for slot in ("wallet", "tables")}


def test_fault_that_nobody_heals_is_over_by_itself(broken_house: Mullion) -> None:
    """However slow the house is: until a page has met it, it is put on again."""

    def met() -> bool:
        drill(broken_house, "break", "shell:promotions", "status", "--for", "3")
        return reasons(broken_house)["promotions"] in OF_A_STATUS | {Reason.BREAKER_OPEN}

    broken_house.wait(met, 60)
    with Control(broken_house.url_of("drills")) as control:
        broken_house.wait(lambda: output.shown(control.hops()) == "Nothing is broken.", 30)
    assert "Nothing is broken." in drill(broken_house, "show")
    assert on(broken_house, "shell:promotions")["hits"] > 0
    broken_house.wait(lambda: states(broken_house)["promotions"] == "fresh", 30)


def test_manifest_comes_from_the_origin_that_it_comes_from_without_drills(broken_house: Mullion) -> None:
    """So that the same data can be started with drills and without."""
    board = broken_house.inside("/operations/")[1]
    assert f"http://127.0.0.1:{broken_house.port_base + 22}" in board


ALL_FRESH = {"wallet": "fresh", "tables": "fresh", "games": "fresh", "promotions": "fresh"}


@pytest.mark.parametrize("hop", ["shell:promotions", "promotions:bff-queries"])
def test_fault_for_one_session_is_seen_by_that_session_alone(broken_house: Mullion, hop: str) -> None:
    """At the fragment's hop and behind it; on the page, and where the slot asks again by itself.

    Whom it hit is what the proxy counted and what each visitor was told: of others, no slot says what this fault makes
    it say, and no request of theirs was counted where the same fault lies in wait for a mark that is not valid.
    """
    name = f"anna-{hop.partition(':')[0]}"
    mark = drill(broken_house, "mark", "--name", name).strip()
    cookie, forged = f"{COOKIE}={mark}", f"{mark}x"
    broken_house.wait(lambda: states(broken_house, Cookie=cookie) == ALL_FRESH, 30)
    drill(broken_house, "break", hop, "status", "--session", forged, *LASTS)
    drill(broken_house, "break", hop, "status", "--session", mark, *LASTS)
    others = ({}, {"Baggage": cookie}, {"Cookie": f"{cookie}; {cookie}"}, {"Cookie": f"{COOKIE}={forged}"})
    for _ in range(4):
        tester = reasons(broken_house, Cookie=cookie)
        assert tester.pop("promotions"), "the tester's own is not fresh"
        assert not OF_A_STATUS & set(tester.values())
        assert reasons(broken_house, "/slots/lobby/promotions", Cookie=cookie)["promotions"]
        for headers in others:
            assert not OF_A_STATUS & set(reasons(broken_house, **headers).values()), headers
    with Control(broken_house.url_of("drills")) as control:
        hit = {each["session"]: each["hits"] for each in control.toxics(hop)[-2:]}
    assert hit[mark] > 0
    assert hit[forged] == 0
    drill(broken_house, "heal")
    broken_house.wait(lambda: states(broken_house, Cookie=cookie) == ALL_FRESH, 30)
    lines = [line for line in broken_house.logs("shell") if f"partition={name}" in line]
    assert any("included" in line and "slot=promotions" in line for line in lines)


def test_breaker_of_everybody_never_moved_for_a_session(broken_house: Mullion) -> None:
    """None that moves while it lasts moves for what the fault does, and none that moved for it is counted."""
    mark = drill(broken_house, "mark", "--name", "ben").strip()
    before, moved = counted(broken_house), len(moves(broken_house))
    drill(broken_house, "break", "shell:promotions", "reset_peer", "--session", mark, *LASTS)
    for _ in range(10):
        assert states(broken_house, Cookie=f"{COOKIE}={mark}")["promotions"] != "fresh"
    assert on(broken_house, "shell:promotions")["hits"] > 0
    drill(broken_house, "heal")
    broken_house.wait(lambda: states(broken_house, Cookie=f"{COOKIE}={mark}") == ALL_FRESH, 30)
    assert any("partition=ben" in line for line in broken_house.logs("shell") if "breaker_moved" in line)
    causes = {"".join(CAUSE.findall(line)[0]) for line in moves(broken_house)[moved:]}
    assert not OF_NOBODY_THERE & causes
    broken_house.wait(lambda: counted(broken_house) - before == len(moves(broken_house)) - moved)
    assert "ben" not in broken_house.inside("/metrics")[1]


def moves(mullion: Mullion) -> list[str]:
    """What the shell's log says of everybody's breakers."""
    return [line for line in mullion.logs("shell") if "breaker_moved" in line and "partition=" not in line]


def counted(mullion: Mullion) -> int:
    """How often its metrics say that one moved."""
    lines = mullion.inside("/metrics")[1].splitlines()
    return sum(int(float(line.split()[-1])) for line in lines if line.startswith("mullion_breaker_transitions_total"))


def test_house_asks_no_provider_that_it_was_not_started_with(drilled_house: Mullion) -> None:
    """What nobody answers would open breakers and fill the log all the while, beside the faults that are looked for."""
    report = json.loads(urllib.request.urlopen(f"{drilled_house.url_of('ingest')}/healthz").read())
    started = {name.removeprefix("sandbox-") for name in drilled_house.processes() if name.startswith("sandbox-")}
    # Of payments the engine asks.
    assert {feed.partition("-")[0] for feed in report["feeds"]} == started - {"payments"}


@pytest.mark.full  # in every run it is drilled over HTTP with the subset; a browser's evidence is a test's
def test_story_runs_from_its_file_to_a_journal_that_says_what_held(broken_house: Mullion, tmp_path: Path) -> None:
    """As a person runs it: progress, verdict, exit code, and nothing left broken."""
    output = command(broken_house, "run", "promotions-slow", "--to", str(tmp_path))
    assert "promotions-slow: held. " in output
    [found] = run_record.journals(tmp_path, run_record.read(tmp_path))
    assert (found.mullion.verdict, found.status, found.deviated) == ("held", "completed", False)
    assert {step.activity.name for step in found.run} == {"shell:promotions latency latency=3000 for 8 s"}
    assert {each.slot: each.same for each in found.mullion.siblings} == {"wallet": True, "tables": True, "games": True}
    assert found.mullion.phases.recover_ms is not None
    assert_watched(found, tmp_path)
    assert "Nothing is broken." in drill(broken_house, "show")


def assert_watched(found: Journal, folder: Path) -> None:
    """A browser saw the same, and the page for somebody who was not there has its pictures."""
    evidence = found.mullion.evidence
    assert evidence is not None
    assert evidence.missing == {}
    assert found.mullion.phases.viewer == "browser"
    assert {file.kind for file in evidence.files} == {"picture", "trace", "video"}
    assert all((folder / "promotions-slow" / file.path).is_file() for file in evidence.files)
    text = (folder / "report.html").read_text("utf-8")
    assert "Promotions answered 3 s late" in text
    assert text.count("data:image/webp;base64,") == len(evidence.pictures) > 0
    assert (folder / "junit.xml").is_file()
