"""The limiter finds its limit from waiting times, on a simulated process with one core, without a real clock."""

import random
from collections import deque
from dataclasses import dataclass, field

import pytest

from bff.contracts.load_class import LoadClass
from bff.resilience.limiter import DoorPolicy, Limiter

pytestmark = pytest.mark.quick

POLICY = DoorPolicy()
STEP_S = 0.002
TURNS = 5  # of the loop, that a request takes


@dataclass
class Process:
    """One core that works on all requests in turn: `cpu_ms` for each, after `away_ms` in which it waits for others.

    All requests cost the same, so they end in the order in which they came. The process has the share `own_ratio` of
    the core; other processes have the rest.
    """

    cpu_ms: float = 2.0
    away_ms: float = 0.0
    own_ratio: float = 1.0
    limiter: Limiter = field(default_factory=lambda: Limiter(POLICY))
    now: float = 100.0
    done: dict[LoadClass, int] = field(default_factory=lambda: dict.fromkeys(LoadClass, 0))
    shed: dict[LoadClass, int] = field(default_factory=lambda: dict.fromkeys(LoadClass, 0))
    took_ms: list[tuple[LoadClass, float]] = field(default_factory=list)
    chance: random.Random = field(default_factory=lambda: random.Random(7))
    _away: deque = field(default_factory=deque)  # (back at, class, entered, since)
    _here: deque = field(default_factory=deque)  # (ends at, class, entered, since)
    _given_ms: float = 0.0  # to each that is here
    _owed: dict[LoadClass, float] = field(default_factory=lambda: dict.fromkeys(LoadClass, 0.0))
    _measured: float = 0.0

    @property
    def per_s(self) -> float:
        return 1000 / self.cpu_ms

    def run(self, seconds: float, rates: dict[LoadClass, float]) -> None:
        """So many requests a second of each class, for so long."""
        for _ in range(round(seconds / STEP_S)):
            self.now += STEP_S
            for load_class, rate in rates.items():
                self._owed[load_class] += rate * STEP_S * self.chance.uniform(0.5, 1.5)
                while self._owed[load_class] >= 1:
                    self._owed[load_class] -= 1
                    self._arrive(load_class)
            self._work()

    def _arrive(self, load_class: LoadClass) -> None:
        crowded = self.limiter.crowded(self.now)
        if crowded and not self.limiter.admits(load_class, self.now):
            self.shed[load_class] += 1
            return
        entered = self.limiter.enter(self.now, load_class if crowded else None)
        self._away.append((self.now + self.away_ms / 1000, load_class, entered, self.now))

    def _work(self) -> None:
        while self._away and self._away[0][0] <= self.now:
            self._here.append((self._given_ms + self.cpu_ms, *self._away.popleft()[1:]))
        count = len(self._here)
        self._given_ms += STEP_S * 1000 * self.own_ratio / max(count, 1)
        while self._here and self._here[0][0] <= self._given_ms:
            _, load_class, entered, since = self._here.popleft()
            self.limiter.leave(entered, self.now)
            self.done[load_class] += 1
            self.took_ms.append((load_class, (self.now - since) * 1000))
        if self.now - self._measured >= POLICY.measured_every_ms / 1000:
            wait_ms = count * self.cpu_ms / TURNS / self.own_ratio if count > 1 else 0.5
            worked_s = (POLICY.measured_every_ms + wait_ms) / 1000 * self.own_ratio if count else 0.0
            self.limiter.observe(wait_ms, worked_s, self.now)
            self._measured = self.now + wait_ms / 1000

    def clear(self) -> None:
        self.done, self.shed = dict.fromkeys(LoadClass, 0), dict.fromkeys(LoadClass, 0)
        self.took_ms = []


def test_an_idle_and_a_busy_process_turn_nobody_away():
    """Nothing is refused up to nine tenths of what the process can do."""
    process = Process()
    process.run(2, {LoadClass.REFRESH: 1})
    process.run(10, {LoadClass.REFRESH: process.per_s * 0.9})
    assert sum(process.shed.values()) == 0
    assert not process.limiter.limited


@pytest.mark.parametrize("cpu_ms", [0.5, 2.0, 5.0])
def test_the_limit_is_found_from_the_waits(cpu_ms):
    """At three times what it can do, as many are in flight as make the wait what is tolerated."""
    process = Process(cpu_ms)
    process.run(5, {LoadClass.PAGE: 3 * process.per_s})
    ideal = POLICY.wait_ms_min * TURNS / cpu_ms
    found = []
    for _ in range(100):
        process.run(0.05, {LoadClass.PAGE: 3 * process.per_s})
        found.append(process.limiter.limit * POLICY.page_ratio)
    average = sum(found) / len(found)
    expected = max(ideal, POLICY.limit_min * POLICY.page_ratio)
    assert expected * 0.9 <= average <= expected * 1.25


@pytest.mark.parametrize("cpu_ms", [0.5, 2.0, 5.0])
def test_what_it_can_do_is_done_at_three_times_of_it(cpu_ms):
    """The core does not idle, and nobody who is let in waits long, once the limit is found."""
    process = Process(cpu_ms)
    process.run(2, {LoadClass.PAGE: 3 * process.per_s})
    process.clear()
    process.run(8, {LoadClass.PAGE: 3 * process.per_s})
    # The rest of a simulation step in which a request ends is not used.
    assert process.done[LoadClass.PAGE] >= 0.94 * 8 * process.per_s
    took = sorted(ms for _, ms in process.took_ms)
    assert took[round(len(took) * 0.99)] <= 8 * POLICY.wait_ms_min + POLICY.limit_min * cpu_ms


def test_classes_are_shed_in_their_order():
    """Of each class as much is asked as could be done in all: the last classes have it, the first have nothing."""
    process = Process()
    rates = dict.fromkeys(LoadClass, process.per_s * 0.6)
    process.run(3, rates)
    process.clear()
    process.run(6, rates)
    shares = [process.done[each] / (process.done[each] + process.shed[each]) for each in LoadClass]
    assert shares == sorted(shares)
    assert shares[0] < 0.1
    assert shares[-1] == 1.0


def test_money_is_as_quick_as_ever_under_a_flood_of_pages():
    """A tenth of what can be done is money, and five times of it are pages."""
    process = Process()
    rates = {LoadClass.MONEY: process.per_s * 0.1, LoadClass.PAGE: process.per_s * 5}
    process.run(3, rates)
    process.clear()
    process.run(8, rates)
    assert process.shed[LoadClass.MONEY] == 0
    assert process.done[LoadClass.PAGE] > 0.8 * process.per_s * 8


def test_after_the_surge_all_is_as_before_within_seconds():
    """The limit is taken away, nobody is turned away any more, and an answer takes what it took."""
    process = Process()
    process.run(10, {LoadClass.PAGE: 3 * process.per_s})
    process.run(4, {LoadClass.PAGE: process.per_s * 0.3})
    process.clear()
    process.run(5, {LoadClass.REFRESH: process.per_s * 0.3})
    assert sum(process.shed.values()) == 0
    assert not process.limiter.limited
    assert max(ms for _, ms in process.took_ms) < 20


def test_after_silence_nobody_meets_the_limit_of_the_surge_before():
    """Also where no request came in between, so that nothing was measured."""
    process = Process()
    process.run(5, {LoadClass.PAGE: 3 * process.per_s})
    assert process.limiter.limited
    process.run(1, {})
    process.now += 60
    process.limiter.enter(process.now)
    assert not process.limiter.limited


def test_a_fragment_that_hangs_turns_no_page_away():
    """Pages that wait for somebody else for most of a second make nobody wait here, however many they are."""
    process = Process(cpu_ms=1.0)
    process.run(3, {LoadClass.PAGE: 300})
    process.away_ms = 800
    process.run(10, {LoadClass.PAGE: 600})
    assert process.limiter.in_flight > 400
    assert sum(process.shed.values()) == 0


def test_a_burst_that_ends_by_itself_turns_nobody_away():
    """Two hundred requests within twenty milliseconds."""
    process = Process(cpu_ms=1.0)
    process.run(2, {LoadClass.PAGE: 10})
    process.run(0.02, {LoadClass.PAGE: 10_000})
    process.run(3, {LoadClass.PAGE: 10})
    assert sum(process.shed.values()) == 0


def test_a_slow_machine_has_longer_waits_that_are_none():
    """What little work waits for, on a machine that others use, is tolerated twice over, up to the most."""
    limiter = Limiter(POLICY)
    now = 100.0
    entered = [limiter.enter(now) for _ in range(POLICY.limit_min)]

    def wait(wait_ms: float, times: int) -> None:
        nonlocal now
        for _ in range(times):
            now += 0.05
            limiter.enter(now)
            limiter.observe(wait_ms, 0.04, now)

    wait(4.0, 3000)
    wait(7.0, 100)
    assert not limiter.limited
    wait(21.0, 100)
    assert limiter.limited
    for each in entered:
        limiter.leave(each, now)


def test_a_few_requests_on_a_starved_machine_are_not_turned_away():
    """That they wait is not of their making, however long it is; nor is there a limit when a burst comes then."""
    limiter, now = Limiter(POLICY), 100.0
    entered = [limiter.enter(now) for _ in range(POLICY.limit_min - 1)]
    for _ in range(100):
        now += 0.1
        limiter.observe(80.0, 0.1, now)
        assert not limiter.crowded(now)
        for each in entered:
            limiter.leave(each, now)
        entered = [limiter.enter(now) for _ in range(POLICY.limit_min - 1)]
    assert not limiter.limited


@pytest.mark.parametrize("own_ratio", [0.5, 0.2, 0.05])
def test_bursts_on_a_machine_that_others_use_up_are_not_turned_away(own_ratio: float):
    """Fifty handshakes at once, again and again, each burst after the one before is done, however long others let it
    take: it is as little work as on a machine of its own."""
    process = Process(cpu_ms=1.5, own_ratio=own_ratio)
    for _ in range(20):
        process.run(STEP_S, {LoadClass.READ: 50 / STEP_S})
        while process.limiter.in_flight:
            process.run(STEP_S, {})
    assert sum(process.shed.values()) == 0
    assert process.done[LoadClass.READ] > 800


@pytest.mark.parametrize("own_ratio", [0.5, 0.2])
def test_a_crowd_on_a_machine_that_others_use_up_is_turned_away(own_ratio: float):
    """Three times of what is left to the process: it does what it can, as on a machine of its own that is as slow."""
    process = Process(cpu_ms=1.0, own_ratio=own_ratio)
    rates = {LoadClass.MONEY: process.per_s * own_ratio * 0.1, LoadClass.PAGE: process.per_s * own_ratio * 3}
    process.run(4, rates)
    assert process.limiter.limited
    process.clear()
    process.run(4, rates)
    assert process.shed[LoadClass.MONEY] == 0
    assert sum(process.done.values()) >= 0.9 * 4 * process.per_s * own_ratio
    assert process.limiter.in_flight < 200


def test_a_loop_that_is_late_without_having_worked_is_not_full():
    """A hundred are under way and each waits a tenth of a second: somebody else has the processor all the time."""
    limiter, now = Limiter(POLICY), 100.0
    for _ in range(100):
        limiter.enter(now)
    for _ in range(10):
        now += 0.11
        limiter.observe(100.0, 0.002, now)
        assert not limiter.crowded(now)
    assert not limiter.limited


def test_slots_are_spared_before_their_page_is_turned_away():
    """And none where there is no limit."""
    limiter = Limiter(POLICY)
    now = 100.0
    assert not limiter.sheds_slots(LoadClass.PAGE, now)
    entered = [limiter.enter(now) for _ in range(80)]
    for _ in range(40):
        now += 0.05
        limiter.observe(30.0, 0.04, now)
    limit = limiter.limit
    assert limiter.limited
    for each in entered:
        limiter.leave(each, now)
    while not limiter.sheds_slots(LoadClass.PAGE, now):
        assert limiter.admits(LoadClass.PAGE, now)
        limiter.enter(now)
    assert limiter.admits(LoadClass.PAGE, now)
    assert limiter.limit == limit
    assert not limiter.sheds_slots(LoadClass.MONEY, now)


def test_pages_that_were_let_in_before_there_was_a_limit_turn_no_money_away():
    """Money has as many places as its own share of the limit, however many pages stand before it, and no more."""
    limiter = Limiter(POLICY)
    now = 100.0
    for _ in range(400):
        limiter.enter(now)
    while limiter.limit > 60:
        now += 0.05
        limiter.observe(90.0, 0.1, now)
        for _ in range(400 - limiter.in_flight):
            limiter.enter(now)
    places = round(limiter.limit * POLICY.money_ratio)
    assert limiter.in_flight > places
    assert not limiter.admits(LoadClass.READ, now)
    entered = []
    while limiter.admits(LoadClass.MONEY, now):
        entered.append(limiter.enter(now, LoadClass.MONEY))
    assert places <= len(entered) <= places + 2  # the limit is told without its fraction
    limiter.leave(entered[0], now)
    assert limiter.admits(LoadClass.MONEY, now)
    assert limiter.admits(LoadClass.MONEY, now + POLICY.counted_s_max + 1)


def test_what_lasts_long_is_not_counted():
    """A stream that stays open for minutes takes no place away."""
    limiter = Limiter(POLICY)
    entered = limiter.enter(100.0)
    assert limiter.in_flight == 1
    assert not limiter.crowded(100.0 + POLICY.counted_s_max + 1)
    assert limiter.in_flight == 0
    limiter.leave(entered, 100.0)
    assert repr(limiter) == "<Limiter limit=10000 in_flight=0 wait_ms=0.0>"
