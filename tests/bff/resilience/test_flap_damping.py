"""What a reader of consecutive pages sees of an upstream that answers late now and then, in simulated time."""

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from bff.resilience.breaker import Position
from bff.resilience.deadline import Deadline
from bff.resilience.flap_damping import FlapDamping
from bff.resilience.guard import Failure, Guard, Request
from bff.resilience.last_good import Fetched, Key, LastGood
from bff.resilience.message import Headers
from bff.resilience.outcome import Outcome
from bff.resilience.policy import LastGoodPolicy, Policy
from bff.resilience.reason import Reason
from tests.support import simulated_time
from tests.support.resilience_fakes import GET, FakeUpstream, answer

SHARES = (0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.7)
LIMIT_MS = 400
POLICY = Policy(deadline_ms=LIMIT_MS)
HOLD_S = POLICY.late_hold_ms / 1000
WELL, LATE = answer(), Failure(Reason.TIMEOUT, late=True)
PLAYER, EVERYBODY = Key.for_player("pl_amber", "wallet"), Key.for_everybody("offers")

# The durations of an answer in time and of a late one: near to the limit, and far from it.
NEAR, FAR = (LIMIT_MS * 0.97, LIMIT_MS * 1.03), (20.0, LIMIT_MS * 12.0)


@dataclass
class Readers:
    """One reader whose pages are watched, and any others, of one slot in one process."""

    seed: int
    share: float
    took_ms: tuple[float, float] = FAR
    key: Key = PLAYER
    copies: bool = True
    probe: Request | None = None
    fault_s: float = 60.0
    states: list[tuple[float, str]] = field(default_factory=list)

    def run(self, per_s: float, *, others_per_s: float = 0.0, after_s: float = 0.0) -> "Readers":
        simulated_time.run(self._run(per_s, others_per_s, after_s))
        return self

    @property
    def changes(self) -> list[tuple[float, str]]:
        """The moments at which another state was seen than before, and the states."""
        pairs = zip(self.states, self.states[1:], strict=False)
        return [after for before, after in pairs if before[1] != after[1]]

    def steady(self) -> bool:
        """Whether no ten seconds have more than three changes."""
        at = [when for when, _ in self.changes]
        return all(fourth - first >= HOLD_S for first, fourth in zip(at, at[3:], strict=False))

    async def _run(self, per_s: float, others_per_s: float, after_s: float) -> None:
        loop = asyncio.get_running_loop()
        drawn = random.Random(self.seed)
        upstream = FakeUpstream()
        guard = Guard("late", POLICY, upstream, clock=loop.time, chance=drawn.random, probe=self.probe)
        last_good: LastGood[str] = LastGood(LastGoodPolicy(), clock=loop.time)

        async def page(key: Key, seen: Callable[[str], None]) -> None:
            async def fetch() -> Fetched[str] | Failure:
                timely, late = self.took_ms
                upstream.took_ms = late if loop.time() < self.fault_s and drawn.random() < self.share else timely
                deadline = Deadline.after_ms(loop.time(), 1000)
                ended = await guard.call(GET, deadline, resource=key, steady=key.player is not None)
                return ended if isinstance(ended, Failure) else Fetched("whole", 5, Headers(()))

            ended: Outcome[str] | Failure = await last_good.get(key, fetch, stale_s_max=60 if self.copies else 0)
            seen("fallback" if isinstance(ended, Failure) else ended.state.value)

        async def read(per_s: float, key: Callable[[int], Key], seen: Callable[[str], None]) -> None:
            async with asyncio.TaskGroup() as pages:
                for n in range(int((self.fault_s + after_s) * per_s)):
                    pages.create_task(page(key(n), seen))
                    await asyncio.sleep((0.5 + drawn.random()) / per_s)

        async with asyncio.TaskGroup() as readers:
            readers.create_task(read(per_s, lambda n: self.key, lambda s: self.states.append((loop.time(), s))))
            if others_per_s:
                another = lambda n: Key.for_player(f"pl_{n % 40}", "wallet")  # noqa: E731
                readers.create_task(read(others_per_s, another, lambda s: None))
        await guard.aclose()


def mixed(share: float, seed: int) -> list[Readers]:
    """A player's slot and a shared one, near to the limit and far from it, with copies and without, probed and not."""
    return [
        Readers(seed, share, NEAR),
        Readers(seed, share, FAR, copies=False, probe=GET),
        Readers(seed, share, FAR, probe=GET),
        Readers(seed, share, NEAR, EVERYBODY, probe=GET),
        Readers(seed, share, FAR, EVERYBODY),
    ]


@pytest.mark.parametrize("share", SHARES[::2])
def test_what_a_reader_sees_changes_at_most_three_times_in_ten_seconds(share: float) -> None:
    """Whatever share of the answers is late, at one page a second and at three, alone and among other readers."""
    for readers in (*mixed(share, 1), *mixed(share, 2)):
        assert readers.run(1).steady(), readers.changes
    for readers in mixed(share, 3):
        assert readers.run(3).steady(), readers.changes
    assert Readers(4, share, FAR, fault_s=40).run(1, others_per_s=8).steady()


@pytest.mark.parametrize("share", [0.05, 0.3, 0.7])
def test_a_reader_of_fifty_pages_a_second_sees_three_changes_in_ten_seconds(share: float) -> None:
    """Pages that were under way when one was late show what it shows."""
    assert Readers(1, share, FAR, fault_s=25).run(50).steady()


@pytest.mark.full
@pytest.mark.parametrize("per_s", [1, 2, 5, 10, 25, 50])
@pytest.mark.parametrize("share", SHARES)
def test_three_changes_in_ten_seconds_hold_at_any_rate(share: float, per_s: int) -> None:
    """As above, with many seeds."""
    for seed in range(10, 10 + max(1, 10 // per_s)):
        for readers in mixed(share, seed):
            assert readers.run(per_s).steady(), readers.changes
        assert Readers(seed, share).run(1, others_per_s=per_s).steady()


@pytest.mark.parametrize("share", [0.1, 0.3, 0.7])
def test_a_slot_is_fresh_within_seven_seconds_of_the_last_late_answers(share: float) -> None:
    """Or ten seconds and a page after it changed, where that was in the last three of them."""
    for seed in range(3):
        for readers in mixed(share, seed):
            readers.fault_s = 20
            readers.run(2, after_s=12)
            changes = [(0.0, ""), (0.0, "fresh"), *readers.changes]
            when, state = changes[-1]
            assert state == "fresh"
            assert when <= max(20 + 7, changes[-2][0] + HOLD_S + 1.5), changes


@pytest.mark.parametrize("key", [PLAYER, EVERYBODY], ids=["player", "everybody"])
def test_an_upstream_that_is_slow_and_never_late_is_always_fresh(key: Key) -> None:
    """However near to the limit."""
    assert {state for _, state in Readers(1, 0, NEAR, key).run(5).states} == {"fresh"}


@pytest.mark.parametrize("share", [0.02, 0.2, 0.4])
def test_late_answers_of_what_everybody_sees_are_not_seen(share: float) -> None:
    """A copy of the last seconds stands in for them, as it stands in every page that is open."""
    assert {state for _, state in Readers(1, share, FAR, EVERYBODY).run(5).states} == {"fresh"}


def turns(steadiness: FlapDamping, reader: str, since: float = 0.0) -> float:
    """A late answer between timely ones and another after them, a second each; and when the last one came."""
    for second, ended in enumerate((WELL, LATE, WELL, LATE)):
        steadiness.shown(reader, ended, since + second)
    return since + 3


def test_one_late_answer_costs_its_own_page_alone() -> None:
    """An answer that is in time is shown, and so is each after it that comes ten seconds after the last late one."""
    steadiness = FlapDamping(POLICY)
    for second in range(100):
        late = second % 12 == 5
        assert steadiness.held("amber", float(second)) is None
        steadiness.shown("amber", LATE if late else WELL, float(second))


@pytest.mark.parametrize(("share", "fresh"), [(0.02, 0.9), (0.05, 0.6)])
def test_few_late_answers_leave_most_pages_fresh(share: float, fresh: float) -> None:
    """At a page a second: what is in time is seldom kept back."""
    states = [state for seed in range(5) for _, state in Readers(seed, share, FAR).run(1).states]
    assert states.count("fresh") / len(states) >= fresh


def test_who_saw_no_late_answer_is_shown_what_comes() -> None:
    """Late answers to one are no reason to keep a timely one from another."""
    steadiness = FlapDamping(POLICY)
    steadiness.shown("birch", WELL, 1.0)
    at = turns(steadiness, "amber")
    assert steadiness.held("birch", at + 0.1) is None
    assert steadiness.held("amber", at + 0.1) is not None


def test_a_hold_runs_from_the_change_and_not_from_the_last_late_answer() -> None:
    """So an outage of a minute is over when it is over."""
    steadiness = FlapDamping(POLICY)
    at = turns(steadiness, "amber")
    for second in range(1, 9):
        steadiness.shown("amber", LATE, at + second, insists=True)
    held = steadiness.held("amber", at + 9.9)
    assert held == Failure(Reason.BREAKER_OPEN, "its answer was late a moment ago", 100, late=True)
    assert steadiness.held("amber", at + HOLD_S) is None
    steadiness.shown("amber", LATE, at + 11)
    assert steadiness.held("amber", at + 11.1) is None


@pytest.mark.parametrize("seen_before", [False, True], ids=["never", "always timely"])
def test_who_saw_it_return_never_or_long_ago_is_not_held(seen_before: bool) -> None:
    """There is nothing that a page would take turns with."""
    steadiness = FlapDamping(POLICY)
    if seen_before:
        steadiness.shown("amber", WELL, 0.0)
    steadiness.shown("amber", LATE, 1.0)
    assert steadiness.held("amber", 1.1) is None
    steadiness.shown("amber", WELL, 2.0)
    steadiness.shown("amber", LATE, 2.1 + HOLD_S)
    assert steadiness.held("amber", 2.2 + HOLD_S) is None


def test_failures_that_are_not_late_hold_nobody() -> None:
    """An upstream that was restarted is shown as soon as it is back."""
    steadiness = FlapDamping(POLICY)
    for second, ended in enumerate((WELL, LATE, WELL, Failure(Reason.CONNECT))):
        steadiness.shown("amber", ended, float(second))
    assert steadiness.held("amber", 3.1) is None


class Slot:
    """One player's slot, loaded once at a time in simulated time."""

    def __init__(self, probe: Request | None = None) -> None:
        self.upstream = FakeUpstream()
        self.clock = asyncio.get_running_loop().time
        self.guard = Guard("slot", POLICY, self.upstream, clock=self.clock, chance=lambda: 0.0, probe=probe)

    async def call(self, took_ms: float, request: Request = GET, **more: bool) -> str:
        self.upstream.took_ms = took_ms
        ended = await self.guard.call(
            request, Deadline.after_ms(self.clock(), 1000), resource=PLAYER, steady=True, **more
        )
        return ended.reason if isinstance(ended, Failure) else "fresh"


def test_whoever_waits_for_what_they_did_is_answered_and_so_are_their_next_pages() -> None:
    """What a player has just done is not hidden behind what was late before; nor is a command kept back."""

    async def main() -> None:
        slot = Slot()
        shown = [await slot.call(took_ms) for took_ms in (20, 500, 20, 500, 20)]
        assert shown == ["fresh", "timeout", "fresh", "timeout", "breaker_open"]
        assert await slot.call(20, Request("POST", GET.url)) == "fresh"
        assert await slot.call(20) == "breaker_open"
        assert await slot.call(20, insists=True) == "fresh"
        assert await slot.call(20) == "fresh"
        await slot.guard.aclose()

    simulated_time.run(main())


def test_a_page_that_was_under_way_shows_what_its_reader_was_just_shown() -> None:
    """Its own answer came in time, and after the late one of another page of the same reader."""

    async def main() -> None:
        slot = Slot()
        for took_ms in (20, 500, 20):
            await slot.call(took_ms)
        late = asyncio.create_task(slot.call(500))
        await asyncio.sleep(0.3)
        assert await slot.call(200) == "breaker_open"
        assert await late == "timeout"
        await slot.guard.aclose()

    simulated_time.run(main())


def test_pages_that_are_held_try_behind_their_readers_back_whether_all_is_well() -> None:
    """Where nobody probes: when the hold ends the breaker is closed again, and the first page is fresh."""

    async def main() -> None:
        slot = Slot()
        for took_ms in (20, 500, 20):
            await slot.call(took_ms)
        await asyncio.gather(*(slot.call(500) for _ in range(POLICY.consecutive_max)))
        assert slot.guard.breaker.position is Position.OPEN
        sent = len(slot.upstream.requests)
        for _ in range(9):
            await asyncio.sleep(1)
            assert await slot.call(20) == "breaker_open"
        assert slot.guard.breaker.position is Position.CLOSED
        assert len(slot.upstream.requests) == sent + POLICY.closing_successes_few
        await asyncio.sleep(1)
        assert await slot.call(20) == "fresh"
        await slot.guard.aclose()

    simulated_time.run(main())


def test_readers_are_remembered_within_bounds() -> None:
    """Whoever read longest ago is forgotten first."""
    steadiness = FlapDamping(Policy(late_readers_max=2))
    for player in ("birch", "amber", "cedar"):
        at = turns(steadiness, player)
    assert len(steadiness) == 2
    assert [steadiness.held(player, at + 0.1) is not None for player in ("birch", "amber")] == [False, True]
