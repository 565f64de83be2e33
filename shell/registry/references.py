"""The references from a file of a release to other files, and whether each is allowed.

Public: `Reference`, `Reach`, `ReferenceRefused`, `OwnOrigin`.
Source: the URL Standard for what a browser makes of an address. What it and RFC 3986 read in two ways is refused.
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import unquote, urldefrag, urljoin, urlsplit

from shell.registry.origins import origin_of

ADDRESS_CHARS_MAX = 2048
# A browser drops, folds or decodes these before it reads an address; an honest one has none of them.
_STRANGE = re.compile(r"[\x00-\x20\x7f\\]|%(?:2e|2f|5c|3f|23|25|00)", re.IGNORECASE)


class Reach(StrEnum):
    """How a file is reached, which decides what it may be."""

    MODULE = "imports"
    URL = "names"
    STYLE = "@imports"
    PICTURE = "shows"
    FONT = "has the font"


@dataclass(frozen=True, slots=True)
class Reference:
    """An address as it is written in line `line`. `start` and `end` are where its bytes stand, in a script."""

    address: str
    reach: Reach
    line: int
    start: int = 0
    end: int = 0


class ReferenceRefused(Exception):
    """The message says what is wrong with an address, and what to do."""


@dataclass(frozen=True, slots=True)
class OwnOrigin:
    """Addresses of files of one origin (`https://x.example`), as paths of the release's folder."""

    origin: str

    def resolve(self, base: str, address: str) -> str:
        """`address` as the file at `base` means it, without its fragment; raises `ReferenceRefused`."""
        if len(address) > ADDRESS_CHARS_MAX:
            raise ReferenceRefused(f"an address of {len(address)} characters; at most {ADDRESS_CHARS_MAX} are read")
        if _STRANGE.search(address):
            raise ReferenceRefused(
                f"{address[:80]!r} holds a character that is read in more than one way (a space, a backslash, an "
                "escaped dot, slash or percent sign). Give the file a plain name"
            )
        url = _joined(base, address)
        if url is None or origin_of(url) != origin_of(self.origin):
            raise ReferenceRefused(
                f"{address[:80]!r} is on another origin than {self.origin}, and pages load nothing from there. "
                "Serve the file from your own origin, or bundle it"
            )
        return url

    def key(self, url: str) -> str:
        """Where the file at `url` stands in the folder: its path, decoded, and its query as it is."""
        parts = urlsplit(url)
        return unquote(parts.path).lstrip("/") + (f"?{parts.query}" if parts.query else "")


def _joined(base: str, address: str) -> str | None:
    try:
        return urldefrag(urljoin(base, address)).url
    except ValueError:
        return None
