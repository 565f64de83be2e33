"""Every number of the pictures and fonts that pages get from a fragment's origin through the shell.

Public: `OriginFilePolicy`.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class OriginFilePolicy:
    """Changed by `HOUSE_POLICIES` under `origin-files`."""

    # A page stands without its pictures, so they may take longer than a slot.
    deadline_ms: int = 3000
    # Of one fragment in this process; a page full of pictures asks for each once, and then browsers have them.
    in_flight_max: int = 16
    # As large as a file of a release may be.
    file_bytes_max: int = 2 * 1024 * 1024

    # The least and the longest time for which a copy is used, whatever the origin's Cache-Control says.
    fresh_s_min: int = 10
    fresh_s_max: int = 86_400
    # So long an earlier copy stands in for an origin that is away.
    stale_s_max: int = 86_400
    # What a browser is told where a copy stands in.
    stale_browser_s: int = 10

    # Of one fragment in this process: none has another's room.
    cache_bytes_max: int = 32 * 1024 * 1024
    cache_entries_max: int = 4096

    # For unsigned addresses, which no body has shown: a script or anybody else may have made them up. All fragments
    # share the room for their copies.
    unsigned_in_flight_max: int = 4
    unsigned_waiting_max: int = 16
    unsigned_cache_bytes_max: int = 4 * 1024 * 1024
    unsigned_cache_entries_max: int = 256
