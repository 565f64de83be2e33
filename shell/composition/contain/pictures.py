"""Files that were copied with a release, pictures above all: what HTML calls them, and where pages find them.

Public: `CopiedFiles`, `NO_FILES`, `candidates`.
"""

import re
from dataclasses import dataclass, field
from urllib.parse import SplitResult, quote, unquote, urljoin, urlsplit

from shell.composition.contain.origin_prefix import NO_PREFIX, OriginPrefix

_STRANGE = re.compile(r"[\x00-\x20\x7f\\]|%(?:2e|2f|5c|3f|23|25|00)", re.IGNORECASE)
_URL_CHARS_MAX = 2048
_PATH_SAFE = "/-._~!$&()*+,;=:@"
# A comma ends a candidate where white space follows its address, or none of its own.
_CANDIDATE = re.compile(r"[\s,]*([^\s,]\S*[^\s,]|[^\s,])((?:\s+[0-9.]+[wx])?)\s*(?:,|\Z)")


@dataclass(frozen=True, slots=True)
class CopiedFiles:
    """`base` is the address that content's own are relative to, `folder` where the release's files are served.

    `names` are the paths of these files at their origin; `folder` stands for them. What was not copied and lies below
    `prefix` comes through the shell.
    """

    base: str = ""
    folder: str = ""
    names: frozenset[str] = field(default=frozenset(), hash=False, compare=False)
    prefix: OriginPrefix = NO_PREFIX

    def holds(self, address: str) -> bool:
        """Whether pages find one of these files at `address`."""
        return (
            bool(self.folder) and address.startswith(self.folder) and unquote(address[len(self.folder) :]) in self.names
        )

    def stores(self, path: str) -> bool:
        """Whether `path` is one of the addresses that these files have in pages."""
        return (bool(self.folder) and path.startswith(self.folder)) or self.prefix.holds(path)

    def passes(self, url: str) -> bool:
        """Whether what the fragment calls `url` lies below its prefix."""
        there = self._resolved(url)
        return there is not None and self.prefix.address(there) is not None

    def address(self, url: str) -> str | None:
        """Where pages find what the fragment calls `url`; None where it is none of these files."""
        there = self._resolved(url)
        if there is None:
            return None
        own = urlsplit(self.base)
        if (there.scheme, there.netloc.lower()) == (own.scheme, own.netloc.lower()):
            name = unquote(there.path).lstrip("/") + (f"?{there.query}" if there.query else "")
            if name in self.names:
                path, mark, query = name.partition("?")
                return self.folder + quote(path, safe=_PATH_SAFE) + mark + query
        return self.prefix.address(there)

    def _resolved(self, url: str) -> SplitResult | None:
        """The address that `url` means, if any of these files could have it."""
        url = url.strip(" ")
        if not (self.names or self.prefix.paths) or not url or len(url) > _URL_CHARS_MAX or _STRANGE.search(url):
            return None
        try:
            return urlsplit(urljoin(self.base, url))
        except ValueError:
            return None


NO_FILES = CopiedFiles()


def candidates(srcset: str) -> list[tuple[str, str]] | None:
    """(address, its width or density as it is written) of each; None for what is no set of them."""
    found, at = [], 0
    while at < len(srcset):
        match = _CANDIDATE.match(srcset, at)
        if match is None:
            return None
        found.append((match[1], match[2].strip()))
        at = match.end()
    return found
