"""Who may use the console: its own page, in a browser that was given the token.

Public: `Refusal`, `refusal`, `host_refusal`, `origin`, `policy`, `HOST`.

The token is in the fragment of the address that `up --drills` prints, so that it is in no request and no log; the page
sends it in a header. A cookie would be sent to every port of this machine.
"""

import hmac
from collections.abc import Iterable
from dataclasses import dataclass

# Not 127.0.0.1: the framed lobby is at localhost, and only there are its cookies this browser's.
HOST = "localhost"


@dataclass(frozen=True, slots=True)
class Refusal:
    """`status` is the HTTP status; `sentence` says why, and what to do."""

    status: int
    sentence: str


def origin(port: int) -> str:
    """The origin of the console's page."""
    return f"http://{HOST}:{port}"


def policy(pages: str) -> str:
    """The Content-Security-Policy of the console's page, which shows `pages` in a frame."""
    return "; ".join(
        [
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "img-src 'self'",
            "connect-src 'self'",
            f"frame-src {pages}" if pages else "frame-src 'none'",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
        ]
    )


def host_refusal(headers: Iterable[tuple[bytes, bytes]], port: int) -> Refusal | None:
    """Why a Host header is refused: only the console's own name is accepted, not one that somebody points at this
    machine. Empty if it is accepted."""
    hosts = [value for name, value in headers if name == b"host"]
    if hosts == [f"{HOST}:{port}".encode()]:
        return None
    return Refusal(403, f"The console answers at {origin(port)} alone, with the address that up --drills printed.")


def refusal(headers: Iterable[tuple[bytes, bytes]], port: int, token: str) -> Refusal | None:
    """Why a call of the console's API is refused; `headers` have lower-case names. Empty if it is not."""
    headers = list(headers)
    found = dict(headers)
    if (wrong_host := host_refusal(headers, port)) is not None:
        return wrong_host
    site = found.get(b"sec-fetch-site", b"same-origin")
    if site != b"same-origin" or found.get(b"origin", origin(port).encode()) != origin(port).encode():
        return Refusal(403, "Only the console's own page may do this.")
    given = found.get(b"authorization", b"")
    if not token or not hmac.compare_digest(given, f"Bearer {token}".encode()):
        return Refusal(401, "The token is missing or of another run: open the address that up --drills printed.")
    return None
