"""Checks that decide whether an attribute's value may stay.

Public: `Check`, `KEEP`, `Attributes`, `keep`, `ask`.
"""

from collections.abc import Callable, Mapping

from shell.composition.contain.links import Reach
from shell.composition.contain.names import name_list

Check = Callable[[str, Reach], bool]

# The attribute stays, whatever it says.
KEEP: Check | None = None

Attributes = Mapping[str, Check | None]


def keep(names: str) -> dict[str, Check | None]:
    """Attributes of these names, which stay."""
    return dict.fromkeys(name_list(names), KEEP)


def ask(**checks: Check) -> dict[str, Check | None]:
    """Attributes, each with what decides about it."""
    return dict(checks)
