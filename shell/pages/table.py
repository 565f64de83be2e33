"""Reads the pages table.

Public: `read_pages`, `NOT_FOUND`.
"""

import re
import tomllib
from pathlib import Path
from typing import Annotated, Any

import msgspec

from shell.composition.page import Grant, Page, PagesBroken, PageTable, Slot

NOT_FOUND = Page(name="not-found", route="", template="404.html")
REFRESH_S_MIN = 10
GRANT_LIFE_H_MAX = 12
_QUERY = re.compile(r"[a-z][a-z_]{0,31}")
_THIRD_PARTY = re.compile(r"(?!live:)[a-z][a-z0-9-]*:.+")
_TAKEN = frozenset({"receipt", "min_sequence", "attempt"})  # the shell's own words to a fragment


class _Fragment(msgspec.Struct, forbid_unknown_fields=True):
    scopes: list[str] = []


class _Grant(msgspec.Struct, forbid_unknown_fields=True):
    audience: str
    scopes: list[str] = []
    life_h: Annotated[int, msgspec.Meta(ge=1, le=GRANT_LIFE_H_MAX)] | None = None


class _Slot(msgspec.Struct, forbid_unknown_fields=True):
    fragment: str
    pathname: str = ""
    primary: bool = False
    grant: _Grant | None = None
    query: list[str] = []


class _Page(msgspec.Struct, forbid_unknown_fields=True):
    route: str
    template: str
    slots: dict[str, _Slot] = {}
    refresh_s: Annotated[int, msgspec.Meta(ge=REFRESH_S_MIN)] | None = None
    samples: dict[str, str] = {}


class _Table(msgspec.Struct, forbid_unknown_fields=True):
    fragments: dict[str, _Fragment]
    pages: dict[str, _Page]


def read_pages(path: Path) -> PageTable:
    """The table in `path`; `PagesBroken` names the entry that is wrong."""
    try:
        raw: dict[str, Any] = tomllib.loads(path.read_text())
        table = msgspec.convert(raw, _Table)
    except (OSError, tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise PagesBroken(f"{path}: {error}") from error
    return PageTable(_page(path, name, page, table.fragments) for name, page in table.pages.items())


def _grant(grant: _Grant) -> Grant:
    return Grant(grant.audience, frozenset(grant.scopes), (grant.life_h or 0) * 3600)


def _takes(page: Page, samples: dict[str, str]) -> bool:
    """Whether a visit could have brought these parameters."""
    return samples.keys() == set(page.params) and PageTable([page]).match(page.path(samples)) == (page, samples)


def _page(path: Path, name: str, page: _Page, fragments: dict[str, _Fragment]) -> Page:
    if not (page.route.startswith("/") and page.route.endswith("/")):
        raise PagesBroken(f"{path}: the route of pages.{name} must start and end with a slash")
    slots = []
    for slot_name, slot in page.slots.items():
        fragment = fragments.get(slot.fragment)
        if fragment is None:
            raise PagesBroken(
                f"{path}: pages.{name}.slots.{slot_name} names the fragment {slot.fragment!r}, "
                f"which [fragments] does not have"
            )
        if odd := [name for name in slot.query if name in _TAKEN or not _QUERY.fullmatch(name)]:
            raise PagesBroken(f"{path}: pages.{name}.slots.{slot_name} can not take the query names {odd}")
        if slot.grant and not _THIRD_PARTY.fullmatch(slot.grant.audience):
            raise PagesBroken(
                f"{path}: pages.{name}.slots.{slot_name} grants {slot.grant.audience!r}; a third party is written "
                f"<kind>:<name>, such as game:{{table}}, so that no grant can pass for a fragment or open a live socket"
            )
        grant = _grant(slot.grant) if slot.grant else None
        scopes, query = frozenset(fragment.scopes), tuple(slot.query)
        slots.append(Slot(slot_name, slot.fragment, slot.pathname, scopes, slot.primary, grant, query))
    if sum(slot.primary for slot in slots) > 1:
        raise PagesBroken(f"{path}: pages.{name} has more than one primary slot")
    built = Page(name, page.route, page.template, tuple(slots), page.refresh_s or 0, page.samples)
    if page.samples and not _takes(built, page.samples):
        raise PagesBroken(
            f"{path}: pages.{name}.samples must give each of {list(built.params)} a value that its route takes"
        )
    for slot_built in slots:
        filled = slot_built.pathname + (slot_built.grant.audience if slot_built.grant else "")
        unknown = set(Page("", filled, "").params) - set(built.params)
        if unknown:
            raise PagesBroken(
                f"{path}: pages.{name}.slots.{slot_built.name} uses {sorted(unknown)}, which its route does not have"
            )
    return built
