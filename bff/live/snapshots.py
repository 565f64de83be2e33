"""What a page is told first: the store's records and feeds in the words of the socket.

Public: `read_snapshots`.
"""

from collections.abc import Iterable

from bff.contracts.live import LiveMessage
from bff.live.topics import feed_of
from bff.store import FeedFreshness, Record, Store
from bff.store.policy import FEED_POLICIES

# A feed that nobody has heard yet has no sequence; its first message brings an epoch, which counts as newer.
_NEVER = ("", 0)


async def read_snapshots(store: Store, topics: Iterable[str]) -> dict[str, LiveMessage]:
    """The latest of each topic that the store holds, in one round trip; raises `StoreUnavailable`."""
    feeds = {topic: feed for topic in topics if (feed := feed_of(topic)) is not None}
    seen = await store.read([topic for topic in topics if topic not in feeds], {*feeds.values(), *FEED_POLICIES})
    messages = {topic: _told(topic, seen.feeds[feed]) for topic, feed in feeds.items()}
    for topic in seen.records:
        if (record := seen.standing(topic)) is not None:
            messages[topic] = _record(record, seen.feeds.get(record.feed))
    return messages


def _told(topic: str, freshness: FeedFreshness) -> LiveMessage:
    data = {"detail": freshness.detail, "data": freshness.data}
    return LiveMessage(topic, freshness.sequence or _NEVER, freshness.as_of, freshness.state, data)


def _record(record: Record, freshness: FeedFreshness | None) -> LiveMessage:
    state = freshness.state if freshness is not None else "live"
    return LiveMessage(record.topic, record.sequence, record.as_of, state, record.data)
