"""Rules for the HTML of a sandboxed fragment: everything that the page's own scripts would act upon is removed.

Public: `may_act`, `asks_for_a_password`, `OWN_LIST`.

Such a fragment has no script, so whatever acts in it would be a script of the page doing what the fragment says: htmx,
bindings to the player's live values, commands, a custom element that another fragment has defined. And a browser writes
what it remembers of this site into any field for a password: the next press of a button would send it to the fragment.
A stylesheet that draws the list of a `<select>` itself would draw it in the top layer, as large as the page.
"""

import re

from turbohtml import Element

from shell.composition.contain.names import name_list

# Each word that a script in `static/` reads after `data-`; `data-live-value` falls under `live`.
_WORDS = (
    "age as busy close command countdown due ends every feeds fragment hx inside live modules ms mullion needs open "
    "outcome paused place places prefix query reality reason retry script scripts sentence server session state stream "
    "topics typed version whole words"
)
_ACTING = re.compile(rf"hx-.*|data-(?:{'|'.join(name_list(_WORDS))})(?:-.*)?", re.DOTALL)

# The list is the browser's own: no rule of a stylesheet comes before this one.
OWN_LIST = "appearance:auto !important"


def may_act(name: str) -> bool:
    """Whether an attribute of this name makes a script of the page do something."""
    return _ACTING.fullmatch(name) is not None


def asks_for_a_password(element: Element) -> bool:
    """Whether a browser takes `element` for a field in which people write a password."""
    return element.tag == "input" and (element.attr("type") or "").strip().lower() == "password"
