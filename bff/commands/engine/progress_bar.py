"""A progress bar for long work: one line that grows on a terminal, a line each tenth elsewhere.

Public: `Bar`.
"""

import sys
from typing import TextIO

WIDTH = 30


class Bar:
    """`Bar("audit", 1200)`, then `advance(n)` until all of it is done, then `close()`."""

    def __init__(self, label: str, total: int, stream: TextIO | None = None) -> None:
        self._label, self._total = label, max(total, 1)
        self._stream = stream or sys.stderr
        self._done = 0
        self._last_tenth = -1

    def advance(self, amount: int = 1) -> None:
        """So much more is done."""
        self._done = min(self._total, self._done + amount)
        tenth = 10 * self._done // self._total
        if self._stream.isatty():
            filled = WIDTH * self._done // self._total
            bar = "#" * filled + "." * (WIDTH - filled)
            self._stream.write(f"\r{self._label} [{bar}] {self._done}/{self._total}")
            self._stream.flush()
        elif tenth != self._last_tenth:
            self._stream.write(f"{self._label} {10 * tenth} % ({self._done}/{self._total})\n")
        self._last_tenth = tenth

    def close(self) -> None:
        """All of it is done."""
        if self._done < self._total:
            self.advance(self._total - self._done)
        if self._stream.isatty():
            self._stream.write("\n")
