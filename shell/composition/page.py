"""A page and its slots, as data; and one visit to it.

Public: `PAGE_DEADLINE_MS`, `Grant`, `Slot`, `PageWords`, `Page`, `Visit`, `PageTable`, `PagesBroken`, `TAG_SEPARATOR`,
`split_tag`.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote

import msgspec

from bff.contracts.load_class import LoadClass
from shell.composition.slot_path import SLOTS_PREFIX

if TYPE_CHECKING:
    from shell.composition.layout import Layout

PAGE_DEADLINE_MS = 1000

# One path segment in any script, with spaces and punctuation. It begins with a letter or a digit, and holds nothing
# that divides addresses or that nobody sees: controls, other blanks, what turns text or hides it. The rest is the
# fragment's business.
_UNSEEN = (
    "\x00-\x1f\x7f-\xa0\xad\u1680\u180e\u2000-\u200b\u200e\u200f\u2028-\u202f\u205f-\u206f\u3000"
    "\ud800-\udfff\ufeff\ufff0-\uffff"
)
_PARAM = rf"[^\W_][^/\\?#%\"<>^`{{|}}{_UNSEEN}]{{0,63}}"
_HOLE = re.compile(r"\{([a-z_]+)\}")
_KEY_SEPARATOR = ":"
# Between a slot's name and the tag of the release that drew it; in no name and no tag.
TAG_SEPARATOR = "~"


class PagesBroken(Exception):
    """The pages table can not be used; the message says where and why."""


@dataclass(frozen=True, slots=True)
class Grant:
    """What a slot's fragment may hand on to a third party: a player context for `audience`, with these `scopes`.

    `audience` may hold the page's `{parameters}`. With a `life_s` it lives that long, and names the session that it
    ends with.
    """

    audience: str
    scopes: frozenset[str] = frozenset()
    life_s: int = 0


@dataclass(frozen=True, slots=True)
class Slot:
    """A place for a fragment. `pathname` may hold the page's `{parameters}`; an empty one asks for the content itself.

    `scopes` is what the fragment may do for a player.

    A `primary` slot decides the page's status, if its release agrees to. `query` names what the page's own query may
    ask of the slot, written `?<slot>.<name>=<value>`. `grant` is given to signed-in players only. A slot that stands
    `inside` another of the page keeps that one back for `awaited_ms` at most, once that is ready itself. One that may
    not stand inside it stands `behind` it (`seats.py`).
    """

    name: str
    fragment: str
    pathname: str = ""
    scopes: frozenset[str] = frozenset()
    primary: bool = False
    grant: Grant | None = None
    query: tuple[str, ...] = ()
    inside: str = ""
    awaited_ms: int = 0
    behind: str = ""

    def path(self, params: Mapping[str, str]) -> str:
        return _filled(self.pathname, params)

    def granted(self, params: Mapping[str, str]) -> Grant | None:
        """The grant for one visit, its audience filled in."""
        return replace(self.grant, audience=_filled(self.grant.audience, params)) if self.grant else None


@dataclass(frozen=True, slots=True)
class PageWords:
    """What a page says by itself, as plain text. `back` are the words of a link to the first page, empty for none."""

    title: str
    heading: str
    heading_hidden: bool = False
    back: str = ""


@dataclass(frozen=True, slots=True)
class Page:
    """`route` ends in a slash and may hold `{parameters}`, one path segment each.

    Without JavaScript the page reads itself again after `refresh_s` seconds; 0 is never. `samples` are values with
    which publishing asks what visits will ask; they are complete or empty. `words` and `layout` are those of a page
    that is data as a whole; without them they stand in its template, and in the file beside that. `nested` has the
    slots inside a slot, by that one's name.
    """

    name: str
    route: str
    template: str
    slots: tuple[Slot, ...] = ()
    refresh_s: int = 0
    samples: Mapping[str, str] = field(default_factory=dict, hash=False)
    words: PageWords | None = None
    layout: "Layout | None" = field(default=None, hash=False)
    nested: Mapping[str, tuple[Slot, ...]] = field(init=False, compare=False)

    def __post_init__(self) -> None:
        nested: dict[str, tuple[Slot, ...]] = {}
        for slot in self.slots:
            if slot.inside:
                nested[slot.inside] = (*nested.get(slot.inside, ()), slot)
        object.__setattr__(self, "nested", nested)

    @property
    def placed(self) -> tuple[Slot, ...]:
        """The slots that the layout places; the others stand inside these, or behind them."""
        return tuple(slot for slot in self.slots if not slot.inside and not slot.behind)

    def behind(self, name: str) -> tuple[Slot, ...]:
        """Those that stand in the layout behind the slot `name`, and not inside it."""
        return tuple(slot for slot in self.slots if slot.behind == name)

    @property
    def params(self) -> tuple[str, ...]:
        return _holes(self.route)

    def slot(self, name: str) -> Slot | None:
        return next((slot for slot in self.slots if slot.name == name), None)

    def path(self, params: Mapping[str, str]) -> str:
        """The page's own path for `params`."""
        return _filled(self.route, params)

    def key(self, params: Mapping[str, str]) -> str:
        """One path segment that names the page with its parameters: `table:rl-7`.

        It is plain ASCII, the same in an address, decoded or not, and in a header.
        """
        if not params:
            return self.name
        return _KEY_SEPARATOR.join([self.name, *(_into_key(params[name]) for name in self.params)])

    def prefix(self, slot: Slot, params: Mapping[str, str]) -> str:
        """The slot's own public prefix: where it is refetched, and where its actions go."""
        return f"{SLOTS_PREFIX}{self.key(params)}/{slot.name}"


class Visit(msgspec.Struct, frozen=True):
    """One look at one page, decided before the first byte; nothing in it needs a fragment.

    `player` is empty for a visitor who is not signed in; `session` stands for the session and is no key to it, and
    `session_ends` is when it ends by itself (Unix seconds). `receipts` maps a slot to the receipt that it is to show,
    `queries` a slot to what the page's query asks of it. `min_sequence` is `<epoch>:<n>` where the player's own write
    must be seen. `template_values` fill the template's holes besides the visit's own. `visitor` stands for the browser,
    and `page_view` for this look by it, signed; both are empty where no release is on trial. `load_class` is what
    houses behind the shell hear of it. `reloads` is how many times in a row the page has come back by itself.
    """

    page: Page
    params: Mapping[str, str]
    language: str
    locale: str
    currency: str
    origin: str
    player: str = ""
    player_name: str = ""
    session: str = ""
    session_ends: int = 0
    device: str = "desktop"
    traceparent: str = ""
    receipts: Mapping[str, str] = msgspec.field(default_factory=dict)
    min_sequence: str = ""
    queries: Mapping[str, Mapping[str, str]] = msgspec.field(default_factory=dict)
    template_values: Mapping[str, str] = msgspec.field(default_factory=dict)
    visitor: str = ""
    page_view: str = ""
    load_class: LoadClass = LoadClass.PAGE
    reloads: int = 0

    @property
    def path(self) -> str:
        return self.page.path(self.params)


def split_tag(slot_name: str) -> tuple[str, str]:
    """(the slot's name, the tag of the release that drew it, if any) of an address."""
    name, _, tag = slot_name.partition(TAG_SEPARATOR)
    return name, tag


def _filled(pattern: str, params: Mapping[str, str]) -> str:
    if not params:
        return pattern
    return _HOLE.sub(lambda hole: quote(params[hole[1]], safe=""), pattern)


class PageTable:
    """Which page a path means. Fixed routes win over those with parameters."""

    def __init__(self, pages: Iterable[Page]) -> None:
        self.pages = tuple(pages)
        self._by_name = {page.name: page for page in self.pages}
        if len(self._by_name) != len(self.pages):
            raise PagesBroken("two pages have the same name")
        self._fixed = {page.route: page for page in self.pages if not page.params}
        self._patterns = [(_pattern(page.route), page) for page in self.pages if page.params]

    def match(self, path: str) -> tuple[Page, dict[str, str]] | None:
        page = self._fixed.get(path)
        if page is not None:
            return page, {}
        for pattern, candidate in self._patterns:
            found = pattern.fullmatch(path)
            if found:
                return candidate, found.groupdict()
        return None

    def by_key(self, key: str) -> tuple[Page, dict[str, str]] | None:
        """The inverse of `Page.key`; None for anything that it could not have made."""
        name, *values = key.split(_KEY_SEPARATOR)
        page = self._by_name.get(name)
        if page is None or len(values) != len(page.params):
            return None
        values = [_out_of_key(value) for value in values]
        if not all(re.fullmatch(_PARAM, value) for value in values):
            return None
        return page, dict(zip(page.params, values, strict=True))


def _into_key(value: str) -> str:
    return quote(value, safe="").replace("~", "~7E").replace("%", "~")


def _out_of_key(value: str) -> str:
    return unquote(value.replace("%", "~25").replace("~", "%"))


@cache
def _holes(route: str) -> tuple[str, ...]:
    return tuple(_HOLE.findall(route))


def _pattern(route: str) -> re.Pattern[str]:
    parts = _HOLE.split(route)
    literal, names = parts[::2], parts[1::2]
    text = re.escape(literal[0])
    for name, rest in zip(names, literal[1:], strict=True):
        text += f"(?P<{name}>{_PARAM})" + re.escape(rest)
    return re.compile(text)
