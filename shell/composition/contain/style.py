"""The `style` of an element: parsed, and written anew from a list of properties and values that stay in its place.

A fragment's slot clips what stands in it, so a style can spoil its own fragment alone; what is left out would move a
part out of the flow, or fetch something. A property of a fragment's own (`--w`) holds numbers, lengths, colours and
keywords, because `var()` would use whatever it holds: an address in it would be fetched.
Public: `is_plain`, `rewrite_style`, `RewrittenStyle`.
Source: CSS Syntax 3 for tokens, read by tinycss2, so an escape means what a browser makes of it.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

import tinycss2
from tinycss2 import ast
from tinycss2.ast import Node

from shell.composition.contain.names import name_list

CHARS_MAX = 1024
_NUMBER_MAX = 4000
_DEPTH_MAX = 6
# Values of these may be computed: what comes out too small counts as nothing.
_COMPUTED = frozenset(
    name_list("""
    width height min-width min-height max-width max-height inline-size block-size min-inline-size min-block-size
    max-inline-size max-block-size aspect-ratio box-sizing padding padding-top padding-right padding-bottom padding-left
    padding-inline padding-inline-start padding-inline-end padding-block padding-block-start padding-block-end
    border border-top border-right border-bottom border-left border-width border-style border-color border-top-width
    border-top-style border-top-color border-right-width border-right-style border-right-color border-bottom-width
    border-bottom-style border-bottom-color border-left-width border-left-style border-left-color border-inline
    border-block border-collapse border-spacing border-radius border-top-left-radius border-top-right-radius
    border-bottom-left-radius border-bottom-right-radius
    display visibility opacity overflow overflow-x overflow-y float clear object-fit object-position
    flex flex-basis flex-direction flex-flow flex-grow flex-shrink flex-wrap order
    grid-area grid-auto-columns grid-auto-flow grid-auto-rows grid-column grid-column-end grid-column-start grid-row
    grid-row-end grid-row-start grid-template-areas grid-template-columns grid-template-rows gap row-gap column-gap
    align-content align-items align-self justify-content justify-items justify-self place-content place-items place-self
    columns column-count column-width break-inside
    color background background-color background-image accent-color caret-color fill fill-opacity fill-rule stroke
    stroke-dasharray stroke-dashoffset stroke-linecap stroke-linejoin stroke-opacity stroke-width stop-color
    stop-opacity text-anchor dominant-baseline
    font-family font-size font-style font-variant font-variant-numeric font-weight line-height text-align
    text-decoration text-decoration-color text-decoration-line text-decoration-style text-decoration-thickness
    text-overflow text-transform text-wrap white-space word-break overflow-wrap hyphens tab-size direction
    list-style-position list-style-type table-layout caption-side cursor user-select pointer-events resize
    """)
)
# Below nothing these would push their element over what stands beside it, so nothing is computed.
_WRITTEN_OUT = frozenset(
    name_list("""
    margin margin-top margin-right margin-bottom margin-left margin-inline margin-inline-start margin-inline-end
    margin-block margin-block-start margin-block-end letter-spacing word-spacing text-indent vertical-align
    """)
)
_COLOURS = frozenset(name_list("rgb rgba hsl hsla hwb lab lch oklab oklch"))
_FUNCTIONS = _COLOURS | frozenset(
    name_list(
        "color-mix light-dark calc min max clamp var repeat minmax fit-content linear-gradient radial-gradient "
        "conic-gradient repeating-linear-gradient repeating-radial-gradient"
    )
)
_UNITS_MAX = {"em": 250, "rem": 250, "ex": 250, "ch": 250, "lh": 250, "vw": 200, "vh": 200, "vmin": 200, "vmax": 200}
_DELIMITERS = frozenset("+-*/%,")
_NAMES = re.compile(r"[a-zA-Z_-][a-zA-Z0-9_-]*")
_PROPERTY_OF_ITS_OWN = re.compile(r"--[a-zA-Z0-9_-]{1,64}")
_WORDS_IN_QUOTES = re.compile(r"[^<>\\\"\n]{0,128}")

# One look says of most styles that they are as they may be, before a parser has to: one to four numbers, names,
# colours in hex or properties of the house behind each name. Nothing in it is below nothing or a hundred times itself.
_ATOM = (
    r"(?:[0-9]{1,3}(?:\.[0-9]{1,4})?(?:px|%|fr)?(?![\w.%])"
    r"|[0-9]{0,2}(?:\.[0-9]{1,4})?(?<=[0-9])(?:rem|em|ch|px|%)?(?![\w.%])"
    r"|#[0-9a-fA-F]{3,8}(?![\w])|[a-zA-Z][a-zA-Z-]{0,30}(?![\w(])FUNCTIONS)"
)
_COLOUR = r"|(?:rgb|hsl)a?\([0-9., %]{1,40}\)"
_VAR = r"|var\(--[a-zA-Z][a-zA-Z0-9-]{0,40}\)"


def _plain(properties: Iterable[str], atom: str) -> str:
    return rf"(?:{'|'.join(sorted(properties, key=len, reverse=True))}) ?: ?{atom}(?: {atom}){{0,3}}"


_DECLARATION = "|".join(
    (
        _plain(_COMPUTED, _ATOM.replace("FUNCTIONS", _COLOUR + _VAR)),
        _plain(_WRITTEN_OUT, _ATOM.replace("FUNCTIONS", "")),
        _plain([r"--[a-zA-Z][a-zA-Z0-9_-]{0,63}"], _ATOM.replace("FUNCTIONS", _COLOUR)),
    )
)
_PLAIN = re.compile(rf" ?(?:{_DECLARATION})(?: ?; ?(?:{_DECLARATION})){{0,15}} ?;? ?")


@dataclass(frozen=True, slots=True)
class RewrittenStyle:
    """A style as it may stand, empty where nothing of it may; `lost` names the properties that may not."""

    style: str
    lost: tuple[str, ...]


def is_plain(style: str) -> bool:
    """Whether one look says that all of `style` may stand as it is."""
    return len(style) <= CHARS_MAX and _PLAIN.fullmatch(style) is not None


@lru_cache(maxsize=1024)
def rewrite_style(style: str) -> RewrittenStyle:
    """What may stand of `style`."""
    if len(style) > CHARS_MAX:
        return RewrittenStyle("", (f"more than {CHARS_MAX} characters",))
    declarations: list[str] = []
    lost: dict[str, None] = {}
    for node in tinycss2.parse_declaration_list(style, skip_comments=True, skip_whitespace=True):
        if not isinstance(node, ast.Declaration):
            lost["what is no declaration"] = None
            continue
        value = _value(node)
        if value is None:
            lost[node.name[:40] if _NAMES.fullmatch(node.name) else "a name"] = None
        else:
            declarations.append(f"{_name(node)}: {value}{' !important' if node.important else ''}")
    return RewrittenStyle("; ".join(declarations), tuple(lost))


def _name(node: ast.Declaration) -> str:
    return str(node.name if node.name.startswith("--") else node.lower_name)


def _value(node: ast.Declaration) -> str | None:
    """The value as it is written anew; None where it may not stand."""
    tokens = [token for token in node.value if not isinstance(token, ast.Comment)]
    if node.name.startswith("--"):
        may_stand = _PROPERTY_OF_ITS_OWN.fullmatch(node.name) is not None and all(map(_is_value_of_its_own, tokens))
    elif node.lower_name in _WRITTEN_OUT:
        may_stand = all(_may_stand(token, node.lower_name, 0) for token in tokens)
    else:
        may_stand = node.lower_name in _COMPUTED and all(
            _may_stand(token, node.lower_name, _DEPTH_MAX) for token in tokens
        )
    value = " ".join(tinycss2.serialize(tokens).split()) if may_stand else ""
    # A name that had to be spelled with an escape is none of CSS's own.
    return value if value and "\\" not in value else None


def _is_value_of_its_own(token: Node) -> bool:
    """A number, a length, a colour or a keyword, and what stands between two of them."""
    if isinstance(token, ast.FunctionBlock):
        return token.lower_name in _COLOURS and all(map(_is_part_of_a_colour, token.arguments))
    if isinstance(token, ast.LiteralToken):
        return token.value == ","
    return isinstance(token, ast.WhitespaceToken | ast.IdentToken | ast.HashToken) or _is_bearable(token)


def _is_part_of_a_colour(token: Node) -> bool:
    if isinstance(token, ast.LiteralToken):
        return token.value in (",", "/")
    return isinstance(
        token, ast.WhitespaceToken | ast.NumberToken | ast.PercentageToken | ast.DimensionToken | ast.IdentToken
    )


def _may_stand(token: Node, name: str, depth: int) -> bool:
    """Whether `token` may stand in the value of `name`, with functions up to `depth` deep."""
    if isinstance(token, ast.FunctionBlock):
        if depth == 0 or token.lower_name not in _FUNCTIONS:
            return False
        return all(_is_inner(argument, name, depth - 1) for argument in token.arguments)
    if isinstance(token, ast.SquareBracketsBlock):
        inner = (ast.WhitespaceToken, ast.IdentToken)
        return name.startswith("grid-") and all(isinstance(part, inner) for part in token.content)
    if isinstance(token, ast.StringToken):
        return name in ("font-family", "grid-template-areas", "list-style-type") and (
            _WORDS_IN_QUOTES.fullmatch(token.value) is not None
        )
    if isinstance(token, ast.LiteralToken):
        return token.value in _DELIMITERS
    if isinstance(token, ast.WhitespaceToken | ast.IdentToken | ast.HashToken):
        return True
    if name == "order" or name.startswith("grid-") or name.endswith("-radius"):
        return isinstance(token, ast.NumberToken | ast.DimensionToken | ast.PercentageToken)
    return _is_bearable(token)


def _is_inner(token: Node, name: str, depth: int) -> bool:
    """The same within a function, where a number may be below nothing: what is computed with it is not."""
    if isinstance(token, ast.NumberToken | ast.DimensionToken | ast.PercentageToken):
        return abs(token.value) <= _NUMBER_MAX
    if isinstance(token, ast.ParenthesesBlock):
        return depth > 0 and all(_is_inner(part, name, depth - 1) for part in token.content)
    return _may_stand(token, name, depth)


def _is_bearable(token: Node) -> bool:
    """A number that is not below nothing and that a page can bear."""
    if isinstance(token, ast.DimensionToken):
        most = _UNITS_MAX.get(token.lower_unit, _NUMBER_MAX)
    elif isinstance(token, ast.NumberToken | ast.PercentageToken):
        most = _NUMBER_MAX
    else:
        return False
    return 0 <= token.value <= most
