"""The slots to check: those of pages that name the fragment, or the given pathnames.

Public: `CheckedSlot`, `slots_to_check`, `include_of`, `PAGE`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from django.conf import settings

from shell.composition.include import Include
from shell.composition.page import Page, PageTable, Slot, Visit
from shell.composition.release import Release

PAGE = "fragment_check.html"
_SLOT = "content"


@dataclass(frozen=True, slots=True)
class CheckedSlot:
    """One pathname, as its own page asks for it. `where` names it for a message and for a picture."""

    where: str
    page: Page

    @property
    def slot(self) -> Slot:
        return self.page.slots[0]


def slots_to_check(fragment: str, pages: PageTable, pathnames: Sequence[str]) -> tuple[CheckedSlot, ...]:
    """A slot for each of `pathnames`; without any, for each pathname in slots of `pages`, or for the content alone."""
    found: dict[str, CheckedSlot] = {}
    for page in pages.pages:
        for slot in page.slots:
            if slot.fragment == fragment and (page.samples or not page.params):
                path = slot.path(page.samples)
                found.setdefault(
                    path, _look(fragment, path, f"{page.name}.{slot.name}", page.nested.get(slot.name, ()))
                )
    if pathnames:
        paths = dict.fromkeys(pathnames)
        return tuple(_look(fragment, path, path.strip("/") or "content", _inside(found, path)) for path in paths)
    return tuple(found.values()) or (_look(fragment, "", "content"),)


def include_of(look: CheckedSlot, release: Release) -> Include:
    """What a visitor of the page asks of `release`; nobody is signed in."""
    visit = Visit(
        page=look.page,
        params={},
        language=settings.LANGUAGE_CODE,
        locale=settings.LOCALES[0],
        currency=settings.CURRENCY,
        origin=settings.PUBLIC_URL,
    )
    return Include(look.slot, visit, release)


def _inside(found: dict[str, CheckedSlot], path: str) -> tuple[Slot, ...]:
    return found[path].page.slots[1:] if path in found else ()


def _look(fragment: str, pathname: str, where: str, inside: tuple[Slot, ...] = ()) -> CheckedSlot:
    inner = tuple(Slot(slot.name, slot.fragment, inside=_SLOT) for slot in inside)
    return CheckedSlot(where, Page("check", "/", PAGE, (Slot(_SLOT, fragment, pathname), *inner)))
