"""Changes to pages as data, over HTTP and on this machine. Each function returns what the API answers.

Public: `PageView`, `list_pages`, `publish`, `roll_back`, `live_table`, `read_file`.
"""

from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.urls import get_resolver

from bff.contracts.paths import HEALTH_PATH, READY_PATH
from shell.composition.assets import PREFIX as STATIC_PREFIX
from shell.composition.compiler import Compiler
from shell.composition.page import PageTable
from shell.composition.release import ASSETS_PREFIX
from shell.composition.slot_path import SLOTS_PREFIX
from shell.pages.check import PageCheck
from shell.pages.document import canonical, read_document
from shell.pages.published import merged
from shell.pages.table import FilePages, read_pages
from shell.registry import models, page_revisions
from shell.registry.page_revisions import PageMoved
from shell.registry.scopes import live_scopes


@dataclass(frozen=True, slots=True)
class PageView:
    """A page that is live; `revision` is 0 for one that only the pages table has. `slots` are the fragments by slot."""

    page: str
    route: str
    revision: int
    slots: dict[str, str]


def live_table(file: FilePages) -> PageTable:
    """All pages as they are live by the database, over those of `file`."""
    return merged(file, page_revisions.live_documents(), live_scopes())[0]


def list_pages(file: FilePages, only: str = "") -> list[PageView]:
    """Every page by name; `only` one where it is named."""
    numbers = dict(models.LivePage.objects.values_list("page", "revision__number"))
    return [
        PageView(page.name, page.route, numbers.get(page.name, 0), {slot.name: slot.fragment for slot in page.slots})
        for page in sorted(live_table(file).pages, key=lambda page: page.name)
        if page.name == (only or page.name)
    ]


def publish(name: str, body: bytes, *, file: FilePages, operator: bool, actor: str, now: datetime) -> PageMoved:
    """Check the document `body` and make it the page `name`; raises `PagesBroken` where something is wrong with it."""
    document = canonical(read_document(body))
    return page_revisions.publish_page(
        name, document, check=lambda found: _check(name, found, file, operator), actor=actor, now=now
    )


def roll_back(
    name: str,
    *,
    to: int | None,
    reason: str,
    file: FilePages,
    operator: bool,
    actor: str,
    now: datetime,
    expect: int | None = None,
) -> PageMoved:
    """Make an earlier revision the page, or what the file has; raises `PagesBroken` where that fits no more."""
    return page_revisions.roll_back_page(
        name,
        to=to,
        check=lambda found: _check(name, found, file, operator),
        reason=reason,
        actor=actor,
        now=now,
        expect=expect,
    )


def read_file() -> FilePages:
    """The pages table of this machine."""
    return read_pages(settings.PAGES)


def _check(name: str, body: bytes, file: FilePages, operator: bool) -> None:
    live = frozenset(models.LiveRelease.objects.values_list("fragment", flat=True))
    documents, scopes = page_revisions.live_documents(), live_scopes()
    page = PageCheck(file, documents, scopes, live, _reserved(), operator).check(name, body)
    if page is not None:
        Compiler().check(PageTable([page]))


def _reserved() -> frozenset[str]:
    """First segments of addresses that are the shell's own."""
    own = {SLOTS_PREFIX, ASSETS_PREFIX, STATIC_PREFIX, HEALTH_PATH, READY_PATH}
    routes = [str(each.pattern) for each in get_resolver().url_patterns]
    return frozenset(path.strip("/").partition("/")[0] for path in (*own, *routes))
