"""Shadow roots that a body brings along: `<template shadowrootmode>` as the first thing in its host.

What is in one is read like the rest of the body. Besides it may hold `<slot>`, and `<link>` to stylesheets of the
release. Each root is written as a browser writes it: open, so that the page sees what is typed in it; before the other
children of its host; without attributes that mean nothing.
Public: `settle_templates`, `declares_root`, `is_in_root`, `is_sheet`, `contents_of_roots`.
Source: HTML §13.2.6.4.4 (the start tag of a template), DOM §4.8 (which elements can be hosts).
"""

from collections.abc import Iterator

from turbohtml import DocumentFragment, Element, Namespace, Node

from bff.resilience.reason import Reason
from shell.composition.contain import elements
from shell.composition.contain.limits import Limits
from shell.composition.contain.names import name_list
from shell.composition.contain.places import deeper_than, judge_depth
from shell.composition.contain.refusal import Stop
from shell.composition.contain.removal import Removal

_HOSTS = frozenset(name_list("article aside blockquote div footer h1 h2 h3 h4 h5 h6 header main nav p section span"))
_MODES = frozenset({"open", "closed"})
_MODE, _FOCUS = "shadowrootmode", "shadowrootdelegatesfocus"
_IN_ROOT = f"template[{_MODE}] "


def declares_root(element: Element) -> bool:
    """Whether `element` is a template that a browser makes a shadow root of, where its host can have one."""
    return element.tag == "template" and (element.attr(_MODE) or "").lower() in _MODES


def is_in_root(element: Element) -> bool:
    """Whether a declared root is around `element`."""
    return element.matches(_IN_ROOT + element.tag)


def is_sheet(link: Element) -> bool:
    """Whether a `<link>` would style the shadow root that it stands in."""
    return (link.attr("rel") or "").strip().lower() == "stylesheet" and "href" in link.attrs and is_in_root(link)


def settle_templates(root: Element, removal: Removal, limits: Limits) -> None:
    """Leave templates where a page's scripts find them, and shadow roots where a browser attaches them."""
    templates = root.select("template")
    if len(templates) > limits.templates_max:
        raise Stop(Reason.OVERSIZE, f"more than {limits.templates_max} templates")
    nesting: dict[Element, int] = {}  # of each root: how many there are around what stands in it
    hosts: set[object] = set()
    around = {element: _template_around(element) for element in templates}
    for element in templates:
        outer = around[element]
        if outer is not None and outer not in nesting:
            removal.remove(element)  # a template in a template is nobody's
        elif declares_root(element) and element.parent not in hosts and _may_host(element.parent, root):
            hosts.add(element.parent)
            nesting[element] = nesting[outer] + 1 if outer is not None else 1
            if nesting[element] > limits.roots_nested_max:
                raise Stop(Reason.OVERSIZE, f"more than {limits.roots_nested_max} shadow roots in one another")
            _settle_root(element, removal, limits)
        elif any(name.startswith("shadowroot") for name in element.attrs):
            removal.remove(element)
        else:
            judge_depth(next(iter(element)), limits)


def contents_of_roots(root: Element) -> Iterator[DocumentFragment]:
    """What is in each declared root of a settled body, outer ones first."""
    for template in root.select(f"template[{_MODE}]"):
        content = next(iter(template))
        assert isinstance(content, DocumentFragment)
        yield content


def _template_around(element: Element) -> Element | None:
    return next((each for each in element.ancestors if isinstance(each, Element) and each.tag == "template"), None)


def _may_host(host: Node | None, root: Element) -> bool:
    """Whether a browser attaches a root to `host`. What stands around the body is the shell's."""
    if not isinstance(host, Element) or host is root or host.namespace is not Namespace.HTML:
        return False
    return host.tag in _HOSTS or elements.is_custom(host.tag)


def _settle_root(template: Element, removal: Removal, limits: Limits) -> None:
    host, attributes = template.parent, template.attrs
    assert isinstance(host, Element), "what is no element hosts no root"
    if (template.attr(_MODE) or "").lower() == "closed":
        removal.moved("opened a closed shadow root")
    delegates = _FOCUS in attributes
    for name in list(attributes):
        del attributes[name]
    attributes[_MODE] = "open"
    if delegates:
        attributes[_FOCUS] = ""
    if next(iter(host)) is not template:
        host.insert(0, template)
    depth = sum(isinstance(each, Element) for each in host.ancestors)
    if deeper_than(limits.depth_max - depth, next(iter(template))):
        raise Stop(Reason.OVERSIZE, f"deeper than {limits.depth_max} levels")
