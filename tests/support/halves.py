"""A run of all tests as two halves side by side: those of the whole house and the shell, and those of every other room.

Public: `Halves`, `BROWSER_FOLDER`.

Most tests wait more than they work, so two at a time cost each other little, while the whole run takes half as long;
more of them than a small machine has cores cost each other their time limits. A half stays in one process: what its
tests share (a whole Mullion, a PostgreSQL) starts once, and Playwright's loop, which stays in its thread, never meets a
test that runs asyncio: in its half it comes last.
"""

from xdist.scheduler import LoadScopeScheduling

BROWSER_FOLDER = "tests/whole/"
FIRST_HALF = (BROWSER_FOLDER, "tests/shell/")


class Halves(LoadScopeScheduling):
    """Hands out two units of work; see pytest-xdist's `pytest_xdist_make_scheduler`."""

    def _split_scope(self, nodeid: str) -> str:
        return "whole" if nodeid.startswith(FIRST_HALF) else "rooms"
