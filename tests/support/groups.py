"""A run of all tests in four processes: what shares a dear fixture stays together, other files go where time is.

Public: `Groups`, `BROWSER_FOLDER`, `WORKERS`, `RENAMED`, `group_of`, `next_group`, `bears_browser`,
`opens_browser`, `takes_long`.

Many tests wait for what they started, so four at a time keep two cores busy; more would cost each other their time
limits. A group is handed out whole, to whoever has nothing to do: the Mullion of the run is started once, and so is the
slow house, after a while. Playwright's loop stays in its thread, where no test may run asyncio beside it: a process
that has opened a browser gets what bears one as long as there is any, and only then the rest, for which its browser is
closed. So all are done at about the same time. Which group a test is in follows from its file, so that a new test needs
no line here.
"""

import functools
import re
from collections.abc import Iterable
from pathlib import Path

from xdist.scheduler import LoadScopeScheduling
from xdist.workermanage import WorkerController

BROWSER_FOLDER = "tests/whole/"
BESIDE_BROWSERS = (BROWSER_FOLDER, "tests/shell/")
WORKERS = 4
ROOT = Path(__file__).parents[2]
# By the names of their fixtures: the Mullion of the run, and a shell over an origin that can be slowed down.
HOUSE = re.compile(r"\bhouse: Mullion|\b_mullion_of_the_run\b|\bhouse_to_end\b")
SLOW_HOUSE = re.compile(r"\b(slow|_slow_house_of_the_run): SlowHouse")
# Another of these, whose releases come and go.
RELEASING_HOUSE = re.compile(r"\breleasing: SlowHouse")
FIRST, SECOND = "house", "slow house"
# So many of what takes long and needs no browser still wait when the second house is begun: about a quarter of them.
SECOND_BEGINS_AT = 10
# The drilled one is of tests/drills/conftest.py; who uses it goes with this file, and begins early.
DRILLED_HOUSE = re.compile(r"\bdrilled_house\b")
DRILLED = "tests/drills/test_drills_whole.py"
# A Mullion of a test file's own beside the shared one; see tests/whole/test_lobby.py.
RENAMED = "renamed lobby"
# Its fixtures, as a test or a fixture of its file names them.
BROWSER = re.compile(r"def \w+\([^)]*\b(page|browser|context|chromium|browser_type)\b[,:)]")
ASYNCIO = re.compile(r"async def test_|asyncio\.run\(")
# What starts processes takes longer than its number of tests says.
STARTS_PROCESSES = re.compile(r"\b(Mullion|MoneyHouse|LiveHouse|Popen)\(|preloaded\.|\bpostgres\b|\bdrilled_house\b")


def group_of(nodeid: str) -> str:
    """The group of a test, or of most tests of a file: a path from the repository's root."""
    file, _, test = nodeid.partition("::")
    if file.startswith(BROWSER_FOLDER) and ("[renamed" in test or "-renamed" in test):
        return RENAMED
    return _group_of(file, test.partition("[")[0])


@functools.cache
def _group_of(file: str, test: str) -> str:
    text = _text(file)
    shares = HOUSE.search(text) and file.startswith(BROWSER_FOLDER)
    if DRILLED_HOUSE.search(text):
        return DRILLED
    if RELEASING_HOUSE.search(text) and _signature(text, test, RELEASING_HOUSE):
        return "releasing house"
    if not SLOW_HOUSE.search(text) or not file.startswith(BESIDE_BROWSERS):
        return "house" if shares else file
    # Of a file that uses both, each test is where its own words say.
    return "house" if shares and _signature(text, test, HOUSE) else "slow house"


def _signature(text: str, test: str, fixture: re.Pattern[str]) -> bool:
    """Whether `test` of the file with this `text` names the fixture."""
    found = re.search(rf"def {re.escape(test)}\(([^)]*)\)", text)
    return bool(found and fixture.search(found[1]))


@functools.cache
def bears_browser(group: str) -> bool:
    """Whether its tests run no asyncio, or run it before the first browser of their process."""
    if not group.startswith("tests/"):
        return True
    return group.startswith(BROWSER_FOLDER) and not ASYNCIO.search(_text(group))


@functools.cache
def opens_browser(group: str) -> bool:
    """Whether a process that has run `group` has a browser."""
    return not group.startswith("tests/") or (group.startswith(BROWSER_FOLDER) and bool(BROWSER.search(_text(group))))


def next_group(waiting: Iterable[tuple[str, int]], *, has_browser: bool) -> str | None:
    """Which of the groups that wait, with their numbers of tests, a process gets; None where none waits.

    The first house, the drilled one, most of what takes long and needs no browser, the second house, the rest that
    needs none, and then the browsers; the longest of each first. With a browser, those that bear it come before all
    others.
    """
    waiting = list(waiting)
    fit = [row for row in waiting if bears_browser(row[0])] if has_browser else waiting
    fit = fit or waiting
    second_begins = sum(not bears_browser(group) and takes_long(group) for group, _ in fit) <= SECOND_BEGINS_AT

    def order(row: tuple[str, int]) -> tuple[bool, bool, bool, bool, bool, bool, int]:
        group, tests = row
        next_house = group == FIRST or (group == SECOND and second_begins)
        return (
            not next_house,
            # Drills wait for what heals: whatever else is done, they take minutes, and must not be the last.
            group != DRILLED,
            group == SECOND,
            opens_browser(group),
            bears_browser(group),
            not takes_long(group),
            -tests,
        )

    return min(fit, key=order)[0] if fit else None


@functools.cache
def takes_long(group: str) -> bool:
    """Whether it starts processes of its own."""
    return not group.startswith("tests/") or bool(STARTS_PROCESSES.search(_text(group)))


@functools.cache
def _text(file: str) -> str:
    return (ROOT / file).read_text("utf-8")


class Groups(LoadScopeScheduling):
    """Hands out groups; see pytest-xdist's `pytest_xdist_make_scheduler`."""

    def _split_scope(self, nodeid: str) -> str:
        return group_of(nodeid)

    def _next(self, node: WorkerController) -> str | None:
        waiting = [(group, len(tests)) for group, tests in self.workqueue.items()]
        return next_group(waiting, has_browser=any(map(opens_browser, self.assigned_work[node])))

    def _assign_work_unit(self, node: WorkerController) -> None:
        if group := self._next(node):
            self.workqueue.move_to_end(group, last=False)
            super()._assign_work_unit(node)

    def _reschedule(self, node: WorkerController) -> None:
        has_time = self.workqueue and not node.shutting_down and self._pending_of(self.assigned_work[node]) <= 2
        if has_time and self._next(node) is None:
            node.shutdown()
        else:
            super()._reschedule(node)
