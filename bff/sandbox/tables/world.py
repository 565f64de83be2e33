"""The simulated tables: rounds, seats, dealers, opening hours.

Public: `World`, `LiveTable`, `Result`.
Pure: time is passed in, chance comes from the seed. The same seed and the same time since the start give the same
tables, in however many steps that time was reached.
"""

import random
from collections import deque
from dataclasses import dataclass

from bff.sandbox.tables.catalogue import SPECS, Spec
from bff.sandbox.tables.outcomes import draw, named

RESULTS_MAX = 20
BREAK_EVERY_S = 7200.0
BREAK_S = 1500.0
SHIFT_S = 1200.0  # how long a dealer stays
SHOWN_S = 3.0  # the last result stands alone for this long
SPIN_RATIO = 0.35  # of a round passes after the last bet
HISTORY_S = RESULTS_MAX * 60.0  # played before the start, so that no table begins without a past

_DEALERS = ("Iris", "Teo", "Maren", "Luca", "Anneke", "Dario", "Signe", "Paul", "Noor", "Emil", "Vera", "Jonas")


@dataclass(frozen=True, slots=True)
class Result:
    """One finished round. `at` is Unix seconds."""

    value: str
    color: str
    round_id: str
    at: float


class LiveTable:
    """One table as it plays. `results` has the newest first."""

    def __init__(self, spec: Spec, seed: str, start: float) -> None:
        self.spec = spec
        self._rng = random.Random(f"{seed}:{spec.table_id}")  # noqa: S311 (a game of the sandbox, not a secret)
        self._start = start
        self.results: deque[Result] = deque(maxlen=RESULTS_MAX)
        # Counted on from the start's own second, as no round is that short: a provider that is started again must not
        # call its rounds by names that it gave away before, or whoever reads it takes them for old news.
        self.round_number = int(start) + self._rng.randrange(10_000, 90_000)
        self.seats = self._rng.randint(0, spec.seats_max or 40)
        self.dealer = self._rng.choice(_DEALERS)
        began = start - HISTORY_S
        self._round_began = began
        self._round_at = began + self._rng.uniform(0, spec.round_s)
        self._seat_at = began + self._rng.uniform(0, 6)
        self._dealer_at = began + self._rng.uniform(0, SHIFT_S)
        self.open = self.opens_at(began) is None
        self._next_results: deque[tuple[str, str]] = deque(maxlen=RESULTS_MAX)
        self._before: tuple[object, ...] = ()
        self.advance(start)

    def __repr__(self) -> str:
        return f"<LiveTable {self.spec.table_id} {'open' if self.open else 'closed'} seats={self.seats}>"

    def opens_at(self, now: float) -> float | None:
        """When the break that `now` lies in ends; None while the table is open."""
        if self.spec.closed_from_s is None:
            return None
        into = (now - self._start - self.spec.closed_from_s) % BREAK_EVERY_S
        return now - into + BREAK_S if into < BREAK_S else None

    def bets_close_at(self, now: float) -> float | None:
        """Until when bets are taken; None while none are."""
        closes = self._round_at - SPIN_RATIO * self.spec.round_s
        return closes if self.open and self._round_began + SHOWN_S <= now < closes else None

    @property
    def round_id(self) -> str:
        """The round under way: the one that bets of this moment are for."""
        return f"{self.spec.table_id}-{self.round_number + 1}"

    def set_result(self, word: str) -> None:
        """The next round without one ends so; the seed's own goes on behind it. ValueError for what is no result."""
        self._next_results.append(named(self.spec.kind, word))

    def clear_results(self) -> None:
        """Chance decides again."""
        self._next_results.clear()

    def advance(self, now: float) -> bool:
        """Play until `now`; whether anything that can be seen has changed."""
        before = self._before
        while (at := min(self._round_at, self._seat_at, self._dealer_at)) <= now:
            self._step(at)
        self.open = self.opens_at(now) is None
        self._before = (self.round_number, self.seats, self.dealer, self.open, self.bets_close_at(now))
        return self._before != before

    def _step(self, at: float) -> None:
        is_open = self.opens_at(at) is None
        if at == self._round_at:
            self._round_began = at
            self._round_at = at + self.spec.round_s * self._rng.uniform(0.9, 1.2)
            if is_open:
                drawn = draw(self.spec.kind, self._rng)
                value, color = self._next_results.popleft() if self._next_results else drawn
                self.results.appendleft(Result(value, color, self.round_id, at))
                self.round_number += 1
        elif at == self._seat_at:
            self._seat_at = at + self._rng.uniform(2, 9)
            self.seats = self._moved_seats() if is_open else 0
        else:
            self._dealer_at = at + SHIFT_S * self._rng.uniform(0.8, 1.2)
            self.dealer = self._rng.choice([name for name in _DEALERS if name != self.dealer])

    def _moved_seats(self) -> int:
        """One or two players come or leave; a table without a limit drifts around forty."""
        most = self.spec.seats_max or 120
        middle = most / 2 if self.spec.seats_max else 40
        coming = self._rng.random() < 0.5 + (middle - self.seats) / (2 * most)
        return max(0, min(most, self.seats + (1 if coming else -1) * self._rng.randint(1, 2)))


class World:
    """All tables. `advance` plays on and names those that changed."""

    def __init__(self, seed: str, start: float) -> None:
        self.tables = {spec.table_id: LiveTable(spec, seed, start) for spec in SPECS}

    def advance(self, now: float) -> list[str]:
        return [table_id for table_id, table in self.tables.items() if table.advance(now)]
