"""A layout as a stylesheet of its page, and as the elements that the stylesheet is for.

Public: `layout_style`, `place_class`.
"""

from collections.abc import Iterator, Mapping

from shell.composition.layout import EMPTY, Layout

# The element around all places has this class while nobody is signed in.
VISITOR = ".visitor"


def place_class(place: str) -> str:
    """The class of the element of a place, and the name of its area: no word of CSS, whatever the place is called."""
    return f"place-{place}"


def layout_style(layout: Layout) -> str:
    """The rules of one page, from the narrowest window to the widest. They stand after `static/layout.css`."""
    text = ""
    for from_px in sorted({*_widths(layout)}):
        rules = "".join(_rules(layout, from_px))
        text += f"@media (min-width: {from_px}px) {{\n{rules}}}\n" if from_px else rules
    return text


def _widths(layout: Layout) -> Iterator[int]:
    yield from (grid.from_px for grid in layout.grid)
    yield from layout.sticky_from_px.values()
    for slot in layout.slots.values():
        yield from slot.height_px
        yield from slot.visitor_height_px


def _rules(layout: Layout, from_px: int) -> Iterator[str]:
    for name, slot in layout.slots.items():
        yield from _height(f'slot[name="{name}"]', slot.height_px, from_px)
        yield from _height(f'{VISITOR} slot[name="{name}"]', slot.visitor_height_px, from_px)
    for grid in layout.grid:
        if grid.from_px == from_px:
            columns = " ".join(_column(column) for column in grid.columns)
            areas = " ".join(f'"{" ".join(_area(cell) for cell in row)}"' for row in grid.rows)
            rows = f" grid-template-rows: {' '.join(grid.heights)};" if grid.heights else ""
            yield f".layout {{ grid-template-columns: {columns}; grid-template-areas: {areas};{rows} }}\n"
            if not any(earlier.from_px < from_px for earlier in layout.grid):
                yield from (f".{place_class(place)} {{ grid-area: {place_class(place)}; }}\n" for place in layout.order)
    for place, sticky_from_px in layout.sticky_from_px.items():
        if sticky_from_px == from_px:
            # Within its area, and not beyond: a place in a grid would move over what stands below it.
            yield f".{place_class(place)} {{ align-self: stretch; }}\n"
            yield f".{place_class(place)} > :only-child {{ position: sticky; top: var(--m-3); }}\n"


def _height(selector: str, heights_px: Mapping[int, int], from_px: int) -> Iterator[str]:
    if from_px in heights_px:
        yield f"{selector} {{ --height: {heights_px[from_px]}px; }}\n"


def _column(column: str) -> str:
    return f"minmax(0, {column})" if column.endswith("fr") else column


def _area(cell: str) -> str:
    return cell if cell == EMPTY else place_class(cell)
