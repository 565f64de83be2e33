"""A page sent without a cold function comes back by itself for a reader without JavaScript, and not for ever."""

import asyncio
import re
from collections.abc import Callable, Coroutine
from dataclasses import replace
from functools import wraps
from html import unescape
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from bff.resilience.outcome import State
from shell.composition.cold_reload import reloads_of
from shell.composition.ladder import Included
from tests.support.function_pages import COLD_MS, NAMES, PAGE, WARM_MS, FunctionPages
from tests.support.simulated_time import run

pytestmark = pytest.mark.quick

# A copy that was made just before is as good as new.
COPY_AGES_S = 30
REFRESH = re.compile(r'<noscript><meta http-equiv="refresh" content="(\d+);url=([^"]*)"></noscript>')


def reload_of(page: str) -> tuple[int, str] | None:
    """(seconds, address) of a page that comes back by itself."""
    found = REFRESH.search(page)
    assert page.count('http-equiv="refresh"') == (found is not None)
    return (int(found[1]), unescape(found[2])) if found else None


def simulated(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    @wraps(test)
    def on_simulated_time(**given: Any) -> None:
        run(test(**given))

    return on_simulated_time


@simulated
async def test_page_that_met_a_cold_function_comes_back_without_scripts_and_finds_it_warm() -> None:
    """Behind its slots, which a script could swap; a page that met warm ones stays."""
    shell = FunctionPages()
    assert reload_of(await shell.page()) is None
    await asyncio.sleep(COPY_AGES_S)
    shell.took_ms["tables"] = COLD_MS
    page = await shell.page()
    assert (
        'slot="tables" id="slot-tables" data-prefix="/slots/lobby/tables" data-state="stale" data-reason="cold"' in page
    )
    assert reload_of(page) == (5, "/?reload=1")
    assert page.index("<noscript>") > page.rindex("</fragment-slot>")
    await asyncio.sleep(5)
    shell.took_ms["tables"] = WARM_MS
    page = await shell.page("reload=1")
    assert page.count('data-state="fresh"') == len(NAMES)
    assert reload_of(page) is None


@simulated
async def test_page_that_meets_a_cold_function_again_comes_back_more_slowly_and_then_stays() -> None:
    """As long as its last cold start took and a half more; each further time twice as long, three times in all."""
    shell = FunctionPages()
    shell.took_ms["wallet"] = COLD_MS
    await shell.page()
    looks = []
    for number in range(5):
        await asyncio.sleep(COLD_MS / 1000 + COPY_AGES_S)
        looks.append(reload_of(await shell.page(f"reload={number}" if number else "")))
    assert looks == [(8, "/?reload=1"), (15, "/?reload=2"), (20, "/?reload=3"), None, None]


@simulated
@pytest.mark.parametrize(("cold_ms_max", "after_s"), [(500, 2), (1500, 3), (30_000, 5)])
async def test_page_comes_back_no_later_than_a_function_may_take_to_wake(cold_ms_max: int, after_s: int) -> None:
    """Before a cold start was measured, and never at once."""
    shell = FunctionPages(cold_ms_max=cold_ms_max, deadline_ms=500)
    shell.took_ms["wallet"] = COLD_MS
    assert reload_of(await shell.page()) == (after_s, "/?reload=1")


@simulated
@pytest.mark.parametrize(
    ("html", "comes_back"),
    [
        ('<form><input name="amount"></form>', False),
        ('<form><input type="number" name="amount"></form>', False),
        ('<form><label><input type="radio" name="stake" value="5">5</label></form>', False),
        ("<form><textarea></textarea></form>", False),
        ('<form><select name="limit"><option>1</option></select></form>', False),
        ('<form><input type="hidden" name="key" value="1"><button>Claim</button></form>', True),
        ('<form><input class="box" type="search" name="search" placeholder="a > b"></form>', True),
    ],
)
async def test_page_with_something_to_fill_in_stays_as_it_is(html: str, comes_back: bool) -> None:
    """Nothing half-typed is wiped. A copy that is stale is inert, so nobody types into it."""
    shell = FunctionPages()
    shell.took_ms["wallet"] = COLD_MS
    shell.html["promotions"] = html
    assert (reload_of(await shell.page()) is not None) is comes_back
    await asyncio.sleep(COPY_AGES_S)
    shell.took_ms["promotions"] = COLD_MS
    assert reload_of(await shell.page()) is not None


@simulated
async def test_page_that_comes_back_asks_for_what_it_was_asked_for() -> None:
    """Its query and the receipt that it shows stay in its address, so that it shows the same."""
    shell = FunctionPages()
    shell.took_ms["wallet"] = COLD_MS
    receipt = "rc_" + "a" * 22
    page = await shell.page(f"tables.page=2%26x&promotions.receipt={receipt}&reload=1&other=1")
    _, address = reload_of(page) or (0, "")
    assert parse_qs(urlsplit(address).query) == {
        "tables.page": ["2&x"],
        "promotions.receipt": [receipt],
        "reload": ["2"],
    }


@simulated
async def test_page_that_has_its_own_rhythm_or_answers_a_form_does_not_come_back_for_a_cold_function() -> None:
    """One refresh a page; and what a form was answered with is at no address."""
    shell = FunctionPages()
    shell.took_ms["wallet"] = COLD_MS
    page = await shell.page(page=replace(PAGE, refresh_s=15))
    assert reload_of(page) == (15, "/")
    answered = Included(PAGE.slots[1], State.FRESH, b"<p>Too little.</p>", shell.snapshot.releases["tables"])
    page = await shell.page(answered=answered)
    assert "Too little." in page
    assert 'data-reason="cold"' in page
    assert reload_of(page) is None


@pytest.mark.parametrize("text", ["", "-1", "1.5", "x", "１", "9" * 400, "1\n", " 1"])
def test_number_in_an_address_that_is_none_is_no_reload(text: str) -> None:
    """Whatever a browser writes there."""
    assert reloads_of({"reload": text}) == reloads_of({}) == 0


@pytest.mark.parametrize("text", ["3", "4", "999"])
def test_address_that_says_it_came_back_often_enough_is_believed(text: str) -> None:
    """Nobody gains a page that comes back by it."""
    assert reloads_of({"reload": text}) == int(text)
