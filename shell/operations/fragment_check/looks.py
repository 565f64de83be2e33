"""What the check requests: the slots of pages that name the fragment, or the given pathnames.

Public: `SlotLook`, `looks_for`, `include_of`, `PAGE`.
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
class SlotLook:
    """One pathname, as its own page asks for it. `where` names it for a message and for a picture."""

    where: str
    page: Page

    @property
    def slot(self) -> Slot:
        return self.page.slots[0]


def looks_for(fragment: str, pages: PageTable, pathnames: Sequence[str]) -> tuple[SlotLook, ...]:
    """A look for each of `pathnames`; without any, for each that slots of `pages` ask for, or for the content alone."""
    found: dict[str, SlotLook] = {}
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


def include_of(look: SlotLook, release: Release) -> Include:
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


def _inside(found: dict[str, SlotLook], path: str) -> tuple[Slot, ...]:
    return found[path].page.slots[1:] if path in found else ()


def _look(fragment: str, pathname: str, where: str, inside: tuple[Slot, ...] = ()) -> SlotLook:
    inner = tuple(Slot(slot.name, slot.fragment, inside=_SLOT) for slot in inside)
    return SlotLook(where, Page("check", "/", PAGE, (Slot(_SLOT, fragment, pathname), *inner)))
