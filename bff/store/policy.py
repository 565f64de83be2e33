"""Every number of the query store.

Public: `FeedPolicy`, `StorePolicy`, `FEED_POLICIES`, `STORE`, `feed_policy`.
"""

import os
from dataclasses import dataclass

from bff.resilience.policies import house_policy, policy_by_name
from bff.resilience.pubsub import SubscriptionPolicy


@dataclass(frozen=True, slots=True)
class FeedPolicy:
    """How long a silent feed may still be believed. Seconds since it was last heard.

    Up to `stale_after_s` it is live, up to `down_after_s` stale, then down.
    """

    stale_after_s: float = 10.0
    down_after_s: float = 30.0

    def __post_init__(self) -> None:
        if self.stale_after_s > self.down_after_s:
            raise ValueError(f"stale_after_s ({self.stale_after_s}) is more than down_after_s ({self.down_after_s})")


# The ledger and the engine are heard about once a second, so five missed heartbeats of the ledger are news. Of the
# engine three are: five seconds after its last word every open page must have closed what needs it.
# Tables move every second or two; a player may bet on them, so doubt comes early.
# Offers change in hours and are polled every few seconds, so a missed poll or two is no reason to hide them.
# Of games, one provider is asked once a minute, one speaks every two seconds, and one is read every five minutes over
# some seconds. What they say changes in days: their games are shown all the same, and how old the word is with them.
# An installation changes them by `FEED_POLICIES` in the environment.
FEED_POLICIES = {
    feed: policy_by_name("FEED_POLICIES", os.environ.get("FEED_POLICIES", ""), feed, policy)
    for feed, policy in {
        "tables": FeedPolicy(stale_after_s=6.0, down_after_s=12.0),
        "promotions": FeedPolicy(stale_after_s=20.0, down_after_s=60.0),
        "games-lantern": FeedPolicy(stale_after_s=150.0, down_after_s=600.0),
        "games-tidewheel": FeedPolicy(stale_after_s=12.0, down_after_s=60.0),
        "games-oakmill": FeedPolicy(stale_after_s=700.0, down_after_s=3600.0),
        "ledger": FeedPolicy(stale_after_s=5.0, down_after_s=15.0),
        "engine": FeedPolicy(stale_after_s=3.5, down_after_s=10.0),
    }.items()
}


def feed_policy(feed: str) -> FeedPolicy:
    """The policy of `feed`; a feed without one of its own gets the defaults."""
    return FEED_POLICIES.get(feed, FeedPolicy())


@dataclass(frozen=True, slots=True)
class StorePolicy:
    """Calls to the store. A cache outage must not hang pages, so a call has one short limit over all of its parts.

    The limit is `connect_ms` and `op_ms` together, whichever of both the time goes to; waiting for a free connection
    counts too. `listen_silence_s` is how long a subscription may hear nothing, pings included, before it is cut.
    """

    connect_ms: int = 50
    op_ms: int = 100
    grace_ms: int = 10
    connections_max: int = 32
    breaker_failures: int = 5
    breaker_open_ms: int = 250
    breaker_open_ms_max: int = 1000
    # How long a record that was written into a shadow waits to be swapped.
    shadow_ms: int = 3_600_000
    listen_ping_s: float = 2.0
    listen_silence_s: float = 5.0

    @property
    def subscription(self) -> SubscriptionPolicy:
        """The numbers of a subscription to the store."""
        return SubscriptionPolicy(
            connect_s=(self.connect_ms + self.op_ms) / 1000,
            ping_s=self.listen_ping_s,
            silence_s_max=self.listen_silence_s,
        )


STORE = house_policy("store", StorePolicy())
