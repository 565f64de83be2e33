"""The health of one feed: counters for operators, and its last bad messages.

Public: `FeedHealth`.
"""

from collections import Counter as Tally
from collections import deque
from datetime import UTC, datetime
from typing import Any

from prometheus_client import Counter, Gauge

from bff.feeds.policy import FeedsPolicy

_MESSAGES = Counter("mullion_feed_messages_total", "Messages or answers of a provider.", ["feed", "result"])
_ATTEMPTS = Counter("mullion_feed_attempts_total", "Connections or polls, by how they ended.", ["feed", "result"])
_CONNECTED = Gauge("mullion_feed_connected", "1 while the provider is connected or its last poll succeeded.", ["feed"])
_LEADING = Gauge("mullion_feed_leading", "1 while this process is the one that reads the provider.", ["feed"])
_CRASHES = Counter("mullion_feed_crashes_total", "Times the feed's task failed and was started again.", ["feed"])


class FeedHealth:
    def __init__(self, feed: str, policy: FeedsPolicy) -> None:
        self.feed = feed
        self._policy = policy
        self._messages: Tally[str] = Tally()
        self._bad: deque[dict[str, str]] = deque(maxlen=policy.bad_retained_max)
        self.connected = False
        self.leading = False
        self.reason = ""
        self.crashes = 0

    def message(self, result: str, count: int = 1) -> None:
        """`ok`, `late`, `still`, `ahead`, `dropped` or `bad`."""
        self._messages[result] += count
        _MESSAGES.labels(self.feed, result).inc(count)

    def bad(self, raw: bytes | str, why: str) -> bool:
        """Count one that could not be used, and keep its beginning; whether it is none of those that are kept."""
        self.message("bad")
        text = raw[: self._policy.bad_retained_chars]
        text = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
        is_new = all((earlier["why"], earlier["text"]) != (why, text) for earlier in self._bad)
        self._bad.append({"at": datetime.now(UTC).isoformat(timespec="seconds"), "why": why, "text": text})
        return is_new

    def attempt(self, result: str) -> None:
        """`ok`, or the reason word."""
        _ATTEMPTS.labels(self.feed, result).inc()

    def set_connected(self, connected: bool, reason: str = "") -> None:
        self.connected, self.reason = connected, reason
        _CONNECTED.labels(self.feed).set(connected)

    def set_leading(self, leading: bool) -> None:
        self.leading = leading
        _LEADING.labels(self.feed).set(leading)

    def crashed(self) -> None:
        self.crashes += 1
        _CRASHES.labels(self.feed).inc()

    def report(self) -> dict[str, Any]:
        """For `/healthz`."""
        return {
            "leading": self.leading,
            "connected": self.connected,
            "reason": self.reason,
            "messages": dict(self._messages),
            "crashes": self.crashes,
            "bad": list(self._bad),
        }
