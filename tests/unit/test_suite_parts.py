"""A test runs with every change, or it is `full` and runs in `.ci/full`; at the desk only what is quick runs."""

import re
import shlex
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FULL = (ROOT / ".ci" / "full").read_text("utf-8")
RUN = (ROOT / ".ci" / "run").read_text("utf-8")


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


def test_every_test_of_the_quick_folders_is_quick(request: pytest.FixtureRequest) -> None:
    assert request.node.get_closest_marker("quick")
