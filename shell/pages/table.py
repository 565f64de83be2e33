"""Reads the pages table.

Public: `read_pages`, `FilePages`, `page_of`, `PageEntry`, `SlotEntry`, `Scopes`, `NOT_FOUND`.
"""

import re
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any

import msgspec

from bff.contracts.own_write import MIN_SEQUENCE_QUERY, RECEIPT_QUERY
from shell.composition.page import Grant, Page, PagesBroken, PageTable, Slot

NOT_FOUND = Page(name="not-found", route="", template="404.html")
REFRESH_S_MIN = 10
GRANT_LIFE_H_MAX = 12
AWAITED_MS_MAX = 500
# What each fragment may do for a player, by its name.
Scopes = Mapping[str, frozenset[str]]
_QUERY = re.compile(r"[a-z][a-z_]{0,31}")
_NAME = re.compile(r"[a-z][a-z0-9_-]{0,31}")
_THIRD_PARTY = re.compile(r"(?!live:)[a-z][a-z0-9-]*:.+")
_TAKEN = frozenset({RECEIPT_QUERY, MIN_SEQUENCE_QUERY, "attempt"})  # the shell's own words to a fragment


class _Fragment(msgspec.Struct, forbid_unknown_fields=True):
    scopes: list[str] = []


class _Grant(msgspec.Struct, forbid_unknown_fields=True):
    audience: str
    scopes: list[str] = []
    life_h: Annotated[int, msgspec.Meta(ge=1, le=GRANT_LIFE_H_MAX)] | None = None


class SlotEntry(msgspec.Struct, forbid_unknown_fields=True):
    """A slot as it is written."""

    fragment: str
    pathname: str = ""
    primary: bool = False
    grant: _Grant | None = None
    query: list[str] = []
    inside: str = ""
    awaited_ms: Annotated[int, msgspec.Meta(ge=0, le=AWAITED_MS_MAX)] = 0


class PageEntry(msgspec.Struct, forbid_unknown_fields=True):
    """A page as it is written."""

    route: str
    template: str
    slots: dict[str, SlotEntry] = {}
    refresh_s: Annotated[int, msgspec.Meta(ge=REFRESH_S_MIN)] | None = None
    samples: dict[str, str] = {}


class _Table(msgspec.Struct, forbid_unknown_fields=True):
    fragments: dict[str, _Fragment]
    pages: dict[str, PageEntry]


class FilePages(PageTable):
    """The pages of a file, and the `scopes` that it gives to fragments."""

    def __init__(self, pages: Iterable[Page], scopes: Scopes) -> None:
        super().__init__(pages)
        self.scopes = scopes


def read_pages(path: Path) -> FilePages:
    """The table in `path`; `PagesBroken` names the entry that is wrong."""
    try:
        raw: dict[str, Any] = tomllib.loads(path.read_text())
        table = msgspec.convert(raw, _Table)
    except (OSError, tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise PagesBroken(f"{path}: {error}") from error
    scopes = {name: frozenset(fragment.scopes) for name, fragment in table.fragments.items()}
    return FilePages(
        (page_of(f"{path}: pages.{name}", name, page, scopes) for name, page in table.pages.items()), scopes
    )


def _grant(grant: _Grant) -> Grant:
    return Grant(grant.audience, frozenset(grant.scopes), (grant.life_h or 0) * 3600)


def _takes(page: Page, samples: dict[str, str]) -> bool:
    """Whether a visit could have brought these parameters."""
    return samples.keys() == set(page.params) and PageTable([page]).match(page.path(samples)) == (page, samples)


def _nesting_problem(name: str, slot: SlotEntry, slots: dict[str, SlotEntry]) -> str | None:
    """Why a slot can not stand in the one that it names, in a sentence; None where it can, or names none."""
    if not slot.inside:
        return "stands in no other slot, so none is kept back for it; take awaited_ms out" if slot.awaited_ms else None
    if not _NAME.fullmatch(name):
        return "stands inside another slot, so its name is a place of that one's HTML; write it in lower case"
    around = slots.get(slot.inside)
    if around is None or around is slot:
        return f"stands inside {slot.inside!r}, which is no other slot of the page"
    if around.inside:
        return f"stands inside {slot.inside!r}, which stands inside another slot itself; two deep is the most"
    return "is primary and stands inside another slot; only that one can be" if slot.primary else None


def page_of(where: str, name: str, page: PageEntry, scopes: Scopes) -> Page:
    """The page that is written as `page`, where `scopes` names every fragment; `PagesBroken` begins with `where`."""
    if not (page.route.startswith("/") and page.route.endswith("/")):
        raise PagesBroken(f"{where}: its route must start and end with a slash")
    for slot_name, entry in page.slots.items():
        if wrong := _nesting_problem(slot_name, entry, page.slots):
            raise PagesBroken(f"{where}.slots.{slot_name} {wrong}")
    slots = [_slot(f"{where}.slots.{slot_name}", slot_name, slot, scopes) for slot_name, slot in page.slots.items()]
    if sum(slot.primary for slot in slots) > 1:
        raise PagesBroken(f"{where} has more than one primary slot")
    built = Page(name, page.route, page.template, tuple(slots), page.refresh_s or 0, page.samples)
    if len(set(built.params)) < len(built.params):
        raise PagesBroken(f"{where}: its route has one parameter twice")
    if page.samples and not _takes(built, page.samples):
        raise PagesBroken(f"{where}.samples must give each of {list(built.params)} a value that its route takes")
    for slot in slots:
        filled = slot.pathname + (slot.grant.audience if slot.grant else "")
        unknown = set(Page("", filled, "").params) - set(built.params)
        if unknown:
            raise PagesBroken(f"{where}.slots.{slot.name} uses {sorted(unknown)}, which its route does not have")
    return built


def _slot(where: str, name: str, slot: SlotEntry, scopes: Scopes) -> Slot:
    if slot.fragment not in scopes:
        raise PagesBroken(f"{where} names the fragment {slot.fragment!r}, which [fragments] does not have")
    if odd := [name for name in slot.query if name in _TAKEN or not _QUERY.fullmatch(name)]:
        raise PagesBroken(f"{where} can not take the query names {odd}")
    if slot.grant and not _THIRD_PARTY.fullmatch(slot.grant.audience):
        raise PagesBroken(
            f"{where} grants {slot.grant.audience!r}; a third party is written <kind>:<name>, such as game:{{table}}, "
            f"so that no grant can pass for a fragment or open a live socket"
        )
    grant = _grant(slot.grant) if slot.grant else None
    query, placed = tuple(slot.query), (slot.inside, slot.awaited_ms)
    return Slot(name, slot.fragment, slot.pathname, scopes[slot.fragment], slot.primary, grant, query, *placed)
