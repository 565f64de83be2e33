"""What the three teams sell: tractors of the project's own making, in the shape of a micro-frontend comparison.

Public: `TRACTORS`, `Tractor`, `Variant`, `picture`, `price`.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Variant:
    """One that can be bought."""

    sku: str
    name: str
    colour: str
    price: int


@dataclass(frozen=True, slots=True)
class Tractor:
    """A model in its colours."""

    key: str
    name: str
    category: str
    variants: tuple[Variant, ...]


TRACTORS = (
    Tractor(
        "heritage-hauler",
        "Heritage Hauler",
        "classics",
        (
            Variant("CL-01-GR", "Meadow green", "#3f7d3a", 5700),
            Variant("CL-01-RD", "Barn red", "#b3372f", 5900),
            Variant("CL-01-BL", "Dusk blue", "#33577f", 6100),
        ),
    ),
    Tractor(
        "stone-steady",
        "Stone Steady",
        "classics",
        (Variant("CL-02-SL", "Slate", "#5c6672", 4300), Variant("CL-02-OC", "Ochre", "#b0802c", 4450)),
    ),
    Tractor(
        "field-pilot",
        "Field Pilot",
        "autonomous",
        (Variant("AU-01-WT", "Frost", "#9fb4bd", 11200), Variant("AU-01-BK", "Graphite", "#39414a", 11500)),
    ),
    Tractor("night-harrow", "Night Harrow", "autonomous", (Variant("AU-02-VI", "Heather", "#6d5a86", 12900),)),
)


def picture(colour: str) -> str:
    """A tractor from its side."""
    return f"""<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 320 220" width="320" height="220">
<rect width="320" height="220" fill="#eef0e6"/><path d="M0 188h320v32H0z" fill="#c9cfae"/>
<path d="M70 112h96l10-52h58l12 52h34a12 12 0 0 1 12 12v36H70z" fill="{colour}"/>
<path d="M180 68h46l9 40h-62z" fill="#dfeaf0"/><path d="M92 60h8v52h-8z" fill="#3a3f3a"/>
<circle cx="232" cy="156" r="46" fill="#2b2e2b"/><circle cx="232" cy="156" r="22" fill="#d9c98a"/>
<circle cx="98" cy="170" r="32" fill="#2b2e2b"/><circle cx="98" cy="170" r="14" fill="#d9c98a"/></svg>"""


def price(euros: int) -> str:
    return f"{euros:,} €"
