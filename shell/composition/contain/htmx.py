"""Which of htmx's attributes a fragment may carry, and with what value.

Everything that leaves the slot, runs text as code, or changes the page around the slot is left out, as are attributes
that this list does not know. Public: `CHECKS`, `ADDRESSES`, `TRIGGERS`, `fires_by_itself`, `sends`, `asks`.
"""

import re
from collections.abc import Callable, Mapping

from shell.composition.contain.links import Reach

# `find`, `next`, `previous` and a bare selector search the slot's own tree only within a shadow root.
_ANYWHERE = re.compile(r"\s*(?:this|host)\s*", re.IGNORECASE)
# Possessive quantifiers: with three runs of blanks side by side, backtracking could try too many ways.
_IN_TREE = re.compile(
    r"\s*+(?:(?:find|next|previous|closest)(?:\s++[\w.#\-\[\]=\"' >]*+)?+|#[\w\-]++)\s*+", re.IGNORECASE
)
_OUTSIDE = re.compile(r"\b(?:body|html|document|window|fragment-slot)\b|:host", re.IGNORECASE)
_SWAP = re.compile(
    r"(?:innerHTML|outerHTML|textContent|beforebegin|afterbegin|beforeend|afterend|delete|none)?"
    r"(?:\s+(?:swap|settle):\d+(?:ms|s)|\s+focus-scroll:(?:true|false))*\s*"
)
# Events that a person causes, and names that a fragment's own script may give its events.
_TRIGGER = re.compile(
    r"(?:click|dblclick|submit|reset|change|input|search|toggle|invalid|key(?:down|up)|focus(?:in|out)?|blur"
    r"|(?:mouse|pointer)(?:down|up|enter|leave|over|out)|touch(?:start|end)"
    r"|(?!(?:htmx|mullion|sse|ws):)[a-z][a-z0-9-]*:[a-zA-Z0-9-]+)(?:\s+(?:once|changed|consume|(?:delay|throttle):\d+(?:ms|s)|queue:(?:first|last|all|none)))*"
)
# Events that the browser fires once for an element: the page's own script stops a loop of them
# (`static/slots/loops.js`).
_BY_ITSELF = re.compile(r"(?:load(?:\s+delay:\d{1,6}(?:ms|s))?|revealed|intersect\s+once)")
_EVERY = re.compile(r"every\s+(?:\d{2,}|[2-9])s")
_CHARS_MAX = 2048
_WORDS = re.compile(r"[\w\s,*\-]*")


def _own(value: str, reach: Reach) -> bool:
    return reach.own(value)


def _target(value: str, reach: Reach) -> bool:
    """An element of the slot."""
    if _ANYWHERE.fullmatch(value):
        return True
    return reach.isolation == "shadow" and _IN_TREE.fullmatch(value) is not None and _OUTSIDE.search(value) is None


def _swap(value: str, _reach: Reach) -> bool:
    return _SWAP.fullmatch(value) is not None


def _trigger(value: str, _reach: Reach) -> bool:
    """Events of the element itself; no filter (it is evaluated), no other source, no polling under two seconds."""
    return all(_TRIGGER.fullmatch(part) or _EVERY.fullmatch(part) for part in map(str.strip, value.split(",")))


def fires_by_itself(value: str, reach: Reach) -> bool:
    """Whether `value` names an event that fires without a person, besides those that are always allowed."""
    parts = [part.strip() for part in value.split(",")]
    others = [part for part in parts if not _BY_ITSELF.fullmatch(part)]
    return len(value) <= _CHARS_MAX and len(others) < len(parts) and (not others or _trigger(",".join(others), reach))


def _data(value: str, _reach: Reach) -> bool:
    """JSON: htmx evaluates anything that is marked as script."""
    return value.lstrip().startswith("{")


def _words(value: str, _reach: Reach) -> bool:
    return _WORDS.fullmatch(value) is not None


def _any(_value: str, _reach: Reach) -> bool:
    return True


_VERBS = ("get", "post", "put", "patch", "delete")
_NAMED: dict[str, Callable[[str, Reach], bool]] = {
    **dict.fromkeys(_VERBS, _own),
    **dict.fromkeys(("target", "include", "indicator", "disabled-elt", "select"), _target),
    "swap": _swap,
    "trigger": _trigger,
    "vals": _data,
    **dict.fromkeys(("params", "disinherit"), _words),
    **dict.fromkeys(("confirm", "validate", "disable", "encoding"), _any),
}


def _short(check: Callable[[str, Reach], bool]) -> Callable[[str, Reach], bool]:
    def bounded(value: str, reach: Reach) -> bool:
        return len(value) <= _CHARS_MAX and check(value, reach)

    return bounded


CHECKS: Mapping[str, Callable[[str, Reach], bool]] = {
    f"{prefix}{name}": _short(check) for name, check in _NAMED.items() for prefix in ("hx-", "data-hx-")
}

# The attributes that hold an address, and those that say when a request to it is sent.
ADDRESSES = frozenset(CHECKS[name] for name in CHECKS if name.removeprefix("data-")[3:] in _VERBS)
TRIGGERS = frozenset({CHECKS["hx-trigger"], CHECKS["data-hx-trigger"]})


def sends(name: str) -> bool:
    """Whether an attribute of this name makes htmx send a request."""
    return CHECKS.get(name) in ADDRESSES


def asks(name: str) -> bool:
    """Whether the attribute makes htmx send a GET."""
    return name in ("hx-get", "data-hx-get")
