"""Accessibility findings from markup alone: the part of WCAG 2.2 A that needs no browser.

Public: `accessibility_findings`, `has_visible_text`, `UNSEEN`.

It sees alternatives of pictures, names of controls, labels of fields, headings and languages. What styles and scripts
make of it, it does not see: contrast, focus, sizes, order, what appears later, and whether words make sense. A browser
does (`fragment check`).
"""

import re
from collections.abc import Callable, Iterator

import turbohtml
from turbohtml import Element, Node, Text

from shell.registry.gate.findings import Finding, Level
from shell.registry.gate.rules import Rule

UNSEEN = "contrast, focus, sizes, order and whatever scripts do are not looked at here: `fragment check` has a browser"
_EACH_MAX = 20
# RFC 5646 as far as its form goes: language, script, region, variants, extensions.
_LANG = re.compile(r"(?i)(?:[a-z]{2,3}|[a-z]{4}|[a-z]{5,8})(?:-[a-z0-9]{1,8})*|x(?:-[a-z0-9]{1,8})+")
_UNLABELLED_TYPES = frozenset({"hidden", "submit", "reset", "button", "image"})

_REMEDIES = {
    Rule.ALT: 'Say what it shows: alt="…"; where it only decorates, alt="".',
    Rule.CONTROL_NAME: "Put words into it, or say aria-label.",
    Rule.LABEL: "Put it into a <label>, name its id in one (for), or say aria-label.",
    Rule.HEADING: "Give headings words, and let none skip a level.",
    Rule.LANG: 'Write a language as BCP 47 does: lang="en-GB".',
}


def has_visible_text(body: bytes) -> bool:
    """Whether something of `body` can be read out."""
    return _words(turbohtml.parse_fragment(body.decode("utf-8", "replace"), positions=False))


def accessibility_findings(field: str, body: bytes, source: str) -> Iterator[Finding]:
    """A finding for each thing in `body`, of an error the first `_EACH_MAX` of a rule; it has been contained before."""
    root = turbohtml.parse_fragment(body.decode("utf-8", "replace"), positions=True)
    elements = [element for element in root.iter_elements() if not _is_hidden(element)]
    labelled = {_attr(element, "for") for element in elements if element.tag == "label"} - {""}
    named = {name: element for element in elements if (name := _attr(element, "id"))}
    level, seen = 0, dict.fromkeys(_REMEDIES, 0)
    for element in elements:
        problems = [found for rule in _RULES if (found := rule(element, labelled, named))]
        if re.fullmatch(r"h[1-6]", element.tag):
            depth = int(element.tag[1])
            if level and depth > level + 1:
                problems.append((Rule.HEADING, f"<{element.tag}> comes after <h{level}>"))
            level = depth
        for rule, message in problems:
            seen[rule] += 1
            if seen[rule] <= _EACH_MAX:
                severity = Level.WARNING if rule is Rule.HEADING else Level.ERROR
                yield Finding(rule, severity, field, message, _REMEDIES[rule], source, element.source_line)


_Found = tuple[Rule, str] | None
_Check = Callable[[Element, set[str], dict[str, Element]], _Found]


def _alt(element: Element, labelled: set[str], named: dict[str, Element]) -> _Found:
    attrs = element.attrs
    pictures = element.tag in ("img", "area") or (element.tag == "input" and _type(element) == "image")
    if pictures and "alt" not in attrs and not _aria(element, named) and attrs.get("role") not in _DECORATES:
        return Rule.ALT, f"<{element.tag}> has no alt"
    if element.tag == "svg" and attrs.get("role") == "img" and not _aria(element, named) and not _words(element):
        return Rule.ALT, "<svg role=img> has no title"
    return None


def _control_name(element: Element, labelled: set[str], named: dict[str, Element]) -> _Found:
    kind, attrs = element.tag, element.attrs
    if kind == "input":
        pressed = _type(element) == "button" and not _attr(element, "value")
    else:
        pressed = kind in ("button", "summary", "iframe") or (kind == "a" and "href" in attrs)
        pressed = pressed or attrs.get("role") in _PRESSED
    if not pressed or _aria(element, named) or _words(element) or _is_labelled(element, labelled):
        return None
    return Rule.CONTROL_NAME, f"<{kind}> has no name that can be read out"


def _label(element: Element, labelled: set[str], named: dict[str, Element]) -> _Found:
    field = element.tag in ("select", "textarea") or (
        element.tag == "input" and _type(element) not in _UNLABELLED_TYPES
    )
    if not field or _aria(element, named) or _is_labelled(element, labelled):
        return None
    return Rule.LABEL, f"<{element.tag}> has no label"


def _heading(element: Element, labelled: set[str], named: dict[str, Element]) -> _Found:
    if re.fullmatch(r"h[1-6]", element.tag) and not _words(element) and not _aria(element, named):
        return Rule.HEADING, f"<{element.tag}> has no words"
    return None


def _lang(element: Element, labelled: set[str], named: dict[str, Element]) -> _Found:
    lang = element.attrs.get("lang")
    if lang is None or _LANG.fullmatch(str(lang)):
        return None
    return Rule.LANG, f"lang={str(lang)[:40]!r} of <{element.tag}> is no language"


_RULES: tuple[_Check, ...] = (_alt, _control_name, _label, _heading, _lang)
_DECORATES = ("presentation", "none")
_PRESSED = ("button", "link", "menuitem", "tab", "switch", "checkbox", "radio")


def _attr(element: Element, name: str) -> str:
    return str(element.attrs.get(name) or "").strip()


def _type(element: Element) -> str:
    return _attr(element, "type").lower() or "text"


def _aria(element: Element, named: dict[str, Element]) -> bool:
    """Whether an attribute gives it a name."""
    if _attr(element, "aria-label") or _attr(element, "title"):
        return True
    return any(each in named and _words(named[each]) for each in _attr(element, "aria-labelledby").split())


def _words(element: Node) -> bool:
    """Whether something in it is read out: text, or what a picture says it shows."""
    for child in element.children:
        if isinstance(child, Text):
            if child.data.strip():
                return True
        elif isinstance(child, Element) and not _hides(child) and (_named_here(child) or _words(child)):
            return True
    return False


def _named_here(element: Element) -> bool:
    return bool(_attr(element, "alt") or _attr(element, "aria-label"))


def _is_labelled(element: Element, labelled: set[str]) -> bool:
    label = element.closest("label")
    return _attr(element, "id") in labelled or (label is not None and _words(label))


def _hides(element: Element) -> bool:
    attrs = element.attrs
    return "hidden" in attrs or attrs.get("aria-hidden") == "true" or element.tag == "template"


def _is_hidden(element: Element) -> bool:
    """Whether nothing reads it out: it or what it stands in is hidden, or is a template."""
    return element.closest("[hidden], [aria-hidden=true], template") is not None
