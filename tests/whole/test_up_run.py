"""`up` over real processes: what it starts, how it keeps it running, and that it leaves nothing behind."""

import json
import os
import pty
import re
import shutil
import signal
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import redis

from shell.operations.up.run import SIGNALS
from tests.support.mullion import STOPS_S_MAX, Mullion
from tests.support.up_remains import left_of
from tests.support.up_repository import COMMAND, ENVIRON, ROOT, make_repository

Start = Callable[..., Mullion]


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_repository(tmp_path_factory.mktemp("repository"))


@pytest.fixture(scope="module")
def standing(repository: Path) -> Iterator[Mullion]:
    """One run that several tests look at; the last of them ends it, while its worker is deaf to polite signals."""
    with Mullion(root=repository, command=COMMAND, environ={**ENVIRON, "DEAF": "1"}) as mullion:
        yield mullion


@pytest.fixture
def make(repository: Path) -> Iterator[Start]:
    """Makes runs of its own for a test; what is still there at the end is stopped."""
    made: list[Mullion] = []

    def new(*arguments: str, root: Path = repository, **environ: str) -> Mullion:
        made.append(Mullion(*arguments, root=root, command=COMMAND, environ={**ENVIRON, **environ}))
        return made[-1]

    yield new
    for mullion in made:
        if hasattr(mullion, "process"):
            mullion.stop()


def seen_by_front(mullion: Mullion) -> dict[str, str]:
    return json.loads(mullion.get("/")[1])


def test_all_stands_and_says_so_in_one_block(standing: Mullion):
    """The block has the lobby's address, the house's own words and how to stop."""
    output = standing.output()
    assert {row["state"] for row in standing.processes().values()} == {"ready"}
    assert re.search(r"Mullion stands · 4 of 4 processes · ready in [\d.]+ s", output)
    assert f"Lobby    http://localhost:{standing.port_base}/" in output
    assert f"Sign in  amber at http://localhost:{standing.port_base}/sign-in/" in output
    assert "Stop     Ctrl-C" in output


def test_progress_is_shown_while_it_starts(standing: Mullion):
    """Each process is told as it gets ready, with how many are."""
    lines = [line for line in standing.logs("up") if "is ready" in line]
    assert [line.rpartition("· ")[2] for line in lines] == ["1 of 4", "2 of 4", "3 of 4", "4 of 4"]


def test_readiness_is_an_answer_not_an_open_port(standing: Mullion):
    """The worker listens at once and answers 503 for half a second: it counts as ready only after that."""
    (line,) = [line for line in standing.logs("up") if line.startswith("worker is ready")]
    assert float(re.findall(r"\(([\d.]+) s\)", line)[0]) >= 0.5


def test_house_is_prepared_before_it_starts(standing: Mullion):
    """Both steps ran, in order, in one process."""
    steps = [line for line in standing.logs("front") if line.startswith("prepared")]
    assert [step.split()[1] for step in steps] == ["first", "second"]
    assert len({step.split()[3] for step in steps}) == 1


def test_fragments_are_published_in_one_go_and_a_refusal_stops_nothing(standing: Mullion):
    """The command gets every manifest's address once; its failure is told and the rest goes on."""
    url = f"http://127.0.0.1:{standing.port_base + 20}/manifest.json"
    assert f"published 1 {url}" in standing.logs("publish")
    assert any("not every fragment was published" in line for line in standing.logs("up"))


def test_logs_carry_the_name_and_no_control_codes(standing: Mullion):
    """What a child prints is led by its name, and cannot move the cursor."""
    assert "hello from worker" in standing.logs("worker")
    assert "\x1b" not in standing.output()


def test_own_secret_is_its_houses_only(standing: Mullion):
    """The front house has its secret; the worker, which shows what it has, does not."""
    seen = seen_by_front(standing)
    assert len(seen["FRONT_SECRET"]) >= 32
    assert "BEGIN PRIVATE KEY" in seen["PLAYER_CONTEXT_PRIVATE_KEY"]
    with urllib.request.urlopen(standing.url_of("worker") + "/ready") as answer:
        assert answer.read() == b"-"
    assert (standing.data / "secrets.json").stat().st_mode & 0o077 == 0


def test_second_up_on_the_same_data_is_refused(standing: Mullion, repository: Path):
    """One sentence says who runs there and how to start a copy beside it."""
    command = [*COMMAND, "--port-base", str(standing.port_base)]
    environ = {**os.environ, **ENVIRON, "MULLION_DATA_ROOT": str(standing.data.parent)}
    second = subprocess.run(command, cwd=repository, env=environ, capture_output=True, text=True, timeout=100)
    assert second.returncode == 1
    assert f"process {standing.process.pid}" in second.stderr
    assert "--port-base" in second.stderr


def test_dead_process_is_started_again_and_said(standing: Mullion):
    """How it ended and when it comes back is told; it is ready again by itself."""
    standing.restart("worker")
    standing.wait(lambda: any("worker is ready again" in line for line in standing.logs("up")))
    output = "\n".join(standing.logs("up"))
    assert re.search(r"worker was ended by SIGKILL after [\d.]+ s; it is started again in 0.5 s", output)


def test_held_process_stays_down_until_released(standing: Mullion):
    """A file named like a process keeps it down; removing the file lets it start."""
    standing.disable("worker")
    time.sleep(1.5)
    assert standing.processes()["worker"]["state"] == "disabled"
    standing.enable("worker")
    assert any("worker is disabled; remove" in line for line in standing.logs("up"))


def test_kill_9_leaves_nothing(standing: Mullion):
    """No signal is heard, and still every child and grandchild is gone within seconds."""
    assert len(left_of(standing)) >= 7
    standing.process.kill()
    standing.wait(lambda: not left_of(standing))


def test_killed_sweeper_is_replaced(make: Start):
    """The process that cleans up after a kill -9 can be killed itself, and still nothing is left."""
    mullion = make()
    mullion.start()
    sweepers = ["pgrep", "-P", str(mullion.process.pid), "-f", "sweeper"]
    first = subprocess.run(sweepers, capture_output=True, text=True).stdout
    os.kill(int(first), signal.SIGKILL)
    mullion.wait(lambda: subprocess.run(sweepers, capture_output=True, text=True).stdout not in ("", first))
    mullion.process.kill()
    mullion.wait(lambda: not left_of(mullion))


def ended_by(mullion: Mullion, number: signal.Signals) -> None:
    """Exit code 0, and no process is left, grandchildren included."""
    assert len(left_of(mullion)) >= 7
    mullion.process.send_signal(number)
    assert mullion.process.wait(STOPS_S_MAX) == 0
    assert left_of(mullion) == []


@pytest.mark.full
@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGQUIT])
def test_every_polite_signal_ends_all(make: Start, number: signal.Signals):
    """The other two end the runs that keep their data, in every run of the tests."""
    mullion = make()
    mullion.start()
    ended_by(mullion, number)


def test_every_way_in_which_a_terminal_ends_something_is_heard():
    """Two of them are tried in every run, all four in `.ci/full`."""
    assert set(SIGNALS) == {signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT}


def test_kill_9_in_the_middle_of_starting_leaves_nothing(make: Start):
    """Prepare steps and half-started processes are tracked by the orphan guard as well."""
    mullion = make()
    mullion.launch()
    mullion.wait(lambda: "valkey is ready" in mullion.output())
    mullion.process.kill()
    mullion.wait(lambda: not left_of(mullion))


@pytest.mark.parametrize(
    "number",
    [signal.SIGKILL, *(pytest.param(each, marks=pytest.mark.full) for each in (signal.SIGTERM, signal.SIGHUP))],
)
def test_end_of_uv_ends_all(repository: Path, number: signal.Signals):
    """`uv run` stands in front: a signal to it, kill -9 included, ends what runs behind it."""
    uv = os.environ.get("UV") or shutil.which("uv")
    assert uv, "uv is not on this machine: pip install uv"
    behind_uv = (uv, "run", "--no-sync", "--project", str(ROOT), "python", *COMMAND[1:])
    mullion = Mullion(root=repository, command=behind_uv, environ=ENVIRON)
    try:
        mullion.start()
        mullion.process.send_signal(number)
        mullion.process.wait(STOPS_S_MAX)
        mullion.wait(lambda: not left_of(mullion))
    finally:
        mullion.stop()


def test_data_is_kept_until_fresh_is_asked_and_every_polite_signal_ends_all(make: Start):
    """The store and the secrets outlive a run; `--fresh` forgets both. A process that ignores SIGTERM gets SIGKILL
    after its drain time."""
    mullion = make()
    mullion.start()
    store = redis.Redis(port=mullion.port_base + 40)
    store.set("kept", "yes")
    secret = seen_by_front(mullion)["SHARED_SECRET"]
    ended_by(mullion, signal.SIGINT)
    mullion.start()
    assert store.get("kept") == b"yes"
    assert seen_by_front(mullion)["SHARED_SECRET"] == secret
    ended_by(mullion, signal.SIGTERM)
    mullion.command.append("--fresh")
    mullion.environ["DEAF"] = "1"
    mullion.start()
    assert store.get("kept") is None
    assert seen_by_front(mullion)["SHARED_SECRET"] != secret
    store.close()
    began = time.monotonic()
    assert mullion.stop() == 0
    assert time.monotonic() - began < 3 * 8  # what it takes where nothing else runs, and as much again twice
    assert left_of(mullion) == []


def test_killed_valkey_comes_back_with_its_data(make: Start):
    """The append-only file brings back what was there a second before the kill."""
    mullion = make("--only", "valkey")
    mullion.launch()
    mullion.wait(lambda: "valkey is ready" in mullion.output())
    with redis.Redis(port=mullion.port_base + 40) as store:
        store.set("kept", "yes")
        time.sleep(1.2)
        mullion.restart("valkey")
    with redis.Redis(port=mullion.port_base + 40) as store:
        assert store.get("kept") == b"yes"


def test_house_that_can_not_be_prepared_is_told(make: Start):
    """Without the front house there is nothing to show: all ends with code 1, and the reason is in the output."""
    mullion = make(FAIL_PREPARE="second")
    assert mullion.launch().wait(100) == 1
    assert "CommandError: told to fail" in mullion.output()
    assert "front is not started" in mullion.output()
    assert left_of(mullion) == []


def test_crash_loop_of_one_does_not_hide_the_rest(make: Start):
    """The block comes, counts what is ready and names what is not; the others serve."""
    mullion = make(CRASH="pane")
    mullion.launch()
    mullion.wait(lambda: "Mullion stands · 3 of 4 processes" in mullion.output())
    assert "Not ready  pane" in mullion.output()
    assert mullion.get("/")[0] == 200
    waits = re.findall(r"pane ended with code 3 .* again in ([\d.]+) s", mullion.output())
    assert waits[:3] == ["0.5", "1", "2"]


def test_daphne_serves_the_apps(make: Start):
    """With `--server daphne` the same house answers, and ends without a trace."""
    mullion = make("--server", "daphne", "--only", "front")
    mullion.start()
    assert seen_by_front(mullion)["PROCESS_NAME"] == "front"
    assert mullion.stop() == 0
    assert left_of(mullion) == []


def test_colour_only_where_it_is_wanted(repository: Path, tmp_path: Path):
    """A terminal gets each name in its colour; NO_COLOR turns that off."""
    shown = {}
    for no_color in ("", "1"):
        mullion = Mullion("--only", "worker", root=repository, command=COMMAND)
        ours, theirs = pty.openpty()
        environ = {**os.environ, **ENVIRON, "MULLION_DATA_ROOT": str(tmp_path / no_color), "NO_COLOR": no_color}
        process = subprocess.Popen(mullion.command, cwd=repository, env=environ, stdout=theirs, stderr=theirs)
        os.close(theirs)
        words = b""
        while b"hello from" not in words:
            words += os.read(ours, 4096)
        process.terminate()
        process.wait(STOPS_S_MAX)
        os.close(ours)
        shown[no_color] = words
    assert re.search(rb"\x1b\[\d+mworker +\xe2\x94\x82\x1b\[0m ", shown[""])
    assert b"\x1b[" not in shown["1"]
