"""How tests wait for an open page: until it says what it should, whatever the page or the machine does meanwhile."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Error, expect

from tests.support.lobby import PATIENT_S, wait_for

pytestmark = pytest.mark.quick

ROOT = Path(__file__).parents[2]
LEFT = "Page.evaluate: Execution context was destroyed, most likely because of a navigation"
# The end of a wait as a number at its call; a promise has a name of its own.
ENDS = re.compile(r"\b(?:wait_for|reload_until|eventually)\(.*?, (?:within_s=)?(\d+(?:\.\d+)?)(?=,|\)$)", re.MULTILINE)


def looks(*found: Any) -> Callable[[], Any]:
    """What one look after the other finds; an error is raised."""
    turns = iter(found)

    def look() -> Any:
        found = next(turns)
        if isinstance(found, Exception):
            raise found
        return found

    return look


def test_page_that_goes_on_while_it_is_looked_at_is_looked_at_again() -> None:
    """As one that was cut does: it opens itself once more."""
    assert wait_for(looks(Error(LEFT), False, True), every_s=0) < PATIENT_S


def test_what_else_a_browser_complains_of_ends_the_wait() -> None:
    with pytest.raises(Error, match="Target page"):
        wait_for(looks(Error("Target page, context or browser has been closed"), True), every_s=0)


def test_page_that_never_comes_to_say_it_fails_with_what_it_says() -> None:
    """Also where it goes on once more as it is described."""
    with pytest.raises(AssertionError, match="not within 0 s: a fallback"):
        wait_for(lambda: False, 0, lambda: "a fallback")
    with pytest.raises(AssertionError, match="not within 0 s: None"):
        wait_for(lambda: False, 0, looks(Error(LEFT)))


def test_playwright_waits_as_long_as_everybody_else() -> None:
    """Its own five seconds are over before a busy machine has begun."""
    assert expect._timeout == PATIENT_S * 1000


def test_no_wait_for_a_page_ends_sooner_than_a_busy_machine_needs() -> None:
    files = sorted((ROOT / "tests" / "whole").glob("*.py"))
    found = {(file.name, end) for file in files for end in ENDS.findall(file.read_text("utf-8"))}
    assert {(name, end) for name, end in found if float(end) < PATIENT_S} == set()
