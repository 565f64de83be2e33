"""A run of all tests as four shares side by side: two with a browser, two without.

Public: `Shares`, `SHARES`, `BROWSER_FOLDER`.

Most tests wait more than they work, so several at a time cost each other little, while the whole run takes a part of
the time. A share stays in one process: what its tests use together (a whole Mullion, a PostgreSQL) starts once in it,
and Playwright's loop, which stays in its thread, never meets a test that runs asyncio.
"""

from xdist.scheduler import LoadScopeScheduling

BROWSER_FOLDER = "tests/browser/"
SHARES = 4
# Files from here on, by the alphabet, are the second half of those with a browser, and of the rest.
_SECOND_BROWSER, _SECOND_REST = "tests/browser/test_m", "tests/integration/test_l"


class Shares(LoadScopeScheduling):
    """Hands out the four; see pytest-xdist's `pytest_xdist_make_scheduler`."""

    def _split_scope(self, nodeid: str) -> str:
        if nodeid.startswith(BROWSER_FOLDER):
            return "browser, second half" if nodeid >= _SECOND_BROWSER else "browser, first half"
        return "second half" if nodeid >= _SECOND_REST else "first half"
