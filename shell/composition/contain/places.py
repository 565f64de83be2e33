"""Rules that depend on an element's place in the tree: one pass for each kind of element that was seen.

Public: `treat_within`, `deeper_than`, `SPECIAL`, `IN_SELECT`, `TABLE_PART_FIRST`.
"""

import re
from collections.abc import Set
from functools import lru_cache

from turbohtml import Element, Namespace, Node, XPath

from bff.resilience.reason import Reason
from shell.composition.contain import elements
from shell.composition.contain.limits import Limits
from shell.composition.contain.refusal import Stop
from shell.composition.contain.removal import Removal

IN_SELECT = frozenset({"option", "optgroup", "hr"})
SPECIAL = frozenset({"form", "noscript", "select", "template"})
# A body that begins with a part of a table: anywhere but in a table a parser drops the tag and keeps its words.
TABLE_PART_FIRST = re.compile(
    r"(?:\s|<!--.*?-->)*+<(?:caption|col|colgroup|tbody|td|tfoot|th|thead|tr)(?=[\s/>])", re.IGNORECASE | re.DOTALL
)
_FORM_IN_TABLE = ", ".join(f"{around} > form" for around in ("table", "tbody", "thead", "tfoot", "tr"))


def treat_within(root: Element, seen: Set[str], removal: Removal) -> None:
    """Take out what may not stand where it does. `seen` names the kinds that `root` may hold."""
    # HTML within a drawing or a formula is where parsers disagree; neither needs any.
    for kind, namespace in (("svg", Namespace.SVG), ("math", Namespace.MATHML)):
        if kind in seen:
            for element in root.select(f"{kind} *"):
                if element.namespace is not namespace:
                    removal.remove(element)
    if "select" in seen:
        _treat_choices(root, removal)
    if "form" in seen:
        _treat_forms(root, removal)


def _treat_choices(root: Element, removal: Removal) -> None:
    """Parsers of different years disagree about what a choice may hold."""
    for element in root.select("select *"):
        if element.namespace is not Namespace.HTML or element.tag in elements.REMOVED:
            removal.remove(element)
        elif element.tag not in IN_SELECT:
            removal.unwrap(element)


def _treat_forms(root: Element, removal: Removal) -> None:
    for element in root.select("form:not([action])"):
        if (element.attr("method") or "").strip().lower() == "post":
            removal.unwrap(element)  # it would post to the page
    if root.select(_FORM_IN_TABLE):
        removal.note("a <form> between a table and its rows sends none of their fields")
    _part_forms(root, removal)


def _part_forms(root: Element, removal: Removal) -> None:
    """A form within a form is nothing that HTML can write: read once more, its fields would be the outer one's.

    It moves out behind the outer one.
    """
    last_after: dict[int, Element] = {}
    for element in root.select("form form"):
        around = [above for above in element.ancestors if isinstance(above, Element) and above.tag == "form"]
        if not around:
            continue
        outer = around[-1]
        removal.moved("moved a <form> out of another")
        last_after.get(id(outer), outer).insert_after(element)
        last_after[id(outer)] = element


def judge_depth(root: Node, limits: Limits) -> None:
    """Raises `Stop` where elements stand too deep below `root`."""
    if deeper_than(limits.depth_max, root):
        raise Stop(Reason.OVERSIZE, f"deeper than {limits.depth_max} levels")


def deeper_than(levels: int, node: Node) -> bool:
    """Whether an element stands more than `levels` below `node`."""
    return bool(_at_depth(levels + 1)(node))


@lru_cache(maxsize=4)
def _at_depth(depth: int) -> XPath:
    """Finds elements that stand `depth` levels below a node; one step a level, so it stops where the tree does."""
    return XPath("/".join(["*"] * depth))
