"""What the houses logged for the requests of one page, found by the trace ids that it sent.

Public: `log_lines`.
"""

import re
from collections.abc import Collection, Iterator
from pathlib import Path

from tests.drills.evidence.value import LogLine

LINES_MAX = 200
CHARACTERS_MAX = 600
# `up` starts a new file when this one is full, and keeps one older file.
_LINE = re.compile(r"(?P<process>[\w.-]{1,64}) │ (?P<text>.*)")


def log_lines(file: Path, trace_ids: Collection[str]) -> tuple[LogLine, ...]:
    """The first lines that contain one of `trace_ids`, oldest first; empty if there is no such file."""
    if not trace_ids:
        return ()
    wanted = re.compile("|".join(map(re.escape, trace_ids)))
    found: list[LogLine] = []
    for line in _lines(file):
        trace, parts = wanted.search(line), _LINE.match(line)
        if trace and parts:
            found.append(LogLine(parts["process"], trace[0], parts["text"][:CHARACTERS_MAX]))
        if len(found) == LINES_MAX:
            break
    return tuple(found)


def _lines(file: Path) -> Iterator[str]:
    for part in (file.with_name(f"{file.name}.1"), file):
        try:
            with part.open(encoding="utf-8", errors="replace") as lines:
                yield from lines
        except OSError:
            continue
