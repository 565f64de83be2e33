"""CSS in an attribute: it may name colours, numbers and parts of its own drawing, and nothing that would be fetched.

Public: `fetches_nothing`, `is_quick`, `parts_of`.
Source: CSS Syntax 3 for tokens (read by tinycss2, so an escape means what a browser makes of it); SVG 2 §6.6 for the
presentation attributes.
"""

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache

import tinycss2
from tinycss2 import ast
from tinycss2.ast import Node

from shell.composition.contain.names import name_list

_CHARS_MAX = 512
_DEPTH_MAX = 8
# Nothing is fetched without a function, and none of these is spelled without one of the characters that are left out.
_NO_FUNCTION = re.compile(r"[^(\\@{}\"'<>]*")
# The same with numbers, names and ids in brackets: most of what drawings hold.
_FLAT = re.compile(
    r"(?:[^(\\@{}\"'<>/]*?(?:(?<![^\s,)])(?:rgba?|hsla?|matrix|translate[xy]?|scale[xy]?|rotate|skew[xy]?|var|calc)"
    r"\([^()\\@{}\"'<>/]*\)|(?<![^\s,)])url\(#[\w-]+\)))*[^(\\@{}\"'<>/]*",
    re.IGNORECASE,
)
# A function that is not named here may take an address as a string today or in a later level of CSS.
_FUNCTIONS = frozenset(
    name_list(
        "rgb rgba hsl hsla hwb lab lch oklab oklch color color-mix light-dark calc min max clamp var "
        "matrix translate translatex translatey scale scalex scaley rotate skew skewx skewy "
        "circle ellipse inset polygon path rect xywh "
        "blur brightness contrast drop-shadow grayscale hue-rotate invert opacity saturate sepia"
    )
)


def fetches_nothing(value: str) -> bool:
    """Whether a browser that parses `value` as CSS sends no request: every `url()` is a part of the page."""
    return len(value) <= _CHARS_MAX and (is_quick(value) or _read(value))


def is_quick(value: str) -> bool:
    """Whether one look says that `value` fetches nothing, or is too long to be read."""
    return len(value) > _CHARS_MAX or _NO_FUNCTION.fullmatch(value) is not None or _FLAT.fullmatch(value) is not None


@lru_cache(maxsize=1024)
def _read(value: str) -> bool:
    return _harmless(tinycss2.parse_component_value_list(value), _DEPTH_MAX)


@lru_cache(maxsize=1024)
def parts_of(value: str) -> tuple[str, ...]:
    """Every address in `value`, as a browser reads it: `#id` for a part of a drawing."""
    return tuple(_urls(tinycss2.parse_component_value_list(value))) if len(value) <= _CHARS_MAX else ()


def _harmless(nodes: Iterable[Node], depth: int) -> bool:
    return depth > 0 and all(_node_is_harmless(node, depth) for node in nodes)


def _node_is_harmless(node: Node, depth: int) -> bool:
    if isinstance(node, ast.URLToken):
        return node.value.startswith("#")
    if isinstance(node, ast.FunctionBlock):
        if node.lower_name == "url":
            return len(node.arguments) == 1 and all(url.startswith("#") for url in _urls([node]))
        return node.lower_name in _FUNCTIONS and _harmless(node.arguments, depth - 1)
    if isinstance(node, ast.ParenthesesBlock | ast.SquareBracketsBlock):
        return _harmless(node.content, depth - 1)
    return not isinstance(node, ast.ParseError | ast.AtKeywordToken | ast.CurlyBracketsBlock)


def _urls(nodes: Iterable[Node]) -> Iterator[str]:
    """Every address in `nodes`, wherever it stands; empty for one that is not written out."""
    for node in nodes:
        if isinstance(node, ast.URLToken):
            yield node.value
        elif isinstance(node, ast.FunctionBlock) and node.lower_name == "url":
            yield next((part.value for part in node.arguments if isinstance(part, ast.StringToken)), "")
        elif isinstance(node, ast.FunctionBlock):
            yield from _urls(node.arguments)
