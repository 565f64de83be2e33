"""A fragment's HTML, made unable to break, leave or imitate the page it is put into.

`contain` answers either HTML that a browser parses to exactly what was checked, or the reason why there is none. It
does no I/O and knows neither Django nor any fragment. It does not judge declared scripts and styles (those are assets)
and it is no sandbox for hostile code.
"""

from shell.composition.contain.audit import audit
from shell.composition.contain.confine import Name, names_of, renamed
from shell.composition.contain.container import Contained, Container, contain
from shell.composition.contain.data_script import shows_nothing
from shell.composition.contain.limits import Limits
from shell.composition.contain.links import Isolation, LinkPolicy
from shell.composition.contain.refusal import Refusal
from shell.composition.contain.slot_places import unplaced

__all__ = [
    "Contained",
    "Container",
    "Isolation",
    "Limits",
    "LinkPolicy",
    "Name",
    "Refusal",
    "audit",
    "contain",
    "names_of",
    "renamed",
    "shows_nothing",
    "unplaced",
]
