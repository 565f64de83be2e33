"""One grammar of idempotency keys for shell, fragments and engine."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bff.contracts.idempotency import COMMAND_KEY_CHARS_MAX, is_command_key, is_form_key
from tests.support.mullion import ROOT

pytestmark = pytest.mark.quick


@given(st.text(max_size=220))
def test_what_a_form_may_carry_the_engine_takes(key: str):
    """No form is turned away by the engine for its key."""
    assert is_command_key(key) or not is_form_key(key)


@given(st.from_regex(r"[A-Za-z0-9_-]{8,128}", fullmatch=True))
def test_every_forms_key_is_a_commands_key(key: str):
    """From eight characters to a hundred and twenty-eight."""
    assert is_form_key(key)
    assert is_command_key(key)


@pytest.mark.parametrize(
    "key", ["", "a b", "ä" * 9, "x" * (COMMAND_KEY_CHARS_MAX + 1), "line\nend", "tab\tkey", "key\n"]
)
def test_what_is_no_key_is_refused(key: str):
    """Spaces, control characters, anything that is not ASCII, too much and nothing."""
    assert not is_command_key(key)
    assert not is_form_key(key)


def test_no_house_has_a_grammar_of_its_own():
    """A pattern for keys stands in the contract alone."""
    pattern = re.compile(
        r"^_?(IDEMPOTENCY_)?KEY\w* = re\.compile|(TOKEN|PATTERN|GRAMMAR)\.fullmatch\((idempotency_)?key\)", re.MULTILINE
    )
    found = {
        path.relative_to(ROOT).as_posix()
        for room in ("bff", "shell", "fragments")
        for path in (ROOT / room).rglob("*.py")
        if pattern.search(path.read_text("utf-8")) and "dempotency" in path.read_text("utf-8")
    }
    # The sandbox stands for a provider, which has its own rules.
    assert found - {"bff/sandbox/tables/bets_api.py"} == set()
