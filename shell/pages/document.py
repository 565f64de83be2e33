"""A page as one document of data: its address, its words, its slots and its layout. No template, no HTML, no CSS.

Public: `PageDocument`, `read_document`, `canonical`, `page_of_document`, `DOCUMENT_BYTES_MAX`.
"""

from dataclasses import replace
from typing import Annotated

import msgspec

from bff.contracts import text
from shell.composition.layout import Layout, Name
from shell.composition.page import Page, PagesBroken, PageWords
from shell.pages.table import NOT_FOUND, REFRESH_S_MIN, PageEntry, Scopes, SlotEntry, page_of

DOCUMENT_BYTES_MAX = 64 * 1024
SLOTS_MAX = 24
TEMPLATE = "by_data.html"

Words = Annotated[str, msgspec.Meta(min_length=1, max_length=120)]


class PageDocument(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`page` is its name. `heading_hidden` keeps the heading for those who do not see; `back` are the words of a link
    to the first page. All else is as the pages table and a layout file have it."""

    page: Name
    route: Annotated[str, msgspec.Meta(max_length=256)]
    title: Words
    heading: Words
    slots: Annotated[dict[Name, SlotEntry], msgspec.Meta(min_length=1, max_length=SLOTS_MAX)]
    layout: Layout
    heading_hidden: bool = False
    back: Annotated[str, msgspec.Meta(max_length=120)] = ""
    refresh_s: Annotated[int, msgspec.Meta(ge=REFRESH_S_MIN, le=86_400)] | None = None
    samples: dict[str, str] = {}


def read_document(body: bytes) -> PageDocument:
    """The document that is `body`, as JSON; `PagesBroken` names the field that is wrong."""
    if len(body) > DOCUMENT_BYTES_MAX:
        raise PagesBroken(f"a page has at most {DOCUMENT_BYTES_MAX} bytes, and this has {len(body)}")
    try:
        document = text.decode(body, PageDocument)
    except msgspec.DecodeError as error:
        raise PagesBroken(f"{error}. What a page may say stands in shell/README.md") from error
    if document.page == NOT_FOUND.name:
        raise PagesBroken(f"page: {document.page} is the shell's own; choose another name")
    return document


def canonical(document: PageDocument) -> bytes:
    """The same bytes for the same page, however it was written."""
    return msgspec.json.encode(msgspec.to_builtins(document, str_keys=True), order="deterministic")


def page_of_document(document: PageDocument, scopes: Scopes) -> Page:
    """The page, each of its fragments with its own of `scopes`; `PagesBroken` where it contradicts itself."""
    entry = PageEntry(document.route, TEMPLATE, document.slots, document.refresh_s, document.samples)
    named = {slot.fragment: scopes.get(slot.fragment, frozenset()) for slot in document.slots.values()}
    page = page_of(document.page, document.page, entry, named)
    words = PageWords(document.title, document.heading, document.heading_hidden, document.back)
    return replace(page, words=words, layout=document.layout)
