"""How often a shell polls the registry for changes.

Public: `PollPolicy`, `wait_s`.
"""

from dataclasses import dataclass

from bff.resilience.backoff import BackoffPolicy, backoff_s


@dataclass(frozen=True, slots=True, kw_only=True)
class PollPolicy:
    """Seconds between two looks at the database; announced changes are looked for at once, whatever these are.

    `poll_s`: while announcements do not reach this process. Running shells follow a publish within a second: half of it
    for the wait, the rest for the load.
    `pushed_poll_s`: while they do. What is announced by nobody, as Redis is away from whoever made the change, or hangs
    and that was not noticed yet, takes as long; many shells on one database may want more than this second.
    `poll_s_max`: while it goes wrong again and again.
    `hint_gap_s`: between two looks, however many announcements there are.
    """

    poll_s: float = 0.5
    pushed_poll_s: float = 1.0
    poll_s_max: float = 5.0
    hint_gap_s: float = 0.1


def wait_s(policy: PollPolicy, *, failures: int, listening: bool) -> float:
    """How long until the next look, after so many `failures` in a row."""
    if failures:
        waits = BackoffPolicy(initial_s=policy.poll_s, max_s=max(policy.poll_s, policy.poll_s_max), jitter=0.0)
        return backoff_s(waits, failures)
    return policy.pushed_poll_s if listening else policy.poll_s
