"""The names that a page's slots have taken in the tree that they share: who comes later gives way.

A page is streamed in the order in which its slots are ready, so the first that uses a name keeps it. A slot that is
read again later comes with what the page in the browser holds by then (`Mullion-Names-Taken`).
Public: `PageNames`, `NAMES_TAKEN`, `read_names_taken`.
"""

from html import escape
from urllib.parse import unquote

from shell.composition.contain import Name, names_of, renamed

NAMES_TAKEN = "mullion-names-taken"
_KINDS = frozenset({"id", "details", "radio", "map"})
# A page that has more than this says `*`: then all names give way.
_CHARS_MAX = 8192
_ALL = "*"


class PageNames:
    """One page's names. With `everything` no name is free, because the browser could not list all that are taken."""

    def __init__(self, names: frozenset[Name] = frozenset(), *, everything: bool = False) -> None:
        self._names = set(names)
        self._everything = everything

    def make_unique(self, html: bytes, slot: str) -> bytes:
        """`html`, contained for the shared tree of `slot`, with names that no other slot has; they are taken then.

        A name stays unless another slot has it. What refers to it goes along.
        """
        names = names_of(html)
        clashing = names if self._everything else names & self._names
        while clashing:
            html = renamed(html, clashing, f"--{slot}")
            names = names_of(html)
            clashing = names & self._names
        self._names |= names
        return html


def read_names_taken(header: str | None) -> PageNames:
    """The names in the other slots of an open page; a header that is malformed or too long counts as everything."""
    if not header:
        return PageNames()
    if header == _ALL or len(header) > _CHARS_MAX:
        return PageNames(everything=True)
    names = [(kind, _written(unquote(name))) for kind, _, name in (part.partition(":") for part in header.split())]
    if not all(kind in _KINDS and name for kind, name in names):
        return PageNames(everything=True)
    return PageNames(frozenset(names))


def _written(name: str) -> str:
    """As a serialiser writes it into an attribute."""
    return escape(name, quote=False).replace('"', "&quot;").replace("\xa0", "&nbsp;")
