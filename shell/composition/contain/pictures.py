"""Files that were copied with a release, pictures above all: what HTML calls them, and where pages find them.

Public: `CopiedFiles`, `NO_FILES`, `candidates`.
"""

import re
from dataclasses import dataclass, field
from urllib.parse import quote, unquote, urljoin, urlsplit

_STRANGE = re.compile(r"[\x00-\x20\x7f\\]|%(?:2e|2f|5c|3f|23|25|00)", re.IGNORECASE)
_URL_CHARS_MAX = 2048
_PATH_SAFE = "/-._~!$&()*+,;=:@"
# A comma ends a candidate where white space follows its address, or none of its own.
_CANDIDATE = re.compile(r"[\s,]*([^\s,]\S*[^\s,]|[^\s,])((?:\s+[0-9.]+[wx])?)\s*(?:,|\Z)")


@dataclass(frozen=True, slots=True)
class CopiedFiles:
    """`base` is the address that content's own are relative to, `folder` where the release's files are served.

    `names` are the paths of these files at their origin; `folder` stands for them.
    """

    base: str = ""
    folder: str = ""
    names: frozenset[str] = field(default=frozenset(), hash=False, compare=False)

    def holds(self, address: str) -> bool:
        """Whether pages find one of these files at `address`."""
        return (
            bool(self.folder) and address.startswith(self.folder) and unquote(address[len(self.folder) :]) in self.names
        )

    def address(self, url: str) -> str | None:
        """Where pages find what the fragment calls `url`; None where it is none of these files."""
        url = url.strip(" ")
        if not self.names or not url or len(url) > _URL_CHARS_MAX or _STRANGE.search(url):
            return None
        try:
            there, own = urlsplit(urljoin(self.base, url)), urlsplit(self.base)
        except ValueError:
            return None
        if (there.scheme, there.netloc.lower()) != (own.scheme, own.netloc.lower()):
            return None
        name = unquote(there.path).lstrip("/") + (f"?{there.query}" if there.query else "")
        if name not in self.names:
            return None
        path, mark, query = name.partition("?")
        return self.folder + quote(path, safe=_PATH_SAFE) + mark + query


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
