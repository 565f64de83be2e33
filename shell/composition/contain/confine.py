"""In a tree that fragments share, what a body names and refers to is its own.

A reference stays if its target is in the same body; a name that another slot of the page uses already is renamed.
Bodies are read here as containment has written them: every attribute in quotes, no bare angle bracket in any value.
Public: `REFERRING`, `resolve`, `names_of`, `renamed`.
"""

import re
from collections.abc import Iterable, Set
from functools import lru_cache

from turbohtml import Element

from shell.composition.contain.names import name_list

# Attributes that hold ids of other elements, one or a list of them.
REFERRING = frozenset(
    name_list(
        "list headers for form popovertarget commandfor "
        "aria-activedescendant aria-controls aria-describedby aria-details aria-errormessage "
        "aria-flowto aria-labelledby aria-owns"
    )
)
_HREFS = frozenset({"href", "xlink:href"})
# A part of a drawing as CSS names it, in the one spelling that is followed here.
_PART = re.compile(r"url\(\s*(['\"]|&quot;|)#([^\s()'\"\\&]+)\1\s*\)", re.IGNORECASE)
_TAG = re.compile(r'<(/?)([A-Za-z][^\s<>"/]*)((?: [^\s<>"=]+="[^"<>]*")*)>')
_ATTRIBUTE = re.compile(r' ([^\s<>"=]+)="([^"<>]*)"')
_BODIES_CACHED_MAX = 64

Name = tuple[str, str]
"""What kind of thing is named ("id", or a group: "details", "radio", "map"), and how, as it is written."""


def resolve(elements: Iterable[tuple[Element, str]], ids: Set[str], maps: Set[str]) -> list[tuple[Element, str]]:
    """Of `elements` with their referring attributes, those whose target is not in the body; lists lose the ids that are
    not in it.
    """
    lost = []
    for element, name in elements:
        value = element.attr(name) or ""
        if name == "usemap":
            found = value[1:] in maps
        elif name in _HREFS:
            found = value[1:] in ids
        elif name in REFERRING:
            every = value.split()
            own_ids = [each for each in every if each in ids]
            found = bool(own_ids)
            if found and len(own_ids) < len(every):
                element.attrs[name] = " ".join(own_ids)
        else:  # CSS
            rest = _PART.sub("", value).lower()
            found = all(part[2] in ids for part in _PART.finditer(value)) and "url" not in rest and "\\" not in rest
        if not found:
            lost.append((element, name))
    return lost


@lru_cache(maxsize=_BODIES_CACHED_MAX)
def names_of(html: bytes) -> frozenset[Name]:
    """What a contained body names in the tree around it."""
    found: set[Name] = set()
    in_form = False
    for tag in _TAG.finditer(html.decode()):
        in_form = _in_form(tag, in_form)
        if tag[3]:
            attributes = dict(_ATTRIBUTE.findall(tag[3]))
            found.update(_named(tag[2], attributes, in_form))
    return frozenset(found)


def renamed(html: bytes, names: Set[Name], suffix: str) -> bytes:
    """A contained body in which each of `names` ends with `suffix`, and with it whatever refers to it."""
    in_form = False

    def one(tag: re.Match[str]) -> str:
        nonlocal in_form
        in_form = _in_form(tag, in_form)
        if not tag[3]:
            return tag[0]
        attributes = _ATTRIBUTE.findall(tag[3])
        own = dict(_named(tag[2], dict(attributes), in_form))
        written = "".join(f' {name}="{_value(name, value, own, names, suffix)}"' for name, value in attributes)
        return f"<{tag[2]}{written}>"

    return _TAG.sub(one, html.decode()).encode()


def _in_form(tag: re.Match[str], before: bool) -> bool:
    return not tag[1] if tag[2] == "form" else before


def _named(tag: str, attributes: dict[str, str], in_form: bool) -> Iterable[Name]:
    """(kind, name) for each that the element brings into the tree. A radio button's group ends with its form."""
    if "id" in attributes:
        yield "id", attributes["id"]
    if "name" in attributes:
        if tag in ("details", "map"):
            yield tag, attributes["name"]
        elif tag == "input" and attributes.get("type", "").lower() == "radio" and not in_form:
            yield "radio", attributes["name"]


def _value(name: str, value: str, own: dict[str, str], names: Set[Name], suffix: str) -> str:
    """The value of an attribute after the renaming; `own` is what its element names, by kind."""
    if name == "id":
        return value + suffix if ("id", value) in names else value
    if name == "name":
        return value + suffix if any((kind, value) in names for kind in own if kind != "id") else value
    if name in REFERRING:
        return " ".join(each + suffix if ("id", each) in names else each for each in value.split())
    if name in _HREFS or name == "usemap":
        kind = "map" if name == "usemap" else "id"
        return value + suffix if value[:1] == "#" and (kind, value[1:]) in names else value
    if "#" not in value:
        return value
    return _PART.sub(
        lambda part: part[0].replace(f"#{part[2]}", f"#{part[2]}{suffix}") if ("id", part[2]) in names else part[0],
        value,
    )
