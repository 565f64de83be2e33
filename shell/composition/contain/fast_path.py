"""A body that is written as a serialiser writes it, with nothing in it to take out: it is parsed once instead of twice.

Public: `contained_unchanged`, `PIECE_FIRST`.
"""

import re

from turbohtml import Element, Namespace

from shell.composition.contain.cost import Spending, readings_ns_max
from shell.composition.contain.elements import FORMATTING
from shell.composition.contain.limits import Limits
from shell.composition.contain.links import Reach
from shell.composition.contain.places import IN_SELECT, deeper_than
from shell.composition.contain.sentinel import built, slot_of, within
from shell.composition.contain.tag_cache import tag_cache_of

# Fits one of `FORMATTING` that does not end before any other element begins, but for a few that never end another.
# A parser has nothing to reopen where none fits. Most tags are told apart by their first letter.
_SPANNING = re.compile(
    (
        rf"<(?=[{''.join({name[0] for name in FORMATTING})}])({'|'.join(FORMATTING)})(?=[ >])"
        r"(?![^<]*+(?:</?(?:span|img|br|time|abbr|data|picture|source)[ >][^<]*+)*+</\1>)"
    ).encode()
)
# In a template the first element may be a part of a table without its table, and what follows is read accordingly.
PIECE_FIRST = re.compile(rb"(?:[^<]|<!--[^>]*>)*+<(?:caption|col|colgroup|tbody|td|tfoot|th|thead|tr)[ >]")


def contained_unchanged(pieces: list[bytes], reach: Reach, limits: Limits, spending: Spending) -> bytes | None:
    """A body for a shadow root, UTF-8 cut at each `</`, as a serialiser spells it, where a parser makes just this of it
    and all of it may stay.

    None where it has to be cleaned.
    """
    serialised = tag_cache_of(reach, limits).serialised(pieces)
    if serialised is None:
        return None
    if len(serialised) > limits.body_bytes_max or PIECE_FIRST.match(serialised) or _SPANNING.search(serialised):
        return None
    if not spending.affords(readings_ns_max(serialised)):
        return None  # to be charged for what it really holds
    html = serialised.decode()
    page = built(html, reach.isolation)
    if within(page, reach.isolation) != html:
        return None
    slot = slot_of(page)
    if b"<select" in serialised and not all(map(_may_be_chosen, slot.select("select *"))):
        return None
    if b"<form" in serialised and slot.select("form form"):
        return None  # within a template a parser lets that stand
    return None if deeper_than(limits.depth_max, slot) else serialised


def _may_be_chosen(element: Element) -> bool:
    return element.namespace is Namespace.HTML and element.tag in IN_SELECT
