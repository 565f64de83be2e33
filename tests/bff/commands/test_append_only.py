"""What makes the ledger's tables append-only can be taken back whole, in each database."""

import re
from types import SimpleNamespace

import pytest

from bff.commands.ledger import append_only

pytestmark = pytest.mark.quick


def statements(vendor, *steps):
    found = []
    editor = SimpleNamespace(connection=SimpleNamespace(vendor=vendor), execute=found.append)
    for step in steps:
        step(None, editor)
    return found


@pytest.mark.parametrize("vendor", ["sqlite", "postgresql"])
def test_every_trigger_that_is_made_is_dropped_by_the_way_back(vendor):
    """None stays behind on a table that is dropped, and none is dropped that is not there."""
    made = statements(vendor, append_only.protect_entries, append_only.protect_against_bypass)
    dropped = statements(vendor, append_only.unprotect_against_bypass, append_only.unprotect_entries)
    names = re.compile(r"(?:CREATE|DROP) (TRIGGER|FUNCTION) (\w+)")
    created = [names.match(each).groups() for each in made]
    assert sorted(created) == sorted(names.match(each).groups() for each in dropped)
    # UPDATE, DELETE and what goes round them, of both tables.
    assert sum(kind == "TRIGGER" for kind, _ in created) == 6
