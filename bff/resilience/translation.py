"""Translates pyreqwest's errors to reasons. Decides, does no I/O.

Public: `translate`.

Its exception types mislead (a late answer is a `ConnectTimeoutError`; refused, DNS, TLS and reset are all
`ConnectError`), so the chain of causes decides and the type only says in which half of the call it happened.
"""

from pyreqwest import exceptions as foreign

from bff.resilience.message import CallFailed
from bff.resilience.reason import Reason

_CONNECTING = "client error (Connect)"
_ENDED = ("connection closed", "end of file before message length", "unexpected EOF", "os error")


def translate(error: Exception) -> CallFailed:
    """The one `CallFailed` that `error` means. Its detail never holds the URL, which may carry what is not for logs."""
    causes = _causes(error)
    detail = (causes[-1] if causes else str(error))[:200]
    if isinstance(error, foreign.RequestTimeoutError):
        return _late(error, causes)
    if isinstance(error, foreign.ConnectError):
        return CallFailed(_unconnected(causes), detail)
    if isinstance(error, foreign.BodyDecodeError | foreign.ReadError):
        ended = any(mark in detail for mark in _ENDED)
        return CallFailed(Reason.CUT if ended else Reason.FRAMING, detail, answered=True)
    if isinstance(error, foreign.WriteError):
        return CallFailed(Reason.CUT, detail)
    if isinstance(error, foreign.DecodeError):
        oversize = "message head is too large" in detail
        return CallFailed(Reason.HEADERS_OVERSIZE if oversize else Reason.FRAMING, detail, answered=True)
    return CallFailed(Reason.INTERNAL, f"{type(error).__name__}: {detail}")


def _causes(error: Exception) -> list[str]:
    if not isinstance(error, foreign.DetailedPyreqwestError):
        return []
    # The first cause repeats the URL.
    return [cause["message"] for cause in error.details.get("causes") or [] if " for url (" not in cause["message"]]


def _late(error: foreign.RequestTimeoutError, causes: list[str]) -> CallFailed:
    if _CONNECTING in causes:
        return CallFailed(Reason.CONNECT_TIMEOUT, "no connection in time")
    reading = isinstance(error, foreign.ReadTimeoutError)
    return CallFailed(Reason.TIMEOUT, "the body came too late" if reading else "no answer in time", answered=reading)


def _unconnected(causes: list[str]) -> Reason:
    if _CONNECTING not in causes:
        return Reason.CUT  # connected, sent, and closed before a byte of an answer
    if "dns error" in causes:
        return Reason.DNS
    # What fails behind name and TCP, and before the request, is the handshake.
    return Reason.CONNECT if "tcp connect error" in causes else Reason.TLS
