"""How much of a fragment's HTML is looked at.

Public: `Limits`.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Counts that bound the work before a parser runs, and the shape of what it may build.

    `openings_max` counts every `<`, `references_max` what is or will be written as a reference: one cheap look that
    bounds the elements and how much the text can grow. `tag_words_max` counts what one long tag may hold.
    `attributes_max` is per tag; `attributes_total_max` is over the body. `changes_max` bounds what has to be taken
    out.
    """

    body_bytes_max: int = 512 * 1024
    openings_max: int = 4000
    references_max: int = 20_000
    tag_words_max: int = 5000
    depth_max: int = 256
    attributes_max: int = 200
    attributes_total_max: int = 12_000
    changes_max: int = 1000
    templates_max: int = 64
    cache_bytes_max: int = 16 * 1024 * 1024
    notes_max: int = 16
