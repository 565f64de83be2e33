"""Whose failure a reason is, and whether the request behind it can have had an effect. The one table of both.

Public: `Party`, `Attribution`, `ATTRIBUTION`, `party`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum, unique
from types import MappingProxyType

from bff.resilience.reason import Reason


@unique
class Party(StrEnum):
    """What a call that ended so counts against."""

    ORIGIN = "origin"  # the upstream failed, whatever it was asked for
    RESOURCE = "resource"  # the upstream is well; what it said of this one resource can not be used
    NOBODY = "nobody"  # a proper answer: the upstream and the resource are well
    UNPROVED = "unproved"  # decided or spoiled on this side: nothing is known of either


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
        # Where an answer begins or ends is the server's own writing, the same for all that it serves.
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
        # A door turns away before anything is done; that it stands is no word on what is behind it.
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
    """What an attempt that ended with `reason` counts against."""
    return ATTRIBUTION[reason].party
