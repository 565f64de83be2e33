"""A kind of reason is a property of the one table, wherever the product decides by it."""

import re

import pytest

from tests.support.mullion import ROOT

pytestmark = pytest.mark.quick

# Two members in one bracket, as in `frozenset({Reason.A, Reason.B})` and `(Reason.A, Reason.B)`.
SET = re.compile(r"[{(\[]\s*(?:\*\()?Reason\.[A-Z_]+,\s*Reason\.[A-Z_]+")


def test_no_room_lists_reasons_of_its_own() -> None:
    """Lists beside the table would differ from it, and from each other, when a reason is added."""
    table = ROOT / "bff" / "resilience" / "reason_properties.py"
    rooms = [path for room in ("bff", "fragments", "shell") for path in (ROOT / room).rglob("*.py") if path != table]
    assert [path.relative_to(ROOT).as_posix() for path in rooms if SET.search(path.read_text("utf-8"))] == []
