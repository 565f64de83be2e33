"""The findings of a check, each with its place and its remedy.

Public: `Finding`, `Level`.
"""

from dataclasses import dataclass
from enum import StrEnum

from shell.registry.gate.rules import Rule


class Level(StrEnum):
    """An error is refused at publish or never shown; a warning is shown otherwise than it was meant."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Finding:
    """`rule` is what it is about, `field` names the manifest's field or the slot, `source` is the file that is wrong.

    `line` counts from 1; it is None where a file has no line for it. `remedy` is what to do.
    """

    rule: Rule
    level: Level
    field: str
    message: str
    remedy: str
    source: str = ""
    line: int | None = None

    @property
    def place(self) -> str:
        return f"{self.source}:{self.line}" if self.source and self.line else self.source
