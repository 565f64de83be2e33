"""The requests of the shell to a fragment, for one include or action; nothing a browser sent is passed on.

The guard that carries it adds what remains of the deadline.

Public: `Bearer`, `content_request`, `action_request`, `api_headers`, `probe_request`.
"""

from collections.abc import Callable
from urllib.parse import urlencode

from bff.contracts import headers
from bff.contracts.load_class import PROBE
from bff.contracts.own_write import MIN_SEQUENCE_QUERY, RECEIPT_QUERY
from bff.resilience.message import Request
from shell.composition.form_keys import FILLED_HERE
from shell.composition.include import Include
from shell.composition.page import Visit

# Mints a player context of one visit: for an audience (a fragment, or whom a grant names), with these scopes, to live
# so many seconds (0: as long as a page needs it).
Bearer = Callable[[Visit, str, frozenset[str], int], str]


def content_request(include: Include, bearer: Bearer) -> Request:
    """The GET behind one include."""
    query = dict(include.query)
    if include.receipt:
        query[RECEIPT_QUERY] = include.receipt
    if include.visit.min_sequence:
        query[MIN_SEQUENCE_QUERY] = include.visit.min_sequence
    url = include.published.content_url(include.pathname)
    if query:
        url += ("&" if "?" in url else "?") + urlencode(query)
    return Request("GET", url, tuple(_headers(include, bearer)))


def action_request(
    url: str, include: Include, bearer: Bearer, *, content_type: str, body: bytes, idempotency_key: str
) -> Request:
    """The POST behind one action; never sent twice by anybody but the player."""
    sent = _headers(include, bearer)
    sent += [("content-type", content_type), (headers.IDEMPOTENCY_KEY, idempotency_key)]
    return Request("POST", url, tuple(sent), body, redirects=True)


def api_headers(include: Include, bearer: Bearer) -> list[tuple[str, str]]:
    """The headers about the visit on a call to a fragment's own API; those about the wanted representation come from
    the browser. Its answers are never cached, so the call may carry the player context even where the content is
    shared.
    """
    # What a script of the fragment's own asks for is no slot of a page, and nothing is filled into it.
    left_out = ("accept", "accept-encoding", headers.FORM_KEYS)
    sent = [(name, value) for name, value in _context(include) if name not in left_out]
    if _hears_of_player(include):
        sent.append(_authorization(include, bearer))
    return sent


def probe_request(include: Include) -> Request:
    """The GET that asks whether a release's upstream is well: what a visitor's include would ask, for nobody."""
    sent = [(name, value) for name, value in _headers(include, _no_bearer) if name != headers.LOAD_CLASS]
    return Request("GET", include.published.content_url(include.pathname), (*sent, (headers.LOAD_CLASS, PROBE)))


def _no_bearer(visit: Visit, audience: str, scopes: frozenset[str], life_s: int) -> str:
    raise AssertionError("a probe has no player, so it needs no bearer")


def _context(include: Include) -> list[tuple[str, str]]:
    visit = include.visit
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
        (headers.PUBLIC_PATHNAME, include.prefix),
        (headers.DEBUG, "false"),
        (headers.LOAD_CLASS, visit.load_class),
        FILLED_HERE,
    ]
    if visit.traceparent:
        sent.append(("traceparent", visit.traceparent))
    return sent


def _hears_of_player(include: Include) -> bool:
    return bool(include.visit.player) and not include.published.own_machine


def _authorization(include: Include, bearer: Bearer) -> tuple[str, str]:
    """The Authorization header: the player context, for this fragment alone."""
    return "authorization", f"Bearer {bearer(include.visit, include.slot.fragment, include.slot.scopes, 0)}"


def _headers(include: Include, bearer: Bearer) -> list[tuple[str, str]]:
    slot, visit = include.slot, include.visit
    sent = _context(include)
    # A shared body is cached for all visitors, so its request carries no player.
    if _hears_of_player(include) and include.audience == "player":
        sent.append(_authorization(include, bearer))
        if (grant := slot.granted(visit.params)) is not None:
            sent.append((headers.GRANT, bearer(visit, grant.audience, grant.scopes, grant.life_s)))
    return sent
