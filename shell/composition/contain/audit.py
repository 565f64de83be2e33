"""Everything that containment or a browser's parser removes from a body, listed for its authors.

Public: `audit`.
"""

from collections import Counter
from dataclasses import replace
from html.parser import HTMLParser

import turbohtml

from shell.composition.contain.container import Contained, Container
from shell.composition.contain.limits import Limits
from shell.composition.contain.links import Isolation, LinkPolicy
from shell.composition.contain.places import TABLE_PART_FIRST
from shell.composition.contain.refusal import Refusal

_NOTES_MAX = 4096
# A parser drops the tags of these where they have no place, and keeps their words: nothing of it is in the tree.
_DROPPED = frozenset(
    {
        *("body", "caption", "col", "colgroup", "form", "frame", "frameset", "head", "html"),
        *("tbody", "td", "tfoot", "th", "thead", "tr"),
    }
)


def audit(
    body: bytes,
    content_type: str | None,
    *,
    prefix: str,
    isolation: Isolation,
    links: LinkPolicy,
    sandboxed: bool = False,
    places: tuple[str, ...] = (),
    limits: Limits | None = None,
) -> Contained | Refusal:
    """Like `contain`, with every note and with what a browser's own parser drops. It caches nothing and is slower."""
    limits = limits or Container().limits
    container = Container(replace(limits, notes_max=_NOTES_MAX, cache_bytes_max=0))
    contained = container.contain(
        body, content_type, prefix=prefix, isolation=isolation, links=links, sandboxed=sandboxed, places=places
    )
    if isinstance(contained, Refusal):
        return contained
    return replace(contained, notes=(*contained.notes, *_dropped(body.decode())))


def _dropped(text: str) -> tuple[str, ...]:
    """The tags of `text` that a parser ignores."""
    counted = _Tags()
    counted.feed(text)
    counted.close()
    if not counted.tags:
        return ()
    if TABLE_PART_FIRST.match(text):
        text = f"<table>{text}</table>"
    root = turbohtml.parse_fragment(text, positions=False)
    there = Counter(element.tag for element in root.iter_elements())
    missing = {tag: count - there[tag] for tag, count in counted.tags.items() if count > there[tag]}
    return tuple(
        f"a browser drops {'one' if n == 1 else n} <{tag}> where it stands" for tag, n in sorted(missing.items())
    )


class _Tags(HTMLParser):
    """Counts start tags as they are written."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: Counter[str] = Counter()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _DROPPED:
            self.tags[tag] += 1
