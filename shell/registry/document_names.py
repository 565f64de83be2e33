"""Names in a stylesheet that hold for the whole document: font families and custom properties, declared or used.

A browser reads `@font-face` and `@property` in the document alone, so those of a shadow root are lifted out of it; then
their names are everybody's, and each may be held by one.
Public: `DocumentNames`, `document_names`, `lifted_rules`, `shell_names`, `conflict`, `borrowed`.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import tinycss2
from tinycss2 import ast

_GROUPS = frozenset({"media", "supports", "container", "layer", "scope", "starting-style"})
_DEPTH_MAX = 32
_SHELL = Path(__file__).resolve().parents[2] / "static"
# The house's look comes by these (`static/tokens.css`), and the next one may have any name after them.
_SHELL_PREFIX = "--m-"


@dataclass(frozen=True, slots=True)
class DocumentNames:
    """Names that a release declares for the document, and all that it uses, in lower case where case means nothing."""

    declared: frozenset[str] = frozenset()
    used: frozenset[str] = frozenset()

    def __or__(self, other: "DocumentNames") -> "DocumentNames":
        return DocumentNames(self.declared | other.declared, self.used | other.used)


def document_names(css: bytes) -> DocumentNames:
    """The names in `css`."""
    declared, used = set(), set()
    for rule, declarations in _blocks(_rules(css), 0):
        for each in declarations:
            used |= set(_filled_in(each.value))
            if each.name.startswith("--"):
                used |= {each.name, *_families(each.value)}
            elif each.lower_name in ("font", "font-family"):
                used |= set(_families(each.value))
            if rule == "font-face" and each.lower_name == "font-family":
                declared |= set(_families(each.value))
    declared |= {tinycss2.serialize(rule.prelude).strip() for rule in _at_rules(_rules(css), "property")}
    return DocumentNames(frozenset(declared), frozenset(used))


def lifted_rules(css: bytes) -> bytes:
    """The `@font-face` and `@property` of `css`, and nothing else."""
    rules = [rule for name in ("font-face", "property") for rule in _at_rules(_rules(css), name)]
    return "".join(f"{tinycss2.serialize([rule])}\n" for rule in rules).encode()


def conflict(names: DocumentNames, others: Iterable[tuple[str, DocumentNames]]) -> str:
    """Why `names` can not be declared beside those of `others`, by who has them; empty where they can."""
    for name in sorted(names.declared):
        if name.startswith(_SHELL_PREFIX):
            return f"{name} is a name of the shell's, as all that begin with {_SHELL_PREFIX}"
        for holder, held in others:
            if name in held.declared or name in held.used:
                return f"{name!r} is a name that {holder} {'declares' if name in held.declared else 'uses'}"
    return ""


def borrowed(names: DocumentNames, others: Iterable[tuple[str, DocumentNames]]) -> tuple[str, ...]:
    """For authors: what they use that is another fragment's, whose value or font stands in theirs."""
    return tuple(
        f"css: {name!r} is a name that {holder} declares for the whole page, so yours may mean what theirs does; give "
        "yours a name of its own"
        for holder, held in others
        for name in sorted((names.used - names.declared) & held.declared)
    )


@cache
def shell_names() -> DocumentNames:
    """What the shell's own stylesheets name."""
    names = DocumentNames()
    for path in sorted(_SHELL.glob("*.css")):
        names |= document_names(path.read_bytes())
    return names


def _rules(css: bytes) -> Sequence[ast.Node]:
    return tinycss2.parse_stylesheet(css.decode("utf-8-sig", "replace"), skip_comments=True, skip_whitespace=True)


def _at_rules(rules: Iterable[ast.Node], name: str, depth: int = 0) -> Iterator[ast.AtRule]:
    """Those of this name, wherever they stand, that are whole."""
    for rule in rules:
        if not isinstance(rule, ast.AtRule) or rule.content is None or depth > _DEPTH_MAX:
            continue
        if rule.lower_at_keyword == name and not any(isinstance(each, ast.ParseError) for each in rule.content):
            yield rule
        elif rule.lower_at_keyword in _GROUPS:
            yield from _at_rules(tinycss2.parse_blocks_contents(rule.content), name, depth + 1)


def _blocks(rules: Iterable[ast.Node], depth: int) -> Iterator[tuple[str, list[ast.Declaration]]]:
    """(the at-rule's name or nothing, its declarations) of every rule."""
    for rule in rules:
        if not isinstance(rule, ast.AtRule | ast.QualifiedRule) or rule.content is None or depth > _DEPTH_MAX:
            continue
        inside = tinycss2.parse_blocks_contents(rule.content)
        name = rule.lower_at_keyword if isinstance(rule, ast.AtRule) else ""
        yield name, [each for each in inside if isinstance(each, ast.Declaration)]
        yield from _blocks(inside, depth + 1)


def _filled_in(tokens: Iterable[ast.Node]) -> Iterator[str]:
    """Each property that a value is filled in from, by `var()`: once registered, it has a value without one."""
    for token in tokens:
        if isinstance(token, ast.FunctionBlock):
            if token.lower_name == "var":
                yield from (each.value for each in token.arguments[:2] if isinstance(each, ast.IdentToken))
            yield from _filled_in(token.arguments)
        elif isinstance(token, ast.ParenthesesBlock | ast.SquareBracketsBlock | ast.CurlyBracketsBlock):
            yield from _filled_in(token.content)


def _families(tokens: Iterable[ast.Node]) -> Iterator[str]:
    """Each family; one may be written as several words."""
    words: list[str] = []
    for token in tokens:
        if isinstance(token, ast.StringToken | ast.IdentToken):
            words.append(token.value.lower())
        elif isinstance(token, ast.LiteralToken) and token.value == ",":
            yield " ".join(words)
            words = []
    yield " ".join(words)
