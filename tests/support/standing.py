"""What stands for a whole run ends when the group of tests that it stands for has ended.

Public: `Standing`, a plugin of a process of pytest-xdist. Its hooks are those of an object and not of a conftest, for
pytest tells a conftest of a folder nothing of fixtures whose scope is the session.
"""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from _pytest.fixtures import FixtureDef, SubRequest

from tests.support import groups

# Whole houses: to stand idle until the run ends would take each a tenth of a core.
HOUSES = {
    "_mullion_of_the_run",
    "_drilled_house_of_the_run",
    "_slow_house_of_the_run",
    "_releasing_house_of_the_run",
}
# Runs its loop in the thread of the tests: no test that runs asyncio may come while it stands.
BROWSERS = {"playwright"}


class Standing:
    """Ends houses with the last test of their group, and the browser before the first group that bears none.

    `group_of` gives the group of a test's id, `bears_browser` says it of a group.
    """

    def __init__(
        self,
        group_of: Callable[[str], str] = groups.group_of,
        bears_browser: Callable[[str], bool] = groups.bears_browser,
    ) -> None:
        self._group_of, self._bears_browser = group_of, bears_browser
        self._standing: dict[FixtureDef[Any], SubRequest] = {}

    @pytest.hookimpl(tryfirst=True)
    def pytest_fixture_setup(self, fixturedef: FixtureDef[Any], request: SubRequest) -> None:
        if fixturedef.argname in HOUSES | BROWSERS:
            self._standing[fixturedef] = request

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_teardown(self, item: pytest.Item, nextitem: pytest.Item | None) -> Iterator[None]:
        yield
        if nextitem and self._group_of(item.nodeid) != (following := self._group_of(nextitem.nodeid)):
            stays = BROWSERS if self._bears_browser(following) else set()
            for fixturedef in [standing for standing in reversed(self._standing) if standing.argname not in stays]:
                fixturedef.finish(self._standing.pop(fixturedef))
