"""Where the places of a page stand, as data: `<template>.layout.toml` beside the template.

Public: `Layout`, `SlotPlace`, `Grid`, `Name`, `HEADING`, `read_layout`, `layout_problems`.

The vocabulary is closed: named areas in columns from a width on, what stays in view, and the height that is reserved
for each slot until its fragment is there. Nothing in it is CSS, so it can come from anybody who may change a page.
"""

import re
import tomllib
from collections.abc import Iterable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Annotated

import msgspec

from shell.composition.page import Page, PagesBroken

HEADING = "heading"  # the place of the template's own block of that name
EMPTY = "."
GRIDS_MAX = 8
_NAME = re.compile(r"[a-z][a-z0-9_-]{0,31}")

Name = Annotated[str, msgspec.Meta(pattern=rf"^{_NAME.pattern}$")]
WidthPx = Annotated[int, msgspec.Meta(ge=0, le=4096)]
HeightPx = Annotated[int, msgspec.Meta(ge=0, le=8192)]
Column = Annotated[str, msgspec.Meta(pattern=r"^([1-9]fr|[1-9][0-9]{1,3}px)$")]
Row = Annotated[str, msgspec.Meta(pattern=r"^([1-9]fr|auto)$")]


class Grid(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How places stand in a window of `from_px` and more: rows of names of `areas`, a name for each column.

    `heights` says of each row whether it is as high as what stands in it (`auto`), as all are without it, or takes what
    a place beside it leaves over (`1fr`).
    """

    from_px: WidthPx
    columns: Annotated[list[Column], msgspec.Meta(min_length=1, max_length=12)]
    areas: Annotated[list[str], msgspec.Meta(min_length=1, max_length=64)]
    heights: Annotated[list[Row], msgspec.Meta(max_length=64)] = []

    @property
    def rows(self) -> list[list[str]]:
        return [row.split() for row in self.areas]


class SlotPlace(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The skeleton of a slot until its fragment is there: `skeletons/<skeleton>.html`, so high from each width on.

    `visitor_height_px` is for who is not signed in, where that differs. An `optional` slot may be missing from the
    pages table: then its place is left out.
    """

    skeleton: Name = "panel"
    optional: bool = False
    height_px: dict[WidthPx, HeightPx] = {}
    visitor_height_px: dict[WidthPx, HeightPx] = {}


class Layout(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`order` is the document's, and how places follow each other in one column: the heading, slots and stacks.

    A stack is a place of several slots, one below the other. `sticky_from_px` names the places that stay in view while
    the page scrolls past their area, from a width on; a stack does not.
    """

    order: list[Name]
    slots: dict[Name, SlotPlace]
    stacks: dict[Name, list[Name]] = {}
    grid: Annotated[list[Grid], msgspec.Meta(max_length=GRIDS_MAX)] = []
    sticky_from_px: dict[Name, WidthPx] = {}

    def slots_of(self, place: str) -> list[str]:
        """The slots of a place, in order; none in the heading's."""
        return [] if place == HEADING else self.stacks.get(place, [place])


def read_layout(path: Path, page: Page) -> Layout:
    """The layout in `path` for `page`; `PagesBroken` names page and field, and says what to do."""
    where = f"{path}: page {page.name}"
    try:
        layout = msgspec.convert(tomllib.loads(path.read_text("utf-8")), Layout, str_keys=True)
    except FileNotFoundError as error:
        raise PagesBroken(f"{where} has slots and no layout; write the file, as its neighbours have it") from error
    except (OSError, ValueError) as error:
        raise PagesBroken(f"{where}: {error}. What a layout may say stands in shell/README.md") from error
    declared = [slot.name for slot in page.placed]
    layout = without(layout, {name for name, slot in layout.slots.items() if slot.optional} - {*declared})
    if problem := next(layout_problems(layout, declared), None):
        raise PagesBroken(f"{where}: {problem}")
    return layout


def without(layout: Layout, absent: set[str]) -> Layout:
    """`layout` as if it had never named these slots. A row goes too where all else in it stands in another one."""
    if not absent:
        return layout
    return msgspec.structs.replace(
        layout,
        order=[place for place in layout.order if place not in absent],
        slots={name: slot for name, slot in layout.slots.items() if name not in absent},
        stacks={name: [slot for slot in slots if slot not in absent] for name, slots in layout.stacks.items()},
        sticky_from_px={place: px for place, px in layout.sticky_from_px.items() if place not in absent},
        grid=[_grid_without(grid, absent) for grid in layout.grid],
    )


def _grid_without(grid: Grid, absent: set[str]) -> Grid:
    rows, heights = grid.rows, grid.heights
    for at in reversed(range(len(rows))):
        rest = {cell for cell in rows[at] if cell not in absent}
        elsewhere = {cell for number, row in enumerate(rows) if number != at for cell in row}
        if len(rest) < len({*rows[at]}) and rest <= elsewhere | {EMPTY}:
            rows, heights = rows[:at] + rows[at + 1 :], heights[:at] + heights[at + 1 :]
    areas = [" ".join(EMPTY if cell in absent else cell for cell in row) for row in rows]
    return msgspec.structs.replace(grid, areas=areas, heights=heights)


def layout_problems(layout: Layout, declared: list[str]) -> Iterator[str]:
    """Where the layout and the `declared` slots disagree: a sentence for each problem, with the remedy."""
    places, slots = layout.order, [slot for place in layout.order for slot in layout.slots_of(place)]
    for name in sorted({*declared} ^ {*layout.slots}):
        if name in declared:
            yield f"slots.{name} is missing, and the pages table declares it; add [slots.{name}]"
        else:
            yield f"slots.{name} is no slot of the page; take it out, or declare it in the pages table"
    for name in layout.stacks:
        if name in layout.slots or name == HEADING:
            yield f"stacks.{name} has the name of another place; give the stack a name of its own"
        if name not in places:
            yield f"stacks.{name} stands nowhere; add it to order"
    if HEADING in layout.slots:
        yield f"slots.{HEADING} has the name of the template's own place; rename the slot"
    for name in [*layout.slots, HEADING]:
        times = (places if name == HEADING else slots).count(name)
        if times != 1:
            yield f"order has {name!r} {times} times; name it once, there or in one stack"
    for name in slots:
        if name not in layout.slots:
            yield f"order names {name!r}, which is neither a slot nor a stack; take it out, or add [slots.{name}]"
    for name in layout.sticky_from_px:
        if name not in places:
            yield f"sticky_from_px names {name!r}, which order does not have; name a place of order"
    yield from _grid_problems(layout.grid, places)


def _grid_problems(grids: list[Grid], places: list[str]) -> Iterator[str]:
    for before, after in pairwise(grids):
        if after.from_px <= before.from_px:
            yield f"grid from_px = {after.from_px} follows {before.from_px}; write the grids from narrow to wide"
    for grid in grids:
        where, rows = f"grid from_px = {grid.from_px}: areas", grid.rows
        for row in rows:
            if len(row) != len(grid.columns):
                yield (
                    f"{where} has the row {' '.join(row)!r} for {len(grid.columns)} columns; name one place a column, "
                    f"or {EMPTY!r} for none"
                )
        if grid.heights and len(grid.heights) != len(rows):
            yield f"grid from_px = {grid.from_px}: heights has {len(grid.heights)} for {len(rows)} rows; name one a row"
        for name in sorted({name for row in rows for name in row} - {*places, EMPTY}):
            yield f"{where} names {name!r}, which order does not have; add it to order or take it out of areas"
        for name in places:
            if not _is_rectangle([(y, x) for y, row in enumerate(rows) for x, cell in enumerate(row) if cell == name]):
                yield f"{where} gives {name!r} no rectangle; every place of order has one, of cells side by side"


def _is_rectangle(cells: Iterable[tuple[int, int]]) -> bool:
    found = set(cells)
    if not found:
        return False
    ys, xs = {y for y, _ in found}, {x for _, x in found}
    return len(found) == (max(ys) - min(ys) + 1) * (max(xs) - min(xs) + 1)
