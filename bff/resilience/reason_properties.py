"""What follows from each reason: the only table. Who decides by a kind of reason asks it here and lists none.

Public: `Party`, `ReasonProperties`, `PROPERTIES`, `LATE`, `party`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum, unique
from types import MappingProxyType

from bff.resilience.reason import Reason


@unique
class Party(StrEnum):
    """What a failed call counts against."""

    ORIGIN = "origin"  # the upstream failed, whichever resource was requested
    RESOURCE = "resource"  # the upstream is healthy; its answer for this one resource can not be used
    NOBODY = "nobody"  # a proper answer: the upstream and the resource are well
    UNPROVED = "unproved"  # decided or failed on this side: the call proves nothing about upstream or resource


@unique
class Source(StrEnum):
    """What failed, where the reason itself names its kind."""

    FEED = "feed"
    ENGINE = "engine"


@dataclass(frozen=True, slots=True)
class ReasonProperties:
    """`party`: whom the call counts against. `sent`: False where the request certainly reached nobody.

    `refused`: it was turned away before any work. `late`: no answer came in time, where one might have come a little
    later. `needs_time`: with more time it might have ended otherwise, so of a call that had little it proves nothing.
    `retried`: a GET that ended so, with no answer begun, may be sent once more. `denies`: a proper statement about the
    request itself, which no older answer may stand in for. `lasting`: the same request will end so again.
    `source`: which kind of upstream it means. `fragments_say`: a fragment may call itself degraded by it.
    `shell_decides`: it names no upstream. `continues`: the call goes on without the page.
    `judges_release`: it says something about the release that it happened to.
    """

    party: Party
    sent: bool = True
    refused: bool = False
    late: bool = False
    needs_time: bool = False
    retried: bool = False
    denies: bool = False
    lasting: bool = False
    source: Source | None = None
    fragments_say: bool = False
    shell_decides: bool = False
    continues: bool = False
    judges_release: bool = True

    @property
    def without_effect(self) -> bool:
        """Whether a command that ended so was certainly not carried out."""
        return self.refused or not self.sent

    @property
    def passed_on(self) -> bool:
        """Whether a fragment says it by its own status; of another that denies it calls itself degraded."""
        return self.denies and not self.fragments_say


_P = ReasonProperties
_ORIGIN, _RESOURCE, _NOBODY, _UNPROVED = Party.ORIGIN, Party.RESOURCE, Party.NOBODY, Party.UNPROVED

PROPERTIES: Mapping[Reason, ReasonProperties] = MappingProxyType(
    {
        Reason.CONNECT: _P(_ORIGIN, sent=False, retried=True, fragments_say=True),
        Reason.CONNECT_TIMEOUT: _P(_ORIGIN, sent=False, late=True, needs_time=True, fragments_say=True),
        # A name that is not there is not late; one that is looked up with little time left may well be there.
        Reason.DNS: _P(_ORIGIN, sent=False, needs_time=True, fragments_say=True),
        Reason.TLS: _P(_ORIGIN, sent=False, fragments_say=True),
        Reason.TIMEOUT: _P(_ORIGIN, late=True, needs_time=True, fragments_say=True),
        Reason.CUT: _P(_ORIGIN, retried=True, fragments_say=True),
        # Framing is written by the server itself, the same for all its resources.
        Reason.FRAMING: _P(_ORIGIN, lasting=True, fragments_say=True),
        Reason.UPSTREAM_ERROR: _P(_ORIGIN, fragments_say=True),
        Reason.THROTTLED: _P(_ORIGIN, refused=True, fragments_say=True),
        Reason.OVERSIZE: _P(_RESOURCE, lasting=True, fragments_say=True),
        Reason.HEADERS_OVERSIZE: _P(_RESOURCE, lasting=True, fragments_say=True),
        Reason.CONTENT_TYPE: _P(_RESOURCE, lasting=True, fragments_say=True),
        Reason.ENCODING: _P(_RESOURCE, lasting=True, fragments_say=True),
        # Only the shell looks at HTML, and at whose answer it is.
        Reason.UNSAFE_HTML: _P(_RESOURCE, lasting=True),
        Reason.EMPTY: _P(_RESOURCE, lasting=True),
        Reason.NOT_A_FRAGMENT: _P(_RESOURCE, lasting=True),
        Reason.REDIRECT: _P(_NOBODY, denies=True, lasting=True, fragments_say=True),
        # Of something that is not there or not allowed a fragment says so by its status, and is not degraded.
        Reason.NOT_FOUND: _P(_NOBODY, denies=True),
        Reason.UNAUTHORISED: _P(_NOBODY, denies=True, judges_release=False),
        Reason.REJECTED: _P(_NOBODY, denies=True, fragments_say=True),
        Reason.FEED_STALE: _P(_NOBODY, source=Source.FEED, fragments_say=True),
        Reason.FEED_DOWN: _P(_NOBODY, source=Source.FEED, fragments_say=True),
        Reason.ENGINE_DOWN: _P(_NOBODY, source=Source.ENGINE, fragments_say=True),
        Reason.STORE_DOWN: _P(_NOBODY, fragments_say=True),
        Reason.BREAKER_OPEN: _P(_UNPROVED, sent=False, fragments_say=True),
        Reason.BULKHEAD_FULL: _P(_UNPROVED, sent=False, fragments_say=True),
        # An overloaded house refuses before any work is done; that proves nothing about the house's health.
        Reason.SHED: _P(_UNPROVED, sent=False, refused=True, fragments_say=True),
        Reason.HELD: _P(_UNPROVED, sent=False, shell_decides=True, judges_release=False),
        Reason.NOT_PUBLISHED: _P(_UNPROVED, sent=False, shell_decides=True, judges_release=False),
        Reason.MANIFEST: _P(_UNPROVED, sent=False),
        # The call is still under way, and is counted when it ends badly.
        Reason.COLD: _P(_UNPROVED, shell_decides=True, continues=True, judges_release=False),
        Reason.LEFT: _P(_UNPROVED, shell_decides=True, judges_release=False),
        Reason.PENDING: _P(_UNPROVED, shell_decides=True),
        Reason.INTERNAL: _P(_UNPROVED, shell_decides=True, judges_release=False),
    }
)

LATE = frozenset(reason for reason, each in PROPERTIES.items() if each.late)


def party(reason: Reason) -> Party:
    """The party that an attempt with this `reason` counts against."""
    return PROPERTIES[reason].party
