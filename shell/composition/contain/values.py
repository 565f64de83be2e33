"""Checks of attribute values.

Each check takes the value and the slot's reach and says whether the attribute stays. Public: the checks below.
"""

import re
from functools import lru_cache

from shell.composition.contain import css
from shell.composition.contain import style as inline_style
from shell.composition.contain.links import Reach
from shell.composition.contain.names import FORM_NAMES, SHELL_IDS, SHELL_PREFIXES

_WINDOWS = frozenset({"_blank", "_self", "_top", "_parent"})
_CANDIDATE = re.compile(r"\s*(\S+)(?:\s+[0-9.]+[wx])?\s*")
CANDIDATES_CHARS_MAX = 4096
_MEASURE = re.compile(r"\s*\+?([0-9]{1,6}(?:\.[0-9]{0,6})?)(?:px|%|em|rem)?\s*")
_MEASURE_MAX = 4000
_MEASURE_CHARS_MAX = 16
_MATH_LENGTH = re.compile(
    r"[a-z]{1,16}|\+?[0-9]{0,3}(?:\.[0-9]{0,6})?(?:px|%|r?em|ex|p[tc]|[cm]m|in)?|-[01]?(?:\.[0-9]{0,6})?e[mx]"
)
# A framed origin keeps itself, its scripts and its forms; it may not navigate the page or open windows.
FRAME_SANDBOX = "allow-forms allow-same-origin allow-scripts"
_FRAME_MAY = frozenset(FRAME_SANDBOX.split())
_POPOVERS = frozenset({"", "auto", "hint", "manual"})
_ENGINES = frozenset({"native", "hls"})
_FEEDS = re.compile(r"[a-z0-9_.-]{1,64}(?:\s+[a-z0-9_.-]{1,64}){0,15}")
# What a live value may be written into: words and states, nothing that a script, htmx or another element follows.
_WRITABLE = re.compile(
    r"data-(?!live|hx-|stream|feeds|mullion)[a-z-]+"
    r"|aria-(?!owns|controls|describedby|labelledby|details|flowto|activedescendant|errormessage)[a-z]+"
    r"|value|max|min|datetime|hidden|open|title"
)
_WRITABLE_CHARS_MAX = 64


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
    if len(value) > CANDIDATES_CHARS_MAX:
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
    """A keyword and never a window's name, as another site may own a named window."""
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

    The name of a form or image becomes a property of `document`.
    """
    return reach.isolation == "shadow"


def referring(_value: str, _reach: Reach) -> bool:
    """Ids of other elements: whether these are the body's own is asked once its elements are known (`confine`)."""
    return True


def measure(value: str, _reach: Reach) -> bool:
    """A size or count that a page can bear: a body must not push everything else out of reach."""
    return _bearable(value) if len(value) <= _MEASURE_CHARS_MAX else False


@lru_cache(maxsize=1024)
def _bearable(value: str) -> bool:
    found = _MEASURE.fullmatch(value)
    return found is not None and float(found[1]) <= _MEASURE_MAX


def math_length(value: str, _reach: Reach) -> bool:
    """A length in a formula: one that a page can bear, or a little back, as between a bracket and what it holds."""
    return len(value) <= _MEASURE_CHARS_MAX and _MATH_LENGTH.fullmatch(value) is not None


def math_display(value: str, _reach: Reach) -> bool:
    """Whether a formula stands in a line or by itself."""
    return value.lower() in {"block", "inline"}


def drawing(value: str, _reach: Reach) -> bool:
    """CSS, as a presentation attribute, a size or a media query is: nothing in it is fetched."""
    return css.fetches_nothing(value)


def style(value: str, reach: Reach) -> bool:
    """A style that may stand as it is written; any other is written anew (`rewrite`)."""
    return not reach.sandboxed and inline_style.is_plain(value)


def frame_sandbox(value: str, _reach: Reach) -> bool:
    """As tight as the frame's sandbox is anyway, or tighter."""
    return set(value.lower().split()) <= _FRAME_MAY


def trusted(_value: str, reach: Reach) -> bool:
    """What an operator's trust lets an element do, as to cover the page when a person says so."""
    return not reach.sandboxed


def root_mode(value: str, _reach: Reach) -> bool:
    """What makes a template a shadow root; whether it may be one is asked where it stands (`roots`)."""
    return value.lower() in {"open", "closed"}


def sheet(value: str, reach: Reach) -> bool:
    """An address at which pages find a stylesheet of the release."""
    return reach.links.sheets.holds(value)


def popover(value: str, reach: Reach) -> bool:
    """How a popover closes: it stands over the page when a person opens it."""
    return not reach.sandboxed and value.lower() in _POPOVERS


def invoked(_value: str, reach: Reach) -> bool:
    """An id of what a button opens: of the same tree, and in a shared one of the body itself, as with `referring`."""
    return not reach.sandboxed


def engine(value: str, _reach: Reach) -> bool:
    """One of the engines that the page's script plays a picture with."""
    return value in _ENGINES


def feeds(value: str, _reach: Reach) -> bool:
    """Names of feeds whose state the page's script follows."""
    return not value or _FEEDS.fullmatch(value) is not None


def writable(value: str, _reach: Reach) -> bool:
    """The name of an attribute that the page's script may write a live value into."""
    return len(value) <= _WRITABLE_CHARS_MAX and _WRITABLE.fullmatch(value) is not None


def _taken(name: str) -> bool:
    return name in SHELL_IDS or name.startswith(SHELL_PREFIXES)
