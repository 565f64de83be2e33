"""Every number of the broker.

Public: `BrokerPolicy`, `BROKER`.
"""

from dataclasses import dataclass

from bff.resilience.backoff import BackoffPolicy
from bff.resilience.policies import house_policy

STREAM_EVENTS_MIN = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerPolicy:
    """Units stand last in each name.

    `lease_ms` is how long a reader that fell silent keeps the next one out; a read never waits longer than a third
    of it, so a living reader renews in time.
    """

    connect_ms: int = 250
    op_ms: int = 1000

    # A stream is bounded so that a dead consumer can not fill the store; what is cut is seen as lost and replayed. The
    # relay keeps what is unread below half of it, so it need not hold what waits: that stays in the outbox.
    stream_events_max: int = 20_000
    dead_events_max: int = 10_000

    batch_events_max: int = 100
    block_ms: int = 1000
    lease_ms: int = 3000

    # An event that so many consumers took, and all of them died over, is what kills them. However often one that
    # lives takes it again (its store is away, say), that counts as one.
    attempts_max: int = 16

    # A failing handler or broker is asked again after this, doubled each time. Few processes ask, and every page waits
    # for the slowest of them.
    retry_ms_initial: int = 50
    retry_ms_max: int = 1000

    # Kafka: a consumer that died is replaced after the first, one that hangs in its work after the second.
    session_ms: int = 6000
    silence_ms_max: int = 30_000
    # Kafka: a reader that has reached no broker for so long gets a new client.
    renew_ms: int = 15_000

    def __post_init__(self) -> None:
        if self.stream_events_max < STREAM_EVENTS_MIN:
            raise ValueError(f"stream_events_max is {self.stream_events_max}: it is at least {STREAM_EVENTS_MIN}")

    @property
    def backoff(self) -> BackoffPolicy:
        """Waits before another attempt: equal jitter."""
        return BackoffPolicy(initial_s=self.retry_ms_initial / 1000, max_s=self.retry_ms_max / 1000, jitter=0.5)


BROKER = house_policy("broker", BrokerPolicy())
