"""Replaces an attribute value that is not allowed as written by one that means the same or less, or by none.

Public: `Rewritten`, `rewritten`, `cost_ns`.
"""

from collections.abc import Callable
from dataclasses import dataclass

from shell.composition.contain import htmx, style, values
from shell.composition.contain.check import Check
from shell.composition.contain.cost import WEIGHTS
from shell.composition.contain.links import Reach
from shell.composition.contain.pictures import candidates


@dataclass(frozen=True, slots=True)
class Rewritten:
    """`value` may stand; it is empty where nothing is left. `lost` names the parts that are left out."""

    value: str
    lost: tuple[str, ...] = ()


def rewritten(check: Check, value: str, reach: Reach) -> Rewritten | None:
    """What may stand in place of `value`, which `check` does not let pass; None where that is nothing."""
    rewrite = _REWRITES.get(check)
    return rewrite(value, reach) if rewrite is not None else None


def cost_ns(check: Check, value: str) -> int:
    """What `rewritten` costs, whether or not it remembers."""
    if check is values.style:
        return WEIGHTS.style + min(len(value), style.CHARS_MAX) * WEIGHTS.style_char
    if check is values.pictures:
        return (value.count(",") + 1) * 2 * WEIGHTS.candidate
    return WEIGHTS.resolved + min(len(value), WEIGHTS.value_chars_max) * WEIGHTS.value_char


def _within_own_prefix(value: str, reach: Reach) -> Rewritten | None:
    """A relative address: a browser would read it as relative to the page, and the fragment means itself."""
    resolved = reach.resolved(value)
    return Rewritten(resolved) if resolved is not None else None


def _style(value: str, reach: Reach) -> Rewritten | None:
    if reach.sandboxed:
        return None
    anew = style.rewrite_style(value)
    return Rewritten(anew.style, tuple(f"{lost} in style" for lost in anew.lost))


def _picture(value: str, reach: Reach) -> Rewritten | None:
    """A picture that was copied with the release, by the fragment's own name for it."""
    address = reach.links.pictures.address(value)
    return Rewritten(address) if address is not None else None


def _sheet(value: str, reach: Reach) -> Rewritten | None:
    """A stylesheet that was copied with the release."""
    address = reach.links.sheets.address(value)
    return Rewritten(address) if address is not None else None


def _pictures(value: str, reach: Reach) -> Rewritten | None:
    """Each picture of a set by itself: a browser takes another where one is missing."""
    found = candidates(value) if len(value) <= values.CANDIDATES_CHARS_MAX else None
    if found is None:
        return None
    there = [(url if reach.picture(url) else reach.links.pictures.address(url), size) for url, size in found]
    lost = tuple("a picture of srcset" for address, _ in there if address is None)
    return Rewritten(", ".join(f"{address} {size}".strip() for address, size in there if address), lost)


_REWRITES: dict[Check, Callable[[str, Reach], Rewritten | None]] = {
    values.link: _within_own_prefix,
    values.own: _within_own_prefix,
    **dict.fromkeys(htmx.ADDRESSES, _within_own_prefix),
    values.style: _style,
    values.picture: _picture,
    values.sheet: _sheet,
    values.pictures: _pictures,
}
