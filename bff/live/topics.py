"""What may be followed, and by whom.

Public: `may_follow`, `feed_of`.
"""

import re

from bff.contracts.promotions import PROMOTIONS_TOPIC, claims_topic
from bff.contracts.tables import TABLES_TOPIC
from bff.contracts.wallet import wallet_topic

# Everybody's. No other family can be followed, so nobody makes the process remember names of their own.
_SHARED = re.compile(rf"{TABLES_TOPIC}(\.[A-Za-z0-9_.:-]+)?|{PROMOTIONS_TOPIC}|feed\.[a-z0-9_-]+")


def may_follow(player: str, topic: str, *, topic_bytes_max: int) -> bool:
    """Whether `player` (empty: anonymous) may follow `topic`. Wallets and claims are their owner's alone."""
    if len(topic) > topic_bytes_max:
        return False
    if player and topic in (wallet_topic(player), claims_topic(player)):
        return True
    return _SHARED.fullmatch(topic) is not None


def feed_of(topic: str) -> str | None:
    """The feed whose freshness `topic` tells, None for a topic that tells data."""
    family, _, feed = topic.partition(".")
    return feed if family == "feed" else None
