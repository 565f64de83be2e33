"""What a label leaves with its control where it may not point at it: in a tree that fragments share, a click on a label
could press another fragment's button.

Public: `by_id`, `name_control`.
"""

from collections.abc import Mapping

from turbohtml import Element

_LABELLED = frozenset({"input", "select", "textarea", "button", "meter", "output", "progress"})
_WORDS_CHARS_MAX = 200


def by_id(root: Element) -> dict[str, Element]:
    """The first element with each id, as a browser finds them."""
    found: dict[str, Element] = {}
    for element in root.iter_elements():
        if "id" in element.attrs:
            found.setdefault(element.attr("id") or "", element)
    return found


def name_control(label: Element, named: Mapping[str, Element]) -> None:
    """Where a label may not point at its control, the control keeps the label's words as its name."""
    control = named.get(label.attr("for") or "")
    if control is not None and control.tag in _LABELLED and "aria-labelledby" not in control.attrs:
        words = " ".join(label.text.split())[:_WORDS_CHARS_MAX]
        if words and "aria-label" not in control.attrs:
            control.attrs["aria-label"] = words
