"""The types that the store returns.

Public: `Record`, `Put`, `FeedFreshness`, `Snapshot`, `LeaseState`, `feed_topic`, `decide_state`, `check_topic`,
`check_epoch`.
"""

import re
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import IntEnum
from typing import Any, TypeVar

import msgspec

from bff.contracts.ledger_partition import partition_of
from bff.contracts.view import Freshness, FreshnessState, Sequence
from bff.store.feed_parts import part_name
from bff.store.policy import FeedPolicy

T = TypeVar("T")

_TOPIC = re.compile(r"[A-Za-z0-9_.:-]{1,200}")
_EPOCH = re.compile(r"[A-Za-z0-9_-]{1,64}")
_WORSE = {"live": 0, "stale": 1, "down": 2}


class LeaseState(IntEnum):
    """How a lease stands after it was asked for; false only while another owner holds it.

    `TAKEN` means that nobody held it a moment ago, so whatever its holder keeps in the store may be gone.
    """

    HELD_ELSEWHERE = 0
    RENEWED = 1
    TAKEN = 2


def feed_topic(feed: str) -> str:
    """The topic on which a change of `feed`'s freshness is published."""
    return f"feed.{feed}"


def check_topic(topic: str) -> str:
    """`topic`, or ValueError: it becomes part of keys, channels and messages, so only plain characters pass."""
    if not _TOPIC.fullmatch(topic):
        raise ValueError(f"{topic!r} can not be a topic: letters, digits and _ . : - only, at most 200")
    return topic


def check_epoch(epoch: str) -> str:
    """`epoch`, or ValueError."""
    if not _EPOCH.fullmatch(epoch):
        raise ValueError(f"{epoch!r} can not be an epoch: letters, digits and _ - only, at most 64")
    return epoch


@dataclass(frozen=True, slots=True)
class Record:
    """The latest state of one topic. `raw` is its JSON; `as_of` (the store's clock) is when it was last put."""

    topic: str
    raw: bytes
    as_of: datetime
    sequence: Sequence
    feed: str

    @property
    def data(self) -> Any:
        return msgspec.json.decode(self.raw)

    def decode(self, of: type[T]) -> T:
        """`raw` as `of`; raises `msgspec.ValidationError` when it is something else."""
        return msgspec.json.decode(self.raw, type=of)


@dataclass(frozen=True, slots=True)
class Put:
    """One record to write. `data` is whatever msgspec writes as JSON.

    Without a `sequence` the store counts by itself. With one, the record is left alone unless it is newer, by epoch
    and then by number; so the epochs of a writer must sort by time. With `past`, it is also left alone unless it is of
    just that sequence: a record that is gone is not written anew. A record with `keep_s` is forgotten that long after
    it was last put, the others never. `part` orders what is written under one sequence: a record that several events
    of that sequence add to takes each part that is later than the one it has.
    """

    topic: str
    data: Any
    feed: str
    sequence: Sequence | None = None
    keep_s: int = 0
    past: Sequence | None = None
    part: int = 0


@dataclass(frozen=True, slots=True)
class FeedFreshness:
    """The freshness of a feed. `as_of` is when it was last heard, None if never.

    `detail` is the reason word its adapter gave last; `data` is what came with the last heartbeat; `sequence` is that
    of the message which published a change last, None if none ever was.
    """

    feed: str
    state: FreshnessState
    as_of: datetime | None
    age_s: float | None
    detail: str = ""
    data: Any = None
    sequence: Sequence | None = None

    @property
    def epoch(self) -> str:
        """The epoch in which all was published when the feed was last heard, "" where it has none."""
        return str(self.data.get("epoch", "")) if isinstance(self.data, dict) else ""

    def freshness(self, sequence: Sequence | None = None) -> Freshness:
        """The same as the wire says it."""
        return Freshness(state=self.state, as_of=self.as_of, sequence=sequence)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One look at the store: all of it was read in one round trip, at `now` by the store's clock.

    `counts` is of how many parts each feed is made, where it is several; `parts` what those that were asked about say,
    by name.
    """

    now: datetime
    records: dict[str, Record | None] = field(default_factory=dict)
    feeds: dict[str, FeedFreshness] = field(default_factory=dict)
    parts: dict[str, FeedFreshness] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)

    def of(self, key: str) -> "Snapshot":
        """The same for whom `key` names, one of those that `Store.read` was asked about: each feed as the key's own
        part has it, or as a whole where that is not known."""
        own = {
            feed: self.parts.get(part_name(feed, partition_of(key, self.counts.get(feed, 1))), whole)
            for feed, whole in self.feeds.items()
        }
        return replace(self, feeds=own)

    def parts_of(self, feed: str) -> list[FeedFreshness]:
        """What each part of `feed`, one of those that `Store.read` was asked about as divided, says of itself, in their
        order: the feed as a whole where that is not known. None of a feed that is not divided."""
        whole, count = self.feeds[feed], self.counts.get(feed, 1)
        return [self.parts.get(part_name(feed, part), whole) for part in range(count)] if count > 1 else []

    def current(self, topic: str) -> Record | None:
        """The record of `topic`, unless its feed, if that was looked at too, has published everything in a later epoch.

        Then what the record says has not happened: its source was set back to a moment before it.
        """
        record = self.records[topic]
        if record is None or record.feed not in self.feeds:
            return record
        return record if record.sequence[0] >= self.feeds[record.feed].epoch else None


def decide_state(reported: FreshnessState, age_s: float | None, policy: FeedPolicy) -> FreshnessState:
    """The worse of what the adapter reported and what the feed's silence says."""
    if age_s is None or age_s >= policy.down_after_s:
        return "down"
    by_age: FreshnessState = "stale" if age_s >= policy.stale_after_s else "live"
    return by_age if _WORSE[by_age] >= _WORSE[reported] else reported
