"""How much a browser draws of what a body writes once: `<use>`, patterns, masks and markers draw it again and again.

Ten of these that hold ten of the next are ten billion elements after ten lines, and the whole page stands still.
Public: `judge_repetition`.
Source: SVG 2 §5.6 (`use`), §13.2 (paint servers by `url()`), §13.8.
"""

from collections.abc import Hashable, Iterable, Mapping
from typing import TypeVar
from urllib.parse import unquote

from turbohtml import Element, Namespace

from bff.resilience.reason import Reason
from shell.composition.contain import css
from shell.composition.contain.cost import WEIGHTS, Spending
from shell.composition.contain.limits import Limits
from shell.composition.contain.refusal import Stop

_HREFS = frozenset({"href", "xlink:href"})
_SVG = Namespace.SVG
_Key = TypeVar("_Key", bound=Hashable)
_Parts = dict[Element, list[tuple[str, int]]]
_Edges = dict[Element, list[tuple[Element, int]]]


def judge_repetition(
    drawn: list[Element], referring: Iterable[tuple[Element, str]], limits: Limits, spending: Spending
) -> None:
    """Raises `Stop` where the drawings of a body come to too much.

    `drawn` are their elements, and `referring` has attributes that may name parts of them.
    """
    parts: _Parts = {}
    by_value: dict[tuple[str, str | None], list[tuple[str, int]]] = {}  # the same few come again and again
    for element, name in referring:
        key = (name, element.attr(name))
        found = by_value.get(key)
        if found is None:
            if element.namespace is not _SVG:
                continue
            found = by_value[key] = _parts_of(name, key[1] or "")
        if found and element.namespace is _SVG:
            if name.startswith("marker-"):
                found = [(part, times + _vertices(element)) for part, times in found]
            parts[element] = [*parts[element], *found] if element in parts else found
    if not parts:
        return
    spending.charge(len(drawn) * WEIGHTS.drawn, "drawings that are made of their own parts")
    total = _of_parts(drawn, parts, limits)
    if total is None:
        edges, inside = _edges(drawn, parts)
        sizes = _sizes(edges, dict.fromkeys(edges, 1), limits)
        total = sum(sizes[element] for element in drawn if element not in inside)
    if total > limits.drawn_max:
        raise Stop(Reason.OVERSIZE, f"its drawings come to more than {limits.drawn_max} elements, or hold themselves")


def _parts_of(name: str, value: str) -> list[tuple[str, int]]:
    """(id, how often) of each part that `value` of the attribute `name` draws, a marker but once."""
    if name in _HREFS:
        ids = [value[1:]] if value.startswith("#") else []
    elif "url" in value.lower() or "\\" in value:
        ids = [part[1:] for part in css.parts_of(value)]
    else:
        return []
    # Browsers disagree about whether an escape in it means itself.
    ids += [unquote(written) for written in ids if "%" in written]
    return [(part, 1) for part in ids]


def _vertices(element: Element) -> int:
    """A vertex takes two characters at least, and has a marker of its own."""
    return len(element.attr("d") or element.attr("points") or "") // 2


def _of_parts(drawn: list[Element], parts: _Parts, limits: Limits) -> int | None:
    """How many elements are drawn, where only the parts that are drawn again have to be looked at: all icons and charts
    are so. None where parts stand in one another so often that this would take longer than to look at everything."""
    wanted = _times(parts.values())
    own: dict[str, int] = {}
    inner: dict[str, list[tuple[str, int]]] = {}
    left = 2 * len(drawn)
    for element in drawn:
        name = element.attr("id")
        if name is None or name not in wanted:
            continue
        below = [each for each in element.iter_elements() if each is not element]
        left -= len(below)
        if left < 0:
            return None
        own[name] = own.get(name, 0) + 1 + len(below)
        found = [parts[each] for each in (element, *below) if each in parts]
        inner.setdefault(name, []).extend(_times(found).items() if found else ())
    sizes = _sizes(inner, own, limits)
    return len(drawn) + sum(times * sizes.get(name, 0) for name, times in wanted.items())


def _times(parts: Iterable[list[tuple[str, int]]]) -> dict[str, int]:
    """How often each part is drawn by these."""
    times: dict[str, int] = {}
    for found in parts:
        for part, count in found:
            times[part] = times.get(part, 0) + count
    return times


def _edges(drawn: list[Element], parts: _Parts) -> tuple[_Edges, set[Element]]:
    """(what each element draws besides itself, and how often; those that stand in another). Where several have an id,
    each of them counts."""
    named: dict[str, list[Element]] = {}
    for element in drawn:
        if (name := element.attr("id")) is not None:
            named.setdefault(name, []).append(element)
    edges: _Edges = {element: [] for element in drawn}
    inside: set[Element] = set()
    for element in drawn:
        above = element.parent
        if isinstance(above, Element) and above in edges:
            edges[above].append((element, 1))
            inside.add(element)
        for part, times in parts.get(element, ()):
            edges[element].extend((target, times) for target in named.get(part, ()))
    return edges, inside


def _sizes(edges: Mapping[_Key, list[tuple[_Key, int]]], own: Mapping[_Key, int], limits: Limits) -> dict[_Key, int]:
    """How many elements each comes to, its own among them; more than any limit for one that holds itself."""
    most = limits.drawn_max + 1
    sizes: dict[_Key, int] = {}
    under_way: set[_Key] = set()
    stack = list(edges)
    while stack:
        one = stack[-1]
        if one in sizes:
            stack.pop()
        elif one in under_way:
            stack.pop()
            again = sum(times * sizes.get(each, most) for each, times in edges[one] if each in edges)
            sizes[one] = min(most, own[one] + again)
        else:
            under_way.add(one)
            stack.extend(each for each, _ in edges[one] if each in edges and each not in under_way)
    return sizes
