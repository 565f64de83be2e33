"""When to try again.

Public: `Backoff`.
"""

import random

from bff.feeds.policy import FeedsPolicy


class Backoff:
    """Full jitter: each wait is drawn between 0 and a bound that doubles, so that readers do not come back in step."""

    def __init__(self, policy: FeedsPolicy, draw: random.Random | None = None) -> None:
        self._policy = policy
        self._draw = draw or random.Random()  # noqa: S311 (spread, not a secret)
        self.attempts = 0

    def next_s(self) -> float:
        bound = min(self._policy.retry_s * 2**self.attempts, self._policy.retry_s_max)
        self.attempts = min(self.attempts + 1, 16)
        return self._draw.uniform(0, bound)

    def reset(self) -> None:
        self.attempts = 0
