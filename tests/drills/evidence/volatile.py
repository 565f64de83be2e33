"""Values that differ between any two loads of a page, each with its reason. Every other difference is evidence.

Public: `VOLATILE`, `Volatile`, `TEXT_SELECTORS`, `normalised`, `slots_of`, `SlotMarkup`.
"""

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

MASK = "~"


@dataclass(frozen=True, slots=True)
class Volatile:
    """A value that is masked before two loads are compared. Its element or attribute must still be there."""

    kind: Literal["attribute", "hidden_input", "text"]
    name: str
    reason: str


VOLATILE = (
    Volatile("attribute", "data-ms", "how long this include took"),
    Volatile("attribute", "data-as-of", "when this answer was made"),
    Volatile("attribute", "data-retry-ms", "when to ask again, with jitter"),
    Volatile("attribute", "data-server-now", "the server's clock, for countdowns"),
    Volatile("attribute", "data-live-seq", "the number of the last live message before this answer"),
    Volatile("hidden_input", "idempotency_key", "each form that is drawn has a key of its own"),
    Volatile("hidden_input", "csrfmiddlewaretoken", "each form that is drawn has a token of its own"),
    Volatile("text", "data-countdown", "the time that is left until an end which the element names"),
    Volatile("text", "data-live", "a figure that the live socket moves from second to second"),
    Volatile("text", "data-live-to", "an attribute that the live socket moves from second to second"),
)
# In an open page, the text of these elements is left out.
TEXT_SELECTORS = ("[data-countdown]", "[data-live]:not([data-live-to])")

_TAG = r"""<(?:"[^"]*"|'[^']*'|[^'">])*>"""
_TOKEN = re.compile(rf"{_TAG}|[^<]+|<", re.DOTALL)
_NAMES = "|".join(each.name for each in VOLATILE if each.kind == "attribute")
_ATTRIBUTE = re.compile(rf'(\s(?:{_NAMES})=)"[^"]*"')
_INPUTS = "|".join(each.name for each in VOLATILE if each.kind == "hidden_input")
_HIDDEN_INPUT = re.compile(rf'<input\b[^>]*\sname="(?:{_INPUTS})"')
_VALUE = re.compile(r'(\svalue=)"[^"]*"')
_LIVE_TO = re.compile(r'\sdata-live-to="([a-z-]+)"')
_MOVING_TEXT = re.compile(r"\sdata-(?:countdown|live)(?=[=\s>])")
_SLOT = re.compile(r"<fragment-slot\b(?P<attributes>[^>]*)>(?P<body>.*?)</fragment-slot>", re.DOTALL)
_PAIR = re.compile(r'([\w:-]+)="([^"]*)"')
_UNSEEN = re.compile(r"<(style|script)\b.*?</\1>|<!--.*?-->", re.DOTALL)


@dataclass(frozen=True, slots=True)
class SlotMarkup:
    """A slot as served: its attributes, its HTML with and without volatile values, its text."""

    attributes: dict[str, str]
    markup: str
    tokens: tuple[str, ...]
    masked: int

    @property
    def text(self) -> str:
        """The slot's text in one line, without volatile values."""
        visible = _UNSEEN.sub("", "".join(self.tokens))
        words = "".join(token if not token.startswith("<") else " " for token in _TOKEN.findall(visible))
        return re.sub(r"\s+", " ", html.unescape(words)).strip()


def slots_of(page: str) -> dict[str, SlotMarkup]:
    """The complete slots of a page as served, by name; of two with the same name the last one."""
    found = {}
    for each in _SLOT.finditer(page):
        attributes = {name: html.unescape(value) for name, value in _PAIR.findall(each["attributes"])}
        if slot := attributes.get("slot", ""):
            opening = each.start("body") - each.start()
            tokens, masked = normalised(each[0][:opening])
            body, masked_in_body = _of_body(each[0][opening:])
            found[slot] = SlotMarkup(attributes, each[0], (*tokens, *body), masked + masked_in_body)
    return found


@lru_cache(maxsize=64)
def _of_body(markup: str) -> tuple[tuple[str, ...], int]:
    """Cached: visits at the same moment get the same body, byte by byte, for slots that all visitors share."""
    tokens, masked = normalised(markup)
    return tuple(tokens), masked


def normalised(markup: str) -> tuple[list[str], int]:
    """The tags and texts of `markup`, with a mask in place of each volatile value, and the number of masks."""
    tokens: list[str] = []
    masked = 0
    moving = False
    for token in _tokens(markup):
        if token.startswith("<"):
            live_to = _LIVE_TO.search(token)
            moving = bool(_MOVING_TEXT.search(token)) and not live_to
            token, count = _masked_tag(token, live_to[1] if live_to else "")
            masked += count
        elif moving and token.strip():
            token, masked = MASK, masked + 1
        tokens.append(token)
    return tokens, masked


def _tokens(markup: str) -> Iterator[str]:
    return (found[0] for found in _TOKEN.finditer(markup))


def _masked_tag(tag: str, live_to: str) -> tuple[str, int]:
    tag, count = _ATTRIBUTE.subn(rf'\1"{MASK}"', tag)
    if _HIDDEN_INPUT.match(tag):
        tag, more = _VALUE.subn(rf'\1"{MASK}"', tag)
        count += more
    if live_to:
        tag, more = re.subn(rf'(\s{re.escape(live_to)}=)"[^"]*"', rf'\1"{MASK}"', tag)
        count += more
    return tag, count
