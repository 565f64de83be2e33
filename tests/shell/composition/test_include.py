"""An include always returns an outcome, whatever happens; crowds of waiting slots and several players do no harm."""

import asyncio
import time
from dataclasses import replace

import pytest
from msgspec import structs
from prometheus_client import REGISTRY

from bff.contracts import headers as names
from bff.resilience.breaker import Position
from bff.resilience.last_good import LastGood, LastGoodPolicy
from bff.resilience.policy import Policy
from bff.resilience.redis_clients import AsyncClient, async_client
from shell.composition import outage
from shell.composition.body import Body
from shell.composition.include import Include
from shell.composition.page import Slot, Visit
from shell.composition.release import Snapshot
from shell.fleet.redis_stores import BodyCodec, RedisLastGood
from tests.support.interleaved import interleave
from tests.support.shell_page import PAGE, Trio, element, steady
from tests.support.valkey_server import ValkeyServer

WAITING = 500


async def test_fragment_that_nobody_published_is_the_shells_card() -> None:
    """At once on a page, and again when the slot asks by itself."""
    async with Trio() as trio:
        empty = Snapshot(2)
        included, markup = await trio.composer.slot(PAGE.slots[0], trio.visit(), empty, attempt=3)
        assert (included.state, included.reason) == ("placeholder", "not_published")
        assert b'hx-get="/slots/lobby/wallet?attempt=4"' in markup
        trio.snapshot = empty
        assert (await trio.page()).count(b'data-state="placeholder" data-reason="not_published"') == 3


async def test_mistake_in_the_shell_costs_one_slot(monkeypatch: pytest.MonkeyPatch) -> None:
    """What breaks while one slot is filled is that slot's fallback; the others come as ever."""
    async with Trio() as trio:
        real = trio.upstreams.of

        def broken(release):
            if release.fragment == "tables":
                raise RuntimeError("a mistake")
            return real(release)

        monkeypatch.setattr(trio.upstreams, "of", broken)
        page = await trio.page()
        assert b'data-state="fallback" data-reason="internal"' in element(page, "tables")
        assert b"The origin is away." in element(page, "tables")
        assert page.count(b'data-state="fresh"') == 2
        included, _ = await trio.composer.slot(PAGE.slots[1], trio.visit(), trio.snapshot, attempt=0)
        assert included.reason == "internal"
        with monkeypatch.context() as patch:
            patch.setattr(trio.includer, "_last_good", None)
            included, _ = await trio.composer.slot(PAGE.slots[0], trio.visit(), trio.snapshot, attempt=0)
        assert (included.state, included.reason) == ("fallback", "internal")


async def test_what_is_known_leaves_with_the_head() -> None:
    """A slot that is held and a shared copy that is fresh wait for nobody."""
    async with Trio(extension={"audience": "shared"}) as trio:
        trio.origins["wallet"].headers = (("Cache-Control", "max-age=60"),)
        await trio.page()
        trio.upstreams.of(trio.snapshot.releases["tables"]).force_open()
        sent = trio.origins["wallet"].requests
        composition = trio.composer.compose(trio.visit(), trio.snapshot)
        opening = await composition.open()
        assert b'data-state="fresh"' in element(opening.head, "wallet")
        assert b'data-reason="held"' in element(opening.head, "tables")
        assert b'<fragment-slot slot="promotions"' not in opening.head
        assert trio.origins["wallet"].requests == sent
        timing = dict(opening.headers)["server-timing"]
        assert {entry.partition(";")[0] for entry in timing.split(", ")} == {"wallet", "tables"}
        assert b'<fragment-slot slot="promotions"' in b"".join([chunk async for chunk, _ in composition.remaining()])


@pytest.mark.parametrize("cache_control", ["max-age=60", "max-age=0"])
@pytest.mark.parametrize("player", ["", "amber"])
async def test_what_an_operator_holds_is_shown_by_no_copy(cache_control: str, player: str) -> None:
    """It may be held because it is wrong; what was shown before is shown by nobody, and asked for again afterwards."""
    async with Trio(extension={"stale_s_max": 60}) as trio:
        trio.origins["wallet"].headers = (("Cache-Control", cache_control),)
        await trio.page(trio.visit(player))
        guard = trio.upstreams.of(trio.snapshot.releases["wallet"])
        guard.force_open("wrong figures")
        for _ in range(2):
            assert b'data-state="fallback" data-reason="held"' in element(await trio.page(trio.visit(player)), "wallet")
        guard.unforce()
        assert b'data-state="fresh"' in element(await trio.page(trio.visit(player)), "wallet")


async def test_page_without_anything_to_wait_for_ends_with_its_tail() -> None:
    """All slots known: head with slots, then the tail, and no more."""
    async with Trio() as trio:
        for release in trio.snapshot.releases.values():
            trio.upstreams.of(release).force_open()
        composition = trio.composer.compose(trio.visit(), trio.snapshot)
        head = (await composition.open()).head
        assert head.count(b'data-reason="held"') == 3
        rest = [(chunk, more) async for chunk, more in composition.remaining()]
        assert [more for _, more in rest] == [False]
        assert rest[0][0].rstrip().endswith(b"</html>")


async def test_receipt_is_asked_for_once_and_never_kept() -> None:
    """What a redirect brought is passed on, and does not come back as a last good copy."""
    async with Trio(extension={"audience": "player", "stale_s_max": 60}) as trio:
        trio.origins["wallet"].write = lambda seen: f"<p>{seen.path}</p>".encode()
        visit = trio.visit("pl_one", receipts={"wallet": "rc_1"}, min_sequence="e1:7")
        assert b"receipt=rc_1" in element(await trio.page(visit), "wallet")
        assert "min_sequence=e1%3A7" in trio.origins["wallet"].seen[-1].path
        await trio.origins["wallet"].fail("status=500")
        assert b"rc_1" not in element(await trio.page(trio.visit("pl_one")), "wallet")


async def test_what_one_visit_has_done_is_nobody_elses_answer() -> None:
    """A receipt or a sequence in the address of a shared slot is asked for alone: it neither takes part in another's
    fetch nor in a kept copy, nor is it kept; in an outage the last good copy stands in for it all the same."""
    async with Trio(extension={"audience": "shared", "stale_s_max": 60}) as trio:
        wallet = trio.origins["wallet"]
        wallet.write = lambda seen: f"<p>{seen.path}</p>".encode()
        wallet.headers = (("Cache-Control", "max-age=60"),)
        own = {"receipts": {"wallet": "rc_ONE"}, "min_sequence": "e:999"}
        one, other = await asyncio.gather(trio.page(trio.visit("pl_one", **own)), trio.page(trio.visit("pl_two")))
        assert b"<p>/?receipt=rc_ONE&amp;min_sequence=e%3A999</p>" in element(one, "wallet")
        assert b"<p>/</p>" in element(other, "wallet")
        sent = wallet.requests
        for more in ({"receipts": {"wallet": "rc_TWO"}}, {"min_sequence": "e:777"}):
            mine = element(await trio.page(trio.visit("pl_one", **more)), "wallet")
            assert (b"rc_TWO</p>" in mine) or (b"777</p>" in mine)
            assert b"<p>/</p>" in element(await trio.page(trio.visit("pl_two")), "wallet")
        assert wallet.requests == sent + 2
        await wallet.fail("status=500")
        sick = element(await trio.page(trio.visit("pl_one", **own)), "wallet")
        assert b'data-state="stale"' in sick
        assert b"<p>/</p>" in sick


@pytest.mark.parametrize("fault", ["throttled-until=huge", "unavailable-until=huge"])
async def test_stale_slot_asks_again_when_its_upstream_said(fault: str) -> None:
    """Retry-After counts for a slot that shows its last good copy as for one that shows its fallback."""
    async with Trio(extension={"stale_s_max": 60}) as trio:
        await trio.page()
        await trio.origins["wallet"].fail(fault)
        for _ in range(3):
            sick = element(await trio.page(), "wallet")
            assert b'data-state="stale"' in sick
            # A breaker that is open for so long reports a slightly shorter time at each look.
            assert int(sick.split(b'data-retry-ms="')[1].partition(b'"')[0]) >= 7000


REFUSED = {
    "error-page": "unsafe_html",
    "json": "content_type",
    "no-content-type": "content_type",
    "bad-text=nul": "encoding",
    "endless-body": "oversize",
    "giant-header": "headers_oversize",
}
BIG, OK = Slot("big", "tables", "/big"), Slot("ok", "tables", "/ok")


@pytest.mark.parametrize(("fault", "reason"), REFUSED.items(), ids=REFUSED)
async def test_path_that_is_refused_again_and_again_leaves_the_fragments_others_fresh(fault: str, reason: str) -> None:
    """It is not fetched for every page, and heals by itself; its siblings never notice."""
    hasty = Policy(open_ms_initial=400, open_ms_max=600)
    async with Trio(policy=hasty) as trio:
        tables = trio.origins["tables"]
        await tables.fail(fault, at="/big")
        page_ = replace(PAGE, slots=(BIG, OK))

        async def state_of(slot: Slot) -> tuple[str, str | None]:
            visit = structs.replace(trio.visit(), page=page_)
            included, _ = await trio.composer.slot(slot, visit, trio.snapshot, attempt=0)
            return included.state, included.reason

        for _ in range(hasty.consecutive_max):
            assert await state_of(BIG) == ("fallback", reason)
        sent = tables.requests
        for _ in range(5):
            assert await state_of(BIG) == ("fallback", "breaker_open")
        for _ in range(20):
            assert await state_of(OK) == ("fresh", None)
        assert tables.requests == sent + 20
        await tables.heal()
        until = time.monotonic() + 10
        while await state_of(BIG) != ("fresh", None):
            assert time.monotonic() < until
            await asyncio.sleep(0.05)


async def test_what_is_refused_of_one_player_is_shown_to_the_others() -> None:
    """A body that one player's own data spoils is left alone for that player."""
    async with Trio(extension={"audience": "player"}) as trio:
        wallet = trio.origins["wallet"]
        wallet.write = lambda seen: b"" if "pl_one" in seen.headers["authorization"] else b"<p>Well.</p>"
        for _ in range(Policy().consecutive_max):
            assert b'data-reason="empty"' in element(await trio.page(trio.visit("pl_one")), "wallet")
        assert b'data-reason="breaker_open"' in element(await trio.page(trio.visit("pl_one")), "wallet")
        assert b'data-state="fresh"' in element(await trio.page(trio.visit("pl_two")), "wallet")


async def test_probe_asks_what_was_healthy() -> None:
    """One path that fails for good shuts its fragment for a moment only, though it is what a probe would ask first."""
    hasty = Policy(open_ms_initial=40, open_ms_max=60, probe_gap_ms=5)
    async with Trio(policy=hasty, probe_path="/bug") as trio:
        tables, guard = trio.origins["tables"], trio.upstreams.of(trio.snapshot.releases["tables"])
        await tables.fail("status=500", at="/bug")
        bug = Slot("bug", "tables", "/bug")
        visit = structs.replace(trio.visit("pl_one"), page=replace(PAGE, slots=(bug, OK)))
        included, _ = await trio.composer.slot(OK, visit, trio.snapshot, attempt=0)
        assert included.state == "fresh"
        for _ in range(hasty.consecutive_max):
            await trio.composer.slot(bug, visit, trio.snapshot, attempt=0)
        assert guard.breaker.position is Position.OPEN
        tables.seen.clear()
        until = time.monotonic() + 5
        while guard.breaker.position is not Position.CLOSED:
            assert time.monotonic() < until
            await asyncio.sleep(0.01)
        assert {(seen.path, seen.headers.get("authorization")) for seen in tables.seen} == {("/ok", None)}


async def test_fragment_that_allows_itself_more_than_a_page_has_opens_its_breaker() -> None:
    """The page's deadline ends a hanging include first, and that counts in full."""
    async with Trio(extension={"deadline_ms": 4000}, page_deadline_ms=200) as trio:
        await trio.origins["tables"].fail("silence")
        for _ in range(Policy().consecutive_max):
            assert b'data-reason="timeout"' in element(await trio.page(), "tables")
        # The last call ends at its own deadline, which may be a moment after the page's.
        until = time.monotonic() + 2
        while b'data-reason="breaker_open"' not in element(await trio.page(), "tables"):
            assert time.monotonic() < until


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b" \n",
        b"<!-- nothing -->",
        b'<!--$--> <script type="application/json">{"a": 1}</script>\n',
        b"<script>x()</script>",
    ],
)
async def test_body_without_anything_to_show_is_not_fresh(body: bytes) -> None:
    """An empty place, or the shell's card in it, must not call itself well: the slot falls back and asks again."""
    async with Trio() as trio:
        trio.origins["tables"].body = body
        sick = element(await trio.page(), "tables")
        assert b'data-state="fallback" data-reason="empty"' in sick
        assert b"data-retry-ms" in sick
        assert b"The origin is away." in sick


def open_breaker(trio: Trio) -> None:
    """The wallet has failed a moment ago."""
    permit = trio.upstreams.of(trio.snapshot.releases["wallet"]).breaker.acquire(time.monotonic())
    assert permit is not None
    permit.failure(time.monotonic(), cause="tests", at_once=True)


async def test_process_that_starts_in_an_outage_shows_what_another_knew(valkey: ValkeyServer) -> None:
    """The last good copy is there for the next process, also while it refuses to ask at all; a player's is that
    player's alone, and what was denied in between has gone."""
    shown = {"audience": "player", "stale_s_max": 60}

    def last_good_in(client: AsyncClient) -> LastGood[Body]:
        return LastGood(LastGoodPolicy(second_ms_max=2000), second=RedisLastGood(client, "secret"), codec=BodyCodec())

    # A busy machine would miss a page's usual limits; the cost of such a burst is measured by a benchmark.
    client = async_client(valkey.url, connect_s=5, answer_s=5)
    async with Trio(extension=shown, last_good=last_good_in(client)) as first:
        first.origins["wallet"].body = b"<p>amber has 1.00</p>"
        for player in ("amber", "birch"):
            assert b'data-state="fresh"' in element(await first.page(first.visit(player)), "wallet")
        await first.origins["wallet"].fail("status=403")
        await first.page(first.visit("birch"))
    async with Trio(extension=shown, last_good=last_good_in(client)) as second:
        for refuses in (False, True):
            if refuses:
                open_breaker(second)
            else:
                await second.origins["wallet"].fail("status=500")
            sick = element(await second.page(second.visit("amber")), "wallet")
            assert b'data-state="stale"' in sick
            assert b"amber has 1.00" in sick
            assert b'data-state="fallback"' in element(await second.page(second.visit("birch")), "wallet")
            assert b'data-state="fallback"' in element(await second.page(second.visit("cedar")), "wallet")
    async with Trio(extension=shown, last_good=last_good_in(client)) as third:
        await third.origins["wallet"].fail("status=500")
        open_breaker(third)
        assert b"amber has 1.00" in element(await third.page(third.visit("amber")), "wallet")
    await client.aclose()


async def test_500_waiting_slots_are_no_stampede() -> None:
    """Pages of 500 players wait for one fragment: while it is down only probes reach it, and when it is back it sees no
    more at once than the bulkhead lets through, and all of them are fresh again."""
    async with Trio(extension={"audience": "player", "deadline_ms": 2000}) as trio:
        origin, slot = trio.origins["tables"], PAGE.slot("tables")
        assert isinstance(slot, Slot)
        await origin.fail("status=503")
        for _ in range(30):
            await trio.page()
        down, began = origin.requests, time.monotonic()
        healed: list[float] = []

        async def wait_for(number: int) -> None:
            attempt, wait_s = 0, 0.0
            while True:
                await asyncio.sleep(wait_s)
                visit = trio.visit(f"pl_{number}")
                included, markup = await trio.composer.slot(slot, visit, trio.snapshot, attempt=attempt)
                if included.state == "fresh":
                    healed.append(time.monotonic())
                    return
                attempt += 1
                wait_s = int(markup.split(b'data-retry-ms="')[1].partition(b'"')[0]) / 1000

        waiting = [asyncio.create_task(wait_for(number)) for number in range(WAITING)]
        await asyncio.sleep(4)
        assert origin.requests - down <= 3 + (time.monotonic() - began) / 2
        origin.in_flight_max = 0
        await origin.heal()
        await asyncio.wait_for(asyncio.gather(*waiting), 30)
        assert len(healed) == WAITING
        assert origin.in_flight_max <= trio.upstreams.of(trio.snapshot.releases["tables"]).policy.in_flight_max
        assert origin.requests - down < 2 * WAITING


@pytest.mark.parametrize("audience", ["player", "shared"])
@pytest.mark.parametrize("pages", [600, pytest.param(1500, marks=pytest.mark.full)])
async def test_no_byte_of_one_player_in_anothers_page(audience: str, pages: int) -> None:
    """Two players and a visitor, interleaved, with receipts, faults, stale copies, and browsers that leave."""
    tally = await interleave(pages, audience=audience)
    assert tally.foreign == []
    assert tally.left > pages / 30
    assert all(tally.states[state] > pages / 15 for state in ("fresh", "stale", "fallback")), tally.states


async def test_shut_slot_is_made_once_for_visitors_and_never_for_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is shown twice is written once; a visit that could be shown something else gets its own."""
    async with Trio() as trio:
        slot, guard = PAGE.slots[1], trio.upstreams.of(trio.snapshot.releases["tables"])
        guard.force_open()

        def look(**more):
            return trio.includer.immediate(trio.include(slot, structs.replace(trio.visit(), **more)))

        first = look()
        assert first.reason == "held"
        assert look() is first
        others = [look(locale="de-DE"), look(currency="JPY"), look(device="mobile"), look(player="pl_amber")]
        assert all(other is not first and other.html == first.html for other in others)
        assert others[-1].repeated is None
        pages = [await trio.page(), await trio.page()]
        assert steady(element(pages[0], "tables")) == steady(element(pages[1], "tables"))
        assert pages[0] != pages[1], "each is told its own delay"
        shown = await trio.page(structs.replace(trio.visit(), receipts={"tables": "rc_1"}))
        assert b"tables.receipt=rc_1" in element(shown, "tables")
        trio.move("tables", trio.origins["tables"].url)
        guard = trio.upstreams.of(trio.snapshot.releases["tables"])
        guard.force_open()
        assert look().release is not first.release, "another release has another fallback"
        before = look()
        await asyncio.sleep(0.06)
        assert look() is not before
        guard.unforce()
        guard.breaker.peer_closed()
        assert look() is None, "whoever comes next may ask"
        guard.force_open()
        monkeypatch.setattr(outage, "PLACES_MAX", 1)
        for locale in ("en-GB", "de-DE", "en-GB"):
            visit = structs.replace(trio.visit(), locale=locale)
            assert steady(element(await trio.page(visit), "tables")) == steady(element(pages[0], "tables"))


async def test_shut_slot_counts_every_page() -> None:
    """The metric has each of them within a second, although only the first is counted at once."""
    async with Trio() as trio:
        trio.upstreams.of(trio.snapshot.releases["tables"]).force_open()
        labels = {"fragment": "tables", "state": "fallback", "reason": "held", "upstream": ""}
        before = REGISTRY.get_sample_value("mullion_includes_total", labels) or 0
        for _ in range(25):
            await trio.page()
        end = time.monotonic() + 5
        while REGISTRY.get_sample_value("mullion_includes_total", labels) != before + 25:
            assert time.monotonic() < end
            await asyncio.sleep(0.05)


def test_slot_asks_again_for_what_the_pages_query_asked_of_it() -> None:
    """By the page's own names, whatever the value holds, and nothing that the slot does not take."""
    slot = Slot("tables", "tables", query=("game", "seat"))
    queries = {"tables": {"game": "a&b=c", "other": "x"}, "wallet": {"seat": "9"}}
    visit = Visit(PAGE, {}, "en", "en-GB", "EUR", "https://house.test", queries=queries)
    assert Include(slot=slot, visit=visit, release=None).refetch_query == "tables.game=a%26b%3Dc"
    shown = structs.replace(visit, receipts={"tables": "r1"})
    assert Include(slot=slot, visit=shown, release=None).refetch_query == "tables.game=a%26b%3Dc&tables.receipt=r1"


async def test_a_late_slot_of_a_player_stays_as_it_is_for_a_while_and_nobody_elses_does() -> None:
    """Late twice: the copy under the bar on each of that player's pages, without asking; the other's are fresh."""
    async with Trio(extension={"audience": "player", "stale_s_max": 60, "deadline_ms": 300}) as trio:
        wallet = trio.origins["wallet"]

        async def state(player: str, **more: object) -> bytes:
            sick = element(await trio.page(trio.visit(player, **more)), "wallet")
            return sick.split(b'data-state="')[1].partition(b'"')[0]

        assert [await state("pl_one"), await state("pl_two")] == [b"fresh", b"fresh"]
        for _ in range(2):
            assert await state("pl_one") == b"fresh", "the first late answer cost its own page"
            await wallet.fail("silence")
            assert await state("pl_one") == b"stale"
            await wallet.heal()
        sent = wallet.requests
        assert [await state("pl_one") for _ in range(3)] == [b"stale"] * 3
        assert wallet.requests == sent
        assert await state("pl_two") == b"fresh"
        assert await state("pl_one", min_sequence="e1:7") == b"fresh", "they wait for what they have done"
        assert await state("pl_one") == b"fresh"


@pytest.mark.parametrize("late", ["the fragment", "what it asks"])
async def test_a_late_answer_of_what_everybody_sees_shows_in_no_page_while_a_copy_is_seconds_old(late: str) -> None:
    """Not marked, with its age; whether the fragment was late or says that somebody behind it was."""
    async with Trio(extension={"audience": "shared", "stale_s_max": 60, "deadline_ms": 300}) as trio:
        tables = trio.origins["tables"]
        healthy = element(await trio.page(), "tables")
        assert b'data-state="fresh"' in healthy
        if late == "the fragment":
            await tables.fail("silence")
        else:
            tables.write = lambda seen: b"<p>Poorer.</p>"
            tables.headers = ((names.STATE, "degraded; reason=timeout"),)
        assert steady(element(await trio.page(), "tables")) == steady(healthy)
