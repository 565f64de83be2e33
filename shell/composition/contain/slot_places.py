"""Where a body wants a slot inside it to stand: `<slot name="cart">`, as in any shadow root.

Public: `settle_places`, `place_of`, `unplaced`, `inert_around`.

What is put there was contained by itself, in a slot of the shell's page. It means the same here, as nothing that
a place may stand in changes how a parser reads what follows: no form, link, button, table or paragraph is open.
"""

from collections.abc import Iterable
from functools import lru_cache

import turbohtml
from turbohtml import Document, Element, Namespace

from shell.composition.contain.links import Reach
from shell.composition.contain.names import name_list
from shell.composition.contain.removal import Removal
from shell.composition.contain.sandbox import may_act

AROUND = frozenset(name_list("address article aside div figure footer header hgroup main nav search section span"))
# In a tree that both share, an item of the slot inside would end the item around it.
LISTS = frozenset(name_list("dd dl dt li menu ol ul"))


# No attribute of a fragment's own begins like this (`elements.other`).
_MARK = "data-mullion-place"
# What stands there is cut off at its edges. A stylesheet of the slot inside reaches its own element at most, and
# goes before every rule of the page there by `!important`: so the edges are those of the place around it.
_EDGES = "display:block;min-width:0;contain:layout style;overflow:clip;overflow-clip-margin:8px"


def place_of(name: str) -> bytes:
    """The place of the slot `name`, as it is left in a contained body; a fragment can write nothing like it itself."""
    return f'<slot name="{name}" {_MARK}="" style="{_EDGES}"></slot>'.encode()


def unplaced(html: bytes, names: Iterable[str]) -> tuple[str, ...]:
    """For authors: the slots inside a contained body's that it marks no place for."""
    return tuple(
        f'no <slot name="{name}">, so {name} stands at its end' for name in names if place_of(name) not in html
    )


@lru_cache(maxsize=64)
def inert_around(html: bytes) -> bytes:
    """A contained body in which nothing acts but what is put into its places."""
    root = turbohtml.parse_fragment(html.decode(), positions=False)
    open_boxes = [root]
    while open_boxes:
        box = open_boxes.pop()
        for name in [each for each in box.attrs if may_act(each)]:
            del box.attrs[name]
        for child in box:
            if not isinstance(child, Element) or _MARK in child.attrs:
                continue
            if child.select(f"slot[{_MARK}]"):
                open_boxes.append(child)
            else:
                child.attrs["inert"] = ""
    return root.inner_html.encode()


def settle_places(found: Iterable[Element], reach: Reach, removal: Removal) -> None:
    """Leave one empty place for each of the slots inside this one; of any other `<slot>` the content stays."""
    free = set(reach.places)
    for element in found:
        name = element.attr("name") or ""
        if name in free and _is_allowed_place(element, reach):
            free.discard(name)
            for attribute in [each for each in element.attrs if each != "name"]:
                del element.attrs[attribute]
            element.attrs[_MARK] = ""
            element.attrs["style"] = _EDGES
            element.clear()
        else:
            if name:
                removal.note(f'no page puts a slot into <slot name="{name}"> here')
            removal.unwrap(element)


def _is_allowed_place(place: Element, reach: Reach) -> bool:
    around = AROUND if reach.isolation == "light" else AROUND | LISTS
    for above in place.ancestors:
        if isinstance(above, Document):
            return True
        if not isinstance(above, Element) or above.namespace is not Namespace.HTML or above.tag not in around:
            return False
        # What htmx and the page's scripts read of an element holds for all that is in it.
        if reach.isolation == "light" and any(map(may_act, above.attrs)):
            return False
    return False
