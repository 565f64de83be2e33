"""A run of all tests as three shares side by side: browsers in one whole Mullion, houses of tests' own, the rest.

Public: `Shares`, `SHARES`, `BROWSER_FOLDER`.

Most tests wait more than they work, so three at a time cost each other little, while the run takes a third as long;
four had no more to share on two cores, and cost each other their time limits. A share stays in one process: what its
tests have in common (the Mullion, a PostgreSQL, a slow house) starts once, and Playwright's loop, which stays in its
thread, never meets a test that runs asyncio.
"""

import re

from xdist.scheduler import LoadScopeScheduling

BROWSER_FOLDER = "tests/browser/"
SHARES = 3
# By name, as the scheduler knows nothing else of a test. The three take about the same time.
_OWN_HOUSES = re.compile(
    r"tests/browser/test_(?:contain|live|slow|typing|lobby.*renamed)|tests/integration/test_(?:projector|shell_actions|up)_?"
)


class Shares(LoadScopeScheduling):
    """Hands out three units of work; see pytest-xdist's `pytest_xdist_make_scheduler`."""

    def _split_scope(self, nodeid: str) -> str:
        if _OWN_HOUSES.match(nodeid):
            return "houses of their own"
        return "browsers" if nodeid.startswith(BROWSER_FOLDER) else "rest"
