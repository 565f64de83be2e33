"""The allow-list of origins for releases: protects against a manifest that makes the shell call other addresses (SSRF).

Public: `Origins`, `origin_of`, `base_of`.
"""

from collections.abc import Iterable, Mapping, Sequence
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

    def __init__(self, allowed: Iterable[str], *, loopback: bool, owners: Mapping[Origin, str] = {}) -> None:
        self._allowed = frozenset(origin for url in allowed if (origin := origin_of(url)))
        self._loopback = loopback
        self._owners = owners

    def before_name(self, lists: Mapping[str, Sequence[str]]) -> "Origins":
        """The check before the manifest's name is known: also origins that operators allow for any fragment."""
        return self._with(own for origins in lists.values() for own in origins)

    def of_fragment(self, fragment: str, lists: Mapping[str, Sequence[str]]) -> "Origins":
        """For `fragment` alone: its own list where it has one, and nothing that stands on another's list alone."""
        own = frozenset(origin for url in lists.get(fragment, ()) if (origin := origin_of(url)))
        owners = {
            origin: name
            for name, origins in lists.items()
            for url in origins
            if (origin := origin_of(url)) and origin not in own
        }
        if lists.get(fragment):
            return Origins(lists[fragment], loopback=False, owners=owners)
        return self._with((), owners)

    def owner_of(self, url: str) -> str:
        """The fragment that alone may be published from this origin; empty without one."""
        origin = origin_of(url)
        return self._owners.get(origin, "") if origin else ""

    def _with(self, more: Iterable[str], owners: Mapping[Origin, str] = {}) -> "Origins":
        widened = Origins(more, loopback=self._loopback, owners=owners)
        widened._allowed |= self._allowed
        return widened

    def allows(self, url: str) -> bool:
        origin = origin_of(url)
        if origin is None or origin in self._owners:
            return False
        return origin in self._allowed or (self._loopback and origin[1] in _LOOPBACK)
