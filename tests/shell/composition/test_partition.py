"""A tester's session alone is broken, and a player beside it sees none of it."""

import asyncio
import time
from types import TracebackType
from typing import Any, Self

import pytest
from prometheus_client import REGISTRY
from structlog.testing import capture_logs

from bff.contracts.partition import MEMBER, Partition, read
from bff.resilience.breaker import Position
from bff.resilience.deadline import Deadline
from bff.resilience.last_good import LastGood, LastGoodPolicy
from bff.resilience.message import Request
from bff.resilience.partition import within
from bff.resilience.partition_border import partitioned
from bff.resilience.second_level import InMemorySecondLevel
from shell.composition.page import Visit
from shell.fleet.redis_stores import BodyCodec
from shell.visits import Incoming, visit_of
from tests.drills.mark import mint
from tests.drills.proxy.collection import Proxies
from tests.support.shell_page import NAMES, PAGE, Trio, element

KEY = "k" * 48


def partition(name: str = "anna") -> Partition:
    found = read(mint(KEY, name), KEY, now=time.time())
    assert found is not None
    return found


class Drill:
    """Three origins behind the fault proxy; `page(anna)` is the page that her browser gets."""

    def __init__(self, last_good_second: InMemorySecondLevel | None = None) -> None:
        last_good = LastGood(LastGoodPolicy(), second=last_good_second, codec=BodyCodec()) if last_good_second else None
        # No fault here is about lateness, so time limits are generous for a busy machine.
        self.trio = Trio(last_good=last_good, extension={"deadline_ms": 5000}, page_deadline_ms=5000)
        self.proxies = Proxies()

    async def __aenter__(self) -> Self:
        await self.trio.__aenter__()
        for name in NAMES:
            upstream = self.trio.origins[name].url.removeprefix("http://")
            proxy = await self.proxies.create({"name": name, "upstream": upstream, "speaks": ["http"]}, self._now())
            self.trio.move(name, f"http://{proxy.listen}")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.trio.__aexit__(kind, value, trace)
        self.proxies.close()
        await asyncio.sleep(0)

    def break_(self, name: str, fault: str, session: str = "", **attributes: int) -> None:
        toxic = {"type": fault, "session": session, "attributes": attributes, "ttl_s": 600}
        self.proxies.get(name).add(toxic, self._now())

    async def page(self, carried: Partition | None = None, visit: Visit | None = None) -> bytes:
        if carried is None:
            return await self.trio.page(visit)
        with within(carried):
            return await self.trio.page(visit)

    def baggage(self, name: str) -> list[str | None]:
        """The `baggage` of each request to an origin."""
        return [seen.headers.get("baggage") for seen in self.trio.origins[name].seen]

    def _now(self) -> float:
        return asyncio.get_running_loop().time()


def fresh(page: bytes) -> set[str]:
    return {name for name in NAMES if b'data-state="fresh"' in element(page, name)}


def counted(fragment: str) -> dict[tuple[str, str], float]:
    """Includes by state and reason, from the metrics."""
    return {
        (sample.labels["state"], sample.labels["reason"]): sample.value
        for metric in REGISTRY.collect()
        for sample in metric.samples
        if sample.name == "mullion_includes_total" and sample.labels["fragment"] == fragment
    }


@pytest.mark.parametrize(
    ("fault", "pages"),
    [
        ("status", 200),
        ("reset_peer", 100),
        *(pytest.param(fault, 1000, marks=pytest.mark.full) for fault in ("status", "reset_peer")),
    ],
)
async def test_faulted_pages_of_a_tester_leave_a_player_beside_them_none(fault: str, pages: int) -> None:
    """The breaker of everybody never moves, and board and metrics know of no failure."""
    anna = partition()
    async with Drill() as drill:
        guard = drill.trio.upstreams.of(drill.trio.snapshot.releases["tables"])
        drill.break_("tables", fault, session=anna.value)
        before = counted("tables")
        for _ in range(pages):
            tester, player = await asyncio.gather(drill.page(anna), drill.page(visit=drill.trio.visit("amber")))
            assert fresh(tester) == {"wallet", "promotions"}
            assert fresh(player) == set(NAMES)
        with within(anna):
            own = guard.own()
        assert own.breaker.position is not Position.CLOSED
        assert (guard.breaker.position, guard.breaker.generation) == (Position.CLOSED, 0)
        after = counted("tables")
        assert after.pop(("fresh", "")) == before.pop(("fresh", ""), 0) + pages
        assert after == before
        assert drill.trio.recent.records()["tables"].counts.keys() == {"fresh"}


async def test_every_slot_of_a_page_and_its_retries_carry_the_mark_and_a_players_do_not() -> None:
    """Streamed slots too, and what a form's guard sends."""
    anna, other = partition(), partition("ben")
    async with Drill() as drill:
        await drill.page()
        await drill.page(anna)
        slot = PAGE.slots[1]
        with within(other):
            await drill.trio.composer.slot(slot, drill.trio.visit(), drill.trio.snapshot, attempt=1)
        release = drill.trio.snapshot.releases["tables"]
        with within(anna):
            form = Request("POST", release.content_url("/act"), (), b"x=1")
            await drill.trio.upstreams.actions_of(release).call(form, Deadline.after_ms(time.monotonic(), 1000))
        assert drill.baggage("wallet") == [None, f"{MEMBER}={anna.value}"]
        carried = [f"{MEMBER}={each.value}" for each in (anna, other, anna)]
        assert drill.baggage("tables") == [None, *carried]


async def test_slot_of_a_tester_heals_by_a_probe_that_carries_the_mark() -> None:
    """Others of the same fragment are not probed for it, and it is fresh again when the fault is over."""
    anna = partition()
    async with Drill() as drill:
        drill.break_("tables", "status", session=anna.value)
        for _ in range(6):
            assert "tables" not in fresh(await drill.page(anna))
        await drill.proxies.reset()
        seen = len(drill.baggage("tables"))
        healed_by = time.monotonic() + 8
        while "tables" not in fresh(await drill.page(anna)):
            assert time.monotonic() < healed_by
        assert set(drill.baggage("tables")[seen:]) == {f"{MEMBER}={anna.value}"}


async def test_page_of_a_tester_is_kept_for_nobody_and_shows_the_last_good_copy_of_others() -> None:
    anna, second = partition(), InMemorySecondLevel(time.monotonic)
    async with Drill(second) as drill:
        for origin in drill.trio.origins.values():
            origin.headers = (("Cache-Control", "public, max-age=60, stale-if-error=60"),)
        drill.trio.origins["tables"].body = b"<p>of a tester</p>"
        await drill.page(anna)
        drill.trio.origins["tables"].body = b"<p>of everybody</p>"
        assert b"of everybody" in await drill.page()
        await asyncio.sleep(0.05)
        copies = dict(second._copies)
        assert len(copies) == len(NAMES)
        drill.break_("tables", "status", session=anna.value)
        shown = element(await drill.page(anna), "tables")
        assert b'data-state="stale"' in shown
        assert b"of everybody" in shown
        await asyncio.sleep(0.05)
        assert second._copies == copies


async def test_log_of_a_testers_outcome_is_a_line_of_its_own() -> None:
    """So that the same outcome of a player is neither counted into it nor hidden by it."""
    anna = partition()
    async with Drill() as drill:
        await drill.trio.origins["tables"].fail("status=500")
        with capture_logs() as lines:
            await drill.page(anna)
            await drill.page()
        included = [line for line in lines if line["event"] == "included" and line["slot"] == "tables"]
        assert [line["times"] for line in included] == [1, 1]


@pytest.mark.parametrize("name", [b"baggage", b"Baggage", b"tracestate", b"mullion-drill", b"podium-baggage"])
async def test_hostile_baggage_of_a_browser_never_reaches_a_fragment(name: bytes) -> None:
    """Whatever it says, signed or not: the cookie alone is read, and only with the key."""
    value = f"{MEMBER}={partition().value},user=1".encode()
    scope = {
        "type": "http",
        "method": "GET",
        "path": "/",
        "query_string": b"baggage=" + value,
        "headers": [(name, value), (b"cookie", b"baggage=" + value)],
    }
    async with Trio() as trio:

        async def serve(scope: Any, receive: Any, send: Any) -> None:
            await trio.page(visit_of(Incoming.of(scope), PAGE, {}, None))

        for environ in ({}, {"PARTITION_KEY": KEY}):
            await partitioned(serve, environ, brought_by="cookie")(scope, None, None)  # type: ignore[arg-type]
        for origin in trio.origins.values():
            assert len(origin.seen) == 2
            assert all(MEMBER not in repr(seen) and "baggage" not in seen.headers for seen in origin.seen)
