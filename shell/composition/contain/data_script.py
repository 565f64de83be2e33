"""A `<script>` that holds data: a browser neither runs nor fetches it, whatever is in it.

Public: `is_data`, `may_end_elsewhere`, `harmless`, `shows_nothing`.
"""

import re

from turbohtml import Element

# Any other type may be run, or may act in a later browser: import maps and speculation rules do.
_TYPES = frozenset({"application/json", "application/ld+json"})

# Comments are left here by `comments`, so none holds an angle bracket.
_NOTHING = re.compile(rb"(?:\s|<!--[^<>]*-->|<script[^<>]*>[^<]*</script>)*+")


def is_data(script: Element) -> bool:
    """Whether `script` holds data."""
    return script.attr("type") in _TYPES


def may_end_elsewhere(text: str) -> bool:
    """Whether a parser looks for the end of a script with this text behind the next end tag."""
    return "<!--" in text and "<script" in text.lower()


def harmless(text: str) -> str:
    """JSON that means the same, and holds nothing that a parser could take for a tag or a comment."""
    return text.replace("<", "\\u003c")


def shows_nothing(html: bytes) -> bool:
    """Whether contained `html` holds nothing but data, markers and space."""
    return _NOTHING.fullmatch(html) is not None
