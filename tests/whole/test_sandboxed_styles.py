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
    """Whoever stands around a slot could fade it out under a word of its own; it has a place of the layout's instead."""
    html = '<div class="all">Free spins <slot name="cart">none</slot></div>'
    DressedPage(AROUND, html, cart=True).open(page)
    assert page.evaluate(BUTTONS) == {"wallet": "well", "cart": "well", "promotions": "well"}
    above, below = (page.locator(f"#slot-{name}").bounding_box() for name in ("tables", "cart"))
    assert above is not None
    assert below is not None
