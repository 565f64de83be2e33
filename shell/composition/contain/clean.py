"""One pass over a parsed body that takes out what may not be in a page.

Public: `Cleaner`, `IN_SELECT`, `deeper_than`.
"""

import re
from functools import lru_cache

import turbohtml
from turbohtml import Element, Namespace, Node, XPath

from bff.resilience.reason import Reason
from shell.composition.contain import confine, elements, values
from shell.composition.contain.check import Check
from shell.composition.contain.cost import WEIGHTS, Spending, reading_ns
from shell.composition.contain.elements import TAME, Rules
from shell.composition.contain.labels import by_id, name_control
from shell.composition.contain.limits import Limits
from shell.composition.contain.links import Reach
from shell.composition.contain.refusal import Stop
from shell.composition.contain.sandbox import may_act

# Finds each of `elements.FORMATTING` where a tag starts. It also fits a few names that no element has, which is
# harmless, and it spells out both cases: that is three times as fast as to list the names and ignore case.
_FORMATTING = (
    r"(?=[abcefinstuABCEFINSTU](?:[iI][gG]|[oO](?:[dD][eE]|[nN][tT]|[bB][rR])|[mM](?:[aA][lL][lL])?"
    r"|[tT](?:[rR](?:[iI][kK][eE]|[oO][nN][gG]))?)?[\s/>])"
)
_OPEN = re.compile("<" + _FORMATTING)
_CLOSE = re.compile("</" + _FORMATTING)
_DEL = "\x7f"
_COMMENTS = ".//comment() | .//processing-instruction()"
IN_SELECT = frozenset({"option", "optgroup", "hr"})
_SPECIAL = frozenset({"form", "noscript", "select", "template"})
# What these let pass refers to other elements.
_REFERRING = frozenset({values.referring, values.within, values.drawing})
_SENDING = frozenset({"button", "input"})
# A framed origin keeps itself, its scripts and its forms; it may not navigate the page or open windows.
_FRAME_SANDBOX = "allow-forms allow-same-origin allow-scripts"


class Cleaner:
    """Cleans bodies of one slot. `notes` says what was taken out, each thing once."""

    def __init__(self, reach: Reach, limits: Limits, spending: Spending) -> None:
        self.notes: dict[str, None] = {}
        self._spending = spending
        self._reach = reach
        self._limits = limits
        self._odd: list[Element] = []
        self._bad: list[tuple[Element, str]] = []
        self._seen: set[str] = set()
        self._referring: list[tuple[Element, str]] = []

    def clean(self, text: str) -> str:
        """`text` parsed, cleaned and written out again; raises `Stop`."""
        tamed = _OPEN.sub("<" + TAME, _CLOSE.sub("</" + TAME, text))
        root = turbohtml.parse_fragment(tamed, positions=False)
        self._judge_depth(root)
        for comment in list(root.xpath_iter(_COMMENTS)):
            if isinstance(comment, Node):
                comment.decompose()
        self._walk(root)
        if self._seen:
            self._treat_within(root)
        for element in self._odd:
            self._treat(element)
        named = by_id(root) if any(name == "for" for _, name in self._bad) else {}
        for element, name in self._bad:
            if name == "for":
                self._spending.charge(len(element.text) * WEIGHTS.byte, "labels")
                name_control(element, named)
            self._take(element, name)
        if self._reach.sandboxed:
            self._disarm(root)
        if self._reach.isolation == "light":
            self._leave_slots(root)
            self._confine(root)
        out = root.inner_html
        out = out.replace(TAME, "")
        if _DEL in out:
            raise Stop(Reason.ENCODING, "the control character DEL came out of it")
        return out

    @property
    def saw_noscript(self) -> bool:
        """Whether what was cleaned last may hold a `<noscript>`."""
        return "noscript" in self._seen

    def _judge_depth(self, root: Node) -> None:
        if deeper_than(self._limits.depth_max, root):
            raise Stop(Reason.OVERSIZE, f"deeper than {self._limits.depth_max} levels")

    def _walk(self, root: Element) -> None:
        """Look at every element and attribute once; nothing is changed while the tree is walked."""
        self._odd, self._bad, self._seen, self._referring = [], [], set(), []
        reach, limits, bad = self._reach, self._limits, self._bad
        isolation = reach.isolation
        html, listed, special = Namespace.HTML, elements.HTML, _SPECIAL
        unlisted, other = elements.unlisted, elements.other
        passed: set[tuple[Check, str]] = set()  # the same few values come again and again
        charge, attribute_ns = self._spending.charge, WEIGHTS.attribute
        for element in root.iter_elements():
            tag = element.tag
            rules = listed.get(tag) if element.namespace is html else None
            if rules is None:
                rules = self._rare(element, tag)
            elif tag in special:
                self._seen.add(tag)
            attributes = element.attrs
            if not attributes:
                continue
            count = len(attributes)
            if count > limits.attributes_max:
                raise Stop(Reason.OVERSIZE, f"{count} attributes in one tag; at most {limits.attributes_max} are read")
            charge(count * attribute_ns, "attributes")
            if rules.plain and rules.free[isolation].issuperset(attributes):
                continue
            check_of = rules.checks[isolation].get
            for name in attributes:
                check = check_of(name, unlisted)
                if check is unlisted:
                    charge(WEIGHTS.unlisted, "attributes")
                    check = other(name, tag)
                if check is None:
                    continue
                value = element.attr(name) or ""
                if check in _REFERRING and (check is not values.drawing or "(" in value):
                    self._referring.append((element, name))
                if (check, value) not in passed:
                    charge(reading_ns(check, value), "values of attributes")
                    if check(value, reach):
                        passed.add((check, value))
                    else:
                        bad.append((element, name))

    def _rare(self, element: Element, tag: str) -> Rules:
        """The rules of an element that is not among HTML's listed ones."""
        if tag == "plaintext":
            raise Stop(Reason.UNSAFE_HTML, "<plaintext> can not be closed")
        if tag == "script" and "<!--" in element.text:
            raise Stop(Reason.UNSAFE_HTML, "a comment within a script changes where the script ends")
        if element.namespace is Namespace.SVG and tag in elements.SVG:
            self._seen.add("svg")
            return elements.SVG[tag]
        if element.namespace is Namespace.HTML and elements.is_custom(tag):
            return elements.CUSTOM
        self._odd.append(element)
        return elements.FRAME if tag == "iframe" else elements.NOTHING

    def _take(self, element: Element, name: str) -> None:
        """Take an attribute off, and what would mean something else without it."""
        self._charge_change()
        del element.attrs[name]
        self._note(f"removed {name} of <{element.tag}>")
        if name == "formaction" and element.tag in _SENDING:
            element.attrs["disabled"] = ""  # it must not fall back to the form's own action
        elif name == "action" and element.tag == "form" and element.namespace is Namespace.HTML:
            self._unwrap(element)  # without an action it would go to the page

    def _treat_within(self, root: Element) -> None:
        """Treat what depends on where an element stands, one look over the tree for each kind that was seen."""
        if "template" in self._seen:
            self._treat_templates(root)
        if "svg" in self._seen:
            # HTML within a drawing is where parsers disagree; a drawing needs none.
            for element in root.select("svg *"):
                if element.namespace is not Namespace.SVG:
                    self._remove(element)
        if "select" in self._seen:
            # Parsers of different years disagree about what a choice may hold.
            for element in root.select("select *"):
                if element.namespace is not Namespace.HTML or element.tag in elements.REMOVED:
                    self._remove(element)
                elif element.tag not in IN_SELECT:
                    self._unwrap(element)
        if "form" in self._seen:
            for element in root.select("form:not([action])"):
                if (element.attr("method") or "").strip().lower() == "post":
                    self._unwrap(element)  # it would post to the page
            self._part_forms(root)

    def _part_forms(self, root: Element) -> None:
        """A form within a form is nothing that HTML can write: read once more, its fields would be the outer one's.

        It moves out behind the outer one.
        """
        last_after: dict[int, Element] = {}
        for element in root.select("form form"):
            around = [above for above in element.ancestors if isinstance(above, Element) and above.tag == "form"]
            if not around:
                continue
            outer = around[-1]
            self._charge_change()
            self._note("moved a <form> out of another")
            last_after.get(id(outer), outer).insert_after(element)
            last_after[id(outer)] = element

    def _treat_templates(self, root: Element) -> None:
        templates = root.select("template")
        if len(templates) > self._limits.templates_max:
            raise Stop(Reason.OVERSIZE, f"more than {self._limits.templates_max} templates")
        for element in root.select("template template"):
            self._remove(element)
        for element in templates:
            if any(name.startswith("shadowroot") for name in element.attrs):
                self._remove(element)
            for content in element:
                self._judge_depth(content)

    def _treat(self, element: Element) -> None:
        """Decide about an element that has no place in the lists."""
        tag = element.tag
        if element.namespace is not Namespace.HTML:
            self._remove(element)
        elif tag == "iframe" and self._reach.frame(element.attr("src") or ""):
            element.clear()
            element.attrs["sandbox"] = _FRAME_SANDBOX
        elif tag in elements.REMOVED:
            self._remove(element)
        else:
            self._unwrap(element)

    def _leave_slots(self, root: Element) -> None:
        """In light isolation the top elements are assigned by their own `slot`: they may have none."""
        for child in root:
            if isinstance(child, Element) and "slot" in child.attrs:
                del child.attrs["slot"]
                self._note(f"removed slot of <{child.tag}>")

    def _confine(self, root: Element) -> None:
        """In light isolation no reference leads out of the body."""
        referring = [each for each in self._referring if each[1] in each[0].attrs]
        if not referring:
            return
        every = [element for element in root.iter_elements() if element.attrs]
        ids = {element.attr("id") or "" for element in every if "id" in element.attrs}
        maps = {element.attr("name") or "" for element in every if element.tag == "map"}
        for element, name in confine.resolve(referring, ids - {""}, maps - {""}):
            self._take(element, name)

    def _disarm(self, root: Element) -> None:
        """Nothing that is left makes a script of the page act."""
        for element in list(root.iter_elements()):
            for name in [name for name in element.attrs if may_act(name)]:
                self._take(element, name)
            if element.namespace is Namespace.HTML and elements.is_custom(element.tag):
                self._unwrap(element)

    def _remove(self, element: Element) -> None:
        self._charge_change()
        self._note(f"removed <{element.tag}>")
        element.decompose()

    def _unwrap(self, element: Element) -> None:
        if element.parent is not None:
            self._charge_change(len(element.children))
            self._note(f"unwrapped <{element.tag}>")
            element.unwrap()

    def _charge_change(self, children: int = 0) -> None:
        self._spending.charge(WEIGHTS.change + children * WEIGHTS.child, "what has to be taken out")

    def _note(self, what: str) -> None:
        if len(self.notes) < self._limits.notes_max:
            self.notes[what.replace(TAME, "")[:80]] = None


def deeper_than(levels: int, node: Node) -> bool:
    """Whether an element stands more than `levels` below `node`."""
    return bool(_at_depth(levels + 1)(node))


@lru_cache(maxsize=4)
def _at_depth(depth: int) -> XPath:
    """Finds elements that stand `depth` levels below a node; one step a level, so it stops where the tree does."""
    return XPath("/".join(["*"] * depth))
