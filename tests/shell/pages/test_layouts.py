"""Layouts are data beside the templates: what they may contain, what is refused, and the CSS rules made from them."""

import re
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.test import override_settings

from shell.composition.assets import ROOT as STATIC
from shell.composition.assets import static_file
from shell.composition.compiler import Compiled, Compiler
from shell.composition.layout import Layout, read_layout
from shell.composition.layout_css import layout_style
from shell.composition.page import Page, PagesBroken, PageTable, Slot
from shell.composition.release import Snapshot
from shell.pages.table import read_pages

TEMPLATES = STATIC.parent / "shell" / "pages" / "templates"
LOBBY = TEMPLATES / "lobby.layout.toml"
NAMES = ("wallet", "tables", "promotions")
_LINK = re.compile(r'<template shadowrootmode="open"><link rel="stylesheet" href="([^"]+)">(.*?)</template>', re.DOTALL)


def page_of(*names: str) -> Page:
    return Page("lobby", "/", "lobby.html", tuple(Slot(name, name) for name in names))


def drawn(page: Page) -> tuple[str, str]:
    """The stylesheet that the page links in its layout, and the layout's markup."""
    compiled = Compiler().compiled(page, language="en", signed_in=False, snapshot=Snapshot())
    found = _LINK.search(Compiled.fill(compiled.head, {}).decode())
    assert found
    file = static_file(found[1])
    assert file is not None
    assert file.content_type.startswith("text/css")
    return file.plain.decode(), found[2]


def templates_in(folder: Path) -> Any:
    """A Django template engine that looks in `folder` first."""
    [engine] = settings.TEMPLATES
    return override_settings(TEMPLATES=[{**engine, "DIRS": [folder]}])


def test_lobby_whose_slot_is_renamed_by_data_alone_keeps_its_layout(tmp_path: Path) -> None:
    """The slot's name stands in the pages table and in the layout, and in no template, stylesheet or code."""
    style, markup = drawn(page_of(*NAMES))
    (tmp_path / "lobby.html").write_bytes((TEMPLATES / "lobby.html").read_bytes())
    (tmp_path / "lobby.layout.toml").write_text(LOBBY.read_text().replace("wallet", "purse"))
    with templates_in(tmp_path):
        renamed = drawn(page_of("purse", *NAMES[1:]))
    assert renamed == (style.replace("wallet", "purse"), markup.replace("wallet", "purse"))
    assert "purse" in renamed[0]
    assert "purse" in renamed[1]


def test_no_name_of_a_slot_stands_in_a_template_or_a_stylesheet() -> None:
    """Data alone decides which slots a page has; templates and static rules fit any."""
    names = {slot.name for page in read_pages(settings.PAGES).pages for slot in page.slots}
    layout = (STATIC / "layout.css").read_text()
    assert not [name for name in names if f'"{name}"' in layout]
    for page in read_pages(settings.PAGES).pages:
        assert "{%" in (text := (TEMPLATES / page.template).read_text())
        assert "slot" not in text


def test_every_slot_of_the_house_has_a_height_before_its_fragment_is_there() -> None:
    """Without a reserved height a late slot would push the content below it down."""
    for page in read_pages(settings.PAGES).pages:
        layout = read_layout((TEMPLATES / page.template).with_suffix(".layout.toml"), page)
        assert all(0 in place.height_px for place in layout.slots.values()), page.name


def test_rules_of_a_layout_go_from_narrow_to_wide() -> None:
    """Each width is one media block, and a wider one overrides the narrower ones."""
    text = layout_style(read_layout(LOBBY, page_of(*NAMES)))
    assert [int(px) for px in re.findall(r"min-width: (\d+)px", text)] == [372, 672, 960]
    assert text.index("--height: 312px") < text.index("--height: 216px") < text.rindex("--height: 312px")
    assert '"place-heading place-heading" "place-tables place-wallet" "place-promotions place-promotions"' in text
    assert "minmax(0, 1fr) 320px" in text
    assert ".place-wallet > :only-child { position: sticky; top: var(--m-3); }" in text


def test_lobby_with_games_has_them_below_the_wallet_and_without_them_no_row() -> None:
    """Without that fragment it is removed from the pages table; the layout stays as it is."""
    text = layout_style(read_layout(LOBBY, page_of("wallet", "tables", "games", "promotions")))
    assert '"place-tables place-wallet" "place-tables place-games" "place-promotions place-promotions"' in text
    assert "grid-template-rows: auto auto 1fr auto;" in text
    assert "games" not in layout_style(read_layout(LOBBY, page_of(*NAMES)))


def test_slot_that_may_be_missing_leaves_stacks_and_rows_behind_it_whole(tmp_path: Path) -> None:
    """In a stack the other slots close up; in a row with another slot its cell stays empty."""
    optional = WHOLE.replace("[slots.b]", "[slots.b]\noptional = true").replace(
        "[slots.a]", "[slots.a]\noptional = true"
    )
    layout = read_layout(written(tmp_path, optional), page_of("c"))
    assert (layout.order, layout.stacks) == (["heading", "side"], {"side": ["c"]})
    assert [grid.areas for grid in layout.grid] == [["heading", "side"], ["heading heading heading", ". . side"]]
    assert [grid.heights for grid in layout.grid] == [[], ["auto", "auto"]]


WHOLE = """
order = ["heading", "a", "side"]
sticky_from_px = { side = 960 }
[stacks]
side = ["b", "c"]
[[grid]]
from_px = 0
columns = ["1fr"]
areas = ["heading", "a", "side"]
[[grid]]
from_px = 960
columns = ["2fr", "1fr", "320px"]
areas = ["heading heading heading", "a a side", "a a ."]
heights = ["auto", "auto", "1fr"]
[slots.a]
skeleton = "grid"
height_px = { 0 = 400, 960 = 300 }
visitor_height_px = { 0 = 100 }
[slots.b]
[slots.c]
"""
SLIPS = [
    ('order = ["heading", "a", "side"]', 'order = ["heading", "a"]', "stacks.side stands nowhere; add it to order"),
    ('order = ["heading", "a", "side"]', 'order = ["a", "side"]', "order has 'heading' 0 times; name it once"),
    ('order = ["heading", "a", "side"]', 'order = ["heading", "a", "a", "side"]', "order has 'a' 2 times"),
    ('order = ["heading", "a", "side"]', 'order = ["heading", "a", "side", "d"]', "order names 'd', which is neither"),
    ('side = ["b", "c"]', 'side = ["b"]', "order has 'c' 0 times"),
    ('side = ["b", "c"]', 'side = ["b", "c"]\na = []', "stacks.a has the name of another place"),
    ("[slots.c]", "", "slots.c is missing, and the pages table declares it; add [slots.c]"),
    ("[slots.c]", "[slots.c]\n[slots.d]", "slots.d is no slot of the page; take it out"),
    ("{ side = 960 }", "{ b = 960 }", "sticky_from_px names 'b', which order does not have"),
    ("from_px = 960", "from_px = 0", "grid from_px = 0 follows 0; write the grids from narrow to wide"),
    ('"a a side"', '"a side"', "grid from_px = 960: areas has the row 'a side' for 3 columns"),
    ('"a a ."', '"a a x"', "areas names 'x', which order does not have; add it to order or take it out"),
    ('"a a ."', '"a . a"', "areas gives 'a' no rectangle"),
    ('"a a side"', '"a a ."', "areas gives 'side' no rectangle"),
    ('heights = ["auto", "auto", "1fr"]', 'heights = ["1fr"]', "heights has 1 for 3 rows; name one a row"),
    ('"auto", "1fr"]', '"auto", "40px"]', "$.grid[1].heights"),
    ('columns = ["1fr"]', 'columns = ["50%"]', "$.grid[0].columns"),
    ('columns = ["1fr"]', 'columns = ["1fr;}"]', "$.grid[0].columns"),
    ('skeleton = "grid"', 'skeleton = "../../x"', "skeleton"),
    ("0 = 400", "0 = -1", "height_px"),
    ("0 = 400", '0 = "400"', "height_px"),
    ("0 = 400", "wide = 400", "height_px"),
    ("[slots.b]", "[slots.b]\nstyle = 'x'", "style"),
    ("[stacks]", "[stacks", "at line"),
]


def written(folder: Path, text: str) -> Path:
    path = folder / "lobby.layout.toml"
    path.write_text(text)
    return path


def test_layout_with_all_its_words_is_read_as_it_is_written(tmp_path: Path) -> None:
    """Spans, empty cells, stacks, columns in fractions and pixels, and heights by width and for visitors."""
    layout = read_layout(written(tmp_path, WHOLE), page_of("a", "b", "c"))
    assert isinstance(layout, Layout)
    assert layout.slots["a"].height_px == {0: 400, 960: 300}
    text = layout_style(layout)
    assert "grid-template-columns: minmax(0, 2fr) minmax(0, 1fr) 320px" in text
    assert '"place-a place-a place-side" "place-a place-a ."; grid-template-rows: auto auto 1fr;' in text
    assert '.visitor slot[name="a"] { --height: 100px; }' in text
    assert text.count("grid-area: place-a;") == 1


@pytest.mark.parametrize(("whole", "slip", "message"), SLIPS, ids=[message for _, _, message in SLIPS])
def test_layout_that_can_not_be_drawn_is_refused_by_page_and_field(
    tmp_path: Path, whole: str, slip: str, message: str
) -> None:
    """The message has the file, the page, the field and the remedy."""
    assert whole in WHOLE
    path = written(tmp_path, WHOLE.replace(whole, slip, 1))
    with pytest.raises(PagesBroken) as refused:
        read_layout(path, page_of("a", "b", "c"))
    assert str(refused.value).startswith(f"{path}: page lobby: ")
    assert message in str(refused.value)


def test_slot_may_not_be_called_like_the_heading(tmp_path: Path) -> None:
    """The template itself fills the place of that name."""
    text = 'order = ["heading"]\n[slots.heading]\n'
    with pytest.raises(PagesBroken, match="rename the slot"):
        read_layout(written(tmp_path, text), page_of("heading"))


def test_page_with_slots_and_no_layout_stops_the_start(tmp_path: Path) -> None:
    """Every page is compiled at the start, so a page without a layout stops the shell before a visitor meets it."""
    (tmp_path / "bare.html").write_text('{% extends "page.html" %}')
    page = Page("bare", "/", "bare.html", (Slot("a", "a"),))
    with (
        templates_in(tmp_path),
        pytest.raises(PagesBroken, match=r"bare\.layout\.toml: page bare has slots and no layout; write the file"),
    ):
        Compiler().check(PageTable([page]))
