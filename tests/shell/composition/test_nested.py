"""A slot inside a slot: requested at once, put where its parent marks the place; the parent does not wait for it."""

import asyncio
import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace

import pytest

from bff.resilience.deadline import Deadline
from bff.resilience.outcome import State
from bff.resilience.policy import Policy
from shell.composition.compiler import Compiler
from shell.composition.contain.slot_places import place_of
from shell.composition.include import Include
from shell.composition.ladder import Included
from shell.composition.page import Slot
from shell.composition.stream import Composer, Composition
from shell.composition.wrap import Wrapper
from shell.pages.table import NOT_FOUND
from tests.support.shell_page import PAGE, Trio

HEADER = b'<nav><a href="/">Shop</a><ul><li><slot name="cart"></slot></li></ul></nav>'
PLACE = place_of("cart")
CART = Slot("cart", "wallet", "/cart", inside="tables")


def shop(cart: Slot = CART):
    """The lobby, with a cart inside its tables."""
    return replace(PAGE, slots=(cart, *PAGE.slots))


def patient(extension: Mapping[str, object] | None = None) -> Trio:
    """A shell that waits for its origins however busy the machine is."""
    policy = Policy(connect_ms=10_000, deadline_ms=20_000)
    return Trio(policy=policy, extension={"deadline_ms": 5000} | dict(extension or {}), page_deadline_ms=20_000)


class Held:
    """An includer whose outcomes come when a test says so; those in `at_once` are there before the first byte."""

    def __init__(self, trio: Trio, *, at_once: tuple[str, ...] = ()) -> None:
        self._trio, self.at_once = trio, at_once
        self.gates = {slot.name: asyncio.Event() for slot in shop().slots}
        self.html = {slot.name: f"<p>{slot.name}</p>".encode() for slot in shop().slots} | {"tables": HEADER}
        self.calls: list[str] = []

    def immediate(self, include: Include) -> Included | None:
        return self._included(include) if include.slot.name in self.at_once else None

    async def include(self, include: Include, deadline: Deadline) -> Included:
        self.calls.append(include.slot.name)
        await self.gates[include.slot.name].wait()
        return self._included(include)

    def _included(self, include: Include) -> Included:
        return Included(include.slot, State.FRESH, self.html[include.slot.name], include.release)


async def opened(
    trio: Trio, held: Held, cart: Slot = CART
) -> tuple[bytes, AsyncIterator[tuple[bytes, bool]], Composition]:
    """(the first bytes, the rest, the composition) of a page that `held` fills."""
    composer = Composer(Compiler(), held, NOT_FOUND, Wrapper())  # type: ignore[arg-type]
    composition = composer.compose(trio.visit(page=shop(cart)), trio.snapshot)
    opening = await composition.open()
    return opening.head, composition.remaining(), composition


def whole(page: bytes, slot: str) -> bytes:
    """The element of `slot` with its content."""
    found = re.search(
        rb'<fragment-slot slot="%b".*?(?=<fragment-slot slot="(?:wallet|promotions)|</page-layout>)' % slot.encode(),
        page,
        re.DOTALL,
    )
    assert found is not None
    return found[0]


async def test_child_stands_in_the_light_tree_of_its_parent() -> None:
    """Its element is the parent's own child, so the parent's shadow root shows it in its place, without a script."""
    async with patient() as trio:
        trio.origins["tables"].body = HEADER
        page = await trio.page(trio.visit(page=shop()))
        parent = whole(page, "tables")
        root, _, beside = parent.partition(b"</template>")
        assert b'data-places="cart"' in root
        assert b"<li>%b</li>" % PLACE in root
        assert beside.startswith(b'<fragment-slot slot="cart" id="slot-cart" data-prefix="/slots/lobby/cart"')
        assert b'data-inside="tables"' in beside
        assert beside.endswith(b"</template></fragment-slot>\n</fragment-slot>\n")
        assert page.count(b'slot="cart"') == 1
        assert page.count(b'data-state="fresh"') == 4


async def test_child_of_a_shared_tree_stands_in_the_place_itself() -> None:
    """Where the parent has no shadow root, nothing else would show the child where the parent wants it."""
    async with patient({"isolation": "light"}) as trio:
        trio.origins["tables"].body = b'<nav><slot name="cart">Your cart</slot></nav><p id="x">1</p>'
        trio.origins["wallet"].body = b'<p id="x">2</p>'
        parent = whole(await trio.page(trio.visit(page=shop())), "tables")
        assert re.search(
            b"<nav>%b<fragment-slot slot=.cart. .*</fragment-slot>\n</slot></nav>" % PLACE[:-7],
            parent,
            re.DOTALL,
        )
        assert b"Your cart" not in parent


@pytest.mark.parametrize("isolation", ["shadow", "light"])
async def test_child_whose_place_nobody_marks_stands_at_the_end(isolation: str) -> None:
    """A parent that forgot it, or whose fallback or card stands there, hides no other fragment."""
    async with patient({"isolation": isolation}) as trio:
        visit = trio.visit(page=shop())
        assert b"</section>" + PLACE[:-7] in whole(await trio.page(visit), "tables")
        await trio.origins["tables"].fail("refused")
        parent = whole(await trio.page(visit), "tables")
        assert b'data-state="fallback"' in parent
        assert b"The origin is away." in parent
        assert PLACE[:-7] in parent
        assert b"<h2>wallet</h2>" in parent
        trio.snapshot = replace(
            trio.snapshot, releases={k: v for k, v in trio.snapshot.releases.items() if k != "tables"}
        )
        parent = whole(await trio.page(visit), "tables")
        assert b'data-state="placeholder" data-reason="not_published"' in parent
        assert b"<h2>wallet</h2>" in parent


async def test_both_are_asked_at_once() -> None:
    """A child does not wait for its parent's answer."""
    async with patient() as trio:
        held = Held(trio)
        _, _, composition = await opened(trio, held)
        await asyncio.sleep(0)
        assert held.calls == ["cart", "wallet", "tables", "promotions"]
        await composition.close()


async def test_parent_that_is_ready_takes_the_childs_fallback_and_the_child_follows() -> None:
    """It is pending then, asks for itself where a script runs, and its answer comes on the same page."""
    async with patient() as trio:
        held = Held(trio)
        head, rest, _ = await opened(trio, held)
        held.gates["tables"].set()
        parent, more = await anext(rest)
        assert more
        assert b'data-reason="pending"' in parent
        assert b"The origin is away." in parent
        assert b"data-retry-ms" in parent
        held.gates["cart"].set()
        late, _ = await anext(rest)
        assert late.startswith(b'<fragment-slot slot="cart"')
        assert b"<p>cart</p>" in late
        assert b'data-state="fresh"' in late
        held.gates["wallet"].set()
        held.gates["promotions"].set()
        tail = b"".join([chunk async for chunk, _ in rest])
        assert b'slot="cart"' not in head + tail
        assert b"</html>" in tail


async def test_parent_that_is_ready_goes_out_without_a_moments_wait_for_its_child() -> None:
    """Unless the page says that it is awaited: turns of the loop are enough, and none of them is a timer's."""
    async with patient() as trio:
        held = Held(trio)
        _, rest, composition = await opened(trio, held)
        held.gates["tables"].set()
        sent = asyncio.ensure_future(anext(rest))
        for _ in range(100):
            await asyncio.sleep(0)
        assert sent.done()
        assert b'slot="tables"' in sent.result()[0]
        await composition.close()


async def test_child_that_is_ready_first_goes_out_with_its_parent() -> None:
    """It has no place before; nothing of it is sent twice."""
    async with patient() as trio:
        held = Held(trio)
        head, rest, _ = await opened(trio, held)
        held.gates["cart"].set()
        held.gates["wallet"].set()
        first, _ = await anext(rest)
        assert b"<p>wallet</p>" in first
        held.gates["tables"].set()
        held.gates["promotions"].set()
        rest_of_it = b"".join([chunk async for chunk, _ in rest])
        assert b'slot="cart"' not in head + first
        assert rest_of_it.count(b'slot="cart"') == 1
        assert b"<p>cart</p>" in whole(rest_of_it, "tables")


async def test_parent_that_is_kept_takes_a_child_that_is_kept_into_the_first_bytes() -> None:
    """Copies of both need no call."""
    async with patient() as trio:
        held = Held(trio, at_once=("tables", "cart"))
        head, _, composition = await opened(trio, held)
        assert b"<p>cart</p>" in whole(head + b"</page-layout>", "tables")
        await composition.close()


async def test_parent_is_kept_back_for_a_child_that_the_page_awaits() -> None:
    """So a cached parent and a player's child come as one without a script; never for longer than the page says."""
    async with patient() as trio:
        held = Held(trio, at_once=("tables",))
        head, rest, composition = await opened(trio, held, replace(CART, awaited_ms=500))
        assert b'slot="tables"' not in head
        held.gates["cart"].set()
        held.gates["wallet"].set()
        held.gates["promotions"].set()
        page = b"".join([chunk async for chunk, _ in rest])
        assert b"<p>cart</p>" in whole(page, "tables")
        assert page.count(b'slot="cart"') == 1
        held = Held(trio)
        held.gates["tables"].set()
        head, rest, composition = await opened(trio, held, replace(CART, awaited_ms=1))
        parent, _ = await anext(rest)
        assert b'data-reason="pending"' in parent
        await composition.close()


async def test_shared_parent_is_kept_without_what_its_visitors_have_in_it() -> None:
    """One body for everybody, and in it each player's own cart."""
    async with patient({"audience": "shared", "player_paths": ["/cart"]}) as trio:
        page = replace(shop(replace(CART, awaited_ms=500)))
        trio.origins["tables"].body = HEADER
        trio.origins["tables"].headers = (("cache-control", "public, max-age=60"),)
        trio.origins["wallet"].write = lambda seen: (
            f"<p>Cart of {seen.headers.get('authorization', 'nobody')}</p>".encode()
        )
        pages = {player: await trio.page(trio.visit(player, page=page)) for player in ("anna", "berta", "")}
        for player, markup in pages.items():
            cart = whole(markup, "tables")
            assert (b"token-of-anna" in cart) is (player == "anna")
            assert (b"token-of-berta" in cart) is (player == "berta")
        assert trio.origins["tables"].requests == 1


async def test_child_of_a_copy_that_stands_in_is_fresh() -> None:
    """The parent's last good copy is without its child, which has a state of its own and acts."""
    async with patient({"stale_s_max": 60}) as trio:
        trio.origins["tables"].body = HEADER
        visit = trio.visit(page=shop())
        await trio.page(visit)
        await trio.origins["tables"].fail("refused")
        trio.origins["wallet"].body = b"<p>another cart</p>"
        parent = whole(await trio.page(visit), "tables")
        assert b'slot="tables"' in parent
        assert b'data-state="stale"' in parent
        assert b"<p>another cart</p>" in parent
        assert b'<nav><a href="/" inert="">Shop</a><ul><li>%b</li></ul></nav>' % PLACE in parent


async def test_slot_that_is_read_again_comes_alone() -> None:
    """The open page holds what stands in it; a child is read again by itself."""
    async with patient() as trio:
        trio.origins["tables"].body = HEADER
        page = shop()
        _, parent = await trio.composer.slot(PAGE.slots[1], trio.visit(page=page), trio.snapshot, attempt=1)
        assert PLACE in parent
        assert b'slot="cart"' not in parent
        _, child = await trio.composer.slot(CART, trio.visit(page=page), trio.snapshot, attempt=1)
        assert child.startswith(b'<fragment-slot slot="cart" ')


async def test_what_stands_in_for_the_moment_takes_no_name() -> None:
    """The child that takes its turn has the names that it was written with."""
    async with patient({"isolation": "light"}) as trio:
        held = Held(trio)
        held.html |= {"tables": b'<nav><slot name="cart"></slot></nav>', "cart": b'<p id="total">0</p>'}
        release = trio.snapshot.releases["wallet"]
        releases = {**trio.snapshot.releases, "wallet": replace(release, fallback=b'<p id="total">away</p>')}
        trio.snapshot = replace(trio.snapshot, releases=releases)
        held.gates["tables"].set()
        _, rest, composition = await opened(trio, held)
        parent, _ = await anext(rest)
        held.gates["cart"].set()
        late, _ = await anext(rest)
        assert b'id="total--cart"' in parent
        assert b'id="total"' in late
        await composition.close()
