"""Metadata of a page from the fragment in its primary slot: the header `mullion-page`, a JSON object.

Public: `PageHead`, `PageHeadRefused`, `read_page_head`, `written_page_head`,
`TITLE_CHARS_MAX`, `WORDS_CHARS_MAX`, `JSON_LD_BYTES_MAX`.

`{"title": "Harbour Roulette", "description": "…", "canonical": "/tables/201/", "robots": "noindex",
"open_graph": {"image": "/static/…"}, "json_ld": {"@context": "https://schema.org", …}}`. JSON writes what is no ASCII
as `\\u…`, as a header wants it. Addresses are pathnames of the page's own origin.
"""

import json
import re
from typing import Annotated, Any, Literal

import msgspec

from bff.contracts import text

PAGE_HEAD_BYTES_MAX = 16 * 1024
JSON_LD_BYTES_MAX = 8 * 1024
TITLE_CHARS_MAX = 120
WORDS_CHARS_MAX = 320

Title = Annotated[str, msgspec.Meta(max_length=TITLE_CHARS_MAX)]
Words = Annotated[str, msgspec.Meta(max_length=WORDS_CHARS_MAX)]
# No second slash, no backslash and no scheme: nothing that a browser could read as another origin.
Pathname = Annotated[str, msgspec.Meta(max_length=1024, pattern=r"^(/([^/\\\s][^\\\s]*)?)?\Z")]
Robots = Literal["", "all", "noindex", "nofollow", "noindex, nofollow", "noarchive", "nosnippet"]


class OpenGraph(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """How a shared link to the page looks; without a title or description here those of the page are used."""

    title: Title = ""
    description: Words = ""
    type: Literal["", "website", "article", "profile", "product", "video.other"] = ""
    image: Pathname = ""
    image_alt: Words = ""


class PageHead(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Every field may be missing; the page then has its template's title, and nothing of the rest."""

    title: Title = ""
    description: Words = ""
    canonical: Pathname = ""
    robots: Robots = ""
    open_graph: OpenGraph = OpenGraph()
    json_ld: dict[str, Any] | None = None


class PageHeadRefused(Exception):
    """The header can not be used; the message names the field and what is wrong with it."""


def read_page_head(value: str) -> PageHead:
    """The header's value; raises `PageHeadRefused`."""
    if len(value) > PAGE_HEAD_BYTES_MAX:
        raise PageHeadRefused(f"it has {len(value)} characters; at most {PAGE_HEAD_BYTES_MAX} are read")
    try:
        # A header's bytes arrive as Latin-1: who wrote UTF-8 in place of \\u… is read all the same.
        head = text.decode(re.sub("[\r\n]", " ", value).encode("latin-1"), PageHead)
    except (msgspec.DecodeError, UnicodeEncodeError) as error:
        raise PageHeadRefused(str(error)) from error
    if head.json_ld is not None and len(msgspec.json.encode(head.json_ld)) > JSON_LD_BYTES_MAX:
        raise PageHeadRefused(f"json_ld has more than {JSON_LD_BYTES_MAX} bytes")
    return head


def written_page_head(head: PageHead) -> str:
    """`head` as the header has it: ASCII, on one line, without what is empty."""
    return json.dumps(msgspec.to_builtins(head), separators=(",", ":"))
