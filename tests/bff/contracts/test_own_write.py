"""One grammar of receipts' ids and sequences for shell, fragments and read side."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bff.contracts.own_write import is_receipt_id, is_sequence, parse_sequence
from tests.support.mullion import ROOT

pytestmark = pytest.mark.quick


@given(st.from_regex(r"[A-Za-z0-9_-]{1,64}", fullmatch=True), st.integers(0, 10**18 - 1))
def test_a_sequence_is_read_as_it_is_written(epoch: str, n: int) -> None:
    """Whoever passes it on and whoever reads by it agree."""
    assert is_sequence(f"{epoch}:{n}")
    assert parse_sequence(f"{epoch}:{n}") == (epoch, n)


@pytest.mark.parametrize("text", ["", "a1b2", "a1b2:", ":7", "a.b:7", "a1b2:٧", "a1b2:7\n", f"a1b2:{'9' * 19}"])
def test_what_is_no_sequence_names_none(text: str) -> None:
    """Another alphabet, other digits, more than a number, and nothing."""
    assert not is_sequence(text)
    assert parse_sequence(text) is None


def test_the_longest_id_of_a_lost_command_is_a_receipts() -> None:
    """A form's longest key, with the form's name and the time before it, crosses a reload."""
    assert is_receipt_id(f"key_{'a' * 16}_1234567890_{'k' * 128}")
    assert not is_receipt_id("r" * 161)
    assert not any(is_receipt_id(text) for text in ("", "a.b", "a b", "rc_1\n", "ä"))


def test_no_house_has_a_grammar_of_its_own() -> None:
    """Patterns for these stand in the contract alone."""
    pattern = re.compile(r"^_?(RECEIPT|SEQUENCE)\w* = re\.compile", re.MULTILINE)
    found = {
        path.relative_to(ROOT).as_posix()
        for room in ("bff", "shell", "fragments")
        for path in (ROOT / room).rglob("*.py")
        if pattern.search(path.read_text("utf-8"))
    }
    assert found == {"bff/contracts/own_write.py"}
