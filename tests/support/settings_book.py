"""The table of environment variables in shell/operations/SETTINGS.md, read.

Public: `book`, `Row`, `BOOK`, `GROUPS`, `TYPES`.
"""

import re
from dataclasses import dataclass
from functools import cache

from shell.operations.up import find
from shell.operations.up.operators_admin import ADMIN_NAME
from tests.support.mullion import ROOT

BOOK = ROOT / "shell" / "operations" / "SETTINGS.md"
ROW = re.compile(r"^\| `([A-Z][A-Z0-9_]+)` \|(.*)\|$", re.MULTILINE)
TYPES = {"text", "secret", "key", "address", "number", "switch", "list", "path", "JSON"}
GROUPS = {
    # The admin has the shell's settings, and some of its own.
    "shell": {"shell", ADMIN_NAME},
    "fragments": {
        process.name
        for house in find.houses(ROOT)
        if house.file.startswith("fragments/")
        for process in house.processes
    },
    "engine": {"bff-commands", "relay", "offers-intake"},
    "sandboxes": {"sandbox-tables", "sandbox-promotions", "sandbox-payments", "sandbox-games"},
}


@dataclass(frozen=True)
class Row:
    type: str
    default: str
    processes: frozenset[str]
    production: str


@cache
def book() -> dict[str, Row]:
    rows = {}
    for name, rest in ROW.findall(BOOK.read_text("utf-8")):
        cells = [cell.strip() for cell in rest.split("|")]
        assert len(cells) == 5, f"{name} has {len(cells) + 1} cells"
        assert name not in rows, f"{name} stands there twice"
        named = {part.strip() for part in cells[2].split(",")}
        processes = frozenset().union(*(GROUPS.get(part, {part}) for part in named))
        rows[name] = Row(cells[0], cells[1], processes, cells[3])
    return rows
