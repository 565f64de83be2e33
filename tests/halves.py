"""A run of all tests as two halves side by side: those with a browser or without a process, and those with processes.

Public: `Halves`, `BROWSER_FOLDER`, `QUICK_FOLDERS`.

Most tests wait more than they work, so two at a time cost each other little, while the whole run takes half as long;
more of them than a small machine has cores cost each other their time limits. A half stays in one process: what its
tests share (a whole Mullion, a PostgreSQL) starts once, and Playwright's loop, which stays in its thread, never meets a
test that runs asyncio: in its half it comes last. What is quick is the smaller part of either, and makes them even.
"""

from xdist.scheduler import LoadScopeScheduling

BROWSER_FOLDER = "tests/browser/"
# What needs no process and no browser. These alone run at the desk, by `uv run pytest -m quick`.
QUICK_FOLDERS = ("tests/contract/", "tests/unit/")


class Halves(LoadScopeScheduling):
    """Hands out two units of work; see pytest-xdist's `pytest_xdist_make_scheduler`."""

    def _split_scope(self, nodeid: str) -> str:
        return "browser" if nodeid.startswith((BROWSER_FOLDER, *QUICK_FOLDERS)) else "processes"
