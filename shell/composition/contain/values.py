"""What the value of an attribute may be.

Each check takes the value and the slot's reach and says whether the attribute stays. Public: the checks below.
"""

import re
from functools import lru_cache

from shell.composition.contain.links import Reach
from shell.composition.contain.names import FORM_NAMES, SHELL_IDS, SHELL_PREFIXES

_WINDOWS = frozenset({"_blank", "_self", "_top", "_parent"})
_CANDIDATE = re.compile(r"\s*(\S+)(?:\s+[0-9.]+[wx])?\s*")
_CANDIDATES_CHARS_MAX = 4096
_MEASURE = re.compile(r"\s*\+?([0-9]{1,6}(?:\.[0-9]{0,6})?)(?:px|%|em|rem)?\s*")
_MEASURE_MAX = 4000
_MEASURE_CHARS_MAX = 16
_URL_FUNCTION = re.compile(r"url\(\s*(?!['\"]?#)", re.IGNORECASE)


def own(value: str, reach: Reach) -> bool:
    """A URL under the slot's own prefix."""
    return reach.own(value)


def link(value: str, reach: Reach) -> bool:
    """A URL that a link may lead to."""
    return reach.link(value)


def picture(value: str, reach: Reach) -> bool:
    """A URL that an image may come from."""
    return reach.picture(value)


def pictures(value: str, reach: Reach) -> bool:
    """A `srcset` of such URLs. A data URL holds commas, so none is taken here."""
    if len(value) > _CANDIDATES_CHARS_MAX:
        return False
    candidates = [_CANDIDATE.fullmatch(part) for part in value.split(",")]
    return all(found is not None and reach.picture(found[1]) for found in candidates)


def media(value: str, reach: Reach) -> bool:
    """A URL that sound or film may come from."""
    return reach.media(value)


def frame(value: str, reach: Reach) -> bool:
    """A URL that may be framed."""
    return reach.frame(value)


def within(value: str, _reach: Reach) -> bool:
    """A reference to an element of the same tree."""
    return value.startswith("#")


def window(value: str, _reach: Reach) -> bool:
    """A keyword, never a window's name: a named window could be somebody else's."""
    return value.lower() in _WINDOWS


def relation(value: str, _reach: Reach) -> bool:
    """Link types, without the one that hands this page to the page it opens."""
    return "opener" not in value.lower().split()


def method(value: str, _reach: Reach) -> bool:
    return value == "post" or value.lower() in {"get", "post", "dialog"}


def method_of_button(value: str, _reach: Reach) -> bool:
    """A button may not turn a form that asks into one that posts: without an action that goes to the page."""
    return value.lower() in {"get", "dialog"}


def tab_index(value: str, _reach: Reach) -> bool:
    """In document order or not at all: a positive index would go before the shell's own controls."""
    return value.strip() in {"0", "-1"}


def free_id(value: str, reach: Reach) -> bool:
    """An id that means nothing to the shell. Within a shadow root every id is free."""
    return reach.isolation == "shadow" or not _taken(value)


def field_name(value: str, _reach: Reach) -> bool:
    """A name of a control: in any tree it becomes a property of its form, over the form's own."""
    return value not in FORM_NAMES


def field_id(value: str, reach: Reach) -> bool:
    """An id of a control: both of the above."""
    return value not in FORM_NAMES and free_id(value, reach)


def picture_name(value: str, reach: Reach) -> bool:
    """A name of an image: like a control's, and like one that reaches `document`."""
    return field_name(value, reach) and in_shadow(value, reach)


def in_shadow(_value: str, reach: Reach) -> bool:
    """What stays within a shadow root, and would reach the page's own tree without one.

    A control's `form` or a label's `for` could be another fragment's; the name of a form or image becomes a property of
    `document`.
    """
    return reach.isolation == "shadow"


def measure(value: str, _reach: Reach) -> bool:
    """A size or count that a page can bear: a body must not push everything else out of reach."""
    return _bearable(value) if len(value) <= _MEASURE_CHARS_MAX else False


@lru_cache(maxsize=1024)
def _bearable(value: str) -> bool:
    found = _MEASURE.fullmatch(value)
    return found is not None and float(found[1]) <= _MEASURE_MAX


def drawing(value: str, _reach: Reach) -> bool:
    """A presentation attribute of SVG: any `url()` stays within the drawing, and none is spelled with an escape."""
    return "\\" not in value and _URL_FUNCTION.search(value) is None


def _taken(name: str) -> bool:
    return name in SHELL_IDS or name.startswith(SHELL_PREFIXES)
