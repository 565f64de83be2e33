"""A pytest plugin that measures branch coverage of the rooms that need 100 %, during the run of all tests.

Use: `uv run pytest -p tests.support.branches`, then `uv run coverage combine` and `uv run coverage report`. The
measured rooms are listed in pyproject.toml. Only the rooms' own tests are measured (`watched.py`), because measuring
costs time.
"""

import os
import sys
from collections.abc import Sequence
from fnmatch import fnmatch
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from pathlib import Path
from types import ModuleType

import coverage
import pytest

from tests.support.watched import is_watched

ROOT = Path(__file__).parents[2]
_measured = coverage.Coverage(data_suffix=True)
# `*` crosses folders here and not there: a file too many is executed slower, and is not in the report.
_rooms = [str(ROOT / pattern) for pattern in _measured.get_option("run:include")]


class MeasuredImports:
    """Measures modules of the rooms while they are imported, so that lines that run once, at import, count.

    Everything else that tests import, a thousand modules, would take half as long again.
    """

    def __init__(self) -> None:
        self._importing = 0

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        if not name.startswith(("bff.", "shell.")):
            return None
        spec = PathFinder.find_spec(name, path, target)
        if not spec or not spec.origin or not any(fnmatch(spec.origin, room) for room in _rooms):
            return None
        spec.loader = MeasuredLoader(name, spec.origin, self)
        return spec

    def begin(self) -> None:
        self._importing += 1
        if self._importing == 1:
            _measured.start()

    def end(self) -> None:
        self._importing -= 1
        if self._importing == 0:
            _measured.stop()

    def remove(self) -> None:
        if self in sys.meta_path:
            sys.meta_path.remove(self)


class MeasuredLoader(SourceFileLoader):
    """Tells `imports` when the module is executed: it imports others meanwhile."""

    def __init__(self, name: str, path: str, imports: MeasuredImports) -> None:
        super().__init__(name, path)
        self._imports = imports

    def exec_module(self, module: ModuleType) -> None:
        self._imports.begin()
        try:
            super().exec_module(module)
        finally:
            self._imports.end()


# This plugin is loaded before the tests' fixtures, which import what is measured.
_imports = MeasuredImports()
sys.meta_path.insert(0, _imports)


class Branches:
    """Measures while modules are imported, and then while a watched test runs."""

    def pytest_collection_finish(self) -> None:
        _imports.remove()

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
        _imports.remove()
    config.pluginmanager.register(Branches(), "mullion-branches")
