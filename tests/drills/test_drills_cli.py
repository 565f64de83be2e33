"""`manage.py drill`: what it says, what it does, and its exit codes."""

import json
import shlex
import subprocess
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import pytest

from shell.operations.up.data import locked
from tests.drills import cli, own_copy, run_record
from tests.drills.kit.loader import parse
from tests.drills.proxy.faults import FAULTS
from tests.drills.proxy_process import ProxyProcess
from tests.drills.report.samples import a_journal, put_run
from tests.drills.run_record import RunRecord
from tests.drills.runner import cli as running
from tests.drills.runner import library
from tests.drills.verdict import Verdict
from tests.support.mullion import ROOT

README = Path(cli.__file__).with_name("README.md")


@pytest.fixture(scope="module")
def process() -> Iterator[ProxyProcess]:
    with ProxyProcess() as process:
        yield process


class Drill:
    """`drill("show")` runs it; `out` and `err` hold what it said."""

    def __init__(self, capsys: pytest.CaptureFixture[str], *where: str) -> None:
        self._capsys, self._where = capsys, where

    def __call__(self, verb: str, *rest: str) -> int:
        code = cli.main([verb, *self._where, *rest])
        self.out, self.err = self._capsys.readouterr()
        return code


@pytest.fixture
def drill(process: ProxyProcess, capsys: pytest.CaptureFixture[str]) -> Iterator[Drill]:
    yield Drill(capsys, "--control-url", process.url)
    process.api.post("/reset")


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Drill:
    """The runner on a machine where nothing runs but what the test says."""
    monkeypatch.setenv("MULLION_DATA_ROOT", str(tmp_path))
    return Drill(capsys)


def test_hop_is_broken_shown_and_healed(drill: Drill, process: ProxyProcess) -> None:
    assert drill("break", "hop", "latency", "latency=3000", "--for", "30") == 0
    assert drill.out == (
        "hop is broken: latency latency=3000 jitter=0, for everyone. It heals by itself in 30 s; "
        "at once: manage.py drill heal hop\n"
    )
    assert drill("show") == 0
    assert [line.split()[:2] for line in drill.out.splitlines()] == [["HOP", "FAULT"], ["hop", "latency"]]
    assert "0 connections" in drill.out
    assert drill("heal", "hop") == 0
    assert drill.out == "healed: hop latency\n"
    assert process.toxics() == []
    assert drill("show") == 0
    assert drill.out == "Nothing is broken.\n"


def test_fault_without_values_has_those_that_are_felt(drill: Drill, process: ProxyProcess) -> None:
    """And without a time, the proxy's own."""
    assert drill("break", "hop", "latency") == 0
    assert (process.toxics()[0]["attributes"], process.toxics()[0]["ttl_s"]) == ({"latency": 3000, "jitter": 0}, 60)


def test_same_fault_again_takes_its_own_place(drill: Drill, process: ProxyProcess) -> None:
    """Others stay: another direction is another fault."""
    for latency in (1, 2):
        assert drill("break", "hop", "latency", f"latency={latency}", "--share", "0.5") == 0
    assert drill("break", "hop", "latency", "--upstream") == 0
    found = [(each["stream"], each["attributes"]["latency"], each["toxicity"]) for each in process.toxics()]
    assert found == [("downstream", 2, 0.5), ("upstream", 3000, 1)]
    assert drill("heal") == 0
    assert drill.out == "healed: hop latency\nhealed: hop latency\n"


def test_hop_is_taken_down_and_comes_up(drill: Drill, process: ProxyProcess) -> None:
    assert drill("break", "hop", "down", "--for", "9") == 0
    assert "down, for everyone. It heals by itself in 9 s" in drill.out
    assert drill("hops") == 0
    assert "down" in drill.out.splitlines()[1]
    assert drill("heal", "hop") == 0
    assert process.api.get("/proxies/hop").json()["enabled"]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["break", "hpo", "latency"], "There is no hop 'hpo'. Did you mean hop?"),
        (["break", "hop", "latncy"], "there is no fault 'latncy'; did you mean latency?"),
        (["break", "hop", "status"], "status breaks http, but hop carries redis."),
        (["break", "hop", "latency", "latency"], "'latency' is not KEY=VALUE, such as latency=3000"),
        (["break", "hop", "latency", "latency=soon"], "latency: a whole number from 0 to 86400000"),
        (["break", "hop", "latency", "delay=1"], "latency takes no 'delay'; it takes latency, jitter"),
        (["break", "hop", "latency", "--for", "0"], "--for: seconds, more than 0 and at most 3600"),
        (["break", "hop", "latency", "--for", "nan"], "--for: seconds"),
        (["break", "hop", "latency", "--share", "2"], "--share: a number from 0 to 1"),
        (["break", "hop", "latency", "--session", "amber.1"], "a mark travels over HTTP alone"),
        (["break", "hop", "down", "--upstream"], "down hits everybody"),
        (["heal", "hpo"], "There is no hop 'hpo'"),
    ],
)
def test_slip_is_one_sentence_and_breaks_nothing(drill: Drill, words: list[str], sentence: str) -> None:
    assert drill(*words) == 2
    assert sentence in drill.err
    assert (drill.out, drill.err.count("\n")) == ("", 1)
    drill("show")
    assert drill.out == "Nothing is broken.\n"


def test_hops_with_their_faults_name_what_applies_and_nothing_else(drill: Drill) -> None:
    """Over a Valkey hop: faults of bytes."""
    assert drill("hops", "--faults") == 0
    assert drill.out.splitlines()[0].split() == [
        "hop", "latency", "bandwidth", "slow_close", "timeout", "reset_peer", "slicer", "limit_data", "down",
    ]  # fmt: skip


def test_faults_are_told_without_a_copy_that_runs(here: Drill) -> None:
    assert here("faults") == 0
    for fault in FAULTS.values():
        assert f"{fault.name} ({fault.layer}): {fault.claim}" in here.out
        assert all(f"    {each.name}={each.default}: " in here.out for each in fault.parameters)


def test_nothing_to_break_is_told(here: Drill, tmp_path: Path) -> None:
    """No copy, several, one without drills, one that was named and does not run, one whose proxy is gone."""
    assert here("show") == 3
    assert "No Mullion runs here. Start one with: manage.py up --drills" in here.err
    with locked(tmp_path / "8000", fresh=False):
        assert here("show") == 3
        assert "Mullion runs on port base 8000 without drills." in here.err
        assert here("show", "--port-base", "9000") == 3
        assert "No Mullion runs on port base 9000; running: 8000." in here.err
        (tmp_path / "8000" / "processes.json").write_text(json.dumps({"drills": {"port": 9}}))
        assert here("show") == 3
        assert "does not answer" in here.err
        with locked(tmp_path / "9000", fresh=False):
            assert here("show") == 3
            assert "Several copies run: 8000, 9000. Say which: --port-base 8000" in here.err


def test_copy_that_runs_is_found(here: Drill, tmp_path: Path, process: ProxyProcess) -> None:
    with locked(tmp_path / "8000", fresh=False):
        (tmp_path / "8000" / "processes.json").write_text(json.dumps({"drills": {"port": process.port}}))
        assert here("hops") == 0
        assert here.out.splitlines()[1].startswith("hop")


def test_help_has_examples_and_exit_codes(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        cli.main(["--help"])
    output = capsys.readouterr().out
    assert end.value.code == 0
    assert "manage.py drill break shell:promotions latency latency=3000 --for 30" in output
    assert "exit codes:" in output


def test_readme_has_every_fault_with_its_parameters() -> None:
    """The table that a person reads is the one that the proxy obeys."""
    readme = README.read_text("utf-8").partition("\n## Faults\n")[2]
    for fault in FAULTS.values():
        line = next(line for line in readme.splitlines() if line.startswith(f"| `{fault.name}`"))
        assert all(f"`{each.name}={each.default}`" in line for each in fault.parameters), line
        assert fault.claim in line


def test_list_has_every_story_with_its_title(here: Drill) -> None:
    assert here("list") == 0
    assert "valkey-restart        Valkey restarts in the middle of a deposit\n" in here.out
    assert "manage.py drill list --all" in here.out


@pytest.mark.parametrize("name", ["live-hang", "shell->wallet/status"])
def test_drill_is_shown_as_a_file_that_says_the_same(here: Drill, name: str) -> None:
    """So that one of one's own can begin with it."""
    assert here("show", name) == 0
    assert parse(here.out.encode(), "shown.yaml") == library.find(name).drill


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (["show", "live-hnag"], 2, "There is no drill 'live-hnag'. Did you mean live-hang?"),
        (["run", "live-hnag"], 2, "There is no drill 'live-hnag'. Did you mean live-hang?"),
        (["run", "nothing.yaml"], 2, "nothing.yaml: no such file or directory"),
        (["run", "live-hang"], 3, "No Mullion runs here. Start one with: manage.py up --drills"),
        (["try", "promotions", "latency=3000"], 3, "No Mullion runs here."),
        (["try", "promotion", "latency=3000"], 2, "There is no hop 'shell:promotion'. Did you mean shell:promotions?"),
        (["try", "promotions", "latency", "soon"], 2, "'soon' is not KEY=VALUE, such as latency=3000"),
        (["try", "promotions", "latncy=1"], 2, "there is no fault 'latncy'; did you mean latency?"),
        (["try", "promotions", "latency=1", "--for", "9999"], 2, "--for: seconds, more than 0 and at most 3600"),
        (["run", "live-hang", "--base-url", "http://localhost:1"], 3, "runs elsewhere: give the address"),
        (["run", "live-hang", "--base-url", "http://a.example", "--control-url", "http://127.0.0.1:1"], 3,
         "http://a.example is not on the list of environments"),
        (["report"], 3, "There is no run yet."),
        (["report", "nowhere"], 3, "nowhere"),
    ],
)  # fmt: skip
def test_slip_with_a_drill_is_one_sentence(here: Drill, words: list[str], code: int, sentence: str) -> None:
    assert here(*words) == code
    assert sentence in here.err
    assert (here.out, here.err.count("\n")) == ("", 1)


def test_run_that_ended_early_goes_on_with_what_has_no_verdict_yet(
    drill: Drill, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was stopped or could not run is run again, and what came to its end stands beside it."""
    names = ["hop/down", "hop/latency", "hop/slicer"]
    verdicts = (Verdict.HELD, Verdict.ABORTED, Verdict.DEVIATED)
    folder = put_run(
        tmp_path / "run",
        *(a_journal(name.replace("/", "--"), each) for name, each in zip(names, verdicts, strict=True)),
    )
    record = run_record.read(folder)
    for name, each in zip(names, record.drills, strict=True):
        each.name = name
    run_record.write(record, folder)
    seen: list[Any] = []

    def carried_out(
        _named: object, _given: object, _command: str, _options: object, cells: list[str], before: RunRecord
    ) -> int:
        seen.extend([cells, [each.name for each in before.drills]])
        return 0

    monkeypatch.setattr(running, "_carry_out", carried_out)
    where = ("--base-url", "http://localhost:8000", "--http", "--resume", str(folder))
    assert drill("all", "--hops", "hop", *where) == 0
    cells, before = seen
    assert before == ["hop/down", "hop/slicer"]
    assert "hop/latency" in cells
    assert not {*before} & {*cells}


def test_only_a_run_of_the_same_copy_is_gone_on_with(drill: Drill, tmp_path: Path) -> None:
    folder = put_run(tmp_path / "run", a_journal())
    where = ("--base-url", "http://localhost:9700", "--resume")
    assert drill("all", *where, str(folder)) == 2
    assert f"--resume: {folder} is a run of http://localhost:8000, and this is http://localhost:9700" in drill.err
    assert drill("all", *where, str(tmp_path / "none")) == 2
    assert f"--resume: no run can be read in {tmp_path / 'none'}: " in drill.err


def test_run_of_which_nothing_is_left_is_not_run_again(drill: Drill, tmp_path: Path) -> None:
    folder = put_run(tmp_path / "run", a_journal())
    record = run_record.read(folder)
    [only] = record.drills
    ran = [msgspec.structs.replace(only, name=f"hop/{fault}") for fault in FAULTS]
    run_record.write(msgspec.structs.replace(record, drills=ran), folder)
    assert drill("all", "--hops", "hop", "--base-url", "http://localhost:8000", "--resume", str(folder)) == 2
    assert f"nothing of that is left to run: manage.py drill report {folder}" in drill.err


def test_nothing_is_halted_where_nothing_runs(here: Drill) -> None:
    assert here("stop") == 0
    assert here.out == "No drill runs.\n"


def test_command_for_one_hop_is_there_at_once() -> None:
    """It breaks, heals and shows without what runs drills and reports on them: browser, template engine, store."""
    program = "import sys, tests.drills.cli; print(*{name.partition('.')[0] for name in sys.modules})"
    imported = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert {"httpx"} <= set(imported.stdout.split())
    assert not {"playwright", "django", "redis"} & set(imported.stdout.split())


@pytest.mark.parametrize(
    ("arguments", "to"),
    [
        (["all", "--subset"], "kept/drills/"),
        (["run", "live-hang", "--to", "here"], "here"),
        (["all", "--resume", "here"], None),
        (["hops"], None),
    ],
)
def test_what_a_run_against_a_copy_of_its_own_leaves_outlasts_the_copy(
    arguments: list[str], to: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MULLION_DATA_ROOT", str(tmp_path / "kept"))
    monkeypatch.delenv("DRILL_REPORTS", raising=False)
    made = own_copy.lasting(arguments)
    assert made[: len(arguments)] == arguments
    where = dict(pairwise(made)).get("--to")
    assert where is None if to is None else to in (where or "")
    monkeypatch.setenv("DRILL_REPORTS", "there")
    assert own_copy.lasting(["try", "wallet", "latency=9"])[-2:] == ["--to", "there"]


def test_a_copy_of_its_own_runs_fragments_as_functions_where_its_line_says_so() -> None:
    """What the copy is started with is left out of what it is drilled with."""
    line = ["--functions", "wallet,games", "run", "function-cold", "--http"]
    assert own_copy.divided(line) == (["--functions", "wallet,games"], ["run", "function-cold", "--http"])
    assert own_copy.divided(["all", "--subset"]) == ([], ["all", "--subset"])
    wanted = ["--functions", "wallet", "--functions", "games"]
    assert own_copy.divided([*wanted[:2], "all", *wanted[2:]]) == (wanted, ["all"])


def test_every_story_of_functions_is_run_by_a_step_of_the_long_run() -> None:
    """A copy without functions leaves them out, so that they need a line of their own."""
    stories = {name for name in library.stories() if library.FUNCTIONS in library.find(name).drill.tags}
    steps = [shlex.split(line) for line in (ROOT / ".ci" / "full").read_text().splitlines() if line.startswith("step ")]
    lines = [step[step.index("tests.drills.own_copy") + 1 :] for step in steps if "tests.drills.own_copy" in step]
    run = {word for options, drilled in map(own_copy.divided, lines) if options for word in drilled[1:]}
    assert stories
    assert run == stories
