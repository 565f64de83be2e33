"""A slot inside a slot in an open page: in place with and without scripts, and neither's news takes the other away."""

from types import MappingProxyType
from urllib.parse import urlsplit

import msgspec
import pytest
from playwright.sync_api import Browser, Page, Route

from bff.contracts.manifest import parse
from bff.resilience.outcome import State
from bff.resilience.reason import Reason
from shell.composition.assets import PREFIX, static_file
from shell.composition.compiler import Compiled, Compiler
from shell.composition.contain import Contained, Container, LinkPolicy
from shell.composition.include import Include
from shell.composition.ladder import Included
from shell.composition.nested import pending
from shell.composition.page import Page as ShellPage
from shell.composition.page import Slot, Visit
from shell.composition.release import Release, Snapshot, Trust
from shell.composition.wrap import Wrapper
from shell.security import header_list
from tests.support.lobby import wait_for

ORIGIN = "http://mullion.test"
SLOTS = [Slot(name, name) for name in ("wallet", "tables", "promotions")]
CART = Slot("cart", "cart", inside="tables")
VISIT = Visit(
    ShellPage("lobby", "/", "lobby.html", (*SLOTS, CART)),
    {},
    language="en",
    locale="en-GB",
    currency="EUR",
    origin=ORIGIN,
)
HEADER = '<nav id="n">Shop {} <div id="corner"><slot name="cart"></slot></div></nav>'
CARD = '<p class="card">{}</p><input name="amount"><details><summary>Items</summary>One</details>'


class Shop:
    """The page of a shell, made here: `shows` has each slot's outcome, and `requests` which were read again."""

    def __init__(self, isolation: str, inner: str) -> None:
        self.isolation = {"cart": inner}
        self.otherwise = isolation
        self.requests: list[str] = []
        self.wrapper = Wrapper()
        self.first = ""
        self.shows = {slot.name: self.included(slot.name, f"<p>{slot.name}</p>") for slot in VISIT.page.slots}
        self.shows["tables"] = self.included("tables", HEADER.format(1))
        self.shows["cart"] = self.included("cart", CARD.format("One item"))

    def include(self, name: str) -> Include:
        isolation = self.isolation.get(name, self.otherwise)
        extension = {"isolation": isolation, "topics": [f"{name}.news"]}
        described = parse(msgspec.json.encode({"name": name, "version": "1", "mullion": extension}))
        release = Release(name, "1", described, f"{ORIGIN}/m.json", b"", css=(), js=(), trust=Trust.FIRST_PARTY)
        slot = VISIT.page.slot(name)
        assert slot is not None
        return Include(slot, VISIT, release)

    def included(self, name: str, html: str, state: State = State.FRESH, reason: Reason | None = None) -> Included:
        include = self.include(name)
        made = Container().contain(
            html.encode(),
            "text/html",
            prefix=include.prefix,
            isolation=include.published.isolation,
            links=LinkPolicy(),
            places=include.places,
        )
        assert isinstance(made, Contained)
        return Included(include.slot, state, made.html, include.release, reason)

    def element(self, name: str, inner: bytes = b"") -> bytes:
        given = {"cart": inner} if inner else {}
        return self.wrapper.wrap(self.shows[name], self.include(name), inner=given)

    def page(self, *, late: bool = False) -> bytes:
        """With a cart that comes behind its header where it is `late`."""
        compiled = Compiler().compiled(
            VISIT.page, language="en", signed_in=False, snapshot=Snapshot(1, MappingProxyType({}))
        )
        holes = {"path": "/", "key": "lobby"}
        waits = self.include("cart")
        cart = self.wrapper.wrap(pending(waits), waits) if late else self.element("cart")
        slots = [self.element("wallet"), self.element("tables", cart), self.element("promotions")]
        slots += [self.element("cart")] if late else []
        return Compiled.fill(compiled.head, holes) + b"".join(slots) + Compiled.fill(compiled.tail, holes)

    def open(self, page: Page, *, late: bool = False) -> None:
        document = self.page(late=late)

        def answer(route: Route) -> None:
            path = urlsplit(route.request.url).path
            if path == "/":
                headers = {**dict(header_list()), "content-type": "text/html; charset=utf-8"}
                route.fulfill(body=document, headers=headers)
            elif path.startswith("/slots/"):
                name = path.rpartition("/")[2]
                self.requests.append(name)
                route.fulfill(body=self.element(name), content_type="text/html; charset=utf-8")
            elif path.startswith(PREFIX) and (file := static_file(path)):
                route.fulfill(body=file.plain, content_type=file.content_type)
            else:
                route.fulfill(status=404, body="")

        page.route("**/*", answer)
        page.goto(f"{ORIGIN}/")


@pytest.fixture
def page(reused_page: Page) -> Page:
    return reused_page


def changed(page: Page, topic: str) -> None:
    page.evaluate(
        "topic => document.dispatchEvent(new CustomEvent('mullion:changed', {detail: {topics: [topic]}}))", topic
    )


# Where the cart's words are on the screen, and whether that is within the header's corner.
IN_PLACE = """() => {
    const [header, cart] = ["tables", "cart"].map((name) => document.querySelectorAll(`[id="slot-${name}"]`));
    if (header.length !== 1 || cart.length !== 1) return `${header.length} headers, ${cart.length} carts`;
    const corner = (header[0].shadowRoot ?? header[0]).querySelector("#corner")?.getBoundingClientRect();
    const card = (cart[0].shadowRoot ?? cart[0]).querySelector(".card")?.getBoundingClientRect();
    if (!card?.height || !corner) return "no card or no corner";
    const within = card.top >= corner.top && card.bottom <= corner.bottom && card.left >= corner.left;
    return within ? "in place" : JSON.stringify([corner, card]);
}"""
# Each kind around and inside; `.ci/full` also looks at the pairs of one kind.
KINDS = [
    ("shadow", "light"),
    ("light", "shadow"),
    *(pytest.param(kind, kind, marks=pytest.mark.full) for kind in ("shadow", "light")),
]


def in_place(page: Page) -> None:
    wait_for(lambda: page.evaluate(IN_PLACE) == "in place", describe=lambda: page.evaluate(IN_PLACE))


@pytest.mark.parametrize(("around", "inner"), KINDS)
def test_slot_inside_a_slot_stands_in_its_place_without_a_script(browser: Browser, around: str, inner: str) -> None:
    """A browser's parser alone puts it there, and a late one leaves the fallback where it stands."""
    with browser.new_context(java_script_enabled=False) as context:
        shop, page = Shop(around, inner), context.new_page()
        shop.open(page)
        assert page.evaluate(IN_PLACE) == "in place"
        late = context.new_page()
        shop.open(late, late=True)
        cards = late.locator("fragment-slot[data-reason=pending]")
        assert cards.count() == 1
        assert cards.bounding_box() is not None
        assert late.locator("page-layout > fragment-slot[slot=cart]").bounding_box() is None


# What a stylesheet of the slot inside can say of its own element, before which no rule of the page's comes.
EVERYWHERE = """:host, .card { position: fixed !important; inset: -999px !important; margin: -999px !important;
  z-index: 999 !important; contain: none !important; overflow: visible !important; display: block !important }"""
DRESS = """css => {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(css);
  document.querySelector("#slot-cart").shadowRoot.adoptedStyleSheets = [sheet];
}"""
BESIDE = """() => {
  const nav = document.querySelector("#slot-tables");
  const words = (nav.shadowRoot ?? nav).querySelector("nav").getBoundingClientRect();
  return document.elementFromPoint(words.left + 2, words.top + 5).closest("fragment-slot").id;
}"""


@pytest.mark.parametrize("around", ["shadow", "light"])
def test_slot_inside_a_slot_covers_nothing_of_what_is_around_it(page: Page, around: str) -> None:
    shop = Shop(around, "shadow")
    shop.open(page)
    in_place(page)
    page.evaluate(DRESS, EVERYWHERE)
    assert page.evaluate("getComputedStyle(document.querySelector('#slot-cart')).position") == "fixed"
    assert page.evaluate(BESIDE) == "slot-tables"


@pytest.mark.parametrize(("around", "inner"), KINDS)
def test_open_page_swaps_each_alone(page: Page, around: str, inner: str) -> None:
    """A late cart takes its place; the header comes anew around a cart that is typed in; the cart alone follows."""
    shop = Shop(around, inner)
    shop.open(page, late=True)
    in_place(page)
    assert page.locator("[data-reason=pending]").count() == 0
    assert shop.requests == []
    page.locator("input[name=amount]").fill("12")
    page.evaluate("window.cart = document.getElementById('slot-cart')")
    shop.shows["tables"] = shop.included("tables", HEADER.format(2))
    changed(page, "tables.news")
    page.get_by_text("Shop 2").wait_for()
    in_place(page)
    assert page.evaluate("window.cart === document.getElementById('slot-cart')")
    page.keyboard.type("3")
    assert page.locator("input[name=amount]").input_value() == "123"
    page.locator("input[name=amount]").fill("")
    page.locator("body").click(position={"x": 1, "y": 1})
    shop.shows["cart"] = shop.included("cart", CARD.format("Two items"))
    page.evaluate("window.header = document.getElementById('slot-tables')")
    changed(page, "cart.news")
    page.get_by_text("Two items").wait_for()
    in_place(page)
    assert page.evaluate("window.header === document.getElementById('slot-tables')")
    assert shop.requests == ["tables", "cart"]


@pytest.mark.parametrize("around", ["shadow", "light"])
def test_header_that_heals_keeps_its_cart(page: Page, around: str) -> None:
    """From the shell's card, which marks no place, to the header and its corner; the cart was there all the time."""
    shop = Shop(around, "shadow")
    well = shop.shows["tables"]
    shop.shows["tables"] = replace_html(well, State.PLACEHOLDER, Reason.CONNECT)
    shop.open(page)
    page.get_by_text("One item").wait_for()
    page.evaluate("window.cart = document.getElementById('slot-cart')")
    shop.shows["tables"] = well
    in_place(page)
    assert page.evaluate("window.cart === document.getElementById('slot-cart')")
    assert set(shop.requests) == {"tables"}


def test_cart_that_never_came_asks_for_itself(page: Page) -> None:
    """A page that was cut within its header gets that anew, and with it a place, and what belongs there."""
    shop = Shop("shadow", "shadow")
    document = shop.page()
    cut = document[: document.index(b'<nav id="n">')]
    shop.page = lambda *, late=False: cut  # type: ignore[method-assign]
    shop.open(page)
    in_place(page)
    assert shop.requests.count("cart") == 1


def replace_html(included: Included, state: State, reason: Reason) -> Included:
    return msgspec.structs.replace(included, html=b"", state=state, reason=reason)
