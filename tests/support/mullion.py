"""A whole Mullion for tests: `manage.py up` on free ports with fresh data, with methods that break and heal processes.

Public: `Mullion`.
"""

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from shell.operations.up.orphan_guard import end_with_parent
from tests.support.free_ports import free_port_base

ROOT = Path(__file__).parents[2]
STANDS_S_MAX = 110
STOPS_S_MAX = 30
STEP_S = 0.05


class Mullion:
    """`with Mullion() as mullion: mullion.url`. Names are those of the processes in `house.toml`, and `valkey`."""

    def __init__(
        self,
        *arguments: str,
        root: Path = ROOT,
        command: Sequence[str] = (sys.executable, "manage.py", "up"),
        environ: Mapping[str, str] | None = None,
        stands_s_max: float = STANDS_S_MAX,
    ) -> None:
        self.port_base = free_port_base()
        self.stands_s_max = stands_s_max
        self.url = f"http://localhost:{self.port_base}"
        self.inner_url = f"http://localhost:{self.port_base + 1}"
        self._folder = tempfile.TemporaryDirectory(prefix="mullion-", ignore_cleanup_errors=True)
        self.data = Path(self._folder.name) / str(self.port_base)
        self._root = root
        self.command = [*command, "--port-base", str(self.port_base), *arguments]
        # The variables of this test run itself must not reach the houses.
        ours = (
            "REDIS_URL",
            "DATABASE_URL",
            "SHELL_DATABASE_URL",
            "DEBUG",
            "MULLION_DATA",
            "KAFKA_BOOTSTRAP",
            "BROKER_URL",
        )
        inherited = {name: value for name, value in os.environ.items() if name not in ours}
        self.environ = {**inherited, "MULLION_DATA_ROOT": self._folder.name, "NO_COLOR": "1", **(environ or {})}
        self._output = Path(self._folder.name) / "output"
        # The output at the moment at which `up` reported that it was ready, if it was checked.
        self.first_page = ""

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        self._folder.cleanup()

    # --- starting and stopping all of it

    def launch(self) -> subprocess.Popen[bytes]:
        """Start, without waiting."""
        with self._output.open("wb") as output:
            self.process = subprocess.Popen(
                self.command,
                cwd=self._root,
                env=self.environ,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=end_with_parent(signal.SIGTERM),
            )
        return self.process

    def start(self) -> None:
        """Start, and wait until `up` reports that it is ready and every process is."""
        self.launch()
        self.wait(lambda: self.process.poll() is not None or self._stands(), self.stands_s_max)
        if self.process.poll() is not None:
            raise AssertionError(f"manage.py up ended with {self.process.returncode}:\n{self.output()}")

    def stop(self) -> int:
        """Send SIGTERM to the whole foreground group of `up`, as a terminal would; returns the exit code."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGTERM)
        try:
            return self.process.wait(STOPS_S_MAX)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise

    def _stands(self) -> bool:
        # On a busy machine `up` may report a time-out before the last process is ready.
        return "Mullion stands" in self.output() and self._all_ready()

    def _all_ready(self) -> bool:
        return all(row["state"] == "ready" for row in self.processes().values())

    # --- looking

    def output(self) -> str:
        return self._output.read_text("utf-8", "replace")

    def logs(self, name: str) -> list[str]:
        """The log lines of process `name`; `up` is the supervisor itself."""
        lead = re.compile(rf"{re.escape(name)} +│ ")
        return [line[found.end() :] for line in self.output().splitlines() if (found := lead.match(line))]

    def ready_s(self) -> float:
        """How many seconds the start took, as `up` reports it."""
        found = re.search(r"ready in ([\d.]+) s", self.output())
        assert found, self.output()
        return float(found[1])

    def processes(self) -> dict[str, dict[str, Any]]:
        """Name to `{"port", "state", "pid", "starts"}`."""
        rows: dict[str, dict[str, Any]] = json.loads((self.data / "processes.json").read_text("utf-8"))
        return rows

    def pid(self, name: str) -> int:
        return int(self.processes()[name]["pid"])

    def url_of(self, name: str) -> str:
        return f"http://127.0.0.1:{self.processes()[name]['port']}"

    def get(self, path: str, headers: Mapping[str, str] | None = None) -> tuple[int, str]:
        """Status and body of a page of the shell."""
        return self._get(self.url + path, headers or {})

    def inside(self, path: str) -> tuple[int, str]:
        """Status and body of a page on the shell's inner port."""
        return self._get(self.inner_url + path, {})

    def _get(self, url: str, headers: Mapping[str, str]) -> tuple[int, str]:
        request = urllib.request.Request(url, headers=dict(headers))
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    # --- breaking and healing one process

    def kill(self, name: str) -> None:
        """`kill -9`; the supervisor starts it again by itself."""
        os.kill(self.pid(name), signal.SIGKILL)

    def disable(self, name: str) -> None:
        """`kill -9`, and keep it down until `enable`."""
        (self.data / "disabled" / name).touch()
        if pid := self.pid(name):
            os.kill(pid, signal.SIGKILL)
        self.wait_state(name, "disabled")

    def enable(self, name: str) -> None:
        """End a `disable`; returns when it is ready again."""
        (self.data / "disabled" / name).unlink(missing_ok=True)
        self.wait_state(name, "ready")

    def hang(self, name: str) -> None:
        """Freeze the process: its sockets stay open and nothing answers, until `resume`."""
        os.kill(self.pid(name), signal.SIGSTOP)

    def resume(self, name: str) -> None:
        os.kill(self.pid(name), signal.SIGCONT)

    def restart(self, name: str) -> None:
        """Kill it and wait for its successor."""
        before = self.processes()[name]["starts"]
        self.kill(name)
        self.wait(lambda: self.processes()[name]["starts"] > before)
        self.wait_state(name, "ready")

    def restore(self) -> None:
        """Undo everything: nothing is disabled or frozen, every process is ready. Returns when that is so."""
        for path in (self.data / "disabled").iterdir():
            path.unlink()
        for name, row in self.processes().items():
            if row["pid"]:
                self.resume(name)
        self.wait(self._all_ready, self.stands_s_max)

    # --- waiting

    def wait_state(self, name: str, state: str, within_s: float = 30) -> None:
        self.wait(lambda: self.processes()[name]["state"] == state, within_s)

    def wait(self, holds: Callable[[], object], within_s: float = 30) -> None:
        """Wait until `holds()` is true; fails with the last lines of output."""
        deadline = time.monotonic() + within_s
        while not holds():
            if time.monotonic() > deadline:
                raise AssertionError(f"not within {within_s:g} s; the last lines:\n" + self.output()[-4000:])
            time.sleep(STEP_S)
