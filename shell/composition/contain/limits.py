"""How much of a fragment's HTML is looked at.

Public: `Limits`.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """`cost_ns_max` bounds the work by what is counted (`cost`), in nanoseconds of the machine of the weights.

    Without `fast_path` every body is parsed twice and walked, which comes to the same outcome; see `fast_path.py`.
    `tag_words_max` counts what one long tag may hold, before a parser runs; `attributes_max` is per tag.
    `roots_nested_max` counts shadow roots that a body brings, one in another, `drawn_max` elements of drawings, each as
    often as it is drawn.
    """

    body_bytes_max: int = 512 * 1024
    cost_ns_max: int = 20_000_000
    tag_words_max: int = 5000
    depth_max: int = 256
    attributes_max: int = 200
    templates_max: int = 64
    roots_nested_max: int = 8
    drawn_max: int = 20_000
    cache_bytes_max: int = 16 * 1024 * 1024
    notes_max: int = 16
    fast_path: bool = True
