"""A trusted slot is not nested in an untrusted one: it stands behind that one, in a place of the layout's own."""

import re
from dataclasses import replace

import pytest

from bff.resilience.policy import Policy
from shell.composition.page import Slot
from shell.composition.release import Canary, Release, Snapshot, Trust
from shell.composition.seats import seated
from tests.support.shell_page import PAGE, Trio

CART = Slot("cart", "wallet", "/cart", inside="tables")
SHOP = replace(PAGE, slots=(*PAGE.slots, CART))
HEADER = b'<nav>Free spins <slot name="cart">none</slot></nav>'


def patient() -> Trio:
    """A shell that waits for its origins however busy the machine is."""
    policy = Policy(connect_ms=10_000, deadline_ms=20_000)
    return Trio(policy=policy, extension={"deadline_ms": 5000}, page_deadline_ms=20_000)


def with_trust(snapshot: Snapshot, **trust: Trust) -> Snapshot:
    releases = {
        name: replace(release, trust=trust.get(name, release.trust)) for name, release in snapshot.releases.items()
    }
    return replace(snapshot, releases=releases)


async def test_child_of_more_trust_stands_behind_the_parent_in_the_layout() -> None:
    """Its own place, which no stylesheet of the parent's can reach; nothing of the parent has a place for it."""
    async with patient() as trio:
        trio.origins["tables"].body = HEADER
        trio.snapshot = with_trust(trio.snapshot, tables=Trust.SANDBOXED)
        page = (await trio.page(trio.visit(page=SHOP))).decode()
    assert re.search(r'<slot name="tables">.*?</slot><slot name="cart"></slot></div>', page, re.DOTALL)
    assert "data-places" not in page
    assert "data-inside" not in page
    assert "<nav>Free spins none</nav>" in page
    assert re.search(r'</fragment-slot>\n<fragment-slot slot="cart" id="slot-cart"', page)


async def test_child_that_is_read_again_does_not_go_inside() -> None:
    async with patient() as trio:
        trio.snapshot = with_trust(trio.snapshot, tables=Trust.SANDBOXED)
        visit = trio.visit(page=SHOP)
        _, child = await trio.composer.slot(CART, visit, trio.snapshot, attempt=1)
        _, parent = await trio.composer.slot(PAGE.slots[1], visit, trio.snapshot, attempt=1)
    assert b"data-inside" not in child
    assert b"data-places" not in parent


@pytest.mark.parametrize(
    ("around", "inner"),
    [
        (Trust.FIRST_PARTY, Trust.FIRST_PARTY),
        (Trust.FIRST_PARTY, Trust.SANDBOXED),
        (Trust.SANDBOXED, Trust.SANDBOXED),
    ],
)
async def test_child_of_no_more_trust_stands_inside(around: Trust, inner: Trust) -> None:
    async with patient() as trio:
        assert seated(SHOP, with_trust(trio.snapshot, tables=around, wallet=inner)) is SHOP
        assert seated(PAGE, trio.snapshot) is PAGE
        assert seated(SHOP, Snapshot()) is SHOP


async def test_a_release_on_trial_counts_as_what_is_live() -> None:
    """Some of the page's visitors get it; it is the same page object for all, which is rendered once."""
    async with patient() as trio:
        live: Release = trio.snapshot.releases["tables"]
        trial = Canary(replace(live, trust=Trust.SANDBOXED, digest="tables-2"), 100, b"salt")
        snapshot = replace(trio.snapshot, canaries={"tables": trial})
        apart = seated(SHOP, snapshot)
        assert [slot.name for slot in apart.behind("tables")] == ["cart"]
        assert [slot.name for slot in apart.placed] == [slot.name for slot in PAGE.slots]
        assert seated(SHOP, snapshot) is apart
