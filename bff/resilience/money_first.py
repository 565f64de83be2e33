"""Priority for money commands: the queue in front of an overloaded process. Pure: time is passed in.

Public: `MoneyFirst`, `MoneyFirstPolicy`.

What has begun stands before a deposit at each of its steps, in this process and in those behind it, and nobody knows
when the next deposit comes. So where money has been seen, others begin as there is room, for as long as there is too
much to do. How much room there is follows from Little's law: as many are under way as leave in a second times how
long each takes; and each may take a few times what it takes while little is to do. As many may wait as leave in the
time that one may wait: whoever waited for longer would begin where there is no room.

Before it is known that there is too much to do, a crowd on a late machine waits in the same way, and nobody is turned
away for it: what began in those seconds would stand before the deposits that come next.
"""

import math
from collections import deque
from dataclasses import dataclass
from statistics import mean

from bff.contracts.load_class import LoadClass

# What one more window counts in the average, and how fast what was least is forgotten, from window to window.
_RATE_WEIGHT, _LEAST_FORGOTTEN = 1 / 4, 1.0005
_SAMPLES_MIN = 3
# More and more wait where fewer did so many windows ago: half as long as one may wait, in which a burst gets smaller.
_WINDOWS_BEFORE = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class MoneyFirstPolicy:
    """Its numbers, a part of the door's."""

    # So many times what it takes while little is to do may one take that is under way beside money, and so many at
    # least are under way.
    beside_money_times: float = 3.0
    beside_money_min: int = 6
    # As many as may be under way, times this, wait for it, better classes first, and none of them longer than this.
    held_times: float = 2.0
    held_s_max: float = 1.0
    # So long one long wait among many is taken for a crowd, until the window that it is in tells.
    suspected_s: float = 0.2
    # So long after there was a limit, or others waited at the door of a busy machine, money goes first: a surge comes
    # in waves, and each would be met anew. And so long after money was seen the next is waited for.
    money_first_s: float = 30.0


class MoneyFirst:
    """Knows of those under way which are money, which wait before they begin, and how long one takes."""

    def __init__(self, policy: MoneyFirstPolicy) -> None:
        self._policy = policy
        self._began: dict[int, float] = {}
        self._money: set[int] = set()
        self._held: set[int] = set()
        self._money_seen = self._surge_seen = self._crowd_until = -math.inf
        self._held_before = deque([0], maxlen=_WINDOWS_BEFORE)  # how many waited at the end of each of these
        # In the window that runs.
        self._held_one = False
        self._left = 0
        self._took: list[float] = []  # until there are enough of them: a slow process has less than one in a window
        self._left_per_s = 0.0
        self._least_s = math.inf

    @property
    def money_in_flight(self) -> int:
        return len(self._money)

    @property
    def held(self) -> int:
        """Requests that wait before they begin."""
        return len(self._held)

    def applies(self, now: float, *, limited: bool) -> bool:
        """Whether there is too much to do, or was a while ago."""
        if limited:
            self._surge_seen = now
        return now - self._surge_seen < self._policy.money_first_s

    def crowded(self, now: float) -> bool:
        """Whether a surge may have begun. Others wait until it is known, and nobody is turned away for it."""
        return now < self._crowd_until

    def see_crowd(self, now: float) -> None:
        """Many are under way, and what is due is late."""
        self._crowd_until = now + self._policy.held_s_max

    def suspect_crowd(self, now: float) -> None:
        """Many are under way, and something that was due was very late."""
        self._crowd_until = max(self._crowd_until, now + self._policy.suspected_s)

    def holds(self, load_class: LoadClass | None, now: float) -> bool:
        """Whether one of this class would stand in money's way if it began. None: nobody has asked of which it is."""
        if load_class is None or load_class is LoadClass.MONEY:
            return False
        if not self.applies(now, limited=False) and not self.crowded(now):
            return False
        if not self._money and now - self._money_seen >= self._policy.money_first_s:
            return False
        return len(self._began) - len(self._money) - len(self._held) >= self._room()

    def has_room_to_wait(self, share: float) -> bool:
        """Whether one more may wait, of a class with this share of the room: it would begin in time, and not stand
        behind too many."""
        return len(self._held) < share * min(self._policy.held_times * self._room(), self._begin_in_time())

    def enter(self, entered: int, load_class: LoadClass | None, now: float) -> None:
        """One more is under way."""
        self._began[entered] = now
        if load_class is LoadClass.MONEY:
            self._money.add(entered)
            self._money_seen = now

    def hold(self, entered: int) -> None:
        """It waits before it begins."""
        self._held.add(entered)
        self._held_one = True

    def wait_in_vain(self, now: float) -> None:
        """One has waited for as long as one may. Where ever more wait, and more than begin in as long again, it is no
        burst that ends by itself."""
        held = len(self._held)
        if self.crowded(now) and held > self._begin_in_time() and held > self._held_before[0]:
            self._surge_seen = now

    def begin(self, entered: int, now: float) -> None:
        """It waits no more."""
        self._held.discard(entered)
        if entered in self._began:
            self._began[entered] = now

    def leave(self, entered: int, now: float) -> None:
        """The request has ended, with any result; a waiting one has begun before."""
        began = self._began.pop(entered, None)
        if began is None:
            return
        if entered in self._money:
            self._money.discard(entered)
            self._money_seen = now
        else:
            self._left += 1
            self._took.append(now - began)

    def forget(self, entered: int) -> None:
        """It lasts so long that it is no work for this process."""
        self._began.pop(entered, None)
        self._money.discard(entered)
        self._held.discard(entered)

    def prolong(self, now: float) -> None:
        """What is due is late in this process, whoever has the processor: the surge goes on if others wait at the door.

        Because they wait, those inside are quick and there is no limit any more, which is no end of a surge. Where they
        wait for a fragment that hangs, nothing is late, so that the surge ends.
        """
        if self._held_one and self.applies(now, limited=False):
            self._surge_seen = now

    def end_window(self, lasted_s: float, *, limited: bool) -> None:
        """So long were those under way that have left since the window before."""
        self._held_one = bool(self._held)
        self._held_before.append(len(self._held))
        if lasted_s > 0:
            self._left_per_s += (self._left / lasted_s - self._left_per_s) * _RATE_WEIGHT
        self._left = 0
        if len(self._took) >= _SAMPLES_MIN:
            self._learn(mean(self._took), limited=limited)
            self._took = []
        if not limited:
            self._least_s *= _LEAST_FORGOTTEN

    def _learn(self, took_s: float, *, limited: bool) -> None:
        """A process that begins in a surge has never seen how long one takes while little is to do: among many it takes
        as long as all of them."""
        under_way = len(self._began) - len(self._held)
        if self._least_s < math.inf or not limited or under_way <= self._policy.beside_money_min:
            self._least_s = min(self._least_s, took_s)

    def _begin_in_time(self) -> float:
        return max(self._left_per_s * self._policy.held_s_max, 1.0)

    def _room(self) -> float:
        if self._least_s == math.inf:
            return self._policy.beside_money_min  # nobody knows yet how long one takes
        return max(self._policy.beside_money_min, self._policy.beside_money_times * self._left_per_s * self._least_s)
