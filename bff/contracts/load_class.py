"""The load class of a request: which requests an overloaded house sheds first. A header from the shell to every house
behind it.

Public: `LoadClass`, `PROBE`, `SHED`, `read_load_class`.
"""

from enum import StrEnum, unique

# In the place of a class: a probe finds out whether a house is well, so it is never turned away.
PROBE = "probe"
# The code of the problem with which a door turns a request away: nothing of it was done.
SHED = "shed"


@unique
class LoadClass(StrEnum):
    """In the order in which they are shed: the first goes first, the last goes last."""

    REFRESH = "refresh"  # a visitor's open page asks for a slot again
    RETRY = "retry"  # a slot that is not fresh asks again, whoever's it is
    PAGE = "page"  # a visitor's page
    READ = "read"  # every other reading: a player's pages and slots, and what nobody has classed
    MONEY = "money"  # what a player does

    __hash__ = str.__hash__  # an enum's own is a call of Python, and a member is its string


_BY_WORD = {each.value.encode(): each for each in LoadClass}


def read_load_class(value: bytes) -> LoadClass | None:
    """The class that the header `Mullion-Load-Class` names; None where it is no class."""
    return _BY_WORD.get(value)
