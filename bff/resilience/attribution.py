"""Attribution: which party each reason counts against, and whether the request may have had an effect. The only table
of both.

Public: `Party`, `Attribution`, `ATTRIBUTION`, `party`.
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


@dataclass(frozen=True, slots=True)
class Attribution:
    """`sent` is False where the request certainly reached nobody, so that saying "nothing was sent" is true."""

    party: Party
    sent: bool = True


_ORIGIN, _RESOURCE = Attribution(Party.ORIGIN), Attribution(Party.RESOURCE)
_ORIGIN_UNREACHED = Attribution(Party.ORIGIN, sent=False)
_ANSWERED = Attribution(Party.NOBODY)
_OURS, _OURS_UNSENT = Attribution(Party.UNPROVED), Attribution(Party.UNPROVED, sent=False)

ATTRIBUTION: Mapping[Reason, Attribution] = MappingProxyType(
    {
        Reason.CONNECT: _ORIGIN_UNREACHED,
        Reason.CONNECT_TIMEOUT: _ORIGIN_UNREACHED,
        Reason.DNS: _ORIGIN_UNREACHED,
        Reason.TLS: _ORIGIN_UNREACHED,
        Reason.TIMEOUT: _ORIGIN,
        Reason.CUT: _ORIGIN,
        # Framing is written by the server itself, the same for all its resources.
        Reason.FRAMING: _ORIGIN,
        Reason.UPSTREAM_ERROR: _ORIGIN,
        Reason.THROTTLED: _ORIGIN,
        Reason.OVERSIZE: _RESOURCE,
        Reason.HEADERS_OVERSIZE: _RESOURCE,
        Reason.CONTENT_TYPE: _RESOURCE,
        Reason.ENCODING: _RESOURCE,
        Reason.UNSAFE_HTML: _RESOURCE,
        Reason.EMPTY: _RESOURCE,
        Reason.NOT_A_FRAGMENT: _RESOURCE,
        Reason.REDIRECT: _ANSWERED,
        Reason.NOT_FOUND: _ANSWERED,
        Reason.UNAUTHORISED: _ANSWERED,
        Reason.REJECTED: _ANSWERED,
        Reason.FEED_STALE: _ANSWERED,
        Reason.FEED_DOWN: _ANSWERED,
        Reason.ENGINE_DOWN: _ANSWERED,
        Reason.STORE_DOWN: _ANSWERED,
        Reason.BREAKER_OPEN: _OURS_UNSENT,
        Reason.BULKHEAD_FULL: _OURS_UNSENT,
        # An overloaded house refuses before any work is done; that proves nothing about the house's health.
        Reason.SHED: _OURS_UNSENT,
        Reason.HELD: _OURS_UNSENT,
        Reason.NOT_PUBLISHED: _OURS_UNSENT,
        Reason.MANIFEST: _OURS_UNSENT,
        Reason.COLD: _OURS,
        Reason.LEFT: _OURS,
        Reason.PENDING: _OURS,
        Reason.INTERNAL: _OURS,
    }
)


def party(reason: Reason) -> Party:
    """The party that an attempt with this `reason` counts against."""
    return ATTRIBUTION[reason].party
