"""What the store holds of records and feeds, as it comes out of it.

Public: `Rows`, `FeedRow`, `RECORD_FIELDS`, `FEED_FIELDS`, `record_of`.
"""

from dataclasses import dataclass
from datetime import UTC, datetime

import msgspec

from bff.contracts.view import FreshnessState
from bff.store.feed_parts import part_name, parts_of
from bff.store.policy import feed_policy
from bff.store.records import FeedFreshness, Record, decide_state

RECORD_FIELDS = ("data", "as_of", "epoch", "n", "feed")
FEED_FIELDS = (
    "heard",
    "state",
    "detail",
    "data",
    "announced_state",
    "announced_data",
    "epoch",
    "n",
    "parts",
    "announced_parts",
)


@dataclass(frozen=True, slots=True)
class FeedRow:
    """One feed, or one part of one, by `FEED_FIELDS`."""

    beat_ms: bytes | None
    state: bytes | None
    detail: bytes | None
    data: bytes | None
    announced_state: bytes | None
    announced_data: bytes | None
    epoch: bytes | None
    n: bytes | None
    parts: bytes | None
    announced_parts: bytes | None

    @property
    def count(self) -> int:
        """Of how many parts the feed, or the feed that this is a part of, is made."""
        return parts_of(self.parts, self.data)

    @property
    def announced(self) -> tuple[bytes, bytes]:
        """State and data as they were published last, both empty where that never was."""
        return self.announced_state or b"", self.announced_data or b""

    def latest(self, feed: str, now_s: float) -> tuple[bytes, bytes]:
        """State and data of `feed` as they are to be published."""
        return self.freshness(feed, now_s).state.encode(), self.data or b"null"

    def freshness(self, feed: str, now_s: float) -> FeedFreshness:
        """How fresh `feed`, or this part of it, is at `now_s` by the store's clock."""
        beat_s = int(self.beat_ms) / 1000 if self.beat_ms else None
        # A store that was moved to a node with an earlier clock may see the future; that is not an age.
        age_s = max(0.0, now_s - beat_s) if beat_s is not None else None
        reported: FreshnessState = (self.state or b"down").decode()  # type: ignore[assignment]  # only the store writes it
        return FeedFreshness(
            feed=feed,
            state=decide_state(reported, age_s, feed_policy(feed)),
            as_of=datetime.fromtimestamp(beat_s, UTC) if beat_s is not None else None,
            age_s=age_s,
            detail=(self.detail or b"").decode(),
            data=msgspec.json.decode(self.data) if self.data else None,
            sequence=(self.epoch.decode(), int(self.n)) if self.epoch and self.n else None,
        )


@dataclass(frozen=True, slots=True)
class Rows:
    """What was read in one round trip, at `now_s` by the store's clock. `names` are the parts that were asked about,
    each with the feed that it belongs to."""

    now_s: float
    records: dict[str, Record | None]
    feeds: dict[str, FeedRow]
    names: dict[str, str]

    def freshness(self, feed: str) -> FeedFreshness:
        return self.feeds[feed].freshness(feed, self.now_s)

    def parts(self) -> dict[str, FeedFreshness]:
        """What each part says. One that was last heard of when there was another number of them says nothing."""
        return {
            name: self.feeds[name].freshness(feed, self.now_s)
            for name, feed in self.names.items()
            if self.feeds[name].count == self.feeds[feed].count
        }

    def is_unannounced(self, feed: str) -> bool:
        """Whether `feed`, or a part of it, has changed since it was last published; never one without a heartbeat."""
        row = self.feeds[feed]
        if row.state is None:
            return False
        if row.latest(feed, self.now_s) != row.announced or row.count != int(row.announced_parts or 1):
            return True
        pairs = zip(self.latest_parts(feed), self._part_rows(feed), strict=True)
        return any(latest != part.announced for latest, part in pairs)

    def latest_parts(self, feed: str) -> list[tuple[bytes, bytes]]:
        """State and data of each part of `feed` as they are to be published, both empty where it says nothing; of a
        feed that is not divided there is none."""
        count = self.feeds[feed].count
        return [part.latest(feed, self.now_s) if part.count == count else (b"", b"") for part in self._part_rows(feed)]

    def _part_rows(self, feed: str) -> list[FeedRow]:
        count = self.feeds[feed].count
        return [self.feeds[part_name(feed, part)] for part in range(count)] if count > 1 else []


def record_of(topic: str, row: list[bytes | None]) -> Record | None:
    """The record of `topic` by `RECORD_FIELDS`, None where there is none."""
    raw, as_of_ms, epoch, n, feed = row
    if raw is None or as_of_ms is None or epoch is None or n is None or feed is None:
        return None
    as_of = datetime.fromtimestamp(int(as_of_ms) / 1000, UTC)
    return Record(topic, raw, as_of, (epoch.decode(), int(n)), feed.decode())
