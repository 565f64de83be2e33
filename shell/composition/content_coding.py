"""A body with its compressed forms, of which each answer takes the smallest that the browser accepts.

Public: `CodedBody`.
Source: RFC 9110, 8.4.1 (content codings) and 12.5.3 (Accept-Encoding).
"""

import gzip
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import brotli

# Below this the headers that say so cost more than is saved.
_BYTES_MIN = 256
# Brotli's best quality takes two seconds for a megabyte, and the first browser waits for it.
_BEST_BYTES_MAX = 32 * 1024
_BROTLI_BEST, _BROTLI_FAST = 11, 9
_COMPRESSIBLE = ("text/", "image/svg+xml", "application/json", "application/javascript")


@dataclass(frozen=True, slots=True)
class CodedBody:
    """`plain` as it is, and `coded` by content coding: empty where compression saves nothing."""

    plain: bytes
    coded: Mapping[str, bytes]

    @classmethod
    def of(cls, content_type: str, body: bytes) -> "CodedBody":
        """Compressed once, for as long as the process lives."""
        if len(body) < _BYTES_MIN or not content_type.startswith(_COMPRESSIBLE):
            return cls(body, {})
        quality = _BROTLI_BEST if len(body) <= _BEST_BYTES_MAX else _BROTLI_FAST
        coded = {
            "br": brotli.compress(body, mode=brotli.MODE_TEXT, quality=quality),
            "gzip": gzip.compress(body, compresslevel=9, mtime=0),
        }
        return cls(body, {coding: made for coding, made in coded.items() if len(made) < len(body)})

    def answer_to(self, accept_encoding: str) -> tuple[list[tuple[str, str]], bytes]:
        """(headers, body) for a browser that sent this `Accept-Encoding`; "" where it sent none.

        What it weighs highest wins, and of equals the smallest. Nobody is refused: an unknown coding, or a header
        that can not be read, gets the plain body.
        """
        if not self.coded:
            return [], self.plain
        weights = dict(_weights(accept_encoding))
        others = weights.get("*", 0.0)
        choices = [(weights.get("identity", 0.0), -len(self.plain), "")]
        choices += [(weights.get(coding, others), -len(body), coding) for coding, body in self.coded.items()]
        weight, _, coding = max(choices)
        if weight == 0 or not coding:
            return [("vary", "accept-encoding")], self.plain
        return [("vary", "accept-encoding"), ("content-encoding", coding)], self.coded[coding]


def _weights(accept_encoding: str) -> Iterator[tuple[str, float]]:
    for part in accept_encoding.lower().split(","):
        coding, _, parameter = part.partition(";")
        name, _, value = parameter.partition("=")
        yield coding.strip(), _weight(value.strip()) if name.strip() == "q" else float(not parameter.strip())


def _weight(value: str) -> float:
    """0 to 1, and 0 for what is no weight: what can not be read accepts nothing."""
    whole, _, rest = value.partition(".")
    if not (whole in ("0", "1") and len(rest) <= 3 and (rest == "" or (rest.isascii() and rest.isdecimal()))):
        return 0.0
    return min(1.0, float(f"{whole}.{rest or 0}"))
