"""There is one way to serve: no house makes a server of uvicorn's for itself."""

import re

import pytest

from tests.support.mullion import ROOT

pytestmark = pytest.mark.quick

# A module's own import of one of the two comes to the same, whatever it calls them.
SERVER = re.compile(r"\buvicorn\.(?:(?:server|config|main)\.)?(?:Server|Config|run)\b\s*[(:),\]]")
IMPORT = re.compile(r"^\s*from uvicorn(?:\.(?:server|config|main))? import", re.MULTILINE)
SERVING = "bff/resilience/serving.py"
TYPES_ALONE = re.compile(r"-> uvicorn\.Config:|: uvicorn\.Config[,)]")


def test_nobody_but_serving_makes_a_server() -> None:
    """Its bounds, its end and its numbers hold for every process, also for one that works in the background."""
    made = {
        path.relative_to(ROOT).as_posix()
        for room in ("bff", "fragments", "shell")
        for path in (ROOT / room).rglob("*.py")
        if SERVER.search(text := TYPES_ALONE.sub("", path.read_text("utf-8"))) or IMPORT.search(text)
    }
    assert made == {SERVING}
