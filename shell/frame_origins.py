"""The origins that pages may frame: never one of this installation, as its pages in a frame would have the player's
session.

Public: `frame_origin_problem`.
"""

import re
from collections.abc import Iterable
from urllib.parse import urlsplit

_ORIGIN = re.compile(r"https?://[a-z0-9.-]+(?::[0-9]{1,5})?")
_PORTS = {"http": 80, "https": 443}


def frame_origin_problem(origin: str, *, ours: Iterable[str], hosts: Iterable[str], local: bool) -> str | None:
    """Why `origin` may not be framed, in a sentence; None where it may.

    `ours` are addresses of this installation, `hosts` the names that it answers to. In a `local` run all houses share
    their names, so there an origin is told apart by its port too.
    """
    if _ORIGIN.fullmatch(origin) is None:
        return f"{origin!r} is no origin; write it in lower case without a path, as in https://games.example"
    if not local and not origin.startswith("https:"):
        return f"{origin} is not reached by https; a page that is would not show it"
    parts = urlsplit(origin)
    if local:
        same = any(_port(origin) == _port(url) for url in ours) and parts.hostname in {*hosts, *_names(ours)}
    else:
        same = parts.hostname in _names(ours) or any(_covers(host, parts.hostname or "") for host in hosts)
    return f"{origin} is an origin of this installation; its pages would act in the frame" if same else None


def _names(urls: Iterable[str]) -> set[str | None]:
    return {urlsplit(url).hostname for url in urls}


def _port(url: str) -> int | None:
    parts = urlsplit(url)
    return parts.port or _PORTS.get(parts.scheme)


def _covers(pattern: str, host: str) -> bool:
    """As Django reads an allowed host."""
    return pattern == host or (pattern.startswith(".") and (host == pattern[1:] or host.endswith(pattern)))
