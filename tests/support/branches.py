"""A pytest plugin that measures branch coverage of the rooms that need 100 %, during the run of all tests.

Use: `uv run pytest -p tests.support.branches`, then `uv run coverage combine` and `uv run coverage report`. The
measured rooms are listed in pyproject.toml. Only the rooms' own tests are measured (`watched.py`), because measuring
costs time.
"""

import os

import coverage
import pytest

from tests.support.watched import is_watched

# Measuring starts when this plugin is loaded, before the tests' fixtures, so that lines that run once, at import,
# count.
_measured = coverage.Coverage(data_suffix=True)
_measured.start()


class Branches:
    """Measures while modules are imported, and then while a watched test runs."""

    def pytest_collection_finish(self) -> None:
        _measured.stop()

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item):
        if not is_watched(item.nodeid, os.environ.get("DATABASE_URL", "")):
            return (yield)
        _measured.start()
        try:
            return (yield)
        finally:
            _measured.stop()

    def pytest_sessionfinish(self) -> None:
        _measured.save()


def pytest_configure(config: pytest.Config) -> None:
    # All workers import the same modules, so one of them measures the lines that run at import.
    if getattr(config, "workerinput", {"workerid": "gw0"})["workerid"] != "gw0":
        _measured.stop()
    config.pluginmanager.register(Branches(), "mullion-branches")
