"""A plugin that measures the branches of what must be proven to the last one, in the run of all tests itself.

Use: `uv run pytest -p tests.support.branches`, then `uv run coverage combine` and `uv run coverage report`. What is
measured stands in pyproject.toml; its own tests are watched, and nothing else, for what watches costs time.
"""

import coverage
import pytest

from tests.support.watched import is_watched

# Begins with this plugin, which is loaded before the tests' fixtures are: lines that run once, at import, count too.
_measured = coverage.Coverage(data_suffix=True)
_measured.start()


class Branches:
    """Measures while modules are imported, and then while a watched test runs."""

    def pytest_collection_finish(self) -> None:
        _measured.stop()

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item):
        if not is_watched(item.nodeid):
            return (yield)
        _measured.start()
        try:
            return (yield)
        finally:
            _measured.stop()

    def pytest_sessionfinish(self) -> None:
        _measured.save()


def pytest_configure(config: pytest.Config) -> None:
    # All workers import the same: one of them shows the lines that run at import.
    if getattr(config, "workerinput", {"workerid": "gw0"})["workerid"] != "gw0":
        _measured.stop()
    config.pluginmanager.register(Branches(), "mullion-branches")
