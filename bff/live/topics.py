"""The topics that may be subscribed to, and by whom.

Public: `may_follow`, `own_topics`, `player_of`, `is_table`, `family_of`, `feed_of`.
"""

import re

from bff.contracts.games import player_games_topic
from bff.contracts.promotions import PROMOTIONS_TOPIC, claims_topic
from bff.contracts.tables import TABLES_TOPIC
from bff.contracts.wallet import wallet_topic
from bff.store.policy import FEED_POLICIES

# Everybody's. No other family can be followed, so nobody makes the process remember names of their own; which tables
# there are is the store's to say.
_TABLE = re.compile(rf"{TABLES_TOPIC}\.[A-Za-z0-9_.:-]+")
_SHARED = frozenset({TABLES_TOPIC, PROMOTIONS_TOPIC, *(f"feed.{feed}" for feed in FEED_POLICIES)})


def may_follow(player: str, topic: str, *, topic_bytes_max: int) -> bool:
    """Whether `player` (empty: anonymous) may follow `topic`. Wallets, claims and a player's games are
    their owner's alone."""
    if len(topic) > topic_bytes_max:
        return False
    return topic in _SHARED or topic in own_topics(player) or is_table(topic)


def own_topics(player: str) -> tuple[str, ...]:
    """What is the player's alone; nothing for a visitor."""
    return (wallet_topic(player), claims_topic(player), player_games_topic(player)) if player else ()


def player_of(topic: str) -> str:
    """Whose own `topic` is; "" for everybody's."""
    player = topic.partition(".")[2]
    return player if topic in own_topics(player) else ""


def is_table(topic: str) -> bool:
    """Whether `topic` would be a table's, if there is such a table."""
    return _TABLE.fullmatch(topic) is not None


def family_of(topic: str) -> str:
    """`tables` for `tables.r1`."""
    return topic.partition(".")[0]


def feed_of(topic: str) -> str | None:
    """The feed whose freshness `topic` carries, None for a topic that carries data."""
    family, _, feed = topic.partition(".")
    return feed if family == "feed" else None
