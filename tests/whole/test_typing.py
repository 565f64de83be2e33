"""What somebody types is theirs: no answer, no heal and no style that comes late takes it away."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, Page, Route, expect

from shell.composition.assets import static_url
from tests.support.lobby import Console, states, wait_for
from tests.support.slow_house import SlowHouse

pytestmark = pytest.mark.timeout(120)

REFETCH = "document.querySelector('#slot-wallet').dispatchEvent(new CustomEvent('mullion:refetch', {bubbles: true}))"
CHANGED = """document.querySelector('#slot-wallet').dataset.topics = 'money';
document.dispatchEvent(new CustomEvent('mullion:changed', {detail: {topics: ['money'], sequence: 'e:7'}}))"""
# In the page, as soon as the slot is sick: a busy test may come later than its next read.
TYPE_AT_ONCE = """new MutationObserver((_, observer) => {
    const field = document.querySelector("#slot-wallet[data-state=degraded] input");
    if (!field) return;
    observer.disconnect();
    field.focus();
    document.execCommand("insertText", false, "mine");
}).observe(document, { childList: true, subtree: true })"""
STYLE = "/assets/" + "0" * 64


@pytest.fixture
def page(reused_page: Page) -> Page:
    return reused_page


class Answers:
    """The answers to one slot of an open page, each held until the test gives it."""

    def __init__(self, page: Page, url: str) -> None:
        self._page = page
        self._held: list[Route] = []
        self.requested: list[str] = []
        page.goto(url)
        wait_for(lambda: set(states(page).values()) == {"fresh"}, describe=lambda: states(page))
        self.note = page.locator("#slot-wallet input")
        self.words = page.locator("#slot-wallet p")
        page.route("**/slots/lobby/wallet*", self._hold)

    def _hold(self, route: Route) -> None:
        self.requested.append(route.request.url)
        self._held.append(route)

    def wait(self) -> str:
        """What the slot asks next; it waits for the answer then."""
        self.until(lambda: bool(self._held))
        return self._held[-1].request.url.partition("?")[2]

    def give(self, change: Callable[[str], str] = lambda html: html) -> None:
        """Answer as the shell does, `All is new.` and with a `change`."""
        route = self._held.pop()
        answer = route.fetch()
        route.fulfill(response=answer, body=change(answer.text().replace("All is well.", "All is new.")))

    def fail(self) -> None:
        self._held.pop().fulfill(status=502, body="")

    def until(self, holds: Callable[[], bool]) -> None:
        """Wait, while the browser is heard."""
        wait_for(lambda: self._page.wait_for_timeout(50) or holds())


def test_typed_while_the_answer_is_on_its_way_is_kept(slow: SlowHouse, page: Page) -> None:
    """The answer is left out, and asked for again when the field is as it was."""
    answers = Answers(page, slow.url)
    page.evaluate(REFETCH)
    answers.wait()
    answers.note.fill("mine")
    answers.give()
    page.wait_for_timeout(300)
    expect(answers.note).to_have_value("mine")
    expect(answers.words).to_have_text("All is well.")
    answers.note.fill("")
    answers.note.blur()
    answers.wait()
    answers.give()
    expect(answers.words).to_have_text("All is new.")


def test_typed_while_a_style_loads_is_kept(slow: SlowHouse, page: Page) -> None:
    """An answer that waits for a style it brings asks again whether it may come in."""
    answers = Answers(page, slow.url)
    styles: list[Route] = []
    page.route(f"**{STYLE}", lambda route: styles.append(route))

    def styled(html: str) -> str:
        return html.replace("<section>", f'<link rel="stylesheet" href="{STYLE}"><section>')

    page.evaluate(REFETCH)
    answers.wait()
    answers.give(styled)
    answers.until(lambda: bool(styles))
    answers.note.fill("mine")
    styles[0].fulfill(body="", content_type="text/css")
    page.wait_for_timeout(300)
    expect(answers.note).to_have_value("mine")
    expect(answers.words).to_have_text("All is well.")
    answers.note.fill("")
    answers.note.blur()
    answers.wait()
    answers.give(styled)
    expect(answers.words).to_have_text("All is new.")


def test_how_far_a_slot_must_read_is_kept_until_it_has_read_it(slow: SlowHouse, page: Page) -> None:
    """Typed into, refused by the shell, or not fresh: it asks with the same sequence until that is there."""
    answers = Answers(page, slow.url)
    wanted = "min_sequence=e%3A7"
    page.evaluate(CHANGED)
    assert answers.wait() == wanted
    answers.note.fill("mine")
    answers.give()
    answers.note.fill("")
    answers.note.blur()
    assert answers.wait() == wanted
    answers.fail()
    assert answers.wait() == wanted
    sick = 'data-state="degraded" data-retry-ms="100"'
    answers.give(
        lambda html: html.replace('data-state="fresh"', sick).replace('/wallet" hx-tr', '/wallet?attempt=1" hx-tr')
    )
    assert answers.wait() == f"attempt=1&{wanted}"
    answers.give()
    expect(answers.words).to_have_text("All is new.")
    page.evaluate(REFETCH)
    assert answers.wait() == ""


def test_answer_from_before_a_change_is_followed_by_one_from_after_it(slow: SlowHouse, page: Page) -> None:
    """A slot that was being read when the change came reads again, as far as the change."""
    answers = Answers(page, slow.url)
    page.evaluate(REFETCH)
    assert answers.wait() == ""
    page.evaluate(CHANGED)
    page.wait_for_timeout(100)
    answers.give()
    assert answers.wait() == "min_sequence=e%3A7"


def test_sick_slot_that_is_typed_into_waits(slow: SlowHouse, page: Page) -> None:
    """While a slot that wants to heal holds what was typed, it does not even ask; then it does."""
    answers = Answers(page, slow.url)
    page.evaluate(REFETCH)
    answers.wait()
    page.evaluate(TYPE_AT_ONCE)
    answers.give(lambda html: html.replace('data-state="fresh"', 'data-state="degraded" data-retry-ms="1000"'))
    expect(answers.words).to_have_text("All is new.")
    page.wait_for_timeout(2500)
    assert len(answers.requested) == 1
    expect(answers.note).to_be_focused()
    expect(answers.note).to_have_value("mine")
    answers.note.fill("")
    answers.note.blur()
    answers.wait()


def test_heal_next_to_it_leaves_focus_scroll_and_typing_alone(slow: SlowHouse, page: Page) -> None:
    """Nothing that somebody does in one slot is touched while another falls and comes back; the console is silent."""
    page.set_viewport_size({"width": 390, "height": 300})
    console = Console(page)
    slow.fail("status=503", at="/two")
    page.goto(slow.url)
    wait_for(lambda: states(page).get("tables") == "fallback", describe=lambda: states(page))
    note = page.locator("#slot-promotions input")
    note.press_sequentially("mine")
    page.evaluate("document.querySelector('#slot-promotions input').setSelectionRange(1, 3)")
    top = note.evaluate("field => field.getBoundingClientRect().top")
    page.evaluate("window.field = document.querySelector('#slot-promotions input')")
    assert page.evaluate("scrollY") > 0
    slow.heal()
    wait_for(lambda: states(page)["tables"] == "fresh", describe=lambda: states(page))
    page.wait_for_timeout(200)
    assert page.evaluate("window.field.isConnected && document.activeElement === window.field")
    assert page.evaluate("[window.field.value, window.field.selectionStart, window.field.selectionEnd]") == [
        "mine",
        1,
        3,
    ]
    assert abs(note.evaluate("field => field.getBoundingClientRect().top") - top) < 2
    assert console.errors == []


def test_focused_button_keeps_no_slot_from_healing(slow: SlowHouse, page: Page) -> None:
    """Focus is not typing: the slot heals, the same button has the focus, and where there is none the slot itself."""
    answers = Answers(page, slow.url)
    button = page.locator("#slot-wallet button")
    sick = 'data-state="fallback" data-retry-ms="300"'
    page.evaluate(REFETCH)
    answers.wait()
    answers.give(lambda html: html.replace('data-state="fresh"', sick))
    expect(answers.words).to_have_text("All is new.")
    button.focus()
    answers.wait()
    answers.give(lambda html: html.replace("All is well.", "All is healed."))
    page.wait_for_function("document.querySelector('#slot-wallet').dataset.state === 'fresh'")
    expect(button).to_be_focused()
    page.evaluate(REFETCH)
    answers.wait()
    answers.give(lambda html: re.sub("<button.*?</button>", "", html))
    expect(button).to_have_count(0)
    assert page.evaluate("document.activeElement.id") == "slot-wallet"


def test_what_was_opened_to_be_read_stays_open(slow: SlowHouse, page: Page) -> None:
    """Terms that somebody reads do not fall shut because the slot is read again."""
    answers = Answers(page, slow.url)
    terms = "<details><summary>Terms</summary><p>Eighteen or older.</p></details><p>All"

    def give() -> None:
        page.evaluate(REFETCH)
        answers.wait()
        answers.give(lambda html: html.replace("<p>All", terms, 1))

    give()
    page.locator("#slot-wallet summary").click()
    give()
    expect(page.locator("#slot-wallet details")).to_have_attribute("open", "")


@pytest.mark.parametrize(
    ("isolation", "parser"),
    [
        ("light", "native"),
        ("shadow", "missing"),
        pytest.param("light", "missing", marks=pytest.mark.full),
        pytest.param("shadow", "native", marks=pytest.mark.full),
    ],
)
def test_no_browser_swaps_a_fallback_into_nothing(
    slow: SlowHouse, context: BrowserContext, parser: str, isolation: str
) -> None:
    """An answer without a whole slot leaves what shows and is asked for again; what a whole one brings shows and works,
    also where the browser has no parser for shadow roots."""
    page = context.new_page()
    console = Console(page)
    if parser == "missing":
        page.add_init_script("delete Document.parseHTMLUnsafe;")
    slow.fail("status=503", at="/one")
    page.clock.install()
    page.goto(slow.url)
    wait_for(lambda: states(page).get("wallet") == "fallback", describe=lambda: states(page))
    before = page.evaluate(TEXT)
    answered: list[Route] = []

    def answer(route: Route) -> None:
        answered.append(route)
        if len(answered) <= len(NOTHING):
            route.fulfill(body=NOTHING[len(answered) - 1], content_type="text/html")
            return
        real = route.fetch()
        html = real.text()
        if isolation == "shadow":
            html = html.replace(">", '><template shadowrootmode="open">', 1).replace("</fragment-slot>", WRAPPED)
        route.fulfill(response=real, body=html)

    page.route("**/slots/lobby/wallet*", answer)
    wait_for(lambda: later(page) or len(answered) >= len(NOTHING))
    assert page.evaluate(TEXT) == before
    assert before.strip()
    slow.heal()
    wait_for(lambda: later(page) or states(page)["wallet"] == "fresh", describe=lambda: states(page))
    expect(page.locator("#slot-wallet p")).to_have_text("All is well.")
    assert page.evaluate("document.querySelector('#slot-wallet').shadowRoot !== null") == (isolation == "shadow")
    assert page.locator("#slot-wallet fragment-end:defined").count() == 1
    assert console.errors == []


def later(page: Page) -> None:
    """Half a second of the page's own time: how long it waits before it asks again is held elsewhere."""
    page.clock.fast_forward(500)
    page.wait_for_timeout(100)


TEXT = "(({shadowRoot, textContent}) => shadowRoot?.textContent ?? textContent)(document.querySelector('#slot-wallet'))"
WRAPPED = "</template></fragment-slot>"
# Answers that would blank a slot: nothing, a slot without a body, half of one, and somebody else's page.
NOTHING = (
    "",
    '<fragment-slot slot="wallet" id="slot-wallet" data-state="fresh"></fragment-slot>',
    '<fragment-slot slot="wallet" id="slot-wallet" data-state="fresh"><template shadowrootmode="open"><p>Half',
    "<h1>It works!</h1>",
)

FIELDS = """
<input value="a"> <input type="checkbox" checked> <input type="range"> <input type="range" min="5" value="7">
<input type="color"> <input type="radio" name="r"> <textarea>a</textarea>
<select><option>1<option>2</select> <select><option>1<option>2<option selected>3</select>
<select><option disabled>Choose<option>1</select> <select multiple><option>1<option selected>2</select>
"""
TOUCH = """field => {
  if (field.multiple) field.options[0].selected = true;
  else if (field.localName === "select") field.selectedIndex = field.selectedIndex === 0 ? 1 : 0;
  else if (/checkbox|radio/.test(field.type)) field.checked = !field.checked;
  else field.value = field.type === "color" ? "#123456" : "9";
}"""


def test_every_kind_of_field_says_whether_it_was_touched(slow: SlowHouse, page: Page) -> None:
    """A field as it came holds nothing up, also one whose first value the browser chose; a touched one does."""
    page.goto(slow.url)
    found = page.evaluate(
        f"""async html => {{
            const {{ busy }} = await import("{static_url("slots/typing.js")}");
            const slot = document.createElement("div");
            slot.innerHTML = html;
            const fields = [...slot.querySelectorAll("input, textarea, select")];
            const before = busy(slot);
            return [before, fields.map((field) => {{
                const markup = field.outerHTML;
                ({TOUCH})(field);
                const touched = busy(slot);
                field.outerHTML = markup;
                return touched;
            }})];
        }}""",
        FIELDS,
    )
    assert found == [False, [True] * 11]
