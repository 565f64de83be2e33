"""One pass over a parsed body that removes everything a page may not hold.

Public: `Cleaner`.
"""

import re
from collections.abc import Callable

import turbohtml
from turbohtml import Comment, Element, Namespace, Node

from bff.resilience.reason import Reason
from shell.composition.contain import confine, data_script, elements, htmx, roots, values
from shell.composition.contain.check import Check
from shell.composition.contain.comments import is_marker
from shell.composition.contain.cost import WEIGHTS, Spending, reading_ns
from shell.composition.contain.elements import TAME, Rules
from shell.composition.contain.limits import Limits
from shell.composition.contain.links import Reach
from shell.composition.contain.places import SPECIAL, TABLE_PART_FIRST, judge_depth, treat_within
from shell.composition.contain.refusal import Stop
from shell.composition.contain.removal import Removal
from shell.composition.contain.repetition import judge_repetition
from shell.composition.contain.sandbox import OWN_LIST, asks_for_a_password, may_act
from shell.composition.contain.slot_places import settle_places

# Finds each of `elements.FORMATTING` where a tag starts. It also fits a few names that no element has, which is
# harmless, and it spells out both cases: that is three times as fast as to list the names and ignore case.
_FORMATTING = (
    r"(?=[abcefinstuABCEFINSTU](?:[iI][gG]|[oO](?:[dD][eE]|[nN][tT]|[bB][rR])|[mM](?:[aA][lL][lL])?"
    r"|[tT](?:[rR](?:[iI][kK][eE]|[oO][nN][gG]))?)?[\s/>])"
)
_OPEN = re.compile("<" + _FORMATTING)
_CLOSE = re.compile("</" + _FORMATTING)
_HTML, _SVG = Namespace.HTML, Namespace.SVG
_DEL = "\x7f"
_COMMENTS = ".//comment() | .//processing-instruction()"
# Attributes that pass these checks refer to other elements.
_REFERRING = frozenset({values.referring, values.within, values.drawing, values.invoked})
_SENDING = frozenset({"button", "input"})
_IN_ROOTS = frozenset({"slot", "link"})


class Cleaner:
    """Cleans bodies of one slot. `notes` says what was taken out, each thing once."""

    def __init__(self, reach: Reach, limits: Limits, spending: Spending) -> None:
        self._removal = Removal(spending, limits.notes_max)
        self._spending = spending
        self._reach = reach
        self._limits = limits
        self._odd: list[Element] = []
        self._frames: list[Element] = []
        self._data: list[Element] = []
        self._places: list[Element] = []
        self._bad: list[tuple[Element, str, Check]] = []
        self._seen: set[str] = set()
        self._referring: list[tuple[Element, str]] = []
        self._drawn: list[Element] = []

    @property
    def notes(self) -> tuple[str, ...]:
        return tuple(self._removal.notes)

    @property
    def saw_noscript(self) -> bool:
        """Whether what was cleaned last may hold a `<noscript>`."""
        return "noscript" in self._seen

    def clean(self, text: str) -> str:
        """`text` parsed, cleaned and written out again; raises `Stop`."""
        if TABLE_PART_FIRST.match(text):
            text = f"<table>{text}</table>"
            self._removal.note("put into a <table>: rows and cells stand in nothing else")
        tamed = _OPEN.sub("<" + TAME, _CLOSE.sub("</" + TAME, text))
        root = turbohtml.parse_fragment(tamed, positions=False)
        judge_depth(root, self._limits)
        self._drop_comments(root)
        self._walk(root)
        if self._seen:
            if "template" in self._seen:
                roots.settle_templates(root, self._removal, self._limits)
            treat_within(root, self._seen, self._removal)
        for element in self._odd:
            self._treat(element)
        for element, name, check in self._bad:
            self._rewrite_attribute(element, name, check)
        self._settle_frames_and_data()
        if "svg" in self._seen:
            judge_repetition(self._drawn, self._referring, self._limits, self._spending)
        if self._reach.sandboxed:
            self._disarm(root)
        if self._places:
            settle_places(self._places, self._reach, self._removal)
        if self._reach.isolation == "light":
            # Last, as what stands in an unwrapped <slot> comes to the top, and what stood in a place is gone.
            self._leave_slots(root)
            self._confine(root)
        out = root.inner_html
        out = out.replace(TAME, "")
        if _DEL in out:
            raise Stop(Reason.ENCODING, "the control character DEL came out of it")
        return out

    def _drop_comments(self, root: Element) -> None:
        """A comment means something to a fragment's own script alone."""
        for comment in list(root.xpath_iter(_COMMENTS)):
            if isinstance(comment, Comment) and not self._reach.sandboxed and is_marker(comment.data):
                continue
            if isinstance(comment, Node):
                comment.decompose()

    def _walk(self, root: Element) -> None:
        """Look at every element and attribute once; nothing is changed while the tree is walked."""
        self._odd, self._frames, self._data, self._bad, self._places = [], [], [], [], []
        self._seen, self._referring, self._drawn = set(), [], []
        reach, limits, bad = self._reach, self._limits, self._bad
        isolation = reach.isolation
        html, listed, special = Namespace.HTML, elements.HTML, SPECIAL
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
            if rules is elements.NOTHING or (rules.plain and rules.free[isolation].issuperset(attributes)):
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
                        bad.append((element, name, check))

    def _rare(self, element: Element, tag: str) -> Rules:
        """The rules of an element that is not among HTML's listed ones."""
        if tag == "plaintext":
            raise Stop(Reason.UNSAFE_HTML, "<plaintext> can not be closed")
        namespace = element.namespace
        if namespace is _HTML:
            if tag == "script" and data_script.is_data(element):
                self._judge_script(element, data_script.may_end_elsewhere)
                self._data.append(element)
                return elements.DATA_SCRIPT
            if tag == "iframe" and self._reach.frame(element.attr("src") or ""):
                self._frames.append(element)
                return elements.FRAME
            if elements.is_custom(tag):
                return elements.CUSTOM
            if tag in _IN_ROOTS:
                self._spending.charge(WEIGHTS.value, "what stands in shadow roots")
                if tag == "slot" and roots.is_in_root(element):
                    return elements.SLOT
                if tag == "link" and roots.is_sheet(element):
                    return elements.SHEET
            if tag == "slot":
                self._places.append(element)
                return elements.NOTHING
        else:
            if namespace is _SVG:
                kind, rules = "svg", elements.SVG.get(tag)
                self._drawn.append(element)
            else:
                kind, rules = "math", elements.MATH.get(tag)
            if rules is not None:
                self._seen.add(kind)
                return rules
        if tag == "script":
            self._judge_script(element, lambda text: "<!--" in text)
        self._odd.append(element)
        return elements.NOTHING

    def _judge_script(self, script: Element, ends_elsewhere: Callable[[str], bool]) -> None:
        if ends_elsewhere(script.text):
            raise Stop(Reason.UNSAFE_HTML, "a comment within a script changes where the script ends")

    def _rewrite_attribute(self, element: Element, name: str, check: Check) -> None:
        """Rewrite an attribute or remove it, and with it whatever would change its meaning without it."""
        if name not in element.attrs or self._may_stay_here(element, name, check):
            return
        if self._removal.rewrite(element, name, check, self._reach):
            return
        if element.tag == "link":
            self._removal.remove(element)  # a part of it would be another stylesheet
            return
        self._removal.take(element, name)
        if name == "formaction" and element.tag in _SENDING:
            element.attrs["disabled"] = ""  # it must not fall back to the form's own action
        elif name == "action" and element.tag == "form" and element.namespace is Namespace.HTML:
            self._removal.unwrap(element)  # without an action it would go to the page

    def _may_stay_here(self, element: Element, name: str, check: Check) -> bool:
        """Whether other attributes of the element make a value harmless that its own check does not let pass."""
        if name == "action" and element.tag == "form":
            self._spending.charge(WEIGHTS.value, "values of attributes")
            asks = (element.attr("method") or "get").lower() not in ("post", "dialog")
            return asks and self._reach.page(element.attr(name) or "")
        if check in htmx.TRIGGERS:
            return htmx.fires_by_itself(element.attr(name) or "", self._reach) and self._asks_for_a_part(element)
        return False

    def _asks_for_a_part(self, element: Element) -> bool:
        """Whether htmx only sends a GET here, and for something other than the slot around it: that would reload
        without end.
        """
        methods = [each for each in element.attrs if htmx.sends(each)]
        addresses = [element.attr(each) or "" for each in methods if htmx.asks(each)]
        own = self._reach.prefix
        return len(methods) == len(addresses) == 1 and re.split(r"[?#]", addresses[0])[0].strip(" /") != own.strip("/")

    def _settle_frames_and_data(self) -> None:
        for frame in self._frames:
            frame.clear()
            if "sandbox" not in frame.attrs:
                frame.attrs["sandbox"] = values.FRAME_SANDBOX
        for script in self._data:
            if "<" in (text := script.text):
                script.set_text(data_script.harmless(text))

    def _treat(self, element: Element) -> None:
        """Decide about an element that has no place in the lists."""
        if element.namespace is not Namespace.HTML or element.tag in elements.REMOVED:
            self._removal.remove(element)
        else:
            self._removal.unwrap(element)

    def _leave_slots(self, root: Element) -> None:
        """In light isolation the top elements are assigned by their own `slot`: they may have none."""
        for child in root:
            if isinstance(child, Element) and "slot" in child.attrs:
                del child.attrs["slot"]
                self._removal.note(f"removed slot of <{child.tag}>")

    def _confine(self, root: Element) -> None:
        """In light isolation no reference leads out of the body."""
        referring = [each for each in self._referring if each[1] in each[0].attrs]
        if not referring:
            return
        trees: dict[Element, Node] = {}  # elements in shadow roots that the body brings: names end there
        if "template" in self._seen:
            for content in roots.contents_of_roots(root):
                inside = content.iter_elements()
                trees |= dict.fromkeys(inside, content)
                self._spending.charge(len(trees) * WEIGHTS.attribute, "what stands in shadow roots")
        ids: dict[Node, set[str]] = {}
        maps: dict[Node, set[str]] = {}
        for element in root.iter_elements():
            if own_id := element.attr("id"):
                ids.setdefault(trees.get(element, root), set()).add(own_id)
            if element.tag == "map" and (name := element.attr("name")):
                maps.setdefault(trees.get(element, root), set()).add(name)
        for tree in dict.fromkeys(trees.get(element, root) for element, _ in referring):
            own = [each for each in referring if trees.get(each[0], root) is tree]
            for element, name in confine.resolve(own, ids.get(tree, set()), maps.get(tree, set())):
                self._removal.take(element, name)

    def _disarm(self, root: Element) -> None:
        """Remove whatever would make a script of the page act."""
        for element in list(root.iter_elements()):
            if asks_for_a_password(element):
                self._removal.note("operators have to trust who asks for a password")
                self._removal.remove(element)
                continue
            for name in [name for name in element.attrs if may_act(name)]:
                self._removal.take(element, name)
            if element.tag == "select":
                element.attrs["style"] = OWN_LIST
            if element.namespace is Namespace.HTML and elements.is_custom(element.tag):
                self._make_plain(element)

    def _make_plain(self, element: Element) -> None:
        """Replace a custom element by a host that no script has defined; its content or its shadow root stays."""
        first = next(iter(element), None)
        if not (isinstance(first, Element) and roots.declares_root(first)):
            self._removal.unwrap(element)
            return
        self._removal.moved(f"wrote <{element.tag}> as <span>")
        element.tag = "span"
        checks = elements.HTML["span"].checks[self._reach.isolation]
        for name in list(element.attrs):
            check = checks[name] if name in checks else elements.other(name, "span")
            if check is not None and not check(element.attr(name) or "", self._reach):
                self._removal.take(element, name)
