"""Translates the Location of a fragment's answer to a public address.

Public: `Place`, `public_location`, `page_location`.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import SplitResult, urljoin, urlsplit

from shell.proxy.address import AddressRefused, read_address

_URL = re.compile(r"[!-~]{1,2048}")
_NEVER = frozenset('"<>\\^`{|}')


@dataclass(frozen=True, slots=True)
class Place:
    """What was asked, and where that lies for a browser: `url` below `target_url` is below `public` (a slot's proxy).

    `is_page` says whether a path of the shell's is a page's; `origins` are foreign ones that forms may lead to.
    """

    url: str
    target_url: str
    prefix: str
    target: str
    shell_origin: str
    is_page: Callable[[str], bool]
    origins: frozenset[str] = frozenset()


def public_location(location: str, place: Place) -> str | None:
    """For who reads data: below the same proxy, or an address that is public already; None for any other."""
    found = _resolved(location, place)
    if found is None:
        return None
    return _below(found, place) or _public(found, place)


def page_location(location: str, place: Place) -> str | None:
    """For a browser that sent a form: a page of the shell, or of an origin that operators allow; None for any other."""
    found = _resolved(location, place)
    if found is None:
        return None
    if _is_ours(found, place):
        return _relative(found, found.path) if place.is_page(found.path) else None
    return found.geturl() if f"{found.scheme}://{found.netloc}".lower() in place.origins else None


def _resolved(location: str, place: Place) -> SplitResult | None:
    if not _URL.fullmatch(location) or not _NEVER.isdisjoint(location):
        return None
    try:
        found = urlsplit(urljoin(place.url, location))
    except ValueError:
        return None
    return found if found.scheme in ("http", "https") and "@" not in found.netloc else None


def _below(found: SplitResult, place: Place) -> str | None:
    root = urlsplit(place.target_url)
    folder = root.path.rstrip("/")
    if (found.scheme, found.netloc) != (root.scheme, root.netloc):
        return None
    if found.path != folder and not found.path.startswith(folder + "/"):
        return None
    path = f"{place.prefix}/{place.target}{found.path.removeprefix(folder)}"
    return _relative(found, path) if _is_own(path, place) else None


def _public(found: SplitResult, place: Place) -> str | None:
    return _relative(found, found.path) if _is_ours(found, place) and _is_own(found.path, place) else None


def _is_ours(found: SplitResult, place: Place) -> bool:
    """An address without an origin is resolved against the fragment's own, and means the shell's as well."""
    origin = f"{found.scheme}://{found.netloc}".lower()
    sent = urlsplit(place.url)
    return origin in (place.shell_origin.lower(), f"{sent.scheme}://{sent.netloc}".lower())


def _is_own(path: str, place: Place) -> bool:
    """Whether it is an address of the same slot's proxies, and one that would be passed on."""
    if not path.startswith(place.prefix + "/"):
        return False
    try:
        return read_address(path.encode("ascii"), path) is not None
    except AddressRefused:
        return False


def _relative(found: SplitResult, path: str) -> str:
    return path + (f"?{found.query}" if found.query else "") + (f"#{found.fragment}" if found.fragment else "")
