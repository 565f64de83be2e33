"""Removes parts of a parsed body, and notes each removal for its authors.

Public: `Removal`.
"""

from turbohtml import Element

from shell.composition.contain.check import Check
from shell.composition.contain.cost import WEIGHTS, Spending
from shell.composition.contain.elements import TAME
from shell.composition.contain.links import Reach
from shell.composition.contain.rewrite import Rewritten, cost_ns, rewritten

_NOTE_CHARS_MAX = 80


class Removal:
    """Takes things out of bodies of one slot. `notes` says what, each thing once, `notes_max` at most."""

    def __init__(self, spending: Spending, notes_max: int) -> None:
        self.notes: dict[str, None] = {}
        self._spending = spending
        self._notes_max = notes_max
        self._rewritten: dict[tuple[Check, str], Rewritten | None] = {}

    def remove(self, element: Element) -> None:
        """Take `element` out with everything in it."""
        self._charge()
        self.note(f"removed <{element.tag}>")
        element.decompose()

    def unwrap(self, element: Element) -> None:
        """Put what is in `element` in its place."""
        if element.parent is not None:
            self._charge(len(element.children))
            self.note(f"unwrapped <{element.tag}>")
            element.unwrap()

    def take(self, element: Element, name: str) -> None:
        """Take the attribute `name` off."""
        self._charge()
        del element.attrs[name]
        self.note(f"removed {name} of <{element.tag}>")

    def rewrite(self, element: Element, name: str, check: Check, reach: Reach) -> bool:
        """Write the value of `name` anew, where another may stand that means the same or a part of it."""
        value = element.attr(name) or ""
        if (check, value) not in self._rewritten:
            self._spending.charge(cost_ns(check, value), "values that are written anew")
            self._rewritten[check, value] = rewritten(check, value, reach)
        anew = self._rewritten[check, value]
        if anew is None:
            return False
        self._charge()
        for lost in anew.lost:
            self.note(f"removed {lost} of <{element.tag}>")
        if anew.value:
            element.attrs[name] = anew.value
        else:
            del element.attrs[name]
        return True

    def moved(self, what: str) -> None:
        """Count and say that something stands elsewhere."""
        self._charge()
        self.note(what)

    def note(self, what: str) -> None:
        if len(self.notes) < self._notes_max:
            self.notes[what.replace(TAME, "")[:_NOTE_CHARS_MAX]] = None

    def _charge(self, children: int = 0) -> None:
        self._spending.charge(WEIGHTS.change + children * WEIGHTS.child, "what has to be taken out")
