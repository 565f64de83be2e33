"""Which origins a release may come from: the wall against a manifest that sends the shell elsewhere (SSRF).

Public: `Origins`, `origin_of`, `base_of`.
"""

from collections.abc import Iterable
from urllib.parse import urlsplit

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_DEFAULT_PORT = {"http": 80, "https": 443}

Origin = tuple[str, str, int]


def origin_of(url: str) -> Origin | None:
    """Scheme, host and port of `url`; None where it is no plain http or https URL."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    if parts.scheme not in _DEFAULT_PORT or not parts.hostname or parts.username or parts.password:
        return None
    return parts.scheme, parts.hostname.lower(), port or _DEFAULT_PORT[parts.scheme]


def base_of(url: str) -> str:
    """The origin of `url` as it is written there."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


class Origins:
    """An allow-list of `scheme://host[:port]`; `loopback` lets a local run in as well, on any port."""

    def __init__(self, allowed: Iterable[str], *, loopback: bool) -> None:
        self._allowed = frozenset(origin for url in allowed if (origin := origin_of(url)))
        self._loopback = loopback

    def allows(self, url: str) -> bool:
        origin = origin_of(url)
        if origin is None:
            return False
        return origin in self._allowed or (self._loopback and origin[1] in _LOOPBACK)
