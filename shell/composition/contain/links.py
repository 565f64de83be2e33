"""Where a fragment's HTML may point.

Public: `LinkPolicy`, `Reach`.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal
from urllib.parse import unquote

from shell.composition.contain.pictures import NO_FILES, CopiedFiles
from shell.composition.slot_path import SLOTS_PREFIX

Isolation = Literal["shadow", "light"]

# What browsers strip or fold before they read a URL (C0, backslash) has no place in an honest one.
_STRANGE = r"\x00-\x1f\x7f\\"
_HONEST = re.compile(rf"[^{_STRANGE}]*")
_LOCAL = re.compile(rf"(?!//)(/[^{_STRANGE}?#]*)(?:[?#][^{_STRANGE}]*)?")
_ABSOLUTE = re.compile(r"(https?://[a-z0-9.-]+(?::[0-9]{1,5})?)(?=[/?#]|$)", re.IGNORECASE)
_SCHEME = re.compile(r"([a-z][a-z0-9+.-]*):", re.IGNORECASE)
_PICTURE_DATA = re.compile(r"data:image/(?:png|gif|jpeg|webp|avif|svg\+xml)[;,]", re.IGNORECASE)
# Relative to where it stands: no scheme in front of it, nothing strange in it.
_RELATIVE = re.compile(rf"(?![^/?#]*:)[^{_STRANGE}]*")
_PATH_AND_REST = re.compile(r"([^?#]*)(.*)", re.DOTALL)
_DOTS = frozenset({".", ".."})
_ASSETS = "/assets/"
_URL_CHARS_MAX = 2048
# The same few paths come in every body: a look-up costs a tenth of reading one.
_PATHS_CACHED_MAX = 2048


@dataclass(frozen=True, slots=True)
class LinkPolicy:
    """What links of a fragment may lead to, apart from the slot's own prefix.

    `origins` are declared origins (`https://help.example`, lower case). Any path of the shell is open except
    `paths_closed` (written without a slash at the end) and what lies below them. `media_origins` may be played,
    `frame_origins` framed, `picture_origins` shown; `pictures` are copies of the fragment's own, `sheets` those of its
    stylesheets that a shadow root of its own may link.
    """

    origins: frozenset[str] = frozenset()
    paths_closed: tuple[str, ...] = (SLOTS_PREFIX.rstrip("/"),)
    schemes: frozenset[str] = frozenset({"mailto", "tel"})
    media_origins: frozenset[str] = frozenset()
    frame_origins: frozenset[str] = frozenset()
    picture_origins: frozenset[str] = frozenset()
    pictures: CopiedFiles = NO_FILES
    sheets: CopiedFiles = NO_FILES


@dataclass(frozen=True, slots=True)
class Reach:
    """What one slot's HTML may reach: its own `prefix` (`/slots/lobby/wallet`) and what `links` opens.

    Nothing in it makes a script of the page act where it is `sandboxed`. `places` names the slots that stand inside it.
    """

    prefix: str
    isolation: Isolation
    links: LinkPolicy
    sandboxed: bool = False
    places: tuple[str, ...] = ()

    def own(self, url: str) -> bool:
        """Whether `url` stays under the slot's own prefix."""
        path = _path(url)
        return path is not None and self._is_own(path)

    def link(self, url: str) -> bool:
        """Whether a link may lead to `url`: the page itself, the shell's pages, the slot's prefix, declared origins."""
        path = _path(url)
        if path is not None:
            return self._is_own(path) or not self._closed(path)
        url = url.strip(" ")
        if len(url) > _URL_CHARS_MAX or _HONEST.fullmatch(url) is None:
            return False
        if not url or url[0] in "#?" or _origin(url) in self.links.origins:
            return True
        scheme = _SCHEME.match(url)
        return scheme is not None and scheme[1].lower() in self.links.schemes

    def page(self, url: str) -> bool:
        """Whether a form that only asks may go to `url`: the page itself, another of the shell's, the slot's prefix."""
        return not url or (url[0] in "?/" and self.link(url))

    def resolved(self, url: str) -> str | None:
        """A relative `url` as one below the slot's own prefix; None for any other, and for what climbs out of it."""
        url = url.strip(" ")
        if not url or len(url) > _URL_CHARS_MAX or url[0] in "/#?" or _RELATIVE.fullmatch(url) is None:
            return None
        path, rest = _PATH_AND_REST.match(url).groups()  # type: ignore[union-attr]
        segments: list[str] = []
        for segment in path.split("/"):
            if segment == "..":
                if not segments:
                    return None
                segments.pop()
            elif segment != ".":
                segments.append(segment)
        if path.endswith(("/.", "/..")) or path in (".", ".."):
            segments.append("")
        resolved = f"{self.prefix}/{'/'.join(segments)}".removesuffix("/" if not segments else "") + rest
        return resolved if self.own(resolved) else None

    def picture(self, url: str) -> bool:
        """Whether an image may come from `url`: the slot's prefix, the shell's copies, itself, an approved origin."""
        if self._stored(url):
            # Many fragments have a folder of this name themselves: such a file is the fragment's own, with another
            # address in pages.
            return self.links.pictures.stores(url.strip(" ")) or self.links.pictures.address(url) is None
        if _PICTURE_DATA.match(url) is not None:
            return True
        return bool(self.links.picture_origins) and _origin(url.strip(" ")) in self.links.picture_origins

    def media(self, url: str) -> bool:
        """Whether sound or film may come from `url`."""
        return self._stored(url) or _origin(url.strip(" ")) in self.links.media_origins

    def frame(self, url: str) -> bool:
        """Whether `url` may be framed."""
        return _origin(url.strip(" ")) in self.links.frame_origins

    def _stored(self, url: str) -> bool:
        path = _path(url)
        return path is not None and (path.startswith(_ASSETS) or self._is_own(path))

    def _is_own(self, path: str) -> bool:
        return path.startswith(self.prefix) and (len(path) == len(self.prefix) or path[len(self.prefix)] == "/")

    def _closed(self, path: str) -> bool:
        # The shell's server decodes a path once before it routes it; so does this look.
        decoded = unquote(path) if "%" in path else path
        for closed in self.links.paths_closed:
            if decoded.startswith(closed) and (len(decoded) == len(closed) or decoded[len(closed)] == "/"):
                return True
        return False


def _path(url: str) -> str | None:
    """The path of a URL that starts at this origin's root; None for any other URL and for paths that climb."""
    return _read_path(url) if len(url) <= _URL_CHARS_MAX else None


@lru_cache(maxsize=_PATHS_CACHED_MAX)
def _read_path(url: str) -> str | None:
    found = _LOCAL.fullmatch(url.strip(" "))
    if found is None:
        return None
    path = found[1]
    if ("." in path or "%" in path) and not _DOTS.isdisjoint(unquote(path).split("/")):
        return None
    return path


def _origin(url: str) -> str | None:
    if len(url) > _URL_CHARS_MAX or _HONEST.fullmatch(url) is None:
        return None
    found = _ABSOLUTE.match(url)
    return found[1].lower() if found else None
