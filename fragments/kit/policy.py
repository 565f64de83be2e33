"""Every number of the kit, in one place.

Public: `KitPolicy`, `POLICY`.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class KitPolicy:
    """Milliseconds and bytes. `render_ms` is kept back from the shell's deadline, so an honest answer still fits."""

    view_ms: int = 250
    command_ms: int = 2_000
    render_ms: int = 40
    connect_ms: int = 250
    view_bytes_max: int = 512 * 1024
    request_body_bytes_max: int = 16 * 1024
    pathname_chars_max: int = 512
    idempotency_key_chars_max: int = 128


POLICY = KitPolicy()
