"""Helpers for tests of an open lobby: slots, their states, and the words that a player reads.

Public: `SLOTS`, `PATIENT_S`, `sign_in`, `sign_in_by_form`, `start_session`, `states`, `attributes`, `words`,
`status_words`, `wait_for`, `reload_until`, `press_without_script`, `leave_out_pictures`, `whole`, `Console`.
"""

import re
import time
from collections.abc import Callable
from typing import Any

from playwright.sync_api import BrowserContext, Error, Locator, Page

SLOTS = ("wallet", "tables", "games", "promotions")
PASSWORD = "mullion-demo"
# The answer to a sign-in if a busy machine can not check the password in time.
LATER = 503
# How long to wait for a state that has no promised time: on a busy machine everything takes many times as long.
PATIENT_S = 30.0
# Playwright's error for a document that was replaced by the next one while it was read.
GAVE_WAY = "Execution context was destroyed"


def start_session(context: BrowserContext, url: str, name: str = "amber") -> None:
    """Sign the browser in as `name` without opening a page. Tries again if the shell answers that it is too busy."""
    request = context.request

    def let_in() -> bool:
        form = request.get(f"{url}/sign-in/").text()
        [token] = re.findall(r'name="csrfmiddlewaretoken" value="(\w+)"', form)
        fields = {"username": name, "password": PASSWORD, "csrfmiddlewaretoken": token, "next": "/"}
        answer = request.post(f"{url}/sign-in/", form=fields, headers={"Origin": url}, max_redirects=0)
        assert answer.status in (302, LATER), f"{answer.status}: {answer.text()}"
        return answer.status == 302

    wait_for(let_in, every_s=0.5)


def sign_in(page: Page, url: str, name: str = "amber", path: str = "/") -> None:
    """Open `path` as `name`; this costs two pages less than the form."""
    start_session(page.context, url, name)
    page.goto(f"{url}{path}")


def sign_in_by_form(page: Page, url: str, name: str = "amber", path: str = "/") -> None:
    """Sign in with the form, as a player does, and land on `path`. Tries again if the shell answers that it is too
    busy."""

    def let_in() -> bool:
        page.goto(f"{url}/sign-in/?next={path}")
        page.fill("#username", name)
        page.fill("#password", PASSWORD)
        with page.expect_response(lambda answer: answer.request.method == "POST") as answered:
            page.click("main button[type=submit]")
        return answered.value.status != LATER

    wait_for(let_in, every_s=0.5)
    page.wait_for_url(f"{url}{path}")


def states(page: Page) -> dict[str, str]:
    """The state of each slot that has arrived."""
    found: dict[str, str] = page.evaluate(
        "Object.fromEntries([...document.querySelectorAll('fragment-slot')].map(s => [s.slot, s.dataset.state]))"
    )
    return found


def attributes(page: Page, slot: str) -> dict[str, str]:
    """All `data-` attributes of a slot: state, reason, milliseconds, version, time."""
    script = "slot => ({...document.querySelector(`fragment-slot[slot=${slot}]`)?.dataset})"
    found: dict[str, str] = page.evaluate(script, slot)
    return found


def words(page: Page, slot: str) -> str:
    """What a player can read in a slot, in one line."""
    script = "slot => document.querySelector(`fragment-slot[slot=${slot}]`)?.shadowRoot?.textContent ?? ''"
    return re.sub(r"\s+", " ", str(page.evaluate(script, slot))).strip()


def status_words(page: Page, slot: str) -> str:
    """What a slot says in `role="status"`."""
    script = """slot => [...(document.querySelector(`fragment-slot[slot=${slot}]`)?.shadowRoot
        ?.querySelectorAll('[role=status]') ?? [])].map(e => e.textContent).join(' ')"""
    return re.sub(r"\s+", " ", str(page.evaluate(script, slot))).strip()


def wait_for(
    holds: Callable[[], Any],
    within_s: float = PATIENT_S,
    describe: Callable[[], Any] = lambda: "",
    every_s: float = 0.1,
) -> float:
    """Waits until `holds()` is true, which is checked `every_s`; returns the seconds that took, or fails with
    `describe()`.

    A page may be replaced by another document while it is read, as one that was cut is: then it is read again.
    """
    began = time.monotonic()
    while not _look(holds):
        if time.monotonic() - began > within_s:
            raise AssertionError(f"not within {within_s:g} s: {_look(describe)}")
        time.sleep(every_s)
    return time.monotonic() - began


def _look(at: Callable[[], Any]) -> Any:
    """The result of `look`, or None if the document was replaced meanwhile."""
    try:
        return at()
    except Error as error:
        if GAVE_WAY not in error.message:
            raise
        return None


def reload_until(locator: Locator, within_s: float = PATIENT_S) -> Locator:
    """`locator`, once the page has it; until then the page is reloaded.

    For pages on which no script refetches a slot: a slot that came too late shows its fallback until a reload.
    """
    page = locator.page
    wait_for(lambda: locator.count() or (page.reload() and locator.count()), within_s, lambda: (page.url, states(page)))
    return locator


def press_without_script(button: Locator) -> None:
    """Press a button or link without scripts, and wait for the page that it leads to.

    Reloading the page before that would cancel the request.
    """
    with button.page.expect_navigation():
        button.click()


def leave_out_pictures(context: BrowserContext) -> None:
    """Pages opened from here on play no live picture, as in a browser that can play none: a picture that nobody looks
    at costs more than all the rest of a table's page."""
    context.add_init_script(
        "delete window.MediaSource; delete window.ManagedMediaSource; HTMLMediaElement.prototype.canPlayType = () => ''"
    )


def whole(html: str, slots: tuple[str, ...] = SLOTS) -> bool:
    """Whether a page came completely, with every slot filled once."""
    return html.rstrip().endswith("</html>") and all(html.count(f'<fragment-slot slot="{slot}"') == 1 for slot in slots)


class Console:
    """The errors that the browser's console reports within the block."""

    def __init__(self, page: Page) -> None:
        self.errors: list[str] = []
        page.on("console", lambda message: message.type == "error" and self.errors.append(message.text))
        page.on("pageerror", lambda error: self.errors.append(str(error)))
