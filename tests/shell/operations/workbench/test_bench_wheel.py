"""The bench as a wheel: `mullion fragment dev` and `check` for a team without this repository."""

import os
import re
import signal
import subprocess
import tomllib
from importlib.metadata import EntryPoint, EntryPoints
from pathlib import Path

import pytest

from fragments.cli import bench, remote
from shell.operations.workbench.cli import main as dev
from shell.operations.workbench.states import BenchState, Cell
from tests.support.free_ports import free_port
from tests.support.kit_wheel import OF_THE_TESTS, WHEEL_PROJECT, empty_environment, run, uv
from tests.support.lobby import wait_for
from tests.support.mullion import ROOT
from tests.support.plain_http import get

ROOM = ROOT / "shell" / "operations" / "workbench"
PROJECT = tomllib.loads((ROOM / "pyproject.toml").read_text("utf-8"))["project"]


@pytest.mark.quick
def test_wheel_wants_the_versions_that_the_shell_wants() -> None:
    """It also requires the kit and the command in its own version."""
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["optional-dependencies"]
    ours = {each for each in PROJECT["dependencies"] if each.startswith("mullion-")}
    assert ours == {f"{name}=={PROJECT['version']}" for name in ("mullion-kit", "mullion-cli")}
    assert set(PROJECT["dependencies"]) - ours <= {*extras["shell"]}
    assert PROJECT["entry-points"][bench.GROUP].keys() == bench.VERBS


@pytest.mark.quick
def test_command_without_the_bench_says_what_to_install(capsys: pytest.CaptureFixture[str]) -> None:
    """`dev` names the wheel in one sentence; `check` then needs a shell and says so."""
    assert remote.main(["dev", "daily-quiz"], {}) == 2
    assert capsys.readouterr().err == (
        "fragment dev: it needs the bench, which is a wheel of its own: install mullion-bench beside mullion-cli.\n"
    )
    assert remote.main(["check", "https://quiz.example/manifest.json"], {}) == 1
    assert "MULLION_URL" in capsys.readouterr().err


@pytest.mark.quick
def test_command_with_the_bench_has_its_verbs(monkeypatch: pytest.MonkeyPatch) -> None:
    """The wheel declares them as entry points; with MULLION_URL `check` is done by that shell."""
    declared = PROJECT["entry-points"][bench.GROUP]
    points = EntryPoints(EntryPoint(name, at, bench.GROUP) for name, at in declared.items())
    monkeypatch.setattr(bench, "entry_points", points.select)
    assert bench.bench_verb(["dev", "x"], {}) is dev
    assert bench.bench_verb(["check", "x"], {}) is not None
    assert bench.bench_verb(["check", "x"], {"MULLION_URL": "https://shell.example"}) is None
    assert bench.bench_verb(["show", "x"], {}) is bench.bench_verb([], {}) is None


@pytest.mark.full
@pytest.mark.timeout(400)
def test_installed_command_writes_a_fragment_and_shows_it_in_every_state(tmp_path: Path) -> None:
    """`new`, `dev` and `check` run from three wheels in an empty environment that can not import this repository."""
    for project in (WHEEL_PROJECT, ROOT / "fragments" / "cli", ROOM):
        run(uv(), "build", "--quiet", "--wheel", project, "--out-dir", tmp_path / "dist")
    command = empty_environment(tmp_path, "--find-links", tmp_path / "dist", "mullion-bench").with_name("mullion")
    run(command, "fragment", "new", "daily-quiz", cwd=tmp_path)
    port = free_port()
    environ = {name: value for name, value in os.environ.items() if not name.startswith(OF_THE_TESTS)}
    words = [command, "fragment", "dev", "daily-quiz", "--port", str(port)]
    process = subprocess.Popen(words, cwd=tmp_path, env=environ, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout
        wait_for(lambda: "ready" in (process.stdout.readline() if process.stdout else ""), 60)
        url = f"http://127.0.0.1:{port}"
        for state in BenchState:
            page = get(f"{url}/cells/{Cell('daily-quiz', state=state).key}/", timeout=20)
            assert (page.status_code, "Daily quiz" in page.text) == (200, True), state
        styles = re.findall(r'<link rel="stylesheet" href="([^"]+)">', page.text)
        assert {get(url + style).status_code for style in styles} == {200}
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(20)
    checked = subprocess.run(
        [command, "fragment", "check", f"{url}/manifest.json", "--no-browser"],
        cwd=tmp_path,
        env=environ,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (checked.returncode, "It could not be checked." in checked.stdout) == (2, True), checked.stderr
