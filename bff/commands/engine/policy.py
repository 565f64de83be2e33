"""Every number of the engine.

Public: `EnginePolicy`, `RelayPolicy`, `POLICY`, `RELAY`, `PAYMENTS`.
"""

from dataclasses import dataclass

from bff.resilience.backoff import BackoffPolicy
from bff.resilience.policies import house_policy
from bff.resilience.policy import Policy
from bff.resilience.pubsub import SubscriptionPolicy


@dataclass(frozen=True, slots=True, kw_only=True)
class EnginePolicy:
    """Commands. Units stand last in each name."""

    # SQLite has one writer, so more threads would only wait in it; PostgreSQL takes one a connection.
    threads_sqlite: int = 1
    threads_postgres: int = 8
    # SQLite: commands that wait may share one transaction, and so one wait for the disk.
    batch_commands_max: int = 8
    # Commands that may wait for a thread; further ones are refused, and the caller may retry.
    waiting_max: int = 256
    # SQLite, when False: a commit does not wait for the disk, and lasts once the next durable one has.
    durable: bool = True
    # SQLite: how long, and how often, to look whether another process has stopped writing.
    lock_ms_max: int = 2000
    # SQLite: a process that is next in the queue and has not begun within this time counts as frozen and is skipped.
    queue_ms_max: int = 200
    lock_poll_ms: float = 0.5
    # How long a thread may hold Python's GIL while another waits for it.
    switch_interval_ms: float = 0.5
    # How long an answer of the database may take, its wait included.
    command_ms_max: int = 6000
    # PostgreSQL ends a statement after 5 s, so a server that is silent for this long is gone: the thread is freed.
    silent_ms_max: int = 20_000

    body_bytes_max: int = 16 * 1024

    # How long a command may keep its key to itself before another process may answer for it.
    in_flight_s: float = 6.0

    # A command that has not arrived this long after it was sent is not on its way any more: the callers' own time-outs
    # and the wait for a thread are over. Should it come all the same, its key is closed.
    key_open_s: float = 10.0
    # A key is remembered, and answers with its receipt, for this long.
    receipt_keys_retained_days: int = 122

    # The provider is asked about an unknown charge after this, then ever more rarely.
    check_s_initial: float = 1.0
    check_s_max: float = 60.0
    # A raised limit takes effect after this cooling-off time.
    limit_raise_h: int = 24
    # Bonuses that were decided are shown for this long, and at most so many of a player's at once.
    decided_shown_h: int = 24
    grants_shown_max: int = 20
    # A bet may come with a token of this age though revocations may have been missed; an older one only where each was
    # received since it was minted, and none that is older than the hours.
    token_fresh_s: int = 120
    token_age_h_max: int = 12
    revocations_max: int = 100_000
    revocations_ping_s: float = 1.0
    revocations_silence_s: float = 3.0
    revocations_retry_s: float = 0.5
    # How long a provider's request_uuid is remembered; its signature is refused earlier than that. A bet that was
    # denied stays so for longer than any token of its player lives, however it is signed again.
    provider_requests_retained_s: int = 3600
    denied_bets_retained_h: int = 14

    # A charge that the provider has never heard of this long after it was sent did not happen: several times what
    # the call could take. Should it arrive all the same, its approval still counts.
    lost_after_s: float = 15.0
    # Webhooks older than this are refused; nothing is lost, as the resolver polls the provider.
    webhook_age_s_max: int = 300

    heartbeat_s: float = 1.0
    # One lost or late answer does not close deposits; after it the next check comes sooner.
    payments_poll_s: float = 2.0
    payments_recheck_s: float = 0.5
    payments_failures: int = 2

    @property
    def revocations_subscription(self) -> SubscriptionPolicy:
        """The numbers of the subscription to sessions that ended."""
        return SubscriptionPolicy(
            ping_s=self.revocations_ping_s,
            silence_s_max=self.revocations_silence_s,
            retry_s=self.revocations_retry_s,
            retry_s_max=self.revocations_retry_s,
        )

    @property
    def check_backoff(self) -> BackoffPolicy:
        """Waits before a provider is asked again for the outcome of a charge."""
        return BackoffPolicy(initial_s=self.check_s_initial, max_s=self.check_s_max, jitter=0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class RelayPolicy:
    """From the outbox to the broker. Units stand last in each name."""

    batch_events_max: int = 200
    poll_ms_min: int = 20
    poll_ms_max: int = 50
    # The partitions of a relay that died are taken over after the first; every relay looks after the second.
    lease_ms: int = 3000
    share_s: float = 1.0
    heartbeat_s: float = 1.0
    # Rows of a release that gave them no key get theirs by so many.
    keys_batch: int = 500
    # How often expired bonuses are searched for.
    bonus_expiry_poll_s: float = 1.0
    # However often readers request a replay, there is one per interval.
    replay_s_min: float = 5.0
    # Restatements go into the outbox by so many players or rows, whichever comes first, and the next when all of that
    # is out.
    restate_players_batch: int = 50
    restate_rows_batch: int = 500
    # No more of the ledger's events wait in the stream for the projector: 5,000 pages of a history are some 26 MB.
    unread_events_max: int = 5_000
    # While the projector reads nothing of a partition that is behind, the broker is asked about it this often.
    lag_s_max: float = 1.0
    # The rolling comparison: at most so many players, or lines of their histories, in a part, a part every
    # `COMMANDS_COMPARE_S`, and once around in no less time than this.
    compare_players_max: int = 10
    compare_lines_max: int = 2000
    compare_round_s_min: float = 10.0
    # A player whose records differ again is restated again, ever more rarely.
    repair_s_initial: float = 5.0
    repair_s_max: float = 3600.0
    repairs_tracked_max: int = 10_000
    retry_ms_initial: int = 50
    retry_ms_max: int = 1000

    @property
    def backoff(self) -> BackoffPolicy:
        """Waits before another attempt: equal jitter."""
        return BackoffPolicy(initial_s=self.retry_ms_initial / 1000, max_s=self.retry_ms_max / 1000, jitter=0.5)

    outbox_retained_days: int = 7


POLICY = house_policy("engine", EnginePolicy())
RELAY = house_policy("relay", RelayPolicy())
# A player waits for this answer and money hangs on it, so it gets more time than a page would give.
# While it is down it is checked every half a second (`payments_recheck_s`), which its breaker must not prevent.
PAYMENTS = Policy(
    deadline_ms=2500, connect_ms=500, in_flight_max=32, waiting_max=64, open_ms_initial=1000, open_ms_max=1000
)
