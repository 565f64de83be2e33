"""Pages that were published as data, together with those of the file, as one table that running visits look into.

Public: `LivePages`, `merged`.
"""

from collections.abc import Callable, Hashable, Mapping
from dataclasses import replace

from django.template import TemplateDoesNotExist

from bff.resilience import log
from shell.composition.page import Page, PagesBroken, PageTable
from shell.pages.addresses import overlap
from shell.pages.document import page_of_document, read_document
from shell.pages.table import FilePages, Scopes

logger = log.get("pages")
Documents = Mapping[str, bytes]


class LivePages(PageTable):
    """A table whose content is replaced as a whole, so that every holder of it has the live pages.

    `check` raises where a page can not be drawn. A visit under way keeps the page that it began with.
    """

    def __init__(self, file: FilePages, check: Callable[[Page], None] = lambda page: None) -> None:
        super().__init__(file.pages)
        self.file = file
        self._documents: Documents = {}
        self._scopes: Scopes = {}
        self._check = check
        # What stays as it is stays the same object: whatever was made of it is used again.
        self._built: dict[Hashable, Page] = {}

    def take_file(self, file: FilePages) -> None:
        """From here on the file's pages are these."""
        self.file = file
        self._compose()

    def take_published(self, documents: Documents, scopes: Scopes) -> None:
        """From here on these are published, and fragments may do what `scopes` says, which goes before the file."""
        if (documents, scopes) != (self._documents, self._scopes):
            self._documents, self._scopes = documents, scopes
            self._compose()

    def _compose(self) -> None:
        table, left_out = merged(self.file, self._documents, self._scopes, self._page)
        for name, why in left_out.items():
            logger.error("page_left_out", page=name, why=why)
        self._built = {key: page for key, page in self._built.items() if page in table.pages}
        self.__dict__.update(table.__dict__)
        logger.info("pages_taken_up", pages=[page.name for page in table.pages])

    def _page(self, body: bytes, scopes: Scopes) -> Page:
        document = read_document(body)
        own = {slot.fragment: scopes.get(slot.fragment, frozenset()) for slot in document.slots.values()}
        key = (body, tuple(sorted((name, tuple(sorted(each))) for name, each in own.items())))
        page = self._built.get(key)
        if page is None:
            page = page_of_document(document, scopes)
            self._check(page)
            self._built[key] = page
        return page


def merged(
    file: FilePages,
    documents: Documents,
    scopes: Scopes,
    make: Callable[[bytes, Scopes], Page] = lambda body, scopes: page_of_document(read_document(body), scopes),
) -> tuple[PageTable, dict[str, str]]:
    """(the table, by name why a published page is not in it).

    A published page stands in place of the file's page of its name. One whose address another page has by now, and one
    that this shell can not draw, is left out: the others stay.
    """
    allowed = {**file.scopes, **scopes}
    pages = {page.name: _allowed(page, scopes) for page in file.pages if page.name not in documents}
    left_out: dict[str, str] = {}
    for name, body in sorted(documents.items()):
        try:
            page = make(body, allowed)
        except (PagesBroken, TemplateDoesNotExist) as error:
            left_out[name] = f"{type(error).__name__}: {error}"
            continue
        if taken := next((other.name for other in pages.values() if overlap(page.route, other.route)), ""):
            left_out[name] = f"its address {page.route} is that of {taken}"
            continue
        pages[name] = page
    return PageTable(pages.values()), left_out


def _allowed(page: Page, scopes: Scopes) -> Page:
    if not any(slot.scopes != scopes.get(slot.fragment, slot.scopes) for slot in page.slots):
        return page
    return replace(
        page, slots=tuple(replace(slot, scopes=scopes.get(slot.fragment, slot.scopes)) for slot in page.slots)
    )
