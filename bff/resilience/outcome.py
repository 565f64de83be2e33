"""How a call or an include ended.

Public: `Failure`, `State`, `Outcome`.
"""

from datetime import datetime
from enum import StrEnum, unique
from typing import Generic, TypeVar

import msgspec

from bff.resilience.reason import Reason
from bff.resilience.reason_properties import PROPERTIES

T = TypeVar("T")


class Failure(msgspec.Struct, frozen=True):
    """A call that has no usable answer. `detail` is for the log, never for a page.

    `status` is the upstream's, if any. `retry_after_ms` says when asking again may help: the upstream's own
    Retry-After, capped, or the moment at which the breaker may be closed again. `code` is the word of the problem
    (RFC 9457) that a 429 or 5xx carried, empty where it carried none. `upstream` names who failed, where whoever made
    the call says so. `late`: no answer came in time, or nobody was asked because none had.
    """

    reason: Reason
    detail: str = ""
    retry_after_ms: int | None = None
    status: int | None = None
    code: str = ""
    upstream: str = ""
    late: bool = False

    @property
    def sent(self) -> bool:
        """Whether the request may have reached the upstream; False is certain."""
        return PROPERTIES[self.reason].sent

    @property
    def without_effect(self) -> bool:
        """Whether a command that ended so was certainly not carried out."""
        return PROPERTIES[self.reason].without_effect


@unique
class State(StrEnum):
    """The rungs of the ladder, best first."""

    FRESH = "fresh"
    DEGRADED = "degraded"  # the fragment itself says that its feed is failing
    STALE = "stale"  # the last good copy
    FALLBACK = "fallback"  # the release's own
    PLACEHOLDER = "placeholder"  # the shell's neutral card

    __hash__ = str.__hash__  # an enum's own is a call of Python, and a member is its string


class Outcome(msgspec.Struct, Generic[T], frozen=True):
    """What fills a place, and on which rung. Every state but fresh has a reason; `as_of` (UTC) is the value's age.

    `retry_after_ms` is that of the failure behind it, if any.
    """

    state: State
    value: T
    reason: Reason | None = None
    detail: str = ""
    as_of: datetime | None = None
    retry_after_ms: int | None = None

    def __post_init__(self) -> None:
        if (self.state is State.FRESH) != (self.reason is None):
            raise ValueError(f"an outcome that is {self.state} {'needs a' if self.reason is None else 'has no'} reason")
