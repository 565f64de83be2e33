"""What a page says of a form that was sent: for as long as that is true, beside what was typed, and once."""

import json
import re

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from tests.support.lobby import Console, states, wait_for
from tests.support.slow_house import SlowHouse

pytestmark = pytest.mark.timeout(120)

SLOT = "#slot-wallet"
REFETCH = "document.querySelector('#slot-wallet').dispatchEvent(new CustomEvent('mullion:refetch', {bubbles: true}))"
FORM = """<form method="post" action="/slots/lobby/wallet/form/pay">
<input name="idempotency_key" type="hidden" value="key-of-one-form">
<label>Amount <input name="amount" value="{typed}"></label>
<button type="submit">Pay</button></form>"""
OUTCOME = """<div data-outcome data-ends="engine"><p role="status">{words}</p><a data-close href="/">Close</a></div>"""
NOT_SENT = "This part can not be reached, so nothing was sent."


@pytest.fixture
def page(reused_page: Page) -> Page:
    return reused_page


class Desk:
    """The first slot of an open page with a form in it, whose answers a test decides."""

    def __init__(self, page: Page, url: str) -> None:
        self.page = page
        self.sent: list[dict[str, str]] = []
        self.reads: list[str] = []
        self.read_inside = FORM.format(typed="")
        self.read_change = ("", "")
        self.answer: tuple[int, str, dict[str, str]] = (200, "", {})
        self.console = Console(page)
        page.goto(url)
        wait_for(lambda: set(states(page).values()) == {"fresh"}, describe=lambda: states(page))
        page.route(re.compile(r"/slots/lobby/wallet(\?.*)?$"), self._read)
        page.route("**/slots/lobby/wallet/form/pay", self._act)
        page.evaluate(REFETCH)
        expect(self.amount).to_be_visible()
        self.reads.clear()

    @property
    def amount(self) -> Locator:
        return self.page.locator(f"{SLOT} input[name=amount]")

    @property
    def notice(self) -> Locator:
        return self.page.locator("#notice")

    def pay(self, amount: str) -> None:
        self.amount.fill(amount)
        self.page.get_by_role("button", name="Pay").click()

    def refuse(self, *, ends: str = "healed") -> None:
        """From here on the shell can not reach the fragment."""
        trigger = {"mullion:notice": {"words": NOT_SENT, "link": "", "ends": ends}}
        self.answer = (503, NOT_SENT, {"HX-Reswap": "none", "HX-Trigger": json.dumps(trigger)})

    def say(self, words: str, *, typed: str = "", receipt: str = "") -> None:
        """From here on the fragment answers with `words`."""
        inside = OUTCOME.format(words=words) + FORM.format(typed=typed)
        self.answer = (200, inside, {"receipt": receipt})

    def _act(self, route: Route) -> None:
        sent = route.request.post_data or ""
        self.sent.append({"body": sent})
        status, body, more = self.answer
        if status != 200:
            route.fulfill(status=status, body=body, headers=more, content_type="text/plain")
            return
        receipt = f"wallet.receipt={more['receipt']}" if more["receipt"] else ""
        html = self._slot(body)
        if receipt:
            html = html.replace('hx-get="/slots/lobby/wallet"', f'hx-get="/slots/lobby/wallet?{receipt}"')
            html = html.replace("data-state", f'data-query="{receipt}" data-state', 1)
        headers = {"HX-Trigger": json.dumps({"mullion:received": {"slot": "wallet", "receipt": more["receipt"]}})}
        route.fulfill(body=html, headers=headers if receipt else {}, content_type="text/html")

    def _read(self, route: Route) -> None:
        self.reads.append(route.request.url.partition("?")[2])
        answer = route.fetch()
        html = answer.text().replace("<label>", f"{self.read_inside}<label>", 1).replace(*self.read_change)
        route.fulfill(response=answer, body=html)

    def _slot(self, inside: str) -> str:
        return (
            '<fragment-slot slot="wallet" id="slot-wallet" data-prefix="/slots/lobby/wallet" data-state="fresh" '
            'data-topics="" data-feeds="" hx-get="/slots/lobby/wallet" hx-trigger="mullion:swap">'
            f'<template shadowrootmode="open">{inside}<fragment-end></fragment-end></template></fragment-slot>'
        )


@pytest.fixture
def desk(slow: SlowHouse, page: Page) -> Desk:
    return Desk(page, slow.url)


def test_notice_ends_with_the_next_form_that_is_sent(desk: Desk) -> None:
    """ "Nothing was sent" is gone as soon as something is, and does not stand beside its success."""
    desk.refuse(ends="")
    desk.pay("5")
    expect(desk.notice).to_contain_text("nothing was sent")
    expect(desk.amount).to_have_value("5")
    desk.say("Paid.")
    desk.page.get_by_role("button", name="Pay").click()
    expect(desk.page.locator(f"{SLOT} [data-outcome]")).to_contain_text("Paid.")
    expect(desk.notice).to_be_hidden()


def test_notice_is_closed_by_hand(desk: Desk) -> None:
    """By the mouse, by its button from the keyboard, and by Escape; the focus stays on the page's own content."""
    desk.refuse(ends="")
    close = desk.notice.get_by_role("button", name="Close")
    for how in ("click", "Enter", "Escape"):
        desk.pay("5")
        expect(desk.notice).to_be_visible()
        if how == "click":
            close.click()
        else:
            close.press(how)
            assert desk.page.evaluate("document.activeElement.id") == "main"
        expect(desk.notice).to_be_hidden()
    expect(desk.amount).to_have_value("5")


def test_notice_ends_when_its_part_can_be_reached_again_and_leaves_what_was_typed(desk: Desk) -> None:
    """The slot that is typed into is not read over; that it is well again ends the notice all the same."""
    desk.read_change = ('data-state="fresh"', 'data-state="fallback"')
    desk.refuse()
    desk.pay("5")
    expect(desk.notice).to_be_visible()
    wait_for(lambda: desk.page.wait_for_timeout(100) or len(desk.reads) >= 1)
    expect(desk.notice).to_be_visible()
    desk.read_change = ("", "")
    expect(desk.notice).to_be_hidden()
    expect(desk.amount).to_have_value("5")


def test_outcome_and_what_was_typed_stay_until_the_player_goes_on(desk: Desk) -> None:
    """No retry, no change elsewhere and no feed takes them; closing does, and then the slot is read again."""
    desk.say("Your deposit was not sent. What you typed is kept.", typed="5")
    desk.pay("5")
    outcome = desk.page.locator(f"{SLOT} [data-outcome]")
    expect(outcome).to_contain_text("What you typed is kept")
    desk.page.evaluate("document.activeElement?.blur()")
    for _ in range(3):
        desk.page.evaluate(REFETCH)
        desk.page.wait_for_timeout(700)
    assert desk.reads == []
    expect(outcome).to_be_visible()
    expect(desk.amount).to_have_value("5")
    outcome.get_by_role("link", name="Close").press("Enter")
    expect(outcome).to_have_count(0)
    desk.page.wait_for_timeout(1500)
    assert desk.reads == [], "what was typed is still theirs"
    expect(desk.amount).to_have_value("5")
    desk.amount.fill("")
    desk.amount.blur()
    wait_for(lambda: desk.page.wait_for_timeout(100) or desk.reads)
    assert desk.page.url.endswith("/")


def test_outcome_without_anything_typed_stays_and_ends_with_its_feed(desk: Desk) -> None:
    """What says that the engine can not be reached is over when it can; the slot is read then."""
    desk.say("Your claim was not sent.")
    desk.pay("5")
    outcome = desk.page.locator(f"{SLOT} [data-outcome]")
    expect(outcome).to_be_visible()
    desk.page.evaluate("document.activeElement?.blur()")
    desk.page.evaluate(REFETCH)
    desk.page.wait_for_timeout(1500)
    assert desk.reads == []
    desk.page.evaluate(
        """document.querySelector('#slot-wallet').dispatchEvent(
        new CustomEvent('mullion:feed-back', {bubbles: true, detail: {feed: 'engine'}}))"""
    )
    expect(outcome).to_have_count(0)
    wait_for(lambda: desk.page.wait_for_timeout(100) or desk.reads)


def test_outcome_with_a_receipt_is_read_again_until_it_is_closed(desk: Desk) -> None:
    """Its slot asks for it in its address, so it comes along; after closing neither slot nor page asks for it."""
    desk.say("Your deposit is pending.", receipt="rc_1")
    desk.read_inside = OUTCOME.format(words="Your deposit was added.") + FORM.format(typed="")
    desk.pay("5")
    expect(desk.page).to_have_url(re.compile(r"\?wallet\.receipt=rc_1$"))
    desk.page.evaluate("document.activeElement?.blur()")
    desk.page.evaluate(REFETCH)
    outcome = desk.page.locator(f"{SLOT} [data-outcome]")
    expect(outcome).to_contain_text("was added")
    assert set(desk.reads) == {"wallet.receipt=rc_1"}


def test_closing_a_receipt_takes_it_out_of_every_address(desk: Desk) -> None:
    """The page's, the slot's, and so whatever is read next."""
    desk.say("Your deposit is pending.", receipt="rc_1")
    desk.pay("5")
    expect(desk.page).to_have_url(re.compile(r"receipt=rc_1$"))
    desk.page.locator(f"{SLOT} a[data-close]").click()
    wait_for(lambda: desk.page.wait_for_timeout(50) or desk.reads)
    assert set(desk.reads) == {""}
    assert "receipt" not in desk.page.url
    expect(desk.page.locator(f"{SLOT} [data-outcome]")).to_have_count(0)


def test_answer_of_a_form_works_like_the_slot_before_it(desk: Desk) -> None:
    """What an action brings is alive: its form is sent in its place again, and its outcome replaces the other."""
    desk.page.evaluate("window.notReloaded = true")
    for words in ("First.", "Second.", "Third."):
        desk.say(words)
        desk.pay("5")
        expect(desk.page.locator(f"{SLOT} [data-outcome]")).to_contain_text(words)
    assert len(desk.sent) == 3
    assert desk.page.evaluate("window.notReloaded") is True
    assert desk.console.errors == []


def test_slot_whose_form_is_under_way_is_not_read_over(slow: SlowHouse, page: Page) -> None:
    """Nothing is typed and a button has the focus; the answer still finds its slot."""
    desk = Desk(page, slow.url)
    held: list[Route] = []
    page.route("**/slots/lobby/wallet/form/pay", lambda route: held.append(route))
    page.get_by_role("button", name="Pay").click()
    wait_for(lambda: page.wait_for_timeout(50) or held)
    page.evaluate(REFETCH)
    page.wait_for_timeout(1500)
    assert desk.reads == []
    desk.say("Paid.")
    desk._act(held[0])
    expect(page.locator(f"{SLOT} [data-outcome]")).to_contain_text("Paid.")


CARDS = """([slot, step, shows, state, sentence]) => {
  const old = document.querySelector(`#slot-${slot}`);
  const fresh = old.cloneNode(false);
  fresh.attachShadow({mode: "open"}).innerHTML = `<b data-command="bet_1" data-command-step="${step}"
    data-command-shows="${shows}" data-state="${state}" data-sentence="${sentence}">
    ${shows === "state" ? state : sentence}</b><fragment-end></fragment-end>`;
  old.replaceWith(fresh);
}"""
BOTH = """["wallet", "tables"].map(
    (name) => document.querySelector(`#slot-${name}`).shadowRoot.querySelector("b").textContent.trim())"""


def test_cards_of_one_command_say_the_same_from_the_moment_the_later_one_is_there(slow: SlowHouse, page: Page) -> None:
    """Within one task: there is no moment at which one says that it is under way and another that it is over."""
    page.goto(slow.url)
    wait_for(lambda: set(states(page).values()) == {"fresh"}, describe=lambda: states(page))
    requested: list[str] = []
    page.route(re.compile(r"/slots/lobby/(wallet|tables)"), lambda route: requested.append(route.request.url))
    page.evaluate(CARDS, ["wallet", 0, "sentence", "Being placed", "It is being placed."])
    page.evaluate(CARDS, ["tables", 4, "state", "Returned", "It was returned."])
    assert page.evaluate(BOTH) == ["It was returned.", "Returned"]
    wait_for(lambda: page.wait_for_timeout(50) or requested)
    assert [url.rpartition("/")[2] for url in requested] == ["wallet"], "whose card was behind is read again, once"
    page.evaluate(CARDS, ["wallet", 1, "sentence", "In play", "It is in."])
    assert page.evaluate(BOTH) == ["It was returned.", "Returned"], "an answer that was overtaken is not believed"
