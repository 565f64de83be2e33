"""A page as a drill sees it: its slots, their states, and its markup without volatile values.

Public: `View`, `SlotView`, `read`, `FAILED`.
"""

import hashlib
import re
from dataclasses import dataclass, field
from functools import cached_property

from tests.drills.evidence.volatile import SlotMarkup, slots_of

FAILED = 0
_ACTION = re.compile(r'<form\b[^>]*\baction="[^"]*/actions/([a-z-]+)')


@dataclass(frozen=True)
class SlotView:
    """One slot. `digest` is that of its markup without volatile values, so it is equal on two visits that show the
    same."""

    seen: SlotMarkup

    @property
    def state(self) -> str:
        return self.seen.attributes.get("data-state", "")

    @property
    def reason(self) -> str:
        return self.seen.attributes.get("data-reason", "")

    @property
    def version(self) -> str:
        return self.seen.attributes.get("data-version", "")

    @property
    def include_ms(self) -> float | None:
        ms = self.seen.attributes.get("data-ms", "")
        return float(ms) if ms.isdecimal() else None

    @property
    def words(self) -> str:
        return self.seen.text

    @cached_property
    def steady(self) -> str:
        return "".join(self.seen.tokens)

    @cached_property
    def digest(self) -> str:
        return hashlib.sha256(self.steady.encode()).hexdigest()

    @property
    def actions(self) -> frozenset[str]:
        """Its forms' actions."""
        return frozenset(_ACTION.findall(self.seen.markup))


@dataclass(frozen=True, slots=True)
class View:
    """One visit. `status` is 0 if no page came, and `problem` says why. `at` is on the visitor's clock, in seconds."""

    at: float
    took_ms: float
    status: int
    slots: dict[str, SlotView] = field(default_factory=dict)
    whole: bool = False
    problem: str = ""


def read(text: str, *, at: float, took_ms: float, status: int) -> View:
    """The slots of an answer."""
    slots = {name: SlotView(seen) for name, seen in slots_of(text).items()}
    return View(at, took_ms, status, slots, text.rstrip().endswith("</html>"))
