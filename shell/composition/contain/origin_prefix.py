"""Files that pages get through the shell from a fragment's own origin: those below a prefix that its manifest declares.

Public: `OriginPrefix`, `OriginAddress`, `NO_PREFIX`.

An address that the shell writes into a body is signed, and the same in every process and at every time. An unsigned
address that a browser asks for may be made up, so it gets fewer resources (`shell/proxy/origin_files.py`).
"""

import base64
import hmac
import re
from dataclasses import dataclass, field
from urllib.parse import SplitResult, quote, unquote

_PATH_SAFE = "/-._~!$&()*+,;=:@"
# Decoded once already: what is left of an escape, or means something else in another reader, names no honest file.
_STRANGE = re.compile(r"[\x00-\x1f\x7f-\x9f\\%?#\ufffd]")
_QUERY = re.compile(r"[A-Za-z0-9._~!$&'()*+,;=:@/?-]{0,256}")
_NO_NAMES = frozenset({"", ".", ".."})
_PATH_CHARS_MAX = 1024
_SIGNATURE_BYTES = 12
_SIGNED = re.compile(r"/~([A-Za-z0-9_-]{16})(/.*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class OriginAddress:
    """Where a file is at its origin; `signed`: a body of this release has shown it."""

    url: str
    signed: bool


@dataclass(frozen=True, slots=True)
class OriginPrefix:
    """`paths` of `origin` (`https://x.example`), each with a slash at its end.

    A file's address in pages is `folder`, a signature by `key`, and its whole path there.
    """

    folder: str = ""
    origin: str = ""
    paths: tuple[str, ...] = ()
    key: bytes = field(default=b"", repr=False)

    def holds(self, address: str) -> bool:
        """Whether `address` is one that pages find such a file at."""
        return bool(self.folder) and address.startswith(self.folder)

    def address(self, there: SplitResult) -> str | None:
        """Where pages find the file at `there`; None where it is below no prefix."""
        if f"{there.scheme}://{there.netloc.lower()}" != self.origin:
            return None
        path = unquote(there.path)
        if not self._below(path) or _QUERY.fullmatch(there.query) is None:
            return None
        signature = self._signature(path, there.query)
        written = quote(path, safe=_PATH_SAFE) + (f"?{there.query}" if there.query else "")
        return f"{self.folder}~{signature}{written}"

    def read(self, path: str, query: str) -> OriginAddress | None:
        """What pages ask for as `path` (decoded, with its slash) below `folder`; None where it is below no prefix."""
        found = _SIGNED.fullmatch(path)
        signature, path = (found[1], found[2]) if found else ("", path)
        url = self._url(path, query)
        if url is None:
            return None
        return OriginAddress(url, hmac.compare_digest(signature, self._signature(path, query)))

    def _signature(self, path: str, query: str) -> str:
        signed = hmac.digest(self.key, f"{path}?{query}".encode(), "sha256")
        return base64.urlsafe_b64encode(signed[:_SIGNATURE_BYTES]).decode()

    def _url(self, path: str, query: str) -> str | None:
        if not self._below(path) or _QUERY.fullmatch(query) is None:
            return None
        return self.origin + quote(path, safe=_PATH_SAFE) + (f"?{query}" if query else "")

    def _below(self, path: str) -> bool:
        if len(path) > _PATH_CHARS_MAX or _STRANGE.search(path):
            return False
        return path.startswith(self.paths) and _NO_NAMES.isdisjoint(map(_name, path.split("/")[1:]))


def _name(segment: str) -> str:
    """The file's name as a server may read it: some drop what follows a semicolon, others the blanks around it."""
    return segment.partition(";")[0].strip(" ")


NO_PREFIX = OriginPrefix()
