"""The origins whose pages may open a socket.

Public: `allowed_origins`, `is_allowed`.
A browser sends cookies and credentials of a page with any WebSocket that the page opens, and no CORS check stands
before it: the Origin header is the only thing that tells a foreign page from ours.
"""

from collections.abc import Iterable
from urllib.parse import urlsplit

_DEFAULT_PORTS = {"http": 80, "https": 443}

Origin = tuple[str, str, int]


def _parse(origin: str) -> Origin | None:
    """(scheme, host, port), or None for `null` and everything else that is no HTTP origin."""
    try:
        parts = urlsplit(origin)
        port = parts.port
    except ValueError:
        return None
    if parts.scheme not in _DEFAULT_PORTS or not parts.hostname or parts.username is not None:
        return None
    if parts.path not in ("", "/") or parts.query or parts.fragment:
        return None
    return parts.scheme, parts.hostname, port or _DEFAULT_PORTS[parts.scheme]


def allowed_origins(urls: Iterable[str]) -> frozenset[Origin]:
    """The origins in `urls`; ValueError names one that is none."""
    origins = set()
    for url in urls:
        origin = _parse(url)
        if origin is None:
            raise ValueError(f"{url!r} is no origin; write scheme://host or scheme://host:port")
        origins.add(origin)
    return frozenset(origins)


def is_allowed(headers: Iterable[tuple[bytes, bytes]], allowed: frozenset[Origin]) -> bool:
    """Whether exactly one Origin header names, by scheme, host and port, an allowed one."""
    sent = [value for name, value in headers if name.lower() == b"origin"]
    if len(sent) != 1:
        return False
    return _parse(sent[0].decode("latin-1")) in allowed
