"""How much a browser draws of what a body writes once: `<use>`, patterns, masks and markers draw it again and again.

Ten of these that hold ten of the next are ten billion elements after ten lines, and the whole page stands still.
Public: `judge_repetition`.
Source: SVG 2 §5.6 (`use`), §13.2 (paint servers by `url()`), §13.8.
"""

from collections.abc import Iterable
from urllib.parse import unquote

from turbohtml import Element, Namespace

from bff.resilience.reason import Reason
from shell.composition.contain import css
from shell.composition.contain.cost import WEIGHTS, Spending
from shell.composition.contain.limits import Limits
from shell.composition.contain.refusal import Stop

_HREFS = frozenset({"href", "xlink:href"})
_Edges = dict[Element, list[tuple[Element, int]]]


def judge_repetition(
    root: Element, referring: Iterable[tuple[Element, str]], limits: Limits, spending: Spending
) -> None:
    """Raises `Stop` where the drawings of a body come to too much; `referring` has attributes that may name parts."""
    parts: dict[Element, list[tuple[str, int]]] = {}
    for element, name in referring:
        if element.namespace is Namespace.SVG and (found := _parts_of(element, name)):
            parts.setdefault(element, []).extend(found)
    if not parts:
        return
    drawn = [element for element in root.iter_elements() if element.namespace is Namespace.SVG]
    spending.charge(len(drawn) * WEIGHTS.drawn, "drawings that are made of their own parts")
    wanted = {part for found in parts.values() for part, _ in found}
    if (least := _of_plain_parts(drawn, parts, wanted)) is not None and least <= limits.drawn_max:
        return
    edges, inside = _edges(drawn, parts)
    sizes = _sizes(edges, limits)
    total = sum(sizes[element] for element in drawn if element not in inside)
    if total > limits.drawn_max:
        raise Stop(Reason.OVERSIZE, f"its drawings come to more than {limits.drawn_max} elements, or hold themselves")


def _parts_of(element: Element, name: str) -> list[tuple[str, int]]:
    """(id, how often) of each part that the attribute `name` draws."""
    value = element.attr(name) or ""
    if name in _HREFS:
        ids = [value[1:]] if value.startswith("#") else []
    elif "url" in value.lower() or "\\" in value:
        ids = [part[1:] for part in css.parts_of(value)]
    else:
        return []
    # Browsers disagree about whether an escape in it means itself.
    ids += [unquote(written) for written in ids if "%" in written]
    # A vertex takes two characters at least, and has a marker of its own.
    vertices = len(element.attr("d") or element.attr("points") or "") // 2 if name.startswith("marker-") else 0
    return [(part, 1 + vertices) for part in ids]


def _of_plain_parts(drawn: list[Element], parts: dict[Element, list[tuple[str, int]]], wanted: set[str]) -> int | None:
    """How many elements are drawn at most, where no part that is drawn again draws another: icons and charts are so."""
    largest: dict[str, int] = {}
    for element in drawn:
        name = element.attr("id")
        if name is None or name not in wanted:
            continue
        size = 1
        for each in element.iter_elements():
            if each in parts:
                return None
            size += 1
        if element in parts:
            return None
        largest[name] = largest.get(name, 0) + size
    again = sum(times * largest.get(part, 0) for found in parts.values() for part, times in found)
    return len(drawn) + again


def _edges(drawn: list[Element], parts: dict[Element, list[tuple[str, int]]]) -> tuple[_Edges, set[Element]]:
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


def _sizes(edges: _Edges, limits: Limits) -> dict[Element, int]:
    """How many elements each comes to, its own among them; more than any limit for one that holds itself."""
    most = limits.drawn_max + 1
    sizes: dict[Element, int] = {}
    under_way: set[Element] = set()
    stack = list(edges)
    while stack:
        element = stack[-1]
        if element in sizes:
            stack.pop()
        elif element in under_way:
            stack.pop()
            sizes[element] = min(most, 1 + sum(times * sizes.get(each, most) for each, times in edges[element]))
        else:
            under_way.add(element)
            stack.extend(each for each, _ in edges[element] if each not in under_way)
    return sizes
