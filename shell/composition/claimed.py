"""The names that a page's slots have taken in the tree that they share: who comes later gives way.

A page is streamed in the order in which its slots are ready, so that is the order of the claims. A slot that is read
again later comes with what the page in the browser holds by then (`Mullion-Names-Taken`).
Public: `Claims`, `NAMES_TAKEN`, `claims_of`.
"""

from html import escape
from urllib.parse import unquote

from shell.composition.contain import Name, names_of, renamed

NAMES_TAKEN = "mullion-names-taken"
_KINDS = frozenset({"id", "details", "radio", "map"})
# A page that has more than this says `*`: then all names give way.
_CHARS_MAX = 8192
_ALL = "*"


class Claims:
    """One page's names. With `everything` no name is free, because not all that are taken could be told."""

    def __init__(self, names: frozenset[Name] = frozenset(), *, everything: bool = False) -> None:
        self._names = set(names)
        self._everything = everything

    def fit(self, html: bytes, slot: str) -> bytes:
        """`html`, which was contained for the shared tree of `slot`, with names that no other slot has; claims them.

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


def claims_of(header: str | None) -> Claims:
    """What a page in a browser says that its other slots hold; what is malformed or too long counts as everything."""
    if not header:
        return Claims()
    if header == _ALL or len(header) > _CHARS_MAX:
        return Claims(everything=True)
    names = [(kind, _written(unquote(name))) for kind, _, name in (part.partition(":") for part in header.split())]
    if not all(kind in _KINDS and name for kind, name in names):
        return Claims(everything=True)
    return Claims(frozenset(names))


def _written(name: str) -> str:
    """As a serialiser writes it into an attribute."""
    return escape(name, quote=False).replace('"', "&quot;").replace("\xa0", "&nbsp;")
