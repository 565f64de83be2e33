"""Checks the head of an answer before its body is read. Decides; does no I/O.

Public: `check_head`.
Sources: RFC 9112 §6.3 (message body length), RFC 9110 §8.6 and §15.4 (Content-Length, redirection).

A body that ends with the connection can not prove that it is whole, and one with two lengths is read differently by two
readers; so exactly one of Content-Length and `Transfer-Encoding: chunked` is accepted.
"""

from bff.resilience.message import CallFailed, Headers
from bff.resilience.policy import Policy
from bff.resilience.reason import Reason

REDIRECTS = frozenset({300, 301, 302, 303, 305, 307, 308})
WITHOUT_BODY = frozenset({204, 304})


def check_head(status: int, version: str, headers: Headers, policy: Policy, *, redirects: bool = False) -> int | None:
    """The body's length in bytes if the head gives it, None if it is chunked; raises `CallFailed`.

    `redirects`: one that sends elsewhere is an answer like any other.
    """
    size_bytes = headers.size_bytes()
    if size_bytes > policy.headers_bytes_max:
        raise _refused(Reason.HEADERS_OVERSIZE, f"{size_bytes} B of headers, above {policy.headers_bytes_max}")
    if not 200 <= status <= 599:
        raise _refused(Reason.FRAMING, f"status {status} ends no request")
    if status in REDIRECTS and not redirects:
        raise _refused(Reason.REDIRECT, f"status {status}; redirects are not followed")
    length = _body_length(status, version, headers)
    if length is not None and length > policy.wire_bytes_max:
        raise _refused(Reason.OVERSIZE, f"Content-Length {length}, above {policy.wire_bytes_max}")
    return length


def _body_length(status: int, version: str, headers: Headers) -> int | None:
    lengths = headers.get_all("content-length")
    encodings = headers.get_all("transfer-encoding")
    if lengths and encodings:
        raise _refused(Reason.FRAMING, "Content-Length together with Transfer-Encoding")
    if status in WITHOUT_BODY:
        return 0
    if encodings:
        _check_chunked(version, encodings)
        return None
    if len(lengths) != 1:
        what = "neither Content-Length nor chunked" if not lengths else f"{len(lengths)} Content-Length fields"
        raise _refused(Reason.FRAMING, what)
    if not (lengths[0].isascii() and lengths[0].isdigit()):
        raise _refused(Reason.FRAMING, "Content-Length is not one number")
    return int(lengths[0])


def _check_chunked(version: str, encodings: list[str]) -> None:
    if version != "HTTP/1.1":
        raise _refused(Reason.FRAMING, f"Transfer-Encoding in {version}")
    if [value.strip().lower() for value in encodings] != ["chunked"]:
        raise _refused(Reason.FRAMING, "Transfer-Encoding other than chunked")


def _refused(reason: Reason, detail: str) -> CallFailed:
    return CallFailed(reason, detail, answered=True)
