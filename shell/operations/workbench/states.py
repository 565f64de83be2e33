"""The states in which a fragment is looked at, and one cell: a slot in one of them.

Public: `BenchState`, `Cell`, `WIDTHS_PX`, `THEMES`.
"""

import re
from dataclasses import dataclass
from enum import StrEnum

WIDTHS_PX = (1280, 768, 390)
THEMES = ("dark", "light")
_KEY = re.compile(r"([a-z][a-z0-9-]{0,62})\.([0-9]{1,3})\.([a-z-]{1,16})\.(ltr|rtl)\.(in|out)", re.ASCII)


class BenchState(StrEnum):
    """What the fixtures do to a fragment. The first five are what its BFF says, the last two what a shell does."""

    FRESH = "fresh"
    DEGRADED = "degraded"  # the feed behind the BFF is old
    FEED_DOWN = "feed-down"  # the feed is gone, and the BFF says what it has
    SLOW = "slow"  # the BFF answers after everybody has stopped waiting
    HUGE_NAMES = "huge-names"  # every name in the fixtures is far longer than anybody expects
    STALE = "stale"  # its process is gone, and a page shows the last good copy
    GONE = "gone"  # its process is gone, and a page shows its fallback

    @property
    def words(self) -> str:
        """For a switch."""
        return self.value.replace("-", " ")


@dataclass(frozen=True, slots=True)
class Cell:
    """Slot number `look` of `fragment` in `state`. `key` names it in an address, and as a page of its own."""

    fragment: str
    look: int = 0
    state: BenchState = BenchState.FRESH
    direction: str = "ltr"
    signed_in: bool = True

    @property
    def key(self) -> str:
        return f"{self.fragment}.{self.look}.{self.state}.{self.direction}.{'in' if self.signed_in else 'out'}"

    @classmethod
    def of(cls, key: str) -> "Cell | None":
        """The cell that `key` names, None where it names none."""
        found = _KEY.fullmatch(key)
        if found is None or found[3] not in list(BenchState):
            return None
        return cls(found[1], int(found[2]), BenchState(found[3]), found[4], found[5] == "in")
