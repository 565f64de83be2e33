"""A slot inside a slot: its element is put into that of the slot around it, when that is sent.

Public: `with_places`, `filled`, `SLOT_END`, `pending`.

A fragment marks where by `<slot name="cart">`; bodies are kept with that place empty, so that one for everybody holds
nothing of anybody. In a shadow root a browser shows there what stands beside the root, in the page's own tree. Without
a root the place itself holds it.
"""

from collections.abc import Iterable, Mapping

from bff.resilience.outcome import Failure
from bff.resilience.reason import Reason
from shell.composition.contain.slot_places import place_of
from shell.composition.include import Include
from shell.composition.ladder import Included, included_from_failure

SLOT_END = b"</fragment-slot>\n"


def with_places(html: bytes, names: Iterable[str]) -> bytes:
    """`html` with a place for each of these slots: whose place it does not mark stands at its end."""
    return html + b"".join(place for place in map(place_of, names) if place not in html)


def filled(element: bytes, inner: Mapping[str, bytes], *, light: bool) -> bytes:
    """A slot's `element` with the elements of the slots inside it, by name; `light` where it has no shadow root."""
    if not light:
        return b"".join((element.removesuffix(SLOT_END), *inner.values(), SLOT_END))
    for name, markup in inner.items():
        place = place_of(name)
        element = element.replace(place, place.replace(b"></", b">" + markup + b"</"), 1)
    return element


def pending(include: Include) -> Included:
    """The element in a place until the slot inside is ready: that slot's fallback."""
    return included_from_failure(include, Failure(Reason.PENDING, "the slot around it was ready first"))
