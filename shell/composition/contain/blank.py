"""Whether anything can be seen of contained HTML, as long as no script and no stylesheet draws it.

Public: `is_blank`.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

import turbohtml
from turbohtml import Element, Namespace, Node, Text

from shell.composition.contain.cost import Spending, parsing_ns
from shell.composition.contain.roots import declares_root

_ALWAYS_SHOWN = "button|hr|iframe|meter|progress|select|summary|textarea"
# Whether these elements are visible depends on more than their tag.
_APART = "audio|canvas|datalist|dialog|img|input|map|math|noscript|script|slot|svg|template|video"
# Most bodies show something at their beginning, or hold nothing but plain tags; only others are parsed to find out.
# HTML is read here as a serialiser has written it: every attribute in quotes, no bare angle bracket in any value.
_PASSED_OVER = re.compile(
    rf"""(?:\s|&nbsp;|<!--[^<>]*-->|<script[^<>]*>[^<]*</script>|<input(?=[^<>]*\ type="(?i:hidden)")[^<>]*>
    |</?(?!(?:{_ALWAYS_SHOWN}|{_APART})[\ >])[a-z][^\s<>"]*
    (?:\ (?!hidden=|popover=)[^\s<>"=]+="[^<>"]*")*>)*+""".encode(),
    re.VERBOSE,
)
_SHOWN_AT_ONCE = re.compile(
    rf"""[^<]|<(?:{_ALWAYS_SHOWN})[\ >](?![^<>]*\ (?:hidden|popover)=)
    |<img(?![^<>]*\ hidden=)[^<>]*\ src(?:set)?=
    |<svg(?![^<>]*\ (?:hidden|popover)=)[\ >][^<>]*>?<[a-z]""".encode(),
    re.VERBOSE,
)
_SHOWN = frozenset((*_ALWAYS_SHOWN.split("|"), "input"))
_NEVER_SHOWN = frozenset({"canvas", "datalist", "map", "noscript", "rp", "script", "source", "template", "track"})
_HIDING = ("hidden", "popover")
# The attributes that make a picture or a video visible.
_SOURCES = {"img": ("src", "srcset"), "video": ("src", "poster", "controls"), "audio": ("controls",)}


def is_blank(html: bytes, spending: Spending) -> bool:
    """Whether `html`, as containment has written it, shows nothing; raises `Stop` where to find out costs too much."""
    passed_over = _PASSED_OVER.match(html)
    at = passed_over.end() if passed_over else 0
    if at == len(html):
        return True
    if _SHOWN_AT_ONCE.match(html, at):
        return False
    spending.charge(parsing_ns(html, html.count(b"</")), "finding something to be seen")
    return not _shows(turbohtml.parse_fragment(html.decode(), positions=False))


@dataclass(slots=True)
class _Root:
    """A shadow root whose host has `light` children besides, which stand in the tree of the root `outside`."""

    light: list[Node]
    outside: "_Root | None"
    filled: set[str] = field(default_factory=set)

    def assigned(self, slot: Element) -> list[Node]:
        """What the host has for `slot`. The first of a name has it."""
        name = slot.attr("name") or ""
        if name in self.filled:
            return []
        self.filled.add(name)
        return [node for node in self.light if _slot_of(node) == name]


def _shows(body: Node) -> bool:
    """Whether something below `body` can be seen."""
    pending: list[tuple[Node, _Root | None, bool]] = [(body, None, False)]
    while pending:
        node, root, hidden = pending.pop()
        inside: Iterable[Node] = node
        if isinstance(node, Element):
            first = next(iter(node), None)
            if not hidden and _draws(node):
                return True
            hidden = hidden or _hides(node)
            if root is not None and node.tag == "slot" and (assigned := root.assigned(node)):
                inside, root = assigned, root.outside
            elif isinstance(first, Element) and declares_root(first):
                inside, root = next(iter(first)), _Root(list(node)[1:], root)
        elif isinstance(node, Text) and not hidden and node.data.strip():
            return True
        if not (isinstance(node, Element) and node.tag == "template"):
            pending.extend((each, root, hidden) for each in reversed(list(inside)))
    return False


def _hides(element: Element) -> bool:
    """Whether nothing in `element` can be seen."""
    tag, attributes = element.tag, element.attrs
    return (
        tag in _NEVER_SHOWN
        or any(name in attributes for name in _HIDING)
        or (tag == "dialog" and "open" not in attributes)
        or (tag == "input" and (element.attr("type") or "").lower() == "hidden")
    )


def _draws(element: Element) -> bool:
    """Whether `element` itself can be seen, whatever is in it."""
    tag = element.tag
    if _hides(element):
        return False
    if tag == "svg" and element.namespace is Namespace.SVG:
        return len(element.children) > 0
    return tag in _SHOWN or bool(element.attr("alt")) or any(name in element.attrs for name in _SOURCES.get(tag, ()))


def _slot_of(node: Node) -> str:
    return (node.attr("slot") or "") if isinstance(node, Element) else ""
