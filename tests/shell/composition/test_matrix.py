"""The fault matrix on the page: one fragment is broken, and the page and every other slot stay the same."""

import asyncio
import time
from collections import Counter
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from msgspec import structs
from structlog.testing import capture_logs

from bff.resilience.policy import Policy
from shell.composition import metrics
from shell.composition.metrics import PAGES_LEFT
from shell.composition.outcome_log import QUIET_S
from shell.composition.page import Grant, Page, PageTable, Slot
from shell.page_path import PagePath
from shell.wiring import parts
from tests.origin.server import Origin
from tests.support.shell_page import NAMES, PAGE, Trio, element, shell_markup, steady

# fault -> reasons that the sick slot may have. Where the network decides between two, both are right.
REACHING = {
    "refused": {"connect"},
    "black-hole": {"connect_timeout"},
    "silence": {"timeout"},
    "headers-dripped=200": {"timeout"},
    "body-dripped=200": {"timeout"},
    "body-stalled": {"timeout"},
    "short-body": {"cut"},
    "chunked-cut": {"cut"},
    "reset-in-body": {"cut", "connect"},
    "reset": {"cut", "connect"},
    "closed": {"cut", "connect"},
    "closed-in-head": {"cut", "connect", "framing"},
}
SAYING = {
    "status=500": {"upstream_error"},
    "status=502": {"upstream_error"},
    "status=503": {"upstream_error"},
    "status=504": {"upstream_error"},
    "status=404": {"not_found"},
    "status=410": {"not_found"},
    "status=429": {"throttled"},
    "status=400": {"rejected"},
    "status=204": {"rejected", "framing"},
    "unavailable-until=huge": {"upstream_error"},
    "throttled-until=garbage": {"throttled"},
    "error-page": {"not_a_fragment", "unsafe_html"},
    "json": {"content_type"},
    "no-content-type": {"content_type"},
    "redirect=elsewhere": {"redirect"},
    "redirect=loop": {"redirect"},
    "redirect=link-local": {"redirect"},
    "gzip-bomb": {"oversize"},
    "gzip-cut": {"encoding", "cut"},
    "bad-coding=gzip": {"encoding"},
    "bad-coding=unknown": {"encoding"},
    "endless-body": {"oversize"},
    "body-64-mib=length": {"oversize"},
    "body-64-mib=chunked": {"oversize"},
    "giant-header": {"headers_oversize", "framing"},
    "many-cookies": {"headers_oversize", "framing"},
    "length-and-chunked": {"framing"},
    "two-lengths=different": {"framing"},
    "no-length": {"framing"},
    "bad-chunk": {"framing", "cut"},
    "folded-header": {"framing"},
    "garbage-status=garbage": {"framing"},
    "garbage-status=no-head": {"framing"},
    "bad-text=invalid-utf8": {"encoding"},
    "bad-text=utf-16": {"encoding"},
    "bad-text=nul": {"encoding", "unsafe_html"},
}


@pytest.mark.parametrize(("fault", "reasons"), [*REACHING.items(), *SAYING.items()])
async def test_one_sick_fragment_falls_back_alone(fault: str, reasons: set[str]) -> None:
    """The page is whole and in time, the sick slot says why in every place that tells, every other byte is as without
    the fault, and nothing is left of it when it is over."""
    # The connect limit applies only to faults that swallow a connection.
    connect_ms = Policy().connect_ms if fault == "black-hole" else 1000
    async with Trio(policy=Policy(retry_after_ms_max=300, connect_ms=connect_ms)) as trio:
        control = await trio.whole_page()
        await trio.origins["tables"].fail(fault)
        if fault == "gzip-bomb":
            await trio.page()  # the origin shares this event loop, and compresses its bomb at the first request
            await asyncio.sleep(QUIET_S * 1.1)
        began, counted = time.monotonic(), includes_counted()
        with capture_logs() as logged:
            opening, rest = await trio.look()
        took_s, page = time.monotonic() - began, opening.head + rest
        sick = element(page, "tables")
        assert opening.status == 200
        assert b'<fragment-slot slot="tables"' not in opening.head, "the first byte does not wait for the sick slot"
        assert b'data-state="fallback"' in sick, sick
        [reason] = [reason for reason in reasons if f'data-reason="{reason}"'.encode() in sick]
        assert b"The origin is away." in sick
        assert b"Content-Length" not in sick
        [line] = [line for line in logged if line["event"] == "included" and line["log_level"] == "warning"]
        assert (line["slot"], line["state"], line["reason"]) == ("tables", "fallback", reason)
        record = trio.recent.records()["tables"].last
        assert (record.state, record.reason) == ("fallback", reason)
        assert includes_counted() - counted == Counter(
            {("wallet", "fresh", ""): 1, ("tables", "fallback", reason): 1, ("promotions", "fresh", ""): 1}
        )
        for other in NAMES:
            if other != "tables":
                assert steady(element(page, other)) == steady(element(control, other))
        assert shell_markup(page) == shell_markup(control)
        # Real processes get twice the page deadline; benchmarks measure the exact time.
        assert took_s < 2.0
        await trio.origins["tables"].heal()
        await fresh_again(trio)
        assert steady(element(await trio.page(), "tables")) == steady(element(control, "tables"))
        guard = trio.upstreams.of(trio.snapshot.releases["tables"])
        assert guard.bulkhead.in_flight == guard.bulkhead.waiting == guard.breaker.permits_out == 0


def includes_counted() -> Counter[tuple[str, str, str]]:
    """Outcomes so far by fragment, state and reason."""
    [metric] = metrics.INCLUDES.collect()
    return Counter(
        {
            (each.labels["fragment"], each.labels["state"], each.labels["reason"]): int(each.value)
            for each in metric.samples
            if each.name == "mullion_includes_total"
        }
    )


async def fresh_again(trio: Trio, within_s: float = 30) -> None:
    """The sick slot becomes fresh by itself in time."""
    over = time.monotonic()
    while b'data-state="fresh"' not in element(await trio.page(), "tables"):
        assert time.monotonic() - over < within_s
        await asyncio.sleep(0.1)


UNREACHED = {"dns": "dns", "tls-expired": "tls", "tls-wrong-host": "tls", "tls-hang": "connect_timeout"}


@pytest.mark.parametrize("fault", UNREACHED)
async def test_name_or_handshake_that_fails_costs_its_slot_alone(fault: str) -> None:
    """The page is whole, the slot says which, and nothing is ever sent in plain."""
    # The origin does TLS handshakes in this process, so only a hanging one is not waited for.
    policy = Policy() if fault == "tls-hang" else Policy(connect_ms=4000)
    patient = {"deadline_ms": 5000}
    async with Trio(policy=policy, extension=patient, page_deadline_ms=5000) as trio, Origin(tls=True) as origin:
        control = await trio.whole_page()
        if fault != "dns":
            await origin.fail(fault)
        trio.move("tables", "http://no-such-host.invalid" if fault == "dns" else origin.url)
        page = await trio.page()
        assert f'data-state="fallback" data-reason="{UNREACHED[fault]}"'.encode() in element(page, "tables")
        for other in ("wallet", "promotions"):
            assert steady(element(page, other)) == steady(element(control, other))
        assert shell_markup(page) == shell_markup(control)
        assert origin.requests == 0


async def test_player_who_may_not_see_it_is_asked_to_sign_in() -> None:
    """401 and 403 are about the player: the shell's sign-in card, and the breaker stays closed."""
    async with Trio() as trio:
        for status in ("401", "403"):
            await trio.origins["wallet"].fail(f"status={status}")
            for _ in range(10):
                sick = element(await trio.page(), "wallet")
            assert b'data-reason="unauthorised"' in sick
            assert b"/sign-in/" in sick
        await trio.origins["wallet"].heal()
        assert b'data-state="fresh"' in element(await trio.page(), "wallet")


async def test_missing_content_leaves_the_breaker_closed() -> None:
    """404 falls back at every visit and is asked again at every visit; nobody else's error page is inlined."""
    async with Trio() as trio:
        await trio.origins["tables"].fail("status=404")
        before = trio.origins["tables"].requests
        for _ in range(30):
            assert b'data-reason="not_found"' in element(await trio.page(), "tables")
        assert trio.origins["tables"].requests - before == 30


async def test_last_good_copy_stands_in_inert_under_its_age() -> None:
    """Where the manifest allows it a failing fragment shows what it said last, and nothing in it can act."""
    async with Trio(extension={"stale_s_max": 60}) as trio:
        assert b'data-state="fresh"' in element(await trio.page(), "wallet")
        await trio.origins["wallet"].fail("status=500")
        sick = element(await trio.page(), "wallet")
        assert b'data-state="stale" data-reason="upstream_error"' in sick
        assert b"<h2>wallet</h2>" in sick
        assert b'<div class="mullion-copy" inert>' in sick
        assert b"As of <time" in sick


async def test_copy_of_one_player_never_reaches_another() -> None:
    """A player's body is that player's, also when the fragment is down for everybody."""
    async with Trio(extension={"stale_s_max": 60, "audience": "player"}) as trio:
        trio.origins["wallet"].body = b"<p>one has 1.00</p>"
        assert b"one has 1.00" in element(await trio.page(trio.visit("pl_one")), "wallet")
        await trio.origins["wallet"].fail("status=500")
        assert b"one has 1.00" in element(await trio.page(trio.visit("pl_one")), "wallet")
        for other in (trio.visit("pl_two"), trio.visit()):
            assert b"one has" not in await trio.page(other)


async def test_shared_fragment_is_never_told_who_asks() -> None:
    """A body that is kept for everybody comes from a request that nobody can be read out of."""
    async with Trio(extension={"audience": "shared"}) as trio:
        await trio.page(trio.visit("pl_one"))
        assert "authorization" not in trio.origins["wallet"].seen[-1].headers


async def test_player_context_goes_to_its_own_fragment_only() -> None:
    """Each fragment gets a token minted for it, and nothing of the session."""
    async with Trio(extension={"audience": "player"}) as trio:
        await trio.page(trio.visit("pl_one"))
        for name, origin in trio.origins.items():
            sent = origin.seen[-1].headers
            assert sent["authorization"] == f"Bearer token-of-pl_one-for-{name}"
            assert "cookie" not in sent


PLAYERS_PAGE = Page(
    "lobby",
    "/",
    "lobby.html",
    tuple(Slot(name, name, "/slip/7", grant=Grant("game:7", frozenset({"games.play"}))) for name in NAMES),
)


async def test_players_path_of_a_shared_fragment_is_that_players() -> None:
    """What a manifest renders for one player is asked with a bearer and a grant, and kept for nobody else."""
    async with Trio(extension={"audience": "shared", "player_paths": ["/slip"], "stale_s_max": 60}) as trio:
        trio.origins["wallet"].body = b"<p>one has a bet</p>"
        one, other = (structs.replace(trio.visit(player), page=PLAYERS_PAGE) for player in ("pl_one", "pl_two"))
        assert b"one has a bet" in element(await trio.page(one), "wallet")
        sent = trio.origins["wallet"].seen[-1].headers
        assert sent["authorization"] == "Bearer token-of-pl_one-for-wallet"
        assert sent["mullion-grant"] == "token-of-pl_one-for-game:7"
        await trio.origins["wallet"].fail("status=500")
        assert b"one has a bet" in element(await trio.page(one), "wallet")
        assert b"one has" not in await trio.page(other)


async def test_grant_goes_to_no_visitor_and_to_no_shared_path() -> None:
    """A slot's second token needs a player, and a body that is for that player alone."""
    async with Trio(extension={"audience": "shared"}) as trio:
        await trio.page(structs.replace(trio.visit("pl_one"), page=PLAYERS_PAGE))
        assert {"authorization", "mullion-grant"}.isdisjoint(trio.origins["wallet"].seen[-1].headers)
    async with Trio(extension={"audience": "player"}) as trio:
        await trio.page(structs.replace(trio.visit(), page=PLAYERS_PAGE))
        assert {"authorization", "mullion-grant"}.isdisjoint(trio.origins["wallet"].seen[-1].headers)


async def test_burst_of_200_pages_on_healthy_fragments_is_all_fresh() -> None:
    """A crowd of players who come at once, each with requests of their own, is not turned away from what is well."""
    # Everything runs in one process with its origins: the test is about places, not about time.
    patient = Policy(waiting_ratio_max=1.0, connect_ms=5000)
    shown = {"deadline_ms": 5000, "audience": "player"}
    async with Trio(policy=patient, extension=shown, page_deadline_ms=5000) as trio:
        before = trio.origins["wallet"].requests

        async def arrive(number: int) -> bytes:
            await asyncio.sleep(number * 0.02 / 200)
            return await trio.page(trio.visit(f"pl_{number}"))

        pages = await asyncio.gather(*map(arrive, range(200)))
        assert sum(page.count(b'data-state="fresh"') for page in pages) == 600
        assert trio.origins["wallet"].requests - before == 200


async def test_cold_start_in_an_outage_serves_published_fallbacks() -> None:
    """The first page of a process that never saw a fragment well shows the fragment's own fallback."""
    async with Trio() as trio:
        for origin in trio.origins.values():
            await origin.fail("refused")
        page = await trio.page()
        assert page.count(b"The origin is away.") == 3
        assert page.count(b'data-state="fallback" data-reason="connect"') == 3


async def test_version_that_changes_on_every_answer_is_served_and_not_refetched() -> None:
    """A header that is never twice the same is no reason to fetch anything again."""
    async with Trio() as trio:
        await trio.origins["tables"].fail("changing-version")
        before = trio.origins["tables"].requests
        for _ in range(5):
            assert b'data-state="fresh"' in element(await trio.page(), "tables")
        assert trio.origins["tables"].requests - before == 5


async def test_player_who_leaves_in_mid_stream_ends_the_includes() -> None:
    """A thousand visitors whose browsers go after the first bytes leave no call, task, place or permit behind."""
    async with Trio() as trio:
        await trio.origins["tables"].fail("slow=100")
        registry = SimpleNamespace(current=trio.snapshot)
        front = PagePath(replace(parts(), composer=trio.composer, registry=registry, pages=PageTable([PAGE])))

        def tasks() -> int:
            """The shell's own tasks: the origins share this process."""
            return len(asyncio.all_tasks()) - sum(origin.connections for origin in trio.origins.values())

        before, [left] = tasks(), PAGES_LEFT.labels(PAGE.name).collect()
        # So few at once that a busy machine has ended them all before the slot that is waited for could come.
        for _ in range(100):
            sent = await asyncio.gather(*(leave_early(front) for _ in range(10)))
            assert not any(message.get("more_body") is False for messages in sent for message in messages)
        assert PAGES_LEFT.labels(PAGE.name).collect()[0].samples[0].value - left.samples[0].value == 1000
        # Calls in flight end at their own deadline.
        await asyncio.sleep(0.7)
        for guard in trio.upstreams.guards().values():
            assert guard.bulkhead.in_flight == guard.bulkhead.waiting == guard.breaker.permits_out == 0
        assert tasks() == before
        assert all(origin.connections <= Policy().in_flight_max for origin in trio.origins.values())


async def leave_early(front: PagePath) -> list[dict[str, Any]]:
    """The bytes for a browser that left as soon as it had the head."""
    sent: list[dict[str, Any]] = []
    head_came = asyncio.Event()

    async def receive() -> Any:
        if sent:
            await head_came.wait()
            return {"type": "http.disconnect"}
        await head_came.wait()
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)
        if message["type"] == "http.response.body":
            head_came.set()

    scope = {
        "type": "http",
        "method": "GET",
        "path": "/",
        "raw_path": b"/",
        "query_string": b"",
        "scheme": "http",
        "headers": [(b"host", b"localhost")],
    }
    assert await front.serve(scope, receive, send)
    return sent


async def test_sick_fragment_heals_by_itself() -> None:
    """Once the fault is over a page is fresh again within ten seconds, without anybody doing anything."""
    async with Trio() as trio:
        await trio.origins["tables"].fail("status=503")
        for _ in range(30):
            await trio.page()
        assert b'data-reason="breaker_open"' in element(await trio.page(), "tables")
        await trio.origins["tables"].heal()
        await fresh_again(trio)
