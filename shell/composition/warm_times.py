"""How fast a function answers when it is warm, learned from its answers. Pure: time is passed in.

Public: `FunctionPolicy`, `WarmTimes`.

Nobody knows beforehand that a call is cold, and not every answer says it afterwards. What took far longer than warm
answers do is taken for cold and teaches nothing, unless one after the other takes so long: then it is slow, not cold.
"""

import math
from collections import OrderedDict, deque
from collections.abc import Hashable
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionPolicy:
    """Changed by `HOUSE_POLICIES` under `functions`. Units stand last in each name."""

    # A page waits for the 99th percentile of the last `samples` warm answers, between `wait_ms_min` and the release's
    # `deadline_ms`; for `wait_ms_prior` until `samples_min` are there.
    percentile: float = 0.99
    samples: int = 200
    samples_min: int = 20
    wait_ms_prior: int = 400
    wait_ms_min: int = 50
    # Once it is learned, what takes up to so many times the wait is a late warm answer: without these the percentile
    # could only sink.
    late_ratio: float = 2.0
    # So many long answers in a row, each asked for after the one before was there, are no cold starts.
    slow_in_a_row: int = 5
    keys_max: int = 512
    # A page that met a cold one comes back without JavaScript after `reload_ratio` times what its last cold start took
    # (before the first: `cold_ms_prior`), then after twice as long, and so on: `reloads_max` times in a row.
    reload_ratio: float = 1.5
    cold_ms_prior: int = 3000
    reload_s_min: int = 2
    reload_s_max: int = 20
    reloads_max: int = 3


@dataclass(slots=True)
class _Learned:
    warm_ms: deque[float]
    wait_ms: float
    long_ms: list[float] = field(default_factory=list)
    long_until: float = 0.0


class WarmTimes:
    """By key (a release and what of it is asked for), the least recently asked for forgotten first."""

    def __init__(self, policy: FunctionPolicy) -> None:
        self._policy = policy
        self._learned: OrderedDict[Hashable, _Learned] = OrderedDict()

    def __len__(self) -> int:
        return len(self._learned)

    def wait_ms(self, key: Hashable) -> float:
        """How long a page waits for an answer."""
        found = self._learned.get(key)
        return found.wait_ms if found is not None else self._policy.wait_ms_prior

    def answered(self, key: Hashable, *, began: float, now: float) -> bool:
        """Learn from a good answer, asked for at `began` (seconds); whether it was warm."""
        learned, took_ms = self._of(key), (now - began) * 1000
        ratio = self._policy.late_ratio if len(learned.warm_ms) >= self._policy.samples_min else 1.0
        if took_ms <= learned.wait_ms * ratio:
            learned.long_ms.clear()
            self._learn(learned, [took_ms])
            return True
        # What began before the last long one ended may have met the same wave of cold starts.
        if not learned.long_ms or began >= learned.long_until:
            learned.long_ms.append(took_ms)
            learned.long_until = now
        if len(learned.long_ms) >= self._policy.slow_in_a_row:
            self._learn(learned, learned.long_ms)
            learned.long_ms.clear()
            return True
        return False

    def _of(self, key: Hashable) -> _Learned:
        found = self._learned.get(key)
        if found is None:
            found = self._learned[key] = _Learned(deque(maxlen=self._policy.samples), self._policy.wait_ms_prior)
            if len(self._learned) > self._policy.keys_max:
                self._learned.popitem(last=False)
        self._learned.move_to_end(key)
        return found

    def _learn(self, learned: _Learned, took_ms: list[float]) -> None:
        policy, warm_ms = self._policy, learned.warm_ms
        warm_ms.extend(took_ms)
        if len(warm_ms) >= policy.samples_min:
            percentile = sorted(warm_ms)[math.ceil(policy.percentile * len(warm_ms)) - 1]
            learned.wait_ms = max(percentile, policy.wait_ms_min)
        else:
            learned.wait_ms = max(policy.wait_ms_prior, *warm_ms)
