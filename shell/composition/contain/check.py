"""What decides about the value of an attribute.

Public: `Check`, `KEEP`.
"""

from collections.abc import Callable

from shell.composition.contain.links import Reach

Check = Callable[[str, Reach], bool]

# The attribute stays, whatever it says.
KEEP: Check | None = None
