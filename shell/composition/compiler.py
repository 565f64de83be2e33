"""A page's template, rendered once by Django's engine and stored as bytes with holes.

Everything that a page shares between its visits is rendered once per language and sign-in state; a visit only fills
the holes. Public: `Hole`, `Compiled`, `Compiler`, `layout_of`.
"""

import re
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

from django.conf import settings
from django.template import engines
from django.utils import translation

from bff.contracts.page_head import PageHead
from shell.composition.assets import static_layout_url
from shell.composition.layout import Layout, read_layout
from shell.composition.layout_css import layout_style
from shell.composition.page import Page, PagesBroken, PageTable
from shell.composition.page_head import rendered_elements, rendered_title
from shell.composition.preview import current_preview
from shell.composition.release import Snapshot

# NUL can not stand in a template's output by accident: HTML has no use for it.
FRAGMENTS_MARK = "\0fragments\0"
SLOT_MARK = "\0slot:"
TITLE_MARK = "\0title:"
ENDING_MARK = "\1"
_MARK = re.compile("\0([^\0]*)\0")
PAGES_MAX = 64


@dataclass(frozen=True, slots=True)
class Hole:
    """A hole that each visit fills with escaped text; it stays empty where the visit has no value for it."""

    name: str


@dataclass(frozen=True, slots=True)
class TitleHole:
    """The page's title: the words of its template, unless a primary slot has some; these end in `ending`.

    What else a primary slot says of the page stands behind it.
    """

    words: str
    ending: str


Part = bytes | Hole | TitleHole


@dataclass(frozen=True, slots=True)
class Compiled:
    """`head` is sent at once, `tail` after the last slot; both hold bytes and holes."""

    head: tuple[Part, ...]
    tail: tuple[Part, ...]

    @staticmethod
    def fill(
        parts: Sequence[Part], values: Mapping[str, str], page_head: PageHead | None = None, origin: str = ""
    ) -> bytes:
        return b"".join(
            part
            if isinstance(part, bytes)
            else escape(values.get(part.name, "")).encode()
            if isinstance(part, Hole)
            else _title(part, page_head, origin).encode()
            for part in parts
        )


class Compiler:
    """Compiled pages, by page, language, sign-in state and the assets that the live releases bring; bounded."""

    def __init__(self, pages_max: int = PAGES_MAX) -> None:
        self._pages_max = pages_max
        # Each with the page it was compiled from: a page of the same name may have changed since.
        self._compiled: OrderedDict[tuple[str, str, bool, int, str], tuple[Page, Compiled]] = OrderedDict()

    def compiled(self, page: Page, *, language: str, signed_in: bool, snapshot: Snapshot) -> Compiled:
        key = (page.name, language, signed_in, snapshot.generation, snapshot.preview)
        held = self._compiled.get(key)
        if held is not None and held[0] is page:
            self._compiled.move_to_end(key)
            return held[1]
        compiled = self._render(page, language, signed_in, snapshot)
        self._compiled[key] = (page, compiled)
        while len(self._compiled) > self._pages_max:
            self._compiled.popitem(last=False)
        return compiled

    def check(self, pages: PageTable) -> None:
        """Raises `PagesBroken` where a page, its template and its layout do not agree."""
        for page in pages.pages:
            self.compiled(page, language=settings.LANGUAGE_CODE, signed_in=False, snapshot=Snapshot())

    def _render(self, page: Page, language: str, signed_in: bool, snapshot: Snapshot) -> Compiled:
        styles, modules, scripts = _assets(page, snapshot)
        template = engines["django"].get_template(page.template)
        layout = layout_of(page) if page.slots else page.layout
        context = {
            "compiling": True,
            "page": page,
            "layout": layout,
            "layout_style": static_layout_url(_style_name(page), layout_style(layout)) if layout else "",
            "language": language,
            "signed_in": signed_in,
            "styles": styles,
            "modules": modules,
            "scripts": scripts,
            "preview": current_preview(),
        }
        with translation.override(language):
            text = template.render(context)
        return _split(page, text)


def layout_of(page: Page) -> Layout:
    """The page's own layout, or the one in the file beside its template; raises `PagesBroken`."""
    return page.layout or read_layout(_layout_path(engines["django"].get_template(page.template)), page)


def _style_name(page: Page) -> str:
    return page.name if page.layout else Path(page.template).stem


def _layout_path(template: Any) -> Path:
    """The layout file beside the template, wherever Django found the template."""
    return Path(template.origin.name).with_suffix(".layout.toml")


def _assets(page: Page, snapshot: Snapshot) -> tuple[list[str], list[str], list[str]]:
    """Addresses of (styles, modules, classic scripts) that the head asks for before a slot does."""
    releases = [snapshot.releases[slot.fragment] for slot in page.slots if slot.fragment in snapshot.releases]
    # The head preloads what the content needs; assets for print or for the fallback are left until they are used.
    styles = dict.fromkeys(
        release.address(key)
        for release in releases
        for key in release.css
        if release.use(key).scope != "fallback" and not release.use(key).media
    )
    modules = dict.fromkeys(
        release.address(key) for release in releases for key in release.scripts("content", classic=False)
    )
    scripts = dict.fromkeys(
        release.address(key) for release in releases for key in release.scripts("content", classic=True)
    )
    return list(styles), list(modules), list(scripts)


def _split(page: Page, text: str) -> Compiled:
    before, fragments, after = text.partition(FRAGMENTS_MARK)
    if not fragments and page.slots:
        raise PagesBroken(f"{page.template} has no {{% fragments %}} for the slots of page {page.name}")
    placed: list[str] = []
    head = _parts(before, placed)
    tail = _parts(after, placed)
    declared = [slot.name for slot in page.slots if not slot.inside]
    if sorted(placed) != sorted(declared):
        raise PagesBroken(
            f"{page.template} places the slots {placed}; the pages table gives {page.name} {declared}. The block "
            f"`places` of page.html places all of its layout: leave it as it is, or place each once"
        )
    return Compiled(head, tail)


def _title(hole: TitleHole, page_head: PageHead | None, origin: str) -> str:
    words = rendered_title(page_head) if page_head else ""
    title = f"<title>{words + hole.ending if words else hole.words}</title>\n"
    return title + rendered_elements(page_head, origin) if page_head else title


def _parts(text: str, placed: list[str]) -> tuple[Part, ...]:
    parts: list[Part] = []
    for index, piece in enumerate(_MARK.split(text)):
        if index % 2 == 0:
            if piece:
                parts.append(piece.encode())
        elif piece.startswith("title:"):
            words, _, ending = piece.removeprefix("title:").partition(ENDING_MARK)
            parts.append(TitleHole(words, ending))
        elif piece.startswith("slot:"):
            placed.append(piece.removeprefix("slot:"))
        else:
            parts.append(Hole(piece))
    return tuple(parts)
