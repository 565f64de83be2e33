"""What goes out of the HTML of a fragment that is not trusted: all that the page's own scripts would act upon.

Public: `may_act`.

Such a fragment has no script, so whatever acts in it would be a script of the page doing what the fragment says: htmx,
bindings to the player's live values, commands, a custom element that another fragment has defined.
"""

import re

from shell.composition.contain.names import name_list

# Each word that a script in `static/` reads after `data-`; `data-live-value` falls under `live`.
_WORDS = (
    "age as busy close command countdown due ends every feeds fragment hx inside live modules ms mullion needs open "
    "outcome paused place places prefix query reality reason retry scripts sentence server session state stream topics "
    "typed version whole words"
)
_ACTING = re.compile(rf"hx-.*|data-(?:{'|'.join(name_list(_WORDS))})(?:-.*)?", re.DOTALL)


def may_act(name: str) -> bool:
    """Whether an attribute of this name makes a script of the page do something."""
    return _ACTING.fullmatch(name) is not None
