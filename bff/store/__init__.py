"""The query store: the latest record of every topic, how fresh each feed is, and who leads what.

The one thing that feeds, the projector, queries and live share. It holds nothing that can not be written again:
losing it costs a refill (and starts a new epoch), never a fact.

Public: `Store`, `StoreUnavailable`, `Record`, `Put`, `FeedFreshness`, `Snapshot`, `LeaseState`, `Share`, `Change`,
`FeedPolicy`, `StorePolicy`, `feed_topic`.
"""

from bff.store.connection import StoreUnavailable
from bff.store.partition_share import Change, Share
from bff.store.policy import FeedPolicy, StorePolicy
from bff.store.records import FeedFreshness, LeaseState, Put, Record, Snapshot, feed_topic
from bff.store.store import Store

__all__ = [
    "Change",
    "FeedFreshness",
    "FeedPolicy",
    "LeaseState",
    "Put",
    "Record",
    "Share",
    "Snapshot",
    "Store",
    "StorePolicy",
    "StoreUnavailable",
    "feed_topic",
]
