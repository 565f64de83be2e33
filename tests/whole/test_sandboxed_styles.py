"""The stylesheet of a fragment that nobody trusts, in Chromium: it styles its own slot and reaches nothing else."""

import pytest
from playwright.sync_api import Page

from tests.support.dressed_page import DressedPage

# Of every button that another fragment shows: is it seen, drawn as its own team draws it, and what a click on it meets?
BUTTONS = """() => Object.fromEntries([...document.querySelectorAll("fragment-slot")].flatMap((slot) => {
  const button = slot.shadowRoot?.querySelector(".own");
  if (!button) return [];
  button.scrollIntoView({ block: "center", behavior: "instant" });
  const box = button.getBoundingClientRect();
  const hit = document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2);
  const seen = button.checkVisibility({ opacityProperty: true, visibilityProperty: true });
  let opacity = 1;
  for (let each = button; each; each = each.assignedSlot ?? each.parentElement ?? each.getRootNode().host) {
    opacity *= Number(getComputedStyle(each).opacity);
    const { transform, filter } = getComputedStyle(each);
    if (transform !== "none" || filter !== "none") opacity = -1;
  }
  return [[slot.slot, seen && opacity === 1 && box.width > 40 && hit === slot ? "well" :
    `seen ${seen}, opacity ${opacity}, ${box.width} wide, a click meets ${hit?.id || hit?.localName}`]];
}))"""

AROUND = """
.all, ::slotted(*) { opacity: 0 !important; pointer-events: none !important; transform: translateX(-300px) !important }
:host, ::slotted(*) { position: fixed !important; inset: 0 !important; z-index: 99 !important }
:host { margin-bottom: -300px !important; contain: none !important; overflow: visible !important }
"""


def test_slot_of_a_trusted_fragment_does_not_stand_inside_one_that_nobody_trusts(page: Page) -> None:
    """Whoever stands around a slot could fade it out under words of its own; it has a place of the layout's instead."""
    html = '<div class="all">Free spins <slot name="cart">none</slot></div>'
    DressedPage(AROUND, html, cart=True).open(page)
    assert page.evaluate(BUTTONS) == {"wallet": "well", "cart": "well", "promotions": "well"}
    above, below = (page.locator(f"#slot-{name}").bounding_box() for name in ("tables", "cart"))
    assert above is not None
    assert below is not None


LIST = """select, ::picker(select) { appearance: base-select !important; transition: appearance 900s allow-discrete }
@starting-style { select { appearance: base-select !important } }
::picker(select) { position: fixed !important; inset: 0 !important; width: 100vw; height: 100vh; background: red }"""
CHOICE = "<select><option>Free</option><option>spins</option></select>"


def test_list_of_a_choice_is_the_browsers_own(page: Page) -> None:
    """One that a stylesheet draws stands in the top layer, over all of the page; in a root of its own, too."""
    inside = f'<div class="host"><template shadowrootmode="open">{CHOICE}</template></div>'
    DressedPage(LIST, CHOICE + inside).open(page)
    drawn = "(each) => each.style.appearance"
    assert [page.locator("#slot-tables select").nth(n).evaluate(drawn) for n in (0, 1)] == ["auto", "auto"]
    page.locator("#slot-tables select").first.click()
    assert page.evaluate(BUTTONS) == {"wallet": "well", "promotions": "well"}


# What reaches beyond an element by a name, a pseudo-element or a place of its own, one sheet each.
REACHES = {
    "view transitions": "@view-transition { navigation: auto } :host, p { view-transition-name: root }"
    "::view-transition { position: fixed; inset: 0; background: red }",
    "anchors": "p { position: fixed; position-anchor: --x; inset: anchor(inside, 0px); background: red; z-index: 9 }"
    ":host { anchor-name: --x; anchor-scope: all } @position-try --x { inset: 0 }",
    "timelines": "@keyframes breathe { to { transform: translateY(-900px) } }"
    ":host { timeline-scope: --t; scroll-timeline: --t; animation: breathe linear both;"
    " animation-timeline: scroll(root) }",
    "markers and buttons of scrollers": ".long { overflow: auto; height: 80px; scroll-marker-group: after }"
    ".long::scroll-marker-group, .long::scroll-button(down) { content: 'x'; position: fixed; inset: 0; background: red;"
    " z-index: 99 } .long p::scroll-marker { content: 'x'; position: fixed; inset: 0 }",
    "the top layer": "p, details::details-content { overlay: auto !important; position: fixed; inset: 0; z-index: 99;"
    " background: red } ::backdrop { background: red }",
    "depth": ":host { transform: perspective(9px) translateZ(8px); transform-style: preserve-3d }"
    "p { transform: translateZ(8.9px); background: red; height: 90px }",
    "no box of its own": ":host { display: contents !important; contain: none !important; overflow-clip-margin: 900px }"
    "p { position: absolute; inset: -900px; background: red; z-index: 9; mix-blend-mode: difference }",
    "counters and snapping": ":host { counter-reset: list-item 99; scroll-snap-align: start; scroll-margin: -900px }"
    "p { counter-set: list-item 77 }",
    "layers, scopes and parts": "@layer a, b; @scope (html) to (p) { button { opacity: 0 } }"
    "@container page (width > 0) { :root, html, body, .own, ::part(x) { opacity: 0; display: none } }"
    ":host-context(html) ~ * { opacity: 0 }",
}


OFTEN = ("view transitions", "the top layer", "no box of its own")


@pytest.mark.parametrize(
    "css",
    [pytest.param(css, marks=() if name in OFTEN else pytest.mark.full, id=name) for name, css in REACHES.items()],
)
def test_stylesheet_that_nobody_trusts_reaches_nothing_else(page: Page, css: str) -> None:
    """Every button of another fragment is seen, drawn as its team draws it, and is what a click on it meets."""
    html = '<details open><summary>x</summary>y</details><div class="long">' + "<p>Free spins</p>" * 9 + "</div>"
    DressedPage(css, html).open(page)
    assert page.evaluate(BUTTONS) == {"wallet": "well", "promotions": "well"}


def test_stylesheet_sees_nothing_of_what_others_show(page: Page) -> None:
    """It may know what stands above its slot by name, and never what that holds."""
    css = """:host-context(page-layout) p { color: rgb(1, 1, 1) }
    :host-context(html:has(fragment-slot[slot=wallet])) p { color: rgb(2, 2, 2) }
    :host-context(body:has(.own)) p, :host(:has(*)) p { color: rgb(3, 3, 3) }"""
    DressedPage(css, "<p>x</p>").open(page)
    color = "(each) => getComputedStyle(each).color"
    assert page.locator("#slot-tables p").evaluate(color) == "rgb(1, 1, 1)"
