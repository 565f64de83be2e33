"""How many requests a house works on at once, found from how long its work waits. Pure: time is passed in.

Public: `DoorPolicy`, `Limiter`.

The waits that are observed are those of the process alone: how long what was due had to wait for its turn. A page that
waits for a fragment that hangs makes nobody wait here, so it lowers no limit: that is the business of guards and ladder
(decisions/0005). Of a wait only the part counts in which the process itself had the processor: it decides on a machine
that others use up as it would on one of its own.

Per window the median wait is held against what is tolerated. The quotient of the two is the gradient, as in Envoy's
adaptive concurrency filter and Netflix' Gradient2: the wait grows as the requests in flight do, so their number times
the gradient is the number with which the wait would be as long as is tolerated. A square root is added, so that a limit
that was found too low grows.
"""

import math
from collections import OrderedDict
from dataclasses import dataclass
from statistics import median

from bff.contracts.load_class import LoadClass
from bff.resilience.money_first import MoneyFirst, MoneyFirstPolicy


@dataclass(frozen=True, slots=True, kw_only=True)
class DoorPolicy(MoneyFirstPolicy):
    """The numbers of one process's door. A ratio of a class is its share of the limit."""

    # A wait below this is none: timers are late by a millisecond or so on a machine that idles, by a few on a busy one.
    wait_ms_min: float = 5.0
    # What is tolerated is this much more than the wait when little was to do, never more than the last.
    wait_tolerance_ratio: float = 2.0
    wait_ms_max: float = 20.0
    baseline_s: float = 30.0  # over so long that wait is averaged

    measured_every_ms: int = 10
    window_ms: int = 100
    samples_min: int = 3
    # The limit may halve or double in a window.
    gradient_min: float = 0.5
    gradient_max: float = 2.0

    # So much processor time goes by with waits that are too long before there is a limit: a burst that ends by itself
    # turns nobody away, however slowly others let it end.
    onset_s: float = 0.3
    # Waits with fewer in flight are not of their making: somebody else has the processor, and turning them away would
    # give it to nobody here.
    limit_min: int = 32
    limit_max: int = 10_000
    # So long nothing was refused, nothing near to the limit and no wait too long: the limit is taken away.
    calm_s: float = 2.0
    # A request that lasts longer waits for somebody else, or streams: it is no work for this process.
    counted_s_max: float = 2.0

    refresh_ratio: float = 0.5
    retry_ratio: float = 0.6
    page_ratio: float = 0.8
    read_ratio: float = 0.9
    # Money is held against money alone: pages that were let in before there was a limit turn no deposit away.
    money_ratio: float = 2.0
    # Slots of a page stand as they were last from here on, between the share of the class before and the page's own.
    slot_ratio: float = 0.5

    # What is shed is asked to come again after a time between these: a crowd must not come back at once.
    retry_after_s_min: int = 2
    retry_after_s_max: int = 8


class Limiter:
    """Requests are entered and left; who is over the limit of their class is not admitted."""

    def __init__(self, policy: DoorPolicy) -> None:
        self.policy = policy
        self.shed = dict.fromkeys(LoadClass, 0)
        self._shares: dict[LoadClass, float] = {each: getattr(policy, f"{each.value}_ratio") for each in LoadClass}
        self._share_min = min(self._shares.values())
        self._slot_shares = dict(zip(LoadClass, self._shares_of_slots(), strict=True))
        self._limit: float = policy.limit_max
        self._baseline_ms = 0.0
        self._entered: OrderedDict[int, float] = OrderedDict()
        self.money_first = MoneyFirst(policy)
        self._number = 0
        # Of the window that runs.
        self._late: list[float] = []
        self._waits: list[float] = []
        self._window_began = 0.0
        self._peak = 0
        self._refused = False
        self._worked_s = 0.0
        self._calm_since = 0.0
        self._late_worked_s = 0.0  # since work was last in time
        self._last_entered = 0.0
        self.wait_ms = 0.0

    def __repr__(self) -> str:
        return f"<Limiter limit={self.limit} in_flight={self.in_flight} wait_ms={self.wait_ms:.1f}>"

    @property
    def limit(self) -> int:
        return math.floor(self._limit)

    @property
    def limited(self) -> bool:
        """Whether there is a limit at all: where nothing waits there is none that matters."""
        return self._limit < self.policy.limit_max

    @property
    def in_flight(self) -> int:
        """Requests that are counted: those that entered a moment ago and have not left."""
        return len(self._entered)

    def crowded(self, now: float) -> bool:
        """Whether any request at all would be refused, so that its class has to be determined."""
        self._forget(now)
        return len(self._entered) >= self._share_min * self._limit

    def admits(self, load_class: LoadClass, now: float) -> bool:
        """Whether there is room for one more of this class; who is not admitted is not entered."""
        self._forget(now)
        money_first, share = self.money_first, self._shares[load_class]
        before = money_first.money_in_flight if load_class is LoadClass.MONEY else len(self._entered)
        admitted = before < share * self._limit
        # Who would wait longer than those before them is turned away at once.
        if admitted and money_first.holds(load_class, now):
            admitted = self._may_wait(load_class, now)
        if not admitted:
            self._count_refusal(load_class)
        return admitted

    def sheds_slots(self, load_class: LoadClass, now: float) -> bool:
        """Whether the slots of a page of this class stand as they were last: before the page itself is turned away, and
        while others wait to begin."""
        money_first = self.money_first
        if money_first.held and money_first.applies(now, limited=False) and load_class is not LoadClass.MONEY:
            return True
        if not self.limited:
            return False
        self._forget(now)
        return len(self._entered) >= self._slot_shares[load_class] * self._limit

    def enter(self, now: float, load_class: LoadClass | None = None) -> int:
        """One more is worked on; what is returned is for `leave`. None: nobody has asked of which class it is."""
        if not self._entered and now - self._last_entered > self.policy.calm_s:
            self._start_afresh(now)
        if not self._entered:
            self._late_worked_s = 0.0  # all that came before is done
        self._last_entered = now
        self._number += 1
        self._entered[self._number] = now
        self.money_first.enter(self._number, load_class, now)
        self._peak = max(self._peak, len(self._entered))
        return self._number

    def begin(self, entered: int, now: float) -> None:
        """The request has waited at the door, and is worked on from here on."""
        if entered in self._entered:
            self._entered[entered] = now
            self._entered.move_to_end(entered)
        self.money_first.begin(entered, now)

    def keeps(self, entered: int, load_class: LoadClass, now: float) -> bool:
        """Whether one that has waited for as long as one may is worked on, room or not.

        Before it was known that a surge had begun, any number came to wait: of these it is no more than may wait in it.
        """
        if not self.money_first.holds(load_class, now):
            return True
        self.money_first.wait_in_vain(now)
        if self._may_wait(load_class, now):
            return True
        self._entered.pop(entered, None)
        self.money_first.forget(entered)
        self._count_refusal(load_class)
        return False

    def leave(self, entered: int, now: float) -> None:
        """The request has ended."""
        self._entered.pop(entered, None)
        self.money_first.leave(entered, now)

    def prioritizes_money(self, now: float) -> bool:
        """Whether it matters of which class a request is, for there is a limit, was one a while ago, or may
        be one soon."""
        return self.money_first.applies(now, limited=self.limited) or self.money_first.crowded(now)

    def observe(self, late_ms: float, worked_s: float, now: float) -> None:
        """How late something is that was due `measured_every_ms` after it was asked for, and how much processor time
        the process has had since then."""
        elapsed_ms = self.policy.measured_every_ms + max(late_ms, 0.0)
        self._late.append(late_ms)
        self._waits.append(late_ms * min(worked_s * 1000 / elapsed_ms, 1.0))
        self._worked_s += worked_s
        # Not only at the end of a window: on a slow machine as many come in one as may be in flight at all.
        if late_ms > self.policy.wait_ms_max and len(self._entered) >= self.policy.limit_min:
            self.money_first.suspect_crowd(now)
        # One wait that fills a window says all there is to say of it.
        enough = len(self._waits) >= self.policy.samples_min or late_ms >= self.policy.window_ms
        if enough and (now - self._window_began) * 1000 >= self.policy.window_ms:
            if median(self._late) > self._tolerated_ms():
                self.money_first.prolong(now)
                if self._peak >= self.policy.limit_min:
                    self.money_first.see_crowd(now)
            self.money_first.end_window(now - self._window_began, limited=self.limited)
            self._adjust(median(self._waits), now)
            self._begin_window(now)

    def _may_wait(self, load_class: LoadClass, now: float) -> bool:
        money_first = self.money_first
        return not money_first.applies(now, limited=False) or money_first.has_room_to_wait(self._shares[load_class])

    def _count_refusal(self, load_class: LoadClass) -> None:
        self._refused = True
        self.shed[load_class] += 1

    def _shares_of_slots(self) -> list[float]:
        own = list(self._shares.values())
        before = [0.0, *own[:-1]]
        return [low + (high - low) * self.policy.slot_ratio for low, high in zip(before, own, strict=True)]

    def _adjust(self, wait_ms: float, now: float) -> None:
        policy, self.wait_ms = self.policy, wait_ms
        gradient = self._tolerated_ms() / max(wait_ms, 0.001)
        if self._peak < policy.limit_min and not self._refused:
            gradient = max(gradient, 1.0)
        used = self._refused or self._peak >= self._share_min * self._limit
        if gradient >= 1:
            self._late_worked_s = 0.0
        else:
            self._late_worked_s += self._worked_s
        if gradient < 1 and not self.limited:
            # A limit that nobody had reached was none: it begins with what is really in flight.
            if self._late_worked_s >= policy.onset_s:
                self._move(self._peak / self._share_min, gradient, now)
        elif gradient < 1 or used:
            self._move(self._limit, min(max(gradient, policy.gradient_min), policy.gradient_max), now)
        else:
            self._average(wait_ms)
            if now - self._calm_since >= policy.calm_s:
                self._set(self._limit * policy.gradient_max)

    def _move(self, start: float, gradient: float, now: float) -> None:
        self._set(start * gradient + math.sqrt(start))
        self._calm_since = now

    def _tolerated_ms(self) -> float:
        policy = self.policy
        return min(max(self._baseline_ms * policy.wait_tolerance_ratio, policy.wait_ms_min), policy.wait_ms_max)

    def _average(self, wait_ms: float) -> None:
        share = self.policy.window_ms / 1000 / self.policy.baseline_s
        self._baseline_ms += (wait_ms - self._baseline_ms) * share

    def _set(self, limit: float) -> None:
        self._limit = min(max(limit, self.policy.limit_min), self.policy.limit_max)

    def _start_afresh(self, now: float) -> None:
        self._limit = self.policy.limit_max
        self._calm_since = now
        self._begin_window(now)

    def _begin_window(self, now: float) -> None:
        self._late, self._waits, self._worked_s, self._window_began, self._refused = [], [], 0.0, now, False
        self._peak = len(self._entered)

    def _forget(self, now: float) -> None:
        oldest = now - self.policy.counted_s_max
        while self._entered and next(iter(self._entered.values())) < oldest:
            self.money_first.forget(self._entered.popitem(last=False)[0])
