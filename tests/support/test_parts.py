"""A test runs with every change, or it is `full` and runs in `.ci/full`; at the desk only what is quick runs."""

import os
import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.support.groups import (
    ASYNCIO,
    DRILLED,
    RENAMED,
    bears_browser,
    group_of,
    next_group,
    opens_browser,
    takes_long,
)

pytestmark = pytest.mark.quick

ROOT = Path(__file__).parents[2]
FULL = (ROOT / ".ci" / "full").read_text("utf-8")
RUN = (ROOT / ".ci" / "run").read_text("utf-8")
# The house as a whole, its books, and the tests' own tools,
BESIDE_ROOMS = {"whole", "books", "benchmarks", "drills", "support"}
# and two rooms that lie deeper in the house.
WITHIN_ROOMS = {"bff/projector", "shell/contain"}


def marked(arguments: str) -> str:
    """The expression that `-m` names."""
    words = shlex.split(arguments)
    return words[words.index("-m") + 1]


def test_full_selects_exactly_what_a_plain_run_leaves_out() -> None:
    """One asks for the marker and the other for all without it, neither for a folder: nothing runs in none."""
    with (ROOT / "pyproject.toml").open("rb") as file:
        options = tomllib.load(file)["tool"]["pytest"]["ini_options"]
    assert marked(options["addopts"]) == "not full"
    [line] = re.findall(r"^step tests uv run pytest (.*)$", FULL, re.MULTILINE)
    assert line == "-m full"


@pytest.mark.parametrize("kind", ["soak", "bench"])
def test_full_runs_every_soak_and_benchmark(kind: str) -> None:
    names = {path.stem for path in (ROOT / "tests" / "benchmarks").glob(f"{kind}_*.py")}
    loops = dict(re.findall(r"for (\w+) in ([\w ]+); do", FULL))
    lines = FULL + "".join(
        FULL.replace(f"${name}", value) for name, values in loops.items() for value in values.split()
    )
    assert names
    assert names == set(re.findall(rf"tests\.benchmarks\.({kind}_\w+)", lines))


@pytest.mark.parametrize("script", [FULL, RUN], ids=["full", "run"])
def test_script_ends_with_a_verdict(script: str) -> None:
    """A step that failed is named in the last line and in the exit code; the rest of them ran."""
    assert script.splitlines()[-1].startswith("verdict ")
    assert ". .ci/steps\n" in script


@pytest.mark.parametrize("code", [0, 3])
def test_step_beside_others_is_joined_told_and_counted(tmp_path: Path, code: int) -> None:
    """It runs while the next step does; what it said, and whether it failed, comes before the verdict."""
    uv = tmp_path / "uv"
    uv.write_text("#!/bin/sh\n")
    uv.chmod(0o755)
    script = f"""set -euo pipefail
. .ci/steps
beside slow sh -c 'echo said by the slow one; until [ -e {tmp_path}/seen ]; do sleep 0.05; done; exit {code}'
step quick touch {tmp_path}/seen
verdict ci"""
    environ = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    done = subprocess.run(["bash", "-c", script], cwd=ROOT, env=environ, capture_output=True, text=True, timeout=30)
    lines = done.stdout.splitlines()
    assert (done.returncode, lines[-1].startswith("ci: FAILED: slow")) == (min(code, 1), code != 0)
    assert "said by the slow one" in lines


def test_what_is_for_the_desk_leaves_out_what_takes_long() -> None:
    """`-m quick` replaces the run's own `-m 'not full'`, and the rest of a catalogue does not come with it."""
    file = "tests/bff/resilience/test_recovery.py"
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-m", "quick", file]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=100, check=False)
    assert "[each by itself-25]" in done.stdout
    assert "75 more" not in done.stdout


def test_nothing_runs_twice() -> None:
    """A test that fails has failed: no script and no option runs it again."""
    options = (ROOT / "pyproject.toml").read_text("utf-8")
    assert not re.search(r"--last-failed|--lf\b|--reruns|flaky", RUN + FULL + options)
    assert RUN.count("uv run pytest") == 1


def test_files_that_share_a_house_run_together() -> None:
    """One process starts it; what is alone in its group goes where there is time."""
    groups = {path: group_of(path.relative_to(ROOT).as_posix()) for path in (ROOT / "tests").rglob("test_*.py")}
    assert {path.parent.name for path, group in groups.items() if group == "house"} == {"whole"}
    assert groups[ROOT / "tests/drills/evidence/test_evidence_whole.py"] == DRILLED
    assert groups[ROOT / "tests/drills/test_drill_subset.py"] == groups[ROOT / DRILLED] == DRILLED
    assert (
        group_of("tests/shell/test_ship_alone.py::test_release_that_fails_is_rolled_back_by_itself")
        == "releasing house"
    )
    assert group_of("tests/whole/test_change_under_load.py::test_no_page_fails_while_versions_are_published") == (
        "releasing house"
    )
    assert groups[ROOT / "tests/whole/test_outages.py"] == groups[ROOT / "tests/whole/test_lobby.py"] == "house"
    assert groups[ROOT / "tests/whole/test_typing.py"] == groups[ROOT / "tests/whole/test_notices.py"] == "slow house"
    assert group_of("tests/whole/test_cut_pages.py::test_page_that_was_cut_fills_its_places[chromium]") == "slow house"
    assert group_of("tests/whole/test_cut_pages.py::test_half_of_a_shadow_root_is_replaced[chromium]") == "house"
    assert group_of("tests/whole/test_lobby.py::test_table_page_shows_the_table[chromium-renamed]") == RENAMED
    assert groups[ROOT / "tests/bff/commands/test_engine.py"] == "tests/bff/commands/test_engine.py"


def test_process_with_a_browser_gets_what_may_run_asyncio_last() -> None:
    """The houses and what needs no browser, the longest first; and then everybody opens one."""
    long, short = "tests/bff/commands/test_engine.py", "tests/shell/contain/test_corpus.py"
    browser, waiting = "tests/whole/test_live_page.py", [("house", 110)]
    waiting += [(short, 1174), (browser, 35), ("slow house", 40), (long, 6)]
    assert handed_out(waiting) == ["house", "slow house", long, short, browser]
    assert next_group([(short, 1174), (browser, 35)], has_browser=True) == browser
    assert next_group([(short, 1174), (long, 6)], has_browser=True) == long
    assert next_group([], has_browser=True) is None
    files = [path.relative_to(ROOT).as_posix() for path in (ROOT / "tests" / "whole").glob("test_*.py")]
    assert [file for file in files if opens_browser(group_of(file)) and not bears_browser(group_of(file))] == []
    slow = [
        path
        for path in (ROOT / "tests").rglob("test_*.py")
        if group_of(path.relative_to(ROOT).as_posix()) == "slow house"
    ]
    assert [path for path in slow if ASYNCIO.search(path.read_text("utf-8"))] == []


def handed_out(waiting: list[tuple[str, int]]) -> list[str]:
    """The groups in the order in which a process without a browser gets them."""
    order = []
    while (group := next_group(waiting, has_browser=False)) is not None:
        order.append(group)
        waiting = [row for row in waiting if row[0] != group]
    return order


def test_second_house_begins_when_most_of_what_is_long_has_begun() -> None:
    """The processes with a browser and those without are done at about the same time."""
    files = {path.relative_to(ROOT).as_posix() for path in (ROOT / "tests").rglob("test_*.py")}
    order = handed_out([(group, 1) for group in {group_of(file) for file in files}])
    plain = [group for group in order if takes_long(group) and not bears_browser(group)]
    before = [group for group in order[: order.index("slow house")] if group in plain]
    assert order[:2] == ["house", DRILLED]
    assert 0.5 < len(before) / len(plain) < 0.9


def test_files_at_the_desk_are_those_that_say_so(request: pytest.FixtureRequest) -> None:
    """A file whose head has the marker is imported at the desk, and its tests have the marker."""
    assert request.node.get_closest_marker("quick")
    assert ignored_at_the_desk(request.config, request.path) is None
    assert ignored_at_the_desk(request.config, ROOT / "tests" / "whole" / "test_lobby.py") is True


def ignored_at_the_desk(config: pytest.Config, path: Path) -> bool | None:
    before, config.option.markexpr = config.option.markexpr, "quick"
    try:
        ignored: bool | None = config.hook.pytest_ignore_collect(collection_path=path, config=config)
        return ignored
    finally:
        config.option.markexpr = before


def test_tests_lie_as_the_house_lies() -> None:
    """Whoever changes a room finds its tests in the folder of the same name."""
    folders = {path.parent.relative_to(ROOT / "tests") for path in (ROOT / "tests").rglob("test_*.py")}
    strange = {folder for folder in folders if not (ROOT / folder).is_dir() and folder.parts[0] not in BESIDE_ROOMS}
    assert {str(folder) for folder in strange} == WITHIN_ROOMS
