"""The snapshot that a page receives first: the store's records and feeds as live messages.

Public: `read_snapshots`, `Snapshots`.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from bff.contracts.ledger_partition import aggregate_of_player
from bff.contracts.live import LiveMessage
from bff.contracts.tables import TABLES_TOPIC
from bff.contracts.view import Sequence
from bff.live.topics import feed_of, is_table, player_of
from bff.store import FeedFreshness, Record, Store
from bff.store.policy import FEED_POLICIES

# A feed that nobody has heard yet has no sequence; its first message brings an epoch, which counts as newer.
_NEVER = ("", 0)


@dataclass(frozen=True, slots=True)
class Snapshots:
    """`messages` are what the store holds, by topic; `unknown` the topics that it knows not to exist. Of a feed that is
    made of several parts, `parts` is what each of them says, in their order."""

    messages: dict[str, LiveMessage]
    unknown: frozenset[str]
    parts: dict[str, list[LiveMessage]]


async def read_snapshots(store: Store, topics: Iterable[str]) -> Snapshots:
    """The latest of each topic that the store holds, in one round trip; raises `StoreUnavailable`.

    A table is unknown when the store holds the list of all tables and nothing of this one. A store that was flushed
    holds neither: then nobody can tell, and who follows the table goes on.
    """
    feeds = {topic: feed for topic in topics if (feed := feed_of(topic)) is not None}
    records = [topic for topic in topics if topic not in feeds]
    listed = [TABLES_TOPIC] if TABLES_TOPIC not in records and any(map(is_table, records)) else []
    # What the ledger says of a player's own is said by the part of it that the player belongs to.
    keys = {topic: aggregate_of_player(player) for topic in records if (player := player_of(topic))}
    seen = await store.read(
        records + listed,
        {*feeds.values(), *FEED_POLICIES},
        keys=sorted(set(keys.values())),
        divided=sorted(feeds.values()),
    )
    messages = {topic: _freshness(topic, seen.feeds[feed]) for topic, feed in feeds.items()}
    parts = {
        topic: [_freshness(topic, part, messages[topic].seq) for part in divided]
        for topic, feed in feeds.items()
        if (divided := seen.parts_of(feed))
    }
    for topic in records:
        own = seen.of(keys[topic]) if topic in keys else seen
        if (record := own.current(topic)) is not None:
            messages[topic] = _record(record, own.feeds.get(record.feed))
    tables_listed = seen.records.get(TABLES_TOPIC) is not None
    missing = (topic for topic in records if tables_listed and is_table(topic) and topic not in messages)
    return Snapshots(messages, frozenset(missing), parts)


def _freshness(topic: str, freshness: FeedFreshness, sequence: Sequence | None = None) -> LiveMessage:
    """For a part, `sequence` is the feed's, as parts have none of their own."""
    data = {"detail": freshness.detail, "data": freshness.data}
    return LiveMessage(topic, sequence or freshness.sequence or _NEVER, freshness.as_of, freshness.state, data)


def _record(record: Record, freshness: FeedFreshness | None) -> LiveMessage:
    state = freshness.state if freshness is not None else "live"
    return LiveMessage(record.topic, record.sequence, record.as_of, state, record.data)
