"""Every number of the kit, in one place.

Public: `KitPolicy`, `POLICY`.
"""

from dataclasses import dataclass

from bff.resilience.policies import house_policy


@dataclass(frozen=True, slots=True)
class KitPolicy:
    """Milliseconds, bytes, characters. `render_ms` is kept back from the shell's deadline, so an honest answer fits."""

    view_ms: int = 250
    # More than that, for as long as the BFF answers near to its limit, and where the page still has it.
    view_patience_ms: int = 150
    # A slot can not heal before this fragment asks again, and the BFF is one hop away.
    bff_open_ms_max: int = 2_000
    # More than the engine waits for its payment provider, so the engine's own `pending` arrives before this ends.
    command_ms: int = 3_000
    render_ms: int = 40
    deadline_ms_max: int = 30_000
    view_bytes_max: int = 512 * 1024
    request_body_bytes_max: int = 16 * 1024
    # A page's parameter has 64 characters, and each may be twelve of an address.
    pathname_chars_max: int = 1024
    page_pathnames_chars_max: int = 4 * 1024


POLICY = house_policy("kit", KitPolicy())
