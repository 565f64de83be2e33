"""The README of a room names every file in it, and no file that is not there."""

import re

import pytest

from tests.support.mullion import ROOT

pytestmark = pytest.mark.quick

ROOMS = ["bff/broker", "bff/contracts", "bff/feeds", "bff/queries", "bff/store"]
NAMES = re.compile(r"`([a-z_]+\.py)`")


@pytest.mark.parametrize("room", ROOMS)
def test_readme_of_a_room_lists_its_files(room: str):
    """Whoever adds a file says in one line what it is."""
    rows = [line for line in (ROOT / room / "README.md").read_text("utf-8").splitlines() if line.startswith("| `")]
    named = {name for row in rows for name in NAMES.findall(row)}
    # Of settings and entry points the README's other tables speak.
    own = {path.name for path in (ROOT / room).glob("*.py")} - {"__init__.py", "settings.py", "asgi.py", "metrics.py"}
    below = {path.name for path in (ROOT / room).rglob("*.py")}
    assert own - named == set()
    assert named - below == set()


@pytest.mark.parametrize("room", ["", "composition", "fleet", "operations", "pages", "registry"])
def test_readme_of_the_shell_lists_the_files_of_its_rooms(room: str):
    """But for what every Django app has; its other rooms have books of their own."""
    rows = [line for line in (ROOT / "shell" / "README.md").read_text("utf-8").splitlines() if line.startswith("| `")]
    named = {name for row in rows for name in NAMES.findall(row.replace("operations/", ""))}
    own = {path.name for path in (ROOT / "shell" / room).glob("*.py")} - {"__init__.py", "apps.py", "models.py"}
    assert own - named - {"settings.py"} == set()
    assert named - {path.name for path in (ROOT / "shell").rglob("*.py")} == set()


@pytest.mark.parametrize("room", [*ROOMS, "shell"])
def test_links_of_a_rooms_readme_lead_somewhere(room: str):
    """Decisions and other rooms are where the README says."""
    text = (ROOT / room / "README.md").read_text("utf-8")
    targets = [target.partition("#")[0] for target in re.findall(r"\]\(([^)]+)\)", text) if "://" not in target]
    assert [target for target in targets if target and not (ROOT / room / target).exists()] == []
