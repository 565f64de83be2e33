"""The references of a stylesheet: `@import`, and `url()` and its kind, with fonts distinguished from pictures.

Public: `StyleReferences`.
Source: CSS Syntax 3, read and written by tinycss2; CSS Images 4 for the functions that take an address as a string.
"""

import re
from collections.abc import Iterator, Mapping, Sequence

import tinycss2
from tinycss2 import ast, serializer

from shell.registry.references import Reach, Reference, ReferenceRefused

_ADDRESSED = frozenset({"url", "src", "image", "image-set", "-webkit-image-set"})
# Part of the sheet or of the page itself.
_HARMLESS = re.compile(r"[\x00-\x20]*(?:data:|#|\Z)", re.IGNORECASE)
_DEPTH_MAX = 100
Token = ast.URLToken | ast.StringToken


class StyleReferences:
    """The addresses of a stylesheet, which can be written anew. Raises `ReferenceRefused` for one that is too deep."""

    def __init__(self, css: bytes) -> None:
        self._css = css
        self._nodes = tinycss2.parse_component_value_list(css.decode("utf-8-sig", "replace"))
        self._found = list(_walk(self._nodes, Reach.PICTURE, 0))

    @property
    def references(self) -> tuple[Reference, ...]:
        return tuple(Reference(token.value, reach, token.source_line) for token, reach in self._found)

    def written(self, addresses: Mapping[str, str]) -> bytes:
        """The stylesheet with each of its addresses as `addresses` has it; as it came where that changes nothing."""
        if all(addresses[token.value] == token.value for token, _ in self._found) and not self._imports():
            return self._css
        for token, _ in self._found:
            token.value = addresses[token.value]
            string = f'"{serializer.serialize_string_value(token.value)}"'
            token.representation = f"url({string})" if isinstance(token, ast.URLToken) else string
        return tinycss2.serialize(self._nodes).encode()

    def _imports(self) -> bool:
        return any(reach is Reach.STYLE for _, reach in self._found)


def _walk(nodes: Sequence[ast.Node], reach: Reach, depth: int) -> Iterator[tuple[Token, Reach]]:
    if depth > _DEPTH_MAX:
        raise ReferenceRefused("something is nested too deeply to be read")
    at_rule = ""
    for index, node in enumerate(nodes):
        if isinstance(node, ast.AtKeywordToken):
            at_rule = node.lower_value
            if at_rule == "import":
                yield from _imported(nodes, index)
        elif isinstance(node, ast.URLToken):
            if not (at_rule == "import" or _HARMLESS.match(node.value)):
                yield node, reach
        elif isinstance(node, ast.FunctionBlock):
            if node.lower_name in _ADDRESSED and at_rule != "import":
                for each in node.arguments:
                    if isinstance(each, ast.StringToken) and not _HARMLESS.match(each.value):
                        yield each, reach
            yield from _walk(node.arguments, reach, depth + 1)
        elif isinstance(node, ast.CurlyBracketsBlock):
            yield from _walk(node.content, Reach.FONT if at_rule == "font-face" else reach, depth + 1)
            at_rule = ""
        elif isinstance(node, ast.ParenthesesBlock | ast.SquareBracketsBlock):
            yield from _walk(node.content, reach, depth + 1)
        elif isinstance(node, ast.LiteralToken) and node.value == ";":
            at_rule = ""


def _imported(nodes: Sequence[ast.Node], index: int) -> Iterator[tuple[Token, Reach]]:
    """The address of an `@import`, which becomes a string: one way to write it is enough to be checked again."""
    at = next((at for at in range(index + 1, len(nodes)) if not isinstance(nodes[at], ast.WhitespaceToken)), None)
    if at is None:
        return
    node = nodes[at]
    if isinstance(node, ast.FunctionBlock) and node.lower_name == "url":
        node = next((each for each in node.arguments if isinstance(each, ast.StringToken)), node)
    if isinstance(node, ast.URLToken | ast.StringToken):
        string = ast.StringToken(node.source_line, node.source_column, node.value, node.representation)
        nodes[at] = string  # type: ignore[index]
        yield string, Reach.STYLE
