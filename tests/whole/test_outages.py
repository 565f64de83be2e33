"""Outage drills on the open lobby: any process may die; the page does not, and what died heals by itself."""

import re

import httpx
import pytest
from playwright.sync_api import Browser, Page

from tests.support import plain_http
from tests.support.accessibility import findings
from tests.support.lobby import SLOTS, Console, sign_in, states, status_words, wait_for, whole
from tests.support.mullion import Mullion

# How long a silent feed may still count as live before its slot has to say so, with room for a busy machine.
SHOWN_S_MAX = 30
# Three times what is promised, with the process's own start in it: the machine may be busy.
HEALED_S_MAX = 30

# process -> slots that need it. Nothing else on the page may change its state.
# Claims close with the word of the engine, which the projector passes on.
NEEDED_BY = {
    "wallet": {"wallet"},
    "live-dealer": {"tables"},
    "promotions": {"promotions"},
    "games": {"games"},
    "bff-queries": {"wallet", "tables", "games", "promotions"},
    "bff-commands": {"wallet", "games", "promotions"},
    "projector": {"wallet", "games", "promotions"},
    "relay": {"wallet"},
    "ingest": {"tables", "games", "promotions"},
    "sandbox-tables": {"tables"},
    "sandbox-games": {"games"},
    "sandbox-promotions": {"promotions"},
    "sandbox-payments": {"wallet"},
    "valkey": {"wallet", "tables", "games", "promotions"},
    "bff-live": set(),
    "offers-intake": set(),
}
# What takes more than one slot with it is killed in every run. For the engine (bff-commands) that is done in
# `test_engine_down.py`: the projector takes the same slots with it, and they blame the engine for that, too. That a
# fragment, a provider or the live socket can not be reached is a drill that every run of CI has (`SUBSET` in
# tests/drills/runner/cli.py); `.ci/full` kills every process there is, for the log that names it and for the page that
# stood open.
EVERY_TIME = ("bff-queries", "projector", "valkey")
# Who is named in the shell's log as the one that failed, where somebody needs the process.
NAMED = {
    "wallet": {"wallet"},
    "live-dealer": {"live-dealer"},
    "promotions": {"promotions"},
    "games": {"games"},
    "bff-queries": {"bff-queries"},
    "bff-commands": {"engine"},
    "projector": {"engine"},
    "relay": {"ledger"},
    "ingest": {"tables", "promotions"},
    "sandbox-tables": {"tables"},
    "sandbox-promotions": {"promotions"},
    "sandbox-payments": {"engine"},
    "valkey": {"query-store"},
}
# Drills that leave the page in states of their own; these are put before axe.
LOOKED_AT = ("wallet", "live-dealer", "promotions", "bff-queries", "ingest", "valkey")
# Of a slot that needs nothing of what is away, on a busy machine: late, and what comes of being late again and again.
# What an outage spreads to would stay.
LATE = {"timeout", "connect_timeout", "breaker_open", "bulkhead_full", "shed"}
# Between two reloads of a page that waits for something to be said: a player who looks, not a load.
RELOAD_EVERY_S = 0.5
# What a browser itself reports when the socket's server is away; the page goes on without it.
SOCKET_ERRORS = ("WebSocket connection to", "Failed to load resource: net::ERR_CONNECTION_REFUSED")


_SLOT = re.compile(r'<fragment-slot slot="(\w+)"[^>]*data-state="(\w+)" data-reason="(\w*)"')
_UPSTREAM = re.compile(r'"?upstream"?[=:] ?"?([a-z][a-z0-9.-]*)')


def named(lines: list[str]) -> set[str]:
    """Upstreams that the shell's log blames in `lines`."""
    return {found[1] for line in lines if "included" in line and (found := _UPSTREAM.search(line))}


def live(page: Page) -> bool:
    """Whether the page hears its feeds."""
    return page.evaluate("document.documentElement.dataset.live") == "live"


def loaded(client: httpx.Client) -> dict[str, tuple[str, str]]:
    """State and reason of each slot of a page that comes whole, as a browser gets it before any script."""
    answer = client.get("/")
    assert answer.status_code == 200
    assert whole(answer.text)
    return {slot: (state, reason) for slot, state, reason in _SLOT.findall(answer.text)}


def healthy(page: Page) -> bool:
    return states(page) == dict.fromkeys(SLOTS, "fresh")


@pytest.mark.parametrize(
    "process", [pytest.param(name, marks=() if name in EVERY_TIME else pytest.mark.full) for name in NEEDED_BY]
)
@pytest.mark.timeout(180)
def test_lobby_survives_the_death_of(process: str, house: Mullion, browser: Browser) -> None:
    """The page stays 200 and whole, only what needs the dead process says so, and it heals without a reload."""
    context = browser.new_context()
    page = context.new_page()
    sign_in(page, house.url)
    console = Console(page)
    wait_for(lambda: healthy(page), describe=lambda: states(page))

    logged = len(house.logs("shell"))
    house.disable(process)
    needed = NEEDED_BY[process]
    unharmed = set(SLOTS) - needed
    seen: dict[str, tuple[str, str]] = {}

    def all_shown() -> bool:
        """Load a page; whether every slot that needs the dead process says so. No other may say anything but that it
        is late."""
        seen.update(loaded(client))
        strays = {slot: seen[slot] for slot in unharmed if seen[slot][0] != "fresh"}
        assert {reason for _, reason in strays.values()} <= LATE, strays
        return all(seen[slot][0] != "fresh" for slot in needed)

    cookies = {str(each["name"]): str(each["value"]) for each in context.cookies()}
    with plain_http.Client(base_url=house.url, cookies=cookies, timeout=60) as client:
        # Said by every page from then on, not by one that was late.
        wait_for(lambda: all(all_shown() for _ in range(4)), SHOWN_S_MAX, lambda: seen, RELOAD_EVERY_S)

    def opened() -> bool:
        """Open the page; whether it says so. One that was still right about a slot when it was opened may stay so: what
        moves on it comes by the socket."""
        page.goto(house.url)
        return all(states(page).get(slot, "fresh") != "fresh" for slot in needed)

    wait_for(opened, SHOWN_S_MAX, lambda: states(page), RELOAD_EVERY_S)
    wait_for(lambda: all(states(page).get(slot) == "fresh" for slot in unharmed), describe=lambda: states(page))
    for slot in needed:
        assert len(status_words(page, slot)) > 20, f"{slot} does not say what is wrong: {status_words(page, slot)!r}"
    assert named(house.logs("shell")[logged:]) >= NAMED.get(process, set())
    if process in LOOKED_AT:
        with context.new_page() as beside:  # axe writes styles of its own, which the console reports
            beside.goto(house.url)
            assert findings(beside) == []
    page.evaluate("window.notReloaded = true")

    house.enable(process)
    wait_for(
        lambda: healthy(page) and live(page),
        HEALED_S_MAX,
        lambda: (states(page), [status_words(page, s) for s in SLOTS]),
    )
    assert page.evaluate("window.notReloaded") is True
    assert [error for error in console.errors if not error.startswith(SOCKET_ERRORS)] == []
    context.close()
