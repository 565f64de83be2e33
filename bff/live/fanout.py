"""Fan-out: the subscribers of each topic, and its latest message.

Public: `Fanout`, `Follower`.
No I/O: the store's messages and snapshots are passed in, boxes are filled.
"""

from collections import Counter
from typing import Protocol

from bff.contracts.view import Sequence
from bff.live.box import Box
from bff.live.parted_text import Text, differs, text_for
from bff.live.topics import family_of

_RETIRED_MAX = 8


class Follower(Protocol):
    """A socket, as far as fan-out knows it. Hashed by identity."""

    box: Box
    player: str
    topics: set[str]

    def send_text(self, topic: str, text: str) -> None:
        """Say `text` as soon as may be, or the latest text of `topic` by then."""


class _Topic:
    """`current` means that nothing can have been missed: a snapshot was read while the subscription stood."""

    __slots__ = ("current", "followers", "retired", "sequence", "text")

    def __init__(self) -> None:
        self.sequence: Sequence | None = None
        self.text: Text = ""
        self.current = False
        self.followers: set[Follower] = set()
        self.retired: list[str] = []


class Fanout:
    """The one place in the process that stores topics. A topic without subscribers is dropped."""

    def __init__(self) -> None:
        self._topics: dict[str, _Topic] = {}
        self._counts: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self._topics)

    def __repr__(self) -> str:
        return f"<Fanout topics={len(self._topics)} current={sum(t.current for t in self._topics.values())}>"

    def __contains__(self, topic: str) -> bool:
        return topic in self._topics

    def follow(self, follower: Follower, topic: str) -> bool:
        """Start telling `follower`, at once if the latest is known. Returns whether a snapshot should be read."""
        entry = self._topics.get(topic)
        if entry is None:
            entry = self._topics[topic] = _Topic()
            self._counts[family_of(topic)] += 1
        entry.followers.add(follower)
        follower.topics.add(topic)
        if entry.sequence is not None:
            follower.box.put(topic, text_for(entry.text, follower.player))
        return not entry.current

    def unfollow(self, follower: Follower, topic: str) -> None:
        """Stop telling `follower`, also what already waits for it."""
        follower.topics.discard(topic)
        follower.box.forget(topic)
        entry = self._topics.get(topic)
        if entry is not None:
            entry.followers.discard(follower)
            if not entry.followers:
                del self._topics[topic]
                self._counts[family_of(topic)] -= 1

    def leave(self, follower: Follower) -> None:
        """`follower` has gone."""
        for topic in tuple(follower.topics):
            self.unfollow(follower, topic)

    def offer(self, topic: str, sequence: Sequence, text: Text) -> bool:
        """A message from the subscription: delivered if it is newer. Another epoch is newer unless
        it was left behind.
        """
        entry = self._topics.get(topic)
        if entry is None or not _is_newer(entry, sequence):
            return False
        before = entry.text
        _replace(entry, sequence, text)
        if isinstance(text, str):
            for follower in entry.followers:
                follower.send_text(topic, text)
            return True
        for follower in entry.followers:
            if differs(before, text, follower.player):
                follower.send_text(topic, text.text(follower.player))
        return True

    def adopt(self, topic: str, sequence: Sequence, text: Text) -> bool:
        """A snapshot: as a message, and the topic is current from here on unless the snapshot is an old epoch's."""
        entry = self._topics.get(topic)
        if entry is None:
            return False
        entry.current = sequence[0] not in entry.retired
        return self.offer(topic, sequence, text)

    def adopt_nothing(self, topic: str) -> None:
        """The store holds nothing about `topic`; its first message will say more."""
        if entry := self._topics.get(topic):
            entry.current = True

    def is_one(self, topic: str) -> bool:
        """Whether `topic` is current and has the same message for every page."""
        entry = self._topics.get(topic)
        return entry is not None and entry.current and isinstance(entry.text, str)

    def count(self, family: str) -> int:
        """How many topics of `family` are followed by a page."""
        return self._counts[family]

    def followers(self, topic: str) -> list[Follower]:
        """Who follows `topic` at this moment."""
        entry = self._topics.get(topic)
        return list(entry.followers) if entry else []

    def subscription_lost(self) -> None:
        """The subscription was cut: anything may have happened since, epochs included."""
        for entry in self._topics.values():
            entry.current = False
            entry.retired.clear()

    def followed(self) -> list[str]:
        """Every topic that at least one page follows."""
        return list(self._topics)


def _is_newer(entry: _Topic, sequence: Sequence) -> bool:
    if entry.sequence is None:
        return True
    if entry.sequence[0] == sequence[0]:
        return sequence[1] > entry.sequence[1]
    return sequence[0] not in entry.retired


def _replace(entry: _Topic, sequence: Sequence, text: Text) -> None:
    if entry.sequence is not None and entry.sequence[0] != sequence[0]:
        entry.retired.append(entry.sequence[0])
        del entry.retired[:-_RETIRED_MAX]
    entry.sequence = sequence
    entry.text = text
