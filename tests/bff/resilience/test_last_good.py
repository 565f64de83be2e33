"""Last good copies: who gets them, for how long, and what they cost, on simulated time."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bff.resilience.cache_control import Lifetime, lifetime
from bff.resilience.last_good import Fetched, Key, LastGood, LastGoodPolicy
from bff.resilience.message import Headers
from bff.resilience.outcome import Failure, Outcome, State
from bff.resilience.reason import Reason
from bff.resilience.second_level import FORGETS_AT_ONCE, FORGETS_MAX, InMemorySecondLevel, SecondLevel
from tests.support import simulated_time

pytestmark = pytest.mark.quick

NOON = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)
SHARED, AMBER, BIRCH = (
    Key.for_everybody("tables", "en"),
    Key.for_player("amber", "wallet"),
    Key.for_player("birch", "wallet"),
)
STALE_S = 60
DOWN = Failure(Reason.TIMEOUT, "no answer in time")


class Text:
    """Values are text."""

    def dump(self, value: str) -> bytes:
        return value.encode()

    def load(self, data: bytes) -> str:
        return data.decode()


class Bench:
    """Copies of an origin that answers `says` with `cache_control`."""

    def __init__(self, policy: LastGoodPolicy | None = None, second: SecondLevel | None = None) -> None:
        self.clock = asyncio.get_running_loop().time
        self.second = second
        self.cache_control = ""
        self.says: str | Failure = "one"
        self.size_bytes = 10
        self.keep, self.late = True, False
        self.took_s = 0.01
        self.fetches = 0
        self.last_good: LastGood[str] = self.process(policy or LastGoodPolicy())

    def process(self, policy: LastGoodPolicy) -> LastGood[str]:
        """Another process with the same second level."""
        wall = lambda: NOON + timedelta(seconds=self.clock())  # noqa: E731
        return LastGood(policy, clock=self.clock, wall=wall, second=self.second, codec=Text() if self.second else None)

    async def fetch(self) -> Fetched[str] | Failure:
        self.fetches += 1
        answer = self.says
        await asyncio.sleep(self.took_s)
        if isinstance(answer, Failure):
            return answer
        headers = Headers([("Cache-Control", self.cache_control)] if self.cache_control else [])
        return Fetched(answer, self.size_bytes, headers, keep=self.keep, late=self.late)

    async def get(self, key: Key = SHARED, *, stale_s_max: int = STALE_S) -> Outcome[str] | Failure:
        return await self.last_good.get(key, self.fetch, stale_s_max=stale_s_max)

    async def seen(self, key: Key = SHARED, **more: int) -> tuple[str, str]:
        """(state, value), or ("failure", reason)."""
        ended = await self.get(key, **more)
        return ("failure", ended.reason) if isinstance(ended, Failure) else (ended.state, ended.value)


def simulated(test: Callable[[Bench], Coroutine[Any, Any, None]]) -> Callable[[], None]:
    """Run `test` on simulated time with a fresh bench; afterwards no task may be left."""

    def run() -> None:
        async def main() -> None:
            bench = Bench()
            await test(bench)
            await bench.last_good.aclose()
            assert asyncio.all_tasks() == {asyncio.current_task()}

        simulated_time.run(main())

    run.__doc__, run.__name__ = test.__doc__, test.__name__
    return run


# For how long.


@pytest.mark.parametrize(
    ("value", "shared", "expected"),
    [
        ("", True, Lifetime(0, 0, 60)),
        ("max-age=5", True, Lifetime(5, 0, 60)),
        ("max-age=5", False, Lifetime(5, 0, 60)),
        ("MAX-AGE = 5 , Stale-While-Revalidate=7, stale-if-error=9", True, Lifetime(5, 7, 9)),
        ('max-age="5"', True, Lifetime(5, 0, 60)),
        ("max-age=5, max-age=50", True, Lifetime(5, 0, 60)),
        ("max-age=5, stale-if-error=600", True, Lifetime(5, 0, 60)),
        ("max-age=5, s-maxage=9", True, Lifetime(9, 0, 60)),
        ("max-age=5, s-maxage=9", False, Lifetime(5, 0, 60)),
        ("private, max-age=5", True, Lifetime()),
        ('private="x-a, x-b", max-age=5', True, Lifetime()),
        ("private, max-age=5", False, Lifetime(5, 0, 60)),
        ("no-store", False, Lifetime()),
        ("no-cache, max-age=5", True, Lifetime()),
        ("max-age=5, must-revalidate", True, Lifetime(5)),
        ("max-age=5, proxy-revalidate", True, Lifetime(5)),
        ("max-age=5, proxy-revalidate", False, Lifetime(5, 0, 60)),
        ("max-age=soon", True, Lifetime(0, 0, 60, unmarked=False)),
        ("max-age", True, Lifetime(0, 0, 60, unmarked=False)),
        ("public, max-age=0", True, Lifetime(0, 0, 60, unmarked=False)),
        ("max-age=0, s-maxage=2", True, Lifetime(2, 0, 60)),
        ("max-age=0, s-maxage=2", False, Lifetime(0, 0, 60, unmarked=False)),
        ("max-age=-5, stale-if-error=none", True, Lifetime(0, 0, 0, unmarked=False)),
        ("max-age=99999999999999999999, s-maxage=5", True, Lifetime(5, 0, 60)),
        ("max-age=99999999999999999999", True, Lifetime(2**31, 0, 60)),
    ],
)
def test_cache_control_is_honoured(value: str, shared: bool, expected: Lifetime) -> None:
    """RFC 9111 and 5861; a manifest's `stale_s_max` is the most that may be asked for."""
    headers = Headers([("Cache-Control", value)] if value else [])
    assert lifetime(headers, stale_s_max=60, shared=shared) == expected


def test_age_is_taken_off() -> None:
    """What was old on arrival is not fresh for long; directives may come in several fields."""
    headers = Headers([("Cache-Control", "max-age=10"), ("Cache-Control", "stale-if-error=5"), ("Age", "7")])
    assert lifetime(headers, stale_s_max=60, shared=True) == Lifetime(3, 0, 5)
    swr = "max-age=10, stale-while-revalidate=5, stale-if-error=30"
    late = Headers([("Cache-Control", swr), ("Age", "14")])
    assert lifetime(late, stale_s_max=60, shared=True) == Lifetime(0, 1, 26)
    assert lifetime(late, stale_s_max=2, shared=True) == Lifetime(0, 1, 0)
    assert lifetime(Headers([("Cache-Control", swr), ("Age", "90")]), stale_s_max=60, shared=True) == Lifetime()
    assert lifetime(Headers([("Cache-Control", "max-age=1"), ("Age", "x")]), stale_s_max=0, shared=True) == Lifetime(1)


@given(st.text(max_size=80))
def test_no_cache_control_can_keep_more_than_it_may(value: str) -> None:
    """Whatever it says, after an error nothing outlives the manifest's own limit."""
    lives = lifetime(Headers([("Cache-Control", value)]), stale_s_max=60, shared=True)
    assert 0 <= lives.error_s <= 60
    assert lives.fresh_s >= 0
    assert lives.revalidate_s >= 0


# For everybody.


@simulated
async def test_a_fresh_shared_copy_is_not_fetched_again(bench: Bench) -> None:
    """Within max-age one fetch serves everybody, and says how old it is; then it is fetched again."""
    bench.cache_control = "max-age=5"
    first = await bench.get()
    assert isinstance(first, Outcome)
    assert (first.value, first.as_of) == ("one", NOON + timedelta(seconds=0.01))
    bench.says = "two"
    await asyncio.sleep(4)
    assert await bench.get() == first
    assert bench.fetches == 1
    await asyncio.sleep(1)
    assert await bench.seen() == ("fresh", "two")


@simulated
async def test_two_hundred_at_once_make_one_fetch(bench: Bench) -> None:
    """A cold cache costs its origin one request a shared key."""
    seen = await asyncio.gather(*(bench.seen() for _ in range(200)))
    assert set(seen) == {("fresh", "one")}
    assert bench.fetches == 1


@simulated
async def test_one_who_leaves_takes_nobodys_fetch_along(bench: Bench) -> None:
    """The first of many leaves; the others get what was being fetched."""
    first, second = asyncio.create_task(bench.get()), asyncio.create_task(bench.seen())
    await asyncio.sleep(0)
    first.cancel()
    assert await second == ("fresh", "one")
    assert bench.fetches == 1


@simulated
async def test_stale_while_revalidate_makes_nobody_wait(bench: Bench) -> None:
    """The old copy at once, one fetch behind it, and the next one gets what that brought."""
    bench.cache_control, bench.took_s = "max-age=1, stale-while-revalidate=10", 0.5
    await bench.get()
    bench.says = "two"
    await asyncio.sleep(2)
    began = bench.clock()
    assert await asyncio.gather(bench.seen(), bench.seen()) == [("fresh", "one")] * 2
    assert bench.clock() == began
    await asyncio.sleep(0.6)
    assert await bench.seen() == ("fresh", "two")
    assert bench.fetches == 2


@simulated
async def test_what_may_not_be_shared_is_not_kept(bench: Bench) -> None:
    """`private` under a shared key: served to those who asked, kept for nobody."""
    bench.cache_control = "private, max-age=60"
    assert await bench.seen() == ("fresh", "one")
    assert bench.last_good.bytes_stored == 0
    bench.says = DOWN
    assert await bench.seen() == ("failure", "timeout")


# For one player.


@simulated
async def test_a_players_copy_never_leaves_that_player(bench: Bench) -> None:
    """Same parts, another player: nothing."""
    bench.says = "amber's"
    assert await bench.seen(AMBER) == ("fresh", "amber's")
    bench.says = DOWN
    assert await bench.seen(AMBER) == ("stale", "amber's")
    assert await bench.seen(BIRCH) == ("failure", "timeout")
    assert await bench.seen(Key.for_everybody("wallet")) == ("failure", "timeout")


@simulated
async def test_a_players_copy_is_never_reused_while_the_upstream_answers(bench: Bench) -> None:
    """Money is asked for each time, and each request gets its own answer."""
    bench.cache_control = "private, max-age=60, stale-while-revalidate=60"
    await asyncio.gather(bench.get(AMBER), bench.get(AMBER))
    assert bench.fetches == 2
    bench.says = "two"
    assert await bench.seen(AMBER) == ("fresh", "two")


def test_a_players_key_names_its_player() -> None:
    """A player without a name would be everybody; in the second level nobody is named."""
    with pytest.raises(ValueError, match="needs the player"):
        Key.for_player("", "wallet")
    digests = {
        Key.for_player("a", "b").digest(),
        Key.for_everybody("a", "b").digest(),
        Key.for_player("a", "c").digest(),
    }
    assert len(digests) == 3
    assert "amber" not in AMBER.digest()


# After an error.


@simulated
async def test_stale_if_error_ends_in_time(bench: Bench) -> None:
    """For so long after its freshness a copy stands in, with the reason and its age; then it is gone."""
    bench.cache_control = "max-age=10"
    await bench.get()
    bench.says = DOWN
    await asyncio.sleep(69)
    ended = await bench.get()
    assert ended == Outcome(State.STALE, "one", Reason.TIMEOUT, DOWN.detail, NOON + timedelta(seconds=0.01))
    await asyncio.sleep(1)
    assert await bench.get() == DOWN
    assert bench.last_good.bytes_stored == 0


@simulated
async def test_a_fragment_may_ask_for_less_staleness(bench: Bench) -> None:
    """`stale-if-error` below the manifest's limit wins; `must-revalidate` allows none."""
    bench.cache_control = "max-age=1, stale-while-revalidate=100, stale-if-error=3"
    await bench.get(AMBER)
    bench.says = DOWN
    await asyncio.sleep(3)
    assert await bench.seen(AMBER) == ("stale", "one")
    await asyncio.sleep(2)
    assert await bench.seen(AMBER) == ("failure", "timeout")

    bench.says, bench.cache_control = "one", "max-age=1, must-revalidate"
    await bench.get(BIRCH)
    bench.says = DOWN
    await asyncio.sleep(2)
    assert await bench.seen(BIRCH) == ("failure", "timeout")


@pytest.mark.parametrize("reason", [Reason.NOT_FOUND, Reason.UNAUTHORISED, Reason.REJECTED, Reason.REDIRECT])
def test_a_well_upstream_that_says_no_is_believed(reason: Reason) -> None:
    """An old copy would contradict it: none is served, and it is forgotten."""

    async def main() -> None:
        bench = Bench()
        await bench.get(AMBER)
        bench.says = Failure(reason)
        assert await bench.seen(AMBER) == ("failure", reason)
        bench.says = DOWN
        assert await bench.seen(AMBER) == ("failure", "timeout")

    simulated_time.run(main())


@simulated
async def test_no_store_forgets_what_was_kept(bench: Bench) -> None:
    """A later answer that must not be stored ends the earlier one's life too."""
    await bench.get()
    bench.says, bench.cache_control = "two", "no-store"
    await bench.get()
    bench.says = DOWN
    assert await bench.seen() == ("failure", "timeout")


@simulated
async def test_a_degraded_answer_replaces_no_good_one(bench: Bench) -> None:
    """What the caller would not keep leaves the last good copy alone."""
    await bench.get()
    bench.says, bench.keep = "degraded", False
    assert await bench.seen() == ("fresh", "degraded")
    bench.says = DOWN
    assert await bench.seen() == ("stale", "one")


@simulated
async def test_a_fetch_with_a_mistake_is_a_failure_to_all_who_wait(bench: Bench) -> None:
    """Nobody waits for ever, and the next one asks again."""

    async def broken() -> Fetched[str] | Failure:
        raise KeyError("odd")

    ended = await asyncio.gather(*(bench.last_good.get(SHARED, broken, stale_s_max=0) for _ in range(3)))
    assert {each.reason for each in ended if isinstance(each, Failure)} == {Reason.INTERNAL}
    assert await bench.seen() == ("fresh", "one")


@simulated
async def test_closing_waits_for_what_is_fetched(bench: Bench) -> None:
    """A fetch under way ends before its owner does."""
    bench.cache_control, bench.took_s = "max-age=1, stale-while-revalidate=10", 0.5
    await bench.get()
    await asyncio.sleep(2)
    await bench.get()
    await bench.last_good.aclose()
    assert bench.fetches == 2


# What it costs.


def test_memory_is_bounded_by_bytes_and_number() -> None:
    """The least lately used goes first; one too large for all of it is not kept."""

    async def main() -> None:
        bench = Bench(LastGoodPolicy(bytes_max=100, entries_max=5))
        keys = [Key.for_player(f"player-{number}") for number in range(20)]
        for key in keys[:5]:
            await bench.get(key)
        bench.says = DOWN
        assert await bench.seen(keys[0]) == ("stale", "one")
        bench.says = "more"
        await bench.get(keys[5])
        bench.says = DOWN
        assert await bench.seen(keys[0]) == ("stale", "one")
        assert await bench.seen(keys[1]) == ("failure", "timeout")
        bench.says, bench.size_bytes = "large", 60
        await bench.get(keys[6])
        await bench.get(keys[7])
        assert bench.last_good.bytes_stored == 60
        bench.size_bytes = 101
        await bench.get(keys[7])
        assert bench.last_good.bytes_stored == 0

    simulated_time.run(main())


# The second level.


class Flaky:
    """A second level that can be lost."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.inner = InMemorySecondLevel(clock)
        self.lost: str = ""
        self.gets = self.puts = 0
        self.forgotten: list[Sequence[str]] = []

    async def get(self, key: str) -> tuple[bytes, float] | None:
        self.gets += 1
        await self.reach()
        return await self.inner.get(key)

    async def put(self, key: str, data: bytes, keep_s: int) -> None:
        self.puts += 1
        await self.reach()
        await self.inner.put(key, data, keep_s)

    async def forget(self, keys: Sequence[str]) -> None:
        self.forgotten.append(keys)
        await self.reach()
        await self.inner.forget(keys)

    async def reach(self) -> None:
        if self.lost == "hung":
            await asyncio.sleep(3600)
        if self.lost:
            raise OSError(self.lost)


def with_second_level(test: Callable[[Bench, Flaky], Coroutine[Any, Any, None]]) -> Callable[[], None]:
    """Run `test` on simulated time with a second level behind its bench."""

    def run() -> None:
        async def main() -> None:
            second = Flaky(asyncio.get_running_loop().time)
            bench = Bench(second=second)
            await test(bench, second)
            await bench.last_good.aclose()
            assert asyncio.all_tasks() == {asyncio.current_task()}

        simulated_time.run(main())

    run.__doc__, run.__name__ = test.__doc__, test.__name__
    return run


async def restart(bench: Bench) -> None:
    """The process ends and another one replaces it."""
    await bench.last_good.aclose()
    bench.last_good = bench.process(LastGoodPolicy())


@with_second_level
async def test_a_process_that_has_just_started_is_warm(bench: Bench, second: Flaky) -> None:
    """It serves what the one before it kept, at its right age, asks once, and then knows it itself."""
    await bench.get(AMBER)
    await restart(bench)
    bench.says = DOWN
    await asyncio.sleep(30)
    ended = await bench.get(AMBER)
    assert isinstance(ended, Outcome)
    assert (ended.state, ended.value) == (State.STALE, "one")
    assert ended.as_of == NOON + timedelta(seconds=0.01)
    assert await bench.seen(BIRCH) == ("failure", "timeout")
    gets = second.gets
    assert await bench.seen(AMBER) == ("stale", "one")
    assert second.gets == gets
    await asyncio.sleep(30)
    await restart(bench)
    assert await bench.seen(AMBER) == ("failure", "timeout")


@with_second_level
async def test_a_copy_that_may_not_be_shown_as_new_may_not_in_the_next_process_either(
    bench: Bench, second: Flaky
) -> None:
    bench.cache_control = "max-age=0"
    await bench.get()
    await bench.last_good.aclose()
    bench.last_good, bench.says = bench.process(LastGoodPolicy()), LATE
    for _ in range(2):
        assert await bench.seen() == (State.STALE, "one")


@with_second_level
async def test_nothing_is_looked_up_that_could_not_be_used(bench: Bench, second: Flaky) -> None:
    """A release that allows no staleness asks nobody for an old copy."""
    bench.says = DOWN
    assert await bench.seen(stale_s_max=0) == ("failure", "timeout")
    assert second.gets == 0


@with_second_level
async def test_what_the_second_level_does_not_have_is_not_asked_for_on_every_page(bench: Bench, second: Flaky) -> None:
    """In an outage without a copy it is asked about once a second, and what it gets meanwhile is found."""
    bench.says = DOWN
    gets = second.gets
    while bench.clock() < 0.9:
        assert await bench.seen(AMBER) == ("failure", "timeout")
    assert second.gets == gets + 1
    other = bench.process(LastGoodPolicy())
    here, bench.last_good, bench.says = bench.last_good, other, "one"
    await bench.get(AMBER)
    await other.aclose()
    bench.last_good, bench.says = here, DOWN
    await asyncio.sleep(1)
    assert await bench.seen(AMBER) == ("stale", "one")
    assert second.gets == gets + 3


@pytest.mark.parametrize("lost", ["refused", "hung"])
def test_a_lost_second_level_costs_one_time_out(lost: str) -> None:
    """Refused or hung: one short wait, then it is left alone for a while; good answers are not delayed at all."""

    async def main() -> None:
        second = Flaky(asyncio.get_running_loop().time)
        second.lost = lost
        bench = Bench(second=second)
        began = bench.clock()
        assert await bench.seen(AMBER) == ("fresh", "one")
        assert bench.clock() - began == pytest.approx(bench.took_s)
        await bench.last_good.aclose()
        bench.says = DOWN
        gets, began = second.gets, bench.clock()
        for _ in range(20):
            assert await bench.seen(BIRCH) == ("failure", "timeout")
        assert second.gets == gets
        assert bench.clock() - began == pytest.approx(20 * bench.took_s)
        await asyncio.sleep(3)
        began = bench.clock()
        assert await bench.seen(BIRCH) == ("failure", "timeout")
        assert bench.clock() - began <= 0.1 + bench.took_s
        assert second.gets == gets + 1
        second.lost = ""
        await asyncio.sleep(3)
        bench.says = "two"
        await bench.get(BIRCH)
        await restart(bench)
        bench.says = DOWN
        assert await bench.seen(BIRCH) == ("stale", "two")

    simulated_time.run(main())


@with_second_level
async def test_the_same_copy_is_not_written_again_and_again(bench: Bench, second: Flaky) -> None:
    """A key that is asked for all the time is written once in a while."""
    for _ in range(40):
        await bench.get(AMBER)
        await asyncio.sleep(0.49)
    await bench.last_good.aclose()
    assert second.puts == 2


@with_second_level
async def test_what_is_forgotten_here_is_forgotten_there(bench: Bench, second: Flaky) -> None:
    """In the order in which it happened, even when both come at once."""
    await bench.get(AMBER)
    bench.cache_control = "no-store"
    await bench.get(AMBER)
    await bench.get(BIRCH)
    await restart(bench)
    bench.says = DOWN
    assert await bench.seen(AMBER) == ("failure", "timeout")
    assert second.puts <= 2


DENIALS = [Reason.UNAUTHORISED, Reason.NOT_FOUND, Reason.REJECTED, "no-store"]


async def deny(bench: Bench, denial: str, key: Key = AMBER) -> None:
    """The upstream takes back its earlier answer, in one of several ways."""
    if denial == "no-store":
        bench.cache_control = denial
    else:
        bench.says = Failure(Reason(denial))
    await bench.get(key)
    bench.says, bench.cache_control = DOWN, ""


@pytest.mark.parametrize("denial", DENIALS)
def test_what_the_upstream_denied_stays_denied_whoever_had_kept_it(denial: str) -> None:
    """One process keeps a copy, the next is told no: neither it nor the one after it shows the copy in an outage."""

    async def main() -> None:
        second = Flaky(asyncio.get_running_loop().time)
        bench = Bench(second=second)
        await bench.get(AMBER)
        await restart(bench)
        await deny(bench, denial)
        assert await bench.seen(AMBER) == ("failure", "timeout"), "the process that was told"
        await restart(bench)
        assert await bench.seen(AMBER) == ("failure", "timeout"), "the one after it"

    simulated_time.run(main())


@with_second_level
async def test_denial_counts_before_the_second_level_has_been_told(bench: Bench, second: Flaky) -> None:
    """Deletes go together, a moment apart: until then what is still there is not shown."""
    await bench.get(AMBER)
    await restart(bench)
    await deny(bench, Reason.NOT_FOUND, BIRCH)
    await deny(bench, Reason.NOT_FOUND, AMBER)
    gets = second.gets
    assert await bench.seen(AMBER) == ("failure", "timeout")
    assert second.gets == gets + 1
    assert [len(keys) for keys in second.forgotten] == [1]


@pytest.mark.parametrize("lost", ["refused", "hung"])
def test_denial_waits_for_a_second_level_that_is_away(lost: str) -> None:
    """It is forgotten there as soon as it is back; meanwhile nobody here is shown it, and few tries are made."""

    async def main() -> None:
        second = Flaky(asyncio.get_running_loop().time)
        bench = Bench(second=second)
        await bench.get(AMBER)
        await restart(bench)
        second.lost = lost
        await deny(bench, Reason.NOT_FOUND)
        await asyncio.sleep(5)
        assert len(second.forgotten) <= 3
        second.lost = ""
        await asyncio.sleep(2.2)
        other = bench.process(LastGoodPolicy())
        await bench.last_good.aclose()
        bench.last_good = other
        assert await bench.seen(AMBER) == ("failure", "timeout")

    simulated_time.run(main())


@pytest.mark.parametrize("lost", ["refused", "hung"])
def test_second_level_that_stays_away_does_not_hold_up_the_end_of_a_process(lost: str) -> None:
    """It is tried once more, and what it could not be told is given up."""

    async def main() -> None:
        second = Flaky(asyncio.get_running_loop().time)
        bench = Bench(second=second)
        second.lost = lost
        await deny(bench, Reason.NOT_FOUND)
        await asyncio.sleep(1)
        began = bench.clock()
        await bench.last_good.aclose()
        assert bench.clock() - began <= 0.11
        assert asyncio.all_tasks() == {asyncio.current_task()}

    simulated_time.run(main())


def test_flood_of_denials_is_no_flood_of_deletes() -> None:
    """Thousands of addresses that do not exist are a few commands, a single one is one in ten seconds."""

    async def main() -> None:
        second = Flaky(asyncio.get_running_loop().time)
        bench = Bench(second=second)
        bench.says = Failure(Reason.NOT_FOUND)
        for start in range(0, 2000, 100):
            await asyncio.gather(*(bench.get(Key.for_everybody(str(start + each))) for each in range(100)))
        await asyncio.sleep(1)
        assert sum(map(len, second.forgotten)) == 2000
        assert len(second.forgotten) <= 8
        assert max(map(len, second.forgotten)) <= FORGETS_AT_ONCE
        second.forgotten.clear()
        while bench.clock() < 22:
            await bench.get(SHARED)
            await asyncio.sleep(0.1)
        assert len(second.forgotten) <= 3
        second.lost = "refused"
        for start in range(0, FORGETS_MAX + 1000, 1000):
            await asyncio.gather(*(bench.get(Key.for_player(str(start + each))) for each in range(1000)))
        second.lost = ""
        second.forgotten.clear()
        await asyncio.sleep(5)
        assert sum(map(len, second.forgotten)) == FORGETS_MAX
        await bench.last_good.aclose()

    simulated_time.run(main())


@with_second_level
async def test_what_is_granted_after_a_denial_is_kept_again(bench: Bench, second: Flaky) -> None:
    """A denial ends what was before it, not what comes after."""
    await bench.get(AMBER)
    await deny(bench, Reason.UNAUTHORISED)
    bench.says = "two"
    await bench.get(AMBER)
    await restart(bench)
    bench.says = DOWN
    assert await bench.seen(AMBER) == ("stale", "two")


def test_writes_that_can_not_keep_up_are_dropped() -> None:
    """A slow second level bounds what waits for it; pages are not slowed."""

    async def main() -> None:
        second = Flaky(asyncio.get_running_loop().time)
        bench = Bench(LastGoodPolicy(pending_max=10, entries_max=50), second)
        await asyncio.gather(*(bench.get(Key.for_player(f"player-{number}")) for number in range(100)))
        await bench.last_good.aclose()
        assert second.puts <= 11
        for number in range(100):
            await bench.get(Key.for_player(f"player-{number}"))
            await asyncio.sleep(0)

    simulated_time.run(main())


@with_second_level
async def test_what_another_version_wrote_is_not_understood_and_not_served(bench: Bench, second: Flaky) -> None:
    """A parcel of another shape, or a value that the codec refuses, is as good as none."""
    bench.says = DOWN
    await second.inner.put(AMBER.digest(), b"\xc1 nonsense", 60)
    assert await bench.seen(AMBER) == ("failure", "timeout")
    bench.says = "one"
    await bench.get(BIRCH)
    await restart(bench)
    data, _ = await second.inner.get(BIRCH.digest()) or (b"", 0.0)
    await second.inner.put(BIRCH.digest(), data.replace(b"one", b"\xff\xff\xff"), 60)
    bench.says = DOWN
    assert await bench.seen(BIRCH) == ("failure", "timeout")


@pytest.mark.parametrize("lost", ["refused", "hung"])
def test_writes_to_a_lost_second_level_cost_one_time_out_in_all(lost: str) -> None:
    """What waits to be written is dropped with the first that could not be."""

    async def main() -> None:
        second = Flaky(asyncio.get_running_loop().time)
        second.lost = lost
        bench = Bench(second=second)
        bench.cache_control = "max-age=60"
        # With no staleness allowed nothing is looked up, so the writer is the first to learn of it.
        await asyncio.gather(*(bench.get(Key.for_player(f"player-{number}"), stale_s_max=0) for number in range(50)))
        began = bench.clock()
        await bench.last_good.aclose()
        assert bench.clock() - began <= 0.1
        assert second.puts == 1

    simulated_time.run(main())


LATE = Failure(Reason.TIMEOUT, "no answer in time", late=True)


@simulated
async def test_a_shared_copy_of_the_last_seconds_stands_in_unmarked_for_a_late_answer(bench: Bench) -> None:
    """With its age; one that is older is marked, and so is one that stands in for any other failure."""
    await bench.get()
    bench.says = LATE
    await asyncio.sleep(5)
    assert await bench.get() == Outcome(State.FRESH, "one", as_of=NOON + timedelta(seconds=0.01))
    bench.says = DOWN
    assert await bench.seen() == (State.STALE, "one")
    bench.says = LATE
    await asyncio.sleep(5)
    assert await bench.seen() == (State.STALE, "one")


@simulated
async def test_a_poorer_body_gives_way_to_a_shared_copy_of_the_last_seconds(bench: Bench) -> None:
    """What makes it poorer is that something behind it was late."""
    await bench.get()
    bench.says, bench.keep, bench.late = "poor", False, True
    assert await bench.seen() == (State.FRESH, "one")
    await asyncio.sleep(10)
    assert await bench.seen() == (State.FRESH, "poor")


@simulated
async def test_a_shut_door_that_was_late_is_answered_by_the_same_copy_without_asking(bench: Bench) -> None:
    """As long as it is of the last seconds."""
    await bench.get()
    ended = bench.last_good.at_once(SHARED, lambda: LATE, stale_s_max=STALE_S)
    assert isinstance(ended, Outcome)
    assert ended.state is State.FRESH
    await asyncio.sleep(10)
    ended = bench.last_good.at_once(SHARED, lambda: LATE, stale_s_max=STALE_S)
    assert isinstance(ended, Outcome)
    assert ended.state is State.STALE


@pytest.mark.parametrize("case", ["player", "must-revalidate", "max-age=0", "unshared"])
def test_no_copy_stands_in_unmarked_where_it_may_not(case: str) -> None:
    """Not a player's, not one whose sender forbids it, and not before somebody who has just done something."""

    async def main() -> None:
        bench, key = Bench(), AMBER if case == "player" else SHARED
        bench.cache_control = {"must-revalidate": "max-age=1, must-revalidate", "max-age=0": case}.get(case, "")
        await bench.get(key)
        bench.says = LATE
        await asyncio.sleep(2)
        ended = await bench.last_good.get(key, bench.fetch, stale_s_max=STALE_S, unshared=case == "unshared")
        assert isinstance(ended, Failure) or ended.state is State.STALE

    simulated_time.run(main())


# What takes longer than its reader waits.


@simulated
async def test_answer_that_was_overtaken_does_not_become_the_copy(bench: Bench) -> None:
    """A slow fetch that began before a player's own newer look ends after it: the copy stays the newer."""
    bench.says, bench.took_s = "before the deposit", 2.0
    waited = await bench.last_good.get(AMBER, bench.fetch, stale_s_max=STALE_S, wait_s=0.05)
    assert isinstance(waited, Failure)
    assert (waited.reason, waited.late, bench.clock()) == (Reason.COLD, True, 0.05)
    bench.says, bench.took_s = "after it", 0.01
    newer = await bench.last_good.get(AMBER, bench.fetch, stale_s_max=STALE_S, unshared=True, wait_s=0.05)
    assert isinstance(newer, Outcome)
    await asyncio.sleep(3)
    bench.says = DOWN
    assert await bench.seen(AMBER) == ("stale", "after it")


@simulated
async def test_reader_of_what_is_cancelled_at_the_end_has_a_reason(bench: Bench) -> None:
    """A process that ends leaves no fetch, and nobody without an answer."""
    bench.took_s = 10
    reading = asyncio.create_task(bench.last_good.get(AMBER, bench.fetch, stale_s_max=STALE_S, wait_s=5))
    await asyncio.sleep(0.01)
    await bench.last_good.aclose()
    ended = await reading
    assert isinstance(ended, Failure)
    assert (ended.reason, bench.clock()) == (Reason.INTERNAL, 0.01)
