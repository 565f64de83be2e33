"""The references of a script: static imports, dynamic ones of a literal, and `new URL("…", import.meta.url)`.

Public: `ScriptReferences`, `read_script`.
Read by tree-sitter's JavaScript grammar, so that what stands in a comment, a string or a pattern is none. It goes on
after what it does not know (a newer syntax): imports are then found by their words.
"""

import re
from dataclasses import dataclass
from functools import cache

import tree_sitter_javascript
from tree_sitter import Language, Node, Parser, Query, QueryCursor

from shell.registry.references import Reach, Reference

_QUERY = """
(_ "from" . (string) @static)
(_ "import" . (string) @static)
(call_expression function: (import) arguments: (arguments) @dynamic)
(new_expression constructor: (identifier) @_url arguments: (arguments) @url (#eq? @_url "URL"))
(program [(import_statement) (export_statement)] @module)
"""
_PATH = re.compile(r"\.{0,2}/|[a-z][a-z0-9+.-]*:", re.IGNORECASE)
# `new URL` makes any address; this one is a file beside the script.
_FILE = re.compile(r"(?!/|[a-z][a-z0-9+.-]*:).*\.[A-Za-z0-9]+(?:[?#].*)?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class ScriptReferences:
    """`is_module` is whether only a module can be written so. `bare` are names that an import map would explain,
    `unknown` the lines in which an address is made while the script runs."""

    references: tuple[Reference, ...]
    bare: tuple[Reference, ...]
    unknown: tuple[int, ...]
    is_module: bool


def read_script(body: bytes) -> ScriptReferences:
    """What the script in `body` reaches, in its order."""
    parser, query = _grammar()
    captures = QueryCursor(query).captures(parser.parse(body).root_node)
    static, dynamic, urls = (captures.get(name, []) for name in ("static", "dynamic", "url"))
    found = [(node, Reach.MODULE) for node in static]
    unknown = []
    for arguments in dynamic:
        first = _arguments(arguments)[:1]
        if first and _literal(first[0]):
            found.append((first[0], Reach.MODULE))
        else:
            unknown.append(arguments.start_point.row + 1)
    for arguments in urls:
        given = _arguments(arguments)
        if len(given) == 2 and given[1].text == b"import.meta.url":
            found += [(given[0], Reach.URL)] if _literal(given[0]) else []
            unknown += [] if _literal(given[0]) else [arguments.start_point.row + 1]
    references = [_reference(node, reach) for node, reach in sorted(found, key=lambda each: each[0].start_byte)]
    references = [each for each in references if each.reach is not Reach.URL or _FILE.fullmatch(each.address)]
    bare = [each for each in references if each.reach is Reach.MODULE and not _PATH.match(each.address)]
    reached = tuple(each for each in references if each not in bare)
    return ScriptReferences(reached, tuple(bare), tuple(unknown), bool(captures.get("module")))


@cache
def _grammar() -> tuple[Parser, Query]:
    language = Language(tree_sitter_javascript.language())
    return Parser(language), Query(language, _QUERY)


def _arguments(node: Node) -> list[Node]:
    return [child for child in node.named_children if child.type != "comment"]


def _literal(node: Node) -> bool:
    """A string, or a template with nothing to fill in."""
    return node.type == "string" or (
        node.type == "template_string" and all(child.type != "template_substitution" for child in node.named_children)
    )


def _reference(node: Node, reach: Reach) -> Reference:
    start, end = node.start_byte + 1, node.end_byte - 1
    written = (node.text or b"")[1:-1].decode("utf-8", "replace")
    return Reference(written, reach, node.start_point.row + 1, start, end)
