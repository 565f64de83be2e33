"""A run of all tests as three groups side by side: the whole house, other browsers and the shell, and every other room.

Public: `Groups`, `BROWSER_FOLDER`, `GROUPS`, `group_of`.

Most tests wait more than they work, so three at a time keep two cores busy and cost each other little; many more would
cost each other their time limits. A group stays in one process: what its tests share (a whole Mullion, a browser, a
PostgreSQL) starts once, and Playwright's loop, which stays in its thread, never meets a test that runs asyncio: in its
group it comes last. Which group a test is in follows from its file, so that a new test needs no line here.
"""

import functools
import re
from pathlib import Path

from xdist.scheduler import LoadScopeScheduling

BROWSER_FOLDER = "tests/whole/"
BESIDE_BROWSERS = (BROWSER_FOLDER, "tests/shell/")
GROUPS = ("house", "browsers", "rooms")
ROOT = Path(__file__).parents[2]
# The Mullion of the run, by the names of its fixtures.
SHARED_HOUSE = re.compile(r"\bhouse: Mullion|\b_mullion_of_the_run\b|\bhouse_to_end\b")


@functools.cache
def group_of(file: str) -> str:
    """The group of the tests of `file`, a path from the repository's root."""
    if not file.startswith(BESIDE_BROWSERS):
        return "rooms"
    shares = file.startswith(BROWSER_FOLDER) and SHARED_HOUSE.search((ROOT / file).read_text("utf-8"))
    return "house" if shares else "browsers"


class Groups(LoadScopeScheduling):
    """Hands out a unit of work for each group; see pytest-xdist's `pytest_xdist_make_scheduler`."""

    def _split_scope(self, nodeid: str) -> str:
        return group_of(nodeid.partition("::")[0])
