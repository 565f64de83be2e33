"""Output at the terminal: one line a message, which begins with the process's name in its colour.

Public: `Console`, `LOG_FILE`.
"""

import logging
import os
import re
import sys
from collections.abc import Mapping, Sequence
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import TextIO

# Colours that differ on dark and light terminals alike; red is reserved for errors.
COLOURS = (36, 33, 35, 34, 32, 96, 93, 95, 94, 92)
LOG_FILE = "up.log"
FILE_BYTES_MAX = 16 * 1024 * 1024
WRONG, STRONG, FAINT = 31, 1, 2
# A child's log is data: only plain text reaches the terminal, no cursor moves and no titles.
CONTROL = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]|[\x00-\x08\x0b-\x1f\x7f]")


class Console:
    """`gone` turns true when nobody reads any more (closed pipe or terminal). `file` gets every line too, plain, and
    begins anew beside the last `FILE_BYTES_MAX`."""

    def __init__(
        self,
        names: Sequence[str],
        stream: TextIO | None = None,
        environ: Mapping[str, str] = os.environ,
        *,
        file: Path | None = None,
    ) -> None:
        self._stream = stream or sys.stdout
        self._coloured = self._stream.isatty() and not environ.get("NO_COLOR")
        self._width = max([len(name) for name in names] + [len("up")])
        self._colour = {name: COLOURS[place % len(COLOURS)] for place, name in enumerate(names)}
        self.gone = False
        self._file: RotatingFileHandler | None = None
        if file is not None:
            file.unlink(missing_ok=True)  # the file of an earlier run, to which the handler would append
            self._file = RotatingFileHandler(file, maxBytes=FILE_BYTES_MAX, backupCount=1, encoding="utf-8")

    def say(self, text: str) -> None:
        """A line of `up` itself."""
        self._line("up", text, STRONG)

    def warn(self, text: str) -> None:
        self._line("up", text, WRONG)

    def log(self, name: str, line: str) -> None:
        """A line of a child's output."""
        self._line(name, CONTROL.sub("", line), self._colour.get(name, FAINT))

    def block(self, title: str, rows: Sequence[tuple[str, str]]) -> None:
        """A block that stands out: set apart by empty lines and a rule."""
        width = max(len(label) for label, _ in rows)
        body = [f"  {label:<{width}}  {text}" for label, text in rows]
        rule = "─" * max(len(line) for line in [*body, title])
        self._write(
            "\n".join(
                ["", self._paint(rule, FAINT), self._paint(title, STRONG), *body, self._paint(rule, FAINT), "", ""]
            )
        )

    def _line(self, name: str, text: str, colour: int) -> None:
        self._write(f"{self._paint(f'{name:<{self._width}} │', colour)} {text}\n")
        if self._file is not None:
            self._file.emit(logging.makeLogRecord({"msg": f"{name} │ {text}"}))

    def _paint(self, text: str, colour: int) -> str:
        return f"\x1b[{colour}m{text}\x1b[0m" if self._coloured else text

    def _write(self, text: str) -> None:
        if self.gone:
            return
        try:
            self._stream.write(text)
            self._stream.flush()
        except (OSError, ValueError):
            self.gone = True
