"""Every number of the live house.

Public: `LivePolicy`.
"""

from dataclasses import dataclass

from bff.resilience.pubsub import SubscriptionPolicy


@dataclass(frozen=True, slots=True)
class LivePolicy:
    """What a socket may cost and how fast things are noticed.

    A process: `connects_per_s` after a burst of `connects_burst` (a page that is refused comes again by itself, after
    a random time), `sockets_max` in all, `address_sockets_max` from one address, behind which may be a house full of
    players, and `process_tables_max` tables that all sockets together follow.

    A socket: `box_topics_max` topics may wait to be sent, `topics_max` may be followed beside the player's own, and
    one send may take `send_s_max`. A client may say `messages_per_s` after a burst of `messages_burst`, each at most
    `message_bytes_max`, and has to follow something within `idle_s_max`.

    A session: the page is asked for a fresh ticket every `recheck_s` and whenever a revocation may have been missed;
    it has `recheck_grace_s` to bring one. Revocations are remembered for as long as a ticket lives, at most
    `revocations_max` of them; tickets that were used, at most `tickets_max` of them.

    The store: the subscription is pinged every `ping_s`, counts as cut after `silence_s`, and is tried again after a
    random time up to `retry_s`, doubled up to `retry_s_max`. Snapshots are read `snapshot_topics_max` topics at a
    time, all of them again every `reconcile_s`. Messages over `store_message_bytes_max` are dropped and counted.

    The server: `buffer_bytes_max` may wait in the process and as much in the kernel; a request's head must be whole
    within `head_s_max` and `head_bytes_max`; a connection that should be over is cut after `close_s_max`.
    """

    heartbeat_s: float = 5.0
    heartbeat_slots: int = 50

    connects_burst: int = 5_000
    connects_per_s: float = 500.0
    sockets_max: int = 20_000
    address_sockets_max: int = 256
    box_topics_max: int = 100
    topics_max: int = 128
    process_tables_max: int = 50_000
    topic_bytes_max: int = 200
    send_s_max: float = 10.0
    idle_s_max: float = 15.0
    messages_burst: int = 20
    messages_per_s: float = 2.0
    message_bytes_max: int = 16_384

    ticket_s: int = 60
    tickets_max: int = 100_000
    recheck_s: float = 600.0
    recheck_grace_s: float = 30.0
    revocations_max: int = 10_000

    connect_s: float = 1.0
    ping_s: float = 2.0
    silence_s: float = 5.0
    retry_s: float = 0.25
    retry_s_max: float = 2.0
    messages_per_turn: int = 64
    snapshot_topics_max: int = 50
    reconcile_s: float = 30.0
    freshness_s: float = 1.0
    store_message_bytes_max: int = 262_144

    head_s_max: float = 10.0
    head_bytes_max: int = 32_768
    close_s_max: float = 5.0
    buffer_bytes_max: int = 65_536

    @property
    def subscription(self) -> SubscriptionPolicy:
        """The numbers of the process's one subscription."""
        return SubscriptionPolicy(
            connect_s=self.connect_s,
            ping_s=self.ping_s,
            silence_s_max=self.silence_s,
            messages_per_turn=self.messages_per_turn,
            retry_s=self.retry_s,
            retry_s_max=self.retry_s_max,
        )
