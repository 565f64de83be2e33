"""One slot to look at, at the place that its page gives it.

Public: `BenchSlot`, `bench_slots`, `alone`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from msgspec import structs

from shell.composition.layout import EMPTY, HEADING, Grid, Layout, SlotPlace
from shell.composition.page import Page, PageTable, Slot

CONTENT = "content"


@dataclass(frozen=True, slots=True)
class BenchSlot:
    """One slot that is looked at: `where` is `lobby.wallet`, or what stands for the content alone."""

    where: str
    slot: Slot
    layout: Layout


def bench_slots(
    fragment: str, pages: PageTable, pathnames: Sequence[str], layout_of: Callable[[Page], Layout]
) -> list[BenchSlot]:
    """`pathnames`; without any, what slots of `pages` ask of it; else the content alone."""
    if pathnames:
        return [_content(fragment, path) for path in dict.fromkeys(pathnames)]
    found: dict[str, BenchSlot] = {}
    for page in pages.pages:
        for slot in page.slots:
            if slot.fragment == fragment and (page.samples or not page.params):
                path = slot.path(page.samples)
                own = replace(slot, pathname=path, primary=False, grant=None, query=(), inside="", awaited_ms=0)
                found.setdefault(path, BenchSlot(f"{page.name}.{slot.name}", own, alone(layout_of(page), slot.name)))
    return list(found.values()) or [_content(fragment, "")]


def alone(layout: Layout, slot: str) -> Layout:
    """`layout` with nothing but the heading and `slot`, as wide and as high as it is beside the others.

    A slot that stands inside another has no place of its own, and gets the whole width.
    """
    place = next((name for name in layout.order if slot in layout.slots_of(name)), "")
    return Layout(
        order=[HEADING, slot],
        slots={slot: layout.slots.get(slot, SlotPlace())},
        grid=[_grid(grid, place, slot) for grid in layout.grid] if place else [],
    )


def _grid(grid: Grid, place: str, slot: str) -> Grid:
    """Its columns, and of its rows those in which something is left."""
    names = {HEADING: HEADING, place: slot}
    rows = [[names.get(cell, EMPTY) for cell in row] for row in grid.rows]
    return structs.replace(grid, areas=[" ".join(row) for row in rows if {*row} != {EMPTY}], heights=[])


def _content(fragment: str, pathname: str) -> BenchSlot:
    layout = Layout(order=[HEADING, CONTENT], slots={CONTENT: SlotPlace()})
    return BenchSlot(pathname.strip("/") or CONTENT, Slot(CONTENT, fragment, pathname), layout)
