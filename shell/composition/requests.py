"""The requests of the shell to a fragment, for one include or action; nothing a browser sent is passed on.

The guard that carries it adds what remains of the deadline.

Public: `Bearer`, `content_request`, `action_request`, `probe_request`.
"""

from collections.abc import Callable
from urllib.parse import urlencode

from bff.contracts import headers
from bff.resilience.message import Request
from shell.composition.page import Slot, Visit
from shell.composition.release import Release

# Mints a player context of one visit: for an audience (a fragment, or whom a grant names), with these scopes, to live
# so many seconds (0: as long as a page needs it).
Bearer = Callable[[Visit, str, frozenset[str], int], str]

_FORM = "application/x-www-form-urlencoded"


def content_request(release: Release, slot: Slot, visit: Visit, bearer: Bearer) -> Request:
    """The GET behind one include."""
    query = visit.query(slot)
    receipt = visit.receipts.get(slot.name)
    if receipt:
        query["receipt"] = receipt
    if visit.min_sequence:
        query["min_sequence"] = visit.min_sequence
    url = release.content_url(slot.path(visit.params)) + ("?" + urlencode(query) if query else "")
    return Request("GET", url, tuple(_headers(release, slot, visit, bearer)))


def action_request(
    url: str,
    release: Release,
    slot: Slot,
    visit: Visit,
    bearer: Bearer,
    *,
    body: bytes,
    idempotency_key: str,
) -> Request:
    """The POST behind one action; never sent twice by anybody but the player."""
    sent = _headers(release, slot, visit, bearer)
    sent += [("content-type", _FORM), (headers.IDEMPOTENCY_KEY, idempotency_key)]
    return Request("POST", url, tuple(sent), body)


def probe_request(release: Release, slot: Slot, visit: Visit) -> Request:
    """The GET that asks whether a release's upstream is well: what a visitor's include would ask, for nobody."""
    return Request("GET", release.content_url(slot.path(visit.params)), tuple(_headers(release, slot, visit, _nobody)))


def _nobody(visit: Visit, audience: str, scopes: frozenset[str], life_s: int) -> str:
    raise AssertionError("a probe has no player, so it needs no bearer")


def _headers(release: Release, slot: Slot, visit: Visit, bearer: Bearer) -> list[tuple[str, str]]:
    sent = [
        ("user-agent", headers.USER_AGENT),
        ("accept", "text/html"),
        ("accept-encoding", "identity"),
        (headers.REQUESTED_BY, "mullion"),
        (headers.LOCALE, visit.locale),
        (headers.CURRENCY, visit.currency),
        (headers.DEVICE_TYPE, visit.device),
        (headers.MOUNT_ORIGIN, visit.origin),
        (headers.MOUNT_PATHNAME, visit.path),
        (headers.PUBLIC_PATHNAME, visit.page.prefix(slot, visit.params)),
        (headers.DEBUG, "false"),
    ]
    if visit.traceparent:
        sent.append(("traceparent", visit.traceparent))
    # A shared body is kept for everybody: it must not be able to know who asked.
    if visit.player and release.manifest.mullion.audience_of(slot.path(visit.params)) == "player":
        sent.append(("authorization", f"Bearer {bearer(visit, slot.fragment, slot.scopes, 0)}"))
        if (grant := slot.granted(visit.params)) is not None:
            sent.append((headers.GRANT, bearer(visit, grant.audience, grant.scopes, grant.life_s)))
    return sent
