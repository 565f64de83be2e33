"""Checks a page before it is live; each problem is a sentence.

Public: `PageCheck`, `SKELETONS`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from shell.composition.layout import layout_problems
from shell.composition.page import Page, PagesBroken
from shell.pages.addresses import address_problem, overlap, pathname_problem
from shell.pages.document import PageDocument, page_of_document, read_document
from shell.pages.published import Documents, merged
from shell.pages.table import FilePages, Scopes

SKELETONS = frozenset(path.stem for path in (Path(__file__).parent / "templates" / "skeletons").glob("*.html"))


@dataclass(frozen=True, slots=True)
class PageCheck:
    """`documents` and `scopes` are what is published by now, `fragments` the names of which a release is live.

    `reserved` are first segments of addresses that are the shell's own. An `operator` alone may give grants; anybody
    else leaves those of the page as they are.
    """

    file: FilePages
    documents: Documents
    scopes: Scopes
    fragments: frozenset[str]
    reserved: frozenset[str] = frozenset()
    operator: bool = False

    def check(self, name: str, body: bytes) -> Page | None:
        """The page that `name` would be; None where there would be none. An empty `body` is the file's page.

        Raises `PagesBroken` with all that is wrong.
        """
        if body:
            document = read_document(body)
            page = page_of_document(document, {**self.file.scopes, **self.scopes})
            problems = list(self._problems(name, document, page))
        else:
            own = [each for each in self.file.pages if each.name == name]
            return self._agreed(own[0], list(self._address_problems(name, own[0]))) if own else None
        return self._agreed(page, problems)

    def _agreed(self, page: Page, problems: list[str]) -> Page:
        if problems:
            raise PagesBroken("; ".join(problems))
        return page

    def _problems(self, name: str, document: PageDocument, page: Page) -> Iterator[str]:
        if document.page != name:
            yield f"page: the document is of {document.page}, and this is {name}"
        if problem := address_problem(page.route, self.reserved):
            yield f"route: {problem}"
        yield from self._address_problems(name, page)
        for slot in page.slots:
            if slot.fragment not in self.fragments:
                live = ", ".join(sorted(self.fragments)) or "none"
                yield f"slots.{slot.name}: no release of {slot.fragment} is live. Live: {live}"
            if problem := pathname_problem(slot.pathname):
                yield f"slots.{slot.name}.pathname: {problem}"
        yield from (
            f"layout: {problem}" for problem in layout_problems(document.layout, [slot.name for slot in page.placed])
        )
        for slot_name, place in document.layout.slots.items():
            if place.skeleton not in SKELETONS:
                there = ", ".join(sorted(SKELETONS))
                yield f"layout.slots.{slot_name}: the skeleton {place.skeleton} is none of {there}"
        if page.params and not page.samples:
            yield f"samples: the route has {', '.join(page.params)}; give each a value that a visit could have"
        if not self.operator:
            yield from self._grant_problems(name, page)

    def _address_problems(self, name: str, page: Page) -> Iterator[str]:
        for other in self._live():
            if other.name != name and overlap(page.route, other.route):
                yield f"route: {page.route} is the address of the page {other.name} ({other.route})"

    def _grant_problems(self, name: str, page: Page) -> Iterator[str]:
        before = {(slot.fragment, slot.grant) for each in self._live() if each.name == name for slot in each.slots}
        for slot in page.slots:
            if slot.grant and (slot.fragment, slot.grant) not in before:
                yield f"slots.{slot.name}.grant: a grant that the page has not is an operator's to give"

    def _live(self) -> tuple[Page, ...]:
        return merged(self.file, self.documents, self.scopes)[0].pages
