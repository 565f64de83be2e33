"""A pytest plugin that reports what each test costs: `uv run pytest -p tests.support.cpu_seconds …` (Linux only).

It counts the CPU seconds, user and system, of the process that runs the test and of all its descendants, ended or
alive. The start of something that several tests share (a house, a browser) is charged to the test that caused it, and
its later work to the test that runs meanwhile; the collection is charged to none. Wall time is a bad measure on a
machine with other work.
"""

import os
import time
from collections import defaultdict
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

SHOWN_MAX = 40
TICKS_PER_S = os.sysconf("SC_CLK_TCK")
READINGS_MAX = 4
SPENT, OWN = "cpu_s", "own_cpu_s"


class CpuSeconds:
    """Adds the cost of each phase to the test's report, and prints costs by file and by test at the end."""

    def __init__(self) -> None:
        self._spent_s, self._own_s = spent_s(), time.process_time()
        self._by_test: dict[str, float] = defaultdict(float)
        self._own_by_file: dict[str, float] = defaultdict(float)
        self._wall_by_file: dict[str, float] = defaultdict(float)

    def pytest_collection_finish(self) -> None:
        """The first test of a process has not imported all others."""
        self._spent_s, self._own_s = spent_s(), time.process_time()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self):
        report = yield
        spent, own = spent_since(self._spent_s), time.process_time()
        # The CPU seconds of a process whose parent ended first can no longer be read, so a difference may be below
        # zero.
        report.user_properties += [(SPENT, max(0.0, spent - self._spent_s)), (OWN, own - self._own_s)]
        self._spent_s, self._own_s = spent, own
        return report

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        file, properties = report.nodeid.split("::")[0], dict(report.user_properties)
        self._by_test[report.nodeid] += properties[SPENT]
        self._own_by_file[file] += properties[OWN]
        self._wall_by_file[file] += report.duration

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        by_file: dict[str, float] = defaultdict(float)
        for test, spent in self._by_test.items():
            by_file[test.split("::")[0]] += spent
        terminalreporter.section(f"CPU seconds: {sum(by_file.values()):.1f}")
        for file, spent in _most(by_file):
            own, wall = self._own_by_file[file], self._wall_by_file[file]
            terminalreporter.write_line(f"{spent:8.2f} s CPU ({own:7.2f} s of pytest) {wall:8.2f} s wall  {file}")
        terminalreporter.write_line("")
        for test, spent in _most(self._by_test):
            terminalreporter.write_line(f"{spent:8.2f} s CPU  {test}")


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(CpuSeconds(), "mullion-cpu-seconds")


def _most(spent: dict[str, float]) -> list[tuple[str, float]]:
    return sorted(spent.items(), key=lambda row: -row[1])[:SHOWN_MAX]


def spent_since(before_s: float, read: Callable[[], float] | None = None) -> float:
    """`spent_s`, read again while it is less than before.

    The kernel's list of children leaves some out when one of them ends while it is read, and with a child all of its
    descendants: a house would be missing once, and the next test would be charged with the whole of it.
    """
    read = read or spent_s
    spent = read()
    for _ in range(READINGS_MAX):
        if spent >= before_s:
            break
        spent = max(spent, read())
    return spent


def spent_s() -> float:
    """CPU seconds of this process and all its descendants, including those that have ended and were waited for."""
    total, found = 0, [os.getpid()]
    while found:
        folder = Path(f"/proc/{found.pop()}")
        try:
            total += sum(map(int, (folder / "stat").read_text().rpartition(")")[2].split()[11:15]))
            tasks = [*(folder / "task").iterdir()]
        except OSError:  # the process has ended meanwhile
            continue
        for task in tasks:
            # A thread that has ended meanwhile is no reason to leave out the children of the others.
            with suppress(OSError):
                found += map(int, (task / "children").read_text().split())
    return total / TICKS_PER_S
