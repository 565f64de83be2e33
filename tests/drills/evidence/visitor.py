"""A visitor of a page: cookies, headers and trace.

Public: `Visitor`, `new_trace`, `server_timings`.
"""

import re
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

TIMINGS_MAX = 20
_ENTRY = re.compile(r"^([\w-]{1,64})((?:;[^;]*)*)$")


@dataclass(frozen=True, slots=True)
class Visitor:
    """`cookies` and `headers` are sent with every request; among them are a player's session and a tester's mark."""

    cookies: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)


def new_trace() -> tuple[str, str]:
    """A trace id and the W3C `traceparent` that starts it."""
    trace_id = secrets.token_hex(16)
    return trace_id, f"00-{trace_id}-{secrets.token_hex(8)}-01"


def server_timings(header: str) -> Iterator[tuple[str, float, str]]:
    """Name, milliseconds and description of each well-formed entry of a `Server-Timing` header."""
    for entry in header.split(",")[:TIMINGS_MAX]:
        found = _ENTRY.match(entry.strip())
        if not found:
            continue
        pairs = dict(pair.split("=", 1) for pair in found[2].split(";") if "=" in pair)
        try:
            yield found[1], float(pairs.get("dur", "0")), pairs.get("desc", "").strip('"')
        except ValueError:
            continue
