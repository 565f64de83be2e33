"""The newest log lines that name a fragment, in this process, for the fragment's own team.

Public: `FragmentLog`, `LogLine`.
"""

import logging
import re
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from bff.contracts import text

LINES_MAX = 100
FRAGMENTS_MAX = 500
CHARS_MAX = 300
ALIKE_S = 1.0

# What a team is shown of a line. The shell's own (`error`, a traceback) and what a line gains later stay out until
# somebody says here that they are the team's to see.
FIELDS = (
    "page",
    "slot",
    "version",
    "version_seen",
    "status",
    "reason",
    "verdict",
    "detail",
    "header",
    "why",
    "taken_out",
    "key",
    "trace_id",
)
# These are another one in each line about the same thing.
_OF_ONE_REQUEST = frozenset({"key", "trace_id"})
# Every outcome of a slot is a line of `OutcomeLines` already.
_ELSEWHERE = frozenset({"included"})
# Tokens of this registry, bearers and signed contexts: none belongs in a log, and an origin may write one into what it
# answers.
_SECRET = re.compile(r"mullion_[A-Za-z0-9_-]{12,}|(?i:bearer)\s+\S+|eyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*")
_LEFT_OUT = "[token]"


@dataclass(frozen=True, slots=True)
class LogLine:
    """`times` lines alike within a second, the first of them at `at`; `fields` hold no control character, no token."""

    at: datetime
    level: str
    event: str
    fields: dict[str, str]
    times: int = 1


class FragmentLog(logging.Handler):
    """Hears what the root logger is given; `now` is seconds since 1970. Bounded by fragments, lines and characters.

    What a partition met (one tester's session, one browser's preview) is left out: it says nothing about anybody else.
    """

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        super().__init__(logging.WARNING)
        self._now = now
        self._lines: OrderedDict[str, deque[_Line]] = OrderedDict()

    def emit(self, record: logging.LogRecord) -> None:
        """A line of any thread; the caller holds the handler's lock."""
        entry = record.msg
        if not isinstance(entry, Mapping) or "partition" in entry or entry.get("event") in _ELSEWHERE:
            return
        if fragment := entry.get("fragment"):
            self._add(str(fragment), _Line(self._now(), record.levelname.lower(), str(entry["event"]), _shown(entry)))

    def _add(self, fragment: str, line: "_Line") -> None:
        lines = self._lines.setdefault(fragment, deque(maxlen=LINES_MAX))
        self._lines.move_to_end(fragment)
        if len(self._lines) > FRAGMENTS_MAX:
            self._lines.popitem(last=False)
        if lines and line.at - lines[-1].at < ALIKE_S and line.kind == lines[-1].kind:
            lines[-1].times += 1
        else:
            lines.append(line)

    def of(self, fragment: str) -> list[LogLine]:
        """The newest first."""
        self.acquire()
        try:
            return [line.read() for line in reversed(self._lines.get(fragment, ()))]
        finally:
            self.release()


class _Line:
    """The first of lines alike, and how many it stands for."""

    __slots__ = ("at", "event", "fields", "kind", "level", "times")

    def __init__(self, at: float, level: str, event: str, fields: dict[str, str]) -> None:
        self.at, self.level, self.event, self.fields, self.times = at, level, event, fields, 1
        self.kind = (event, {name: value for name, value in fields.items() if name not in _OF_ONE_REQUEST})

    def read(self) -> LogLine:
        return LogLine(datetime.fromtimestamp(self.at, UTC), self.level, self.event, self.fields, self.times)


def _shown(entry: Mapping[str, object]) -> dict[str, str]:
    return {name: _plain(entry[name]) for name in FIELDS if entry.get(name) not in (None, "")}


def _plain(value: object) -> str:
    words = ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
    # Looked for in the text as it is shown: a control character within a token would hide it, and cutting first would
    # leave its beginning.
    return _SECRET.sub(_LEFT_OUT, text.cleaned(words, chars_max=len(words)))[:CHARS_MAX]
