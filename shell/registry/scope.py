"""The stylesheet of a fragment that shares the page's tree, written so that it styles its own slot alone.

Rules stand in an `@scope` of the slot, which ends at a slot inside it; `:root`, `html` and `body` mean the slot itself.
What CSS names for a whole document (animations, fonts, layers, counter styles) gets the fragment's name before its own;
what would change the document itself is left out. A browser without `@scope` shows the fragment unstyled.
Public: `scoped`.
Source: CSS Cascade 6 §3 (`@scope`), CSS Nesting 1; read and written by tinycss2.
"""

import re
from collections.abc import Iterable, Sequence

import tinycss2
from tinycss2 import ast, serializer

_GROUPS = frozenset({"media", "supports", "container", "layer", "scope", "starting-style"})
_SELECTING = frozenset({"is", "where", "not", "has", "matches", "-webkit-any", "-moz-any", "slotted", "nth-child"})
_KEYFRAMES = frozenset({"keyframes", "-webkit-keyframes", "-moz-keyframes"})
_ANIMATIONS = frozenset({"animation", "animation-name", "-webkit-animation", "-webkit-animation-name"})
_FONTS = frozenset({"font", "font-family"})
_LISTS = frozenset({"list-style", "list-style-type"})
_DOCUMENT = frozenset({"html", "body"})
# An element within itself: what `html body` becomes.
_TWICE = re.compile(r":scope((?:[.#\[:][^\s>+~,]*)?)(?:\s*>\s*|\s+):scope")
_DEPTH_MAX = 32


def scoped(css: bytes, fragment: str) -> tuple[bytes, tuple[str, ...]]:
    """(`css` for `fragment` alone, what was left out of it)."""
    rules = tinycss2.parse_stylesheet(css.decode("utf-8-sig", "replace"), skip_comments=True, skip_whitespace=True)
    scoping = _Scoping(fragment)
    scoping.learn(rules)
    ahead = _ahead(rules)
    outside, inside = scoping.rules(rules[ahead:])
    outside = "".join(scoping.statement(rule) for rule in rules[:ahead] if isinstance(rule, ast.AtRule)) + outside
    slot = f"fragment-slot[data-fragment={_string(fragment)}]"
    written = outside + (f"@scope ({slot}) to (:scope fragment-slot) {{\n{inside}}}\n" if inside else "")
    return written.encode(), tuple(dict.fromkeys(scoping.left_out))


class _Scoping:
    """One stylesheet's rewriting. `left_out` fills up with what has no place in a shared document."""

    def __init__(self, fragment: str) -> None:
        self.left_out: list[str] = []
        self._fragment = fragment
        self._animations: set[str] = set()
        self._fonts: set[str] = set()
        self._counters: set[str] = set()

    def learn(self, rules: Iterable[ast.Node]) -> None:
        """Find what the sheet itself names."""
        for rule in rules:
            if not isinstance(rule, ast.AtRule) or rule.content is None:
                continue
            name = rule.lower_at_keyword
            if name in _KEYFRAMES:
                self._animations.add(_only_name(rule.prelude))
            elif name == "counter-style":
                self._counters.add(_only_name(rule.prelude))
            elif name == "font-face":
                for one in tinycss2.parse_blocks_contents(rule.content):
                    if isinstance(one, ast.Declaration) and one.lower_name == "font-family":
                        self._fonts.add(_only_name(one.value))
            elif name in _GROUPS:
                self.learn(tinycss2.parse_blocks_contents(rule.content))

    def statement(self, rule: ast.AtRule) -> str:
        """One that stands ahead of all rules: an import, or an order of layers."""
        if rule.lower_at_keyword == "layer":
            return f"@layer {self._layers(rule.prelude)};\n"
        if rule.lower_at_keyword == "charset":
            return ""
        return f"@import{''.join(map(self._import_part, rule.prelude))};\n"

    def _import_part(self, token: ast.Node) -> str:
        if isinstance(token, ast.FunctionBlock) and token.lower_name == "layer":
            return f"layer({self._layers(token.arguments)})"
        return _text(token)

    def rules(self, rules: Iterable[ast.Node], depth: int = 0) -> tuple[str, str]:
        """(what stands before the scope, what stands within it)."""
        outside, inside = [], []
        for rule in rules:
            if depth > _DEPTH_MAX:
                self.left_out.append("rules nested too deeply")
            elif _is_broken(rule):
                self.left_out.append("a rule that is broken off")  # a bracket too many would end the scope
            elif isinstance(rule, ast.QualifiedRule):
                body = self.rules(tinycss2.parse_blocks_contents(rule.content), depth + 1)[1]
                inside.append(f"{self._selector(rule.prelude)} {{{body}}}\n")
            elif isinstance(rule, ast.Declaration):
                important = " !important" if rule.important else ""
                inside.append(f"{_identifier(rule.name)}: {self._value(rule)}{important};")
            elif isinstance(rule, ast.AtRule):
                before, within = self._at_rule(rule, depth)
                outside.append(before)
                inside.append(within)
        return "".join(outside), "".join(inside)

    def _at_rule(self, rule: ast.AtRule, depth: int) -> tuple[str, str]:
        name, content = rule.lower_at_keyword, rule.content
        if name in _KEYFRAMES and content is not None:
            own = serializer.serialize_identifier(self._own(_only_name(rule.prelude)))
            return f"@{name} {own} {{{tinycss2.serialize(content)}}}\n", ""
        if name == "counter-style" and content is not None:
            own = serializer.serialize_identifier(self._own(_only_name(rule.prelude)))
            return f"@counter-style {own} {{{tinycss2.serialize(content)}}}\n", ""
        if name == "font-face" and content is not None:
            return f"@font-face {{{self.rules(tinycss2.parse_blocks_contents(content), depth + 1)[1]}}}\n", ""
        if name == "property" and content is not None and not _of_the_page(rule.prelude):
            return f"@property {tinycss2.serialize(rule.prelude).strip()} {{{tinycss2.serialize(content)}}}\n", ""
        if name == "layer" and content is None:
            return f"@layer {self._layers(rule.prelude)};\n", ""
        if name not in _GROUPS or content is None:
            if name != "charset":
                self.left_out.append(f"@{name}, which means the whole document")
            return "", ""
        outside, inside = self.rules(tinycss2.parse_blocks_contents(content), depth + 1)
        prelude = tinycss2.serialize(rule.prelude).strip()
        head = {"layer": self._layers(rule.prelude), "scope": self._selector(rule.prelude)}.get(name, prelude)
        wrapped = [f"@{name} {head} {{\n{part}}}\n" if part else "" for part in (outside, inside)]
        return wrapped[0], wrapped[1]

    def _selector(self, tokens: Sequence[ast.Node]) -> str:
        written, before = [], ""
        for token in tokens:
            text = tinycss2.serialize([token])
            if isinstance(token, ast.IdentToken):
                word = token.lower_value
                if before == ":" and word == "root":
                    text = "scope"
                elif word in _DOCUMENT and before not in (".", ":", "|"):
                    text = ":scope"
            elif isinstance(token, ast.FunctionBlock) and token.lower_name in _SELECTING:
                text = f"{token.lower_name}({self._selector(token.arguments)})"
            elif isinstance(token, ast.ParenthesesBlock):
                text = f"({self._selector(token.content)})"
            written.append(text)
            before = text
        out, found = "".join(written).strip(), 1
        while found:
            out, found = _TWICE.subn(r":scope\1", out)
        return out

    def _value(self, declaration: ast.Declaration) -> str:
        name = declaration.lower_name
        names: set[str] = set()
        if name in _ANIMATIONS:
            names = self._animations
        elif name in _FONTS:
            names = self._fonts
        elif name in _LISTS:
            names = self._counters
        elif name.startswith("--"):
            names = self._animations | self._fonts | self._counters
        if not names:
            return tinycss2.serialize(declaration.value).strip()
        return self._renamed(declaration.value, names, family=name in _FONTS).strip()

    def _renamed(self, tokens: Sequence[ast.Node], names: set[str], *, family: bool) -> str:
        written: list[str] = []
        words: list[str] = []  # a family may be written as several words without quotes

        def flush() -> None:
            if words:
                text = " ".join(words)
                written.append(_string(self._own(text)) if text in names else " ".join(map(_identifier, words)))
                words.clear()

        for token in tokens:
            if family and isinstance(token, ast.IdentToken):
                words.append(token.value)
                continue
            if words and isinstance(token, ast.WhitespaceToken):
                continue
            trailing = bool(words)
            flush()
            if isinstance(token, ast.IdentToken) and token.value in names:
                written.append(_identifier(self._own(token.value)))
            elif isinstance(token, ast.StringToken) and token.value in names:
                written.append(_string(self._own(token.value)))
            elif isinstance(token, ast.FunctionBlock):
                written.append(f"{_identifier(token.name)}({self._renamed(token.arguments, names, family=False)})")
            else:
                written.append((" " if trailing and not isinstance(token, ast.LiteralToken) else "") + _text(token))
        flush()
        return "".join(written)

    def _layers(self, prelude: Sequence[ast.Node]) -> str:
        """Names of layers, each in a layer of the fragment's own: their order is the whole document's."""
        own = serializer.serialize_identifier(f"{self._fragment}-layers")
        named = [part.strip() for part in tinycss2.serialize(prelude).split(",") if part.strip()]
        return ", ".join(f"{own}.{part}" for part in named)

    def _own(self, name: str) -> str:
        return f"{self._fragment}-{name}"


def _ahead(rules: Sequence[ast.Node]) -> int:
    """How many statements stand where an import may."""
    for index, rule in enumerate(rules):
        if not isinstance(rule, ast.AtRule) or rule.content is not None or _is_broken(rule):
            return index
        if rule.lower_at_keyword not in ("charset", "import", "layer"):
            return index
    return len(rules)


def _of_the_page(prelude: Sequence[ast.Node]) -> bool:
    """Whether a property is named like the page's own tokens: registering one anew would reach every element."""
    return tinycss2.serialize(prelude).strip().startswith("--m-")


def _is_broken(node: ast.Node) -> bool:
    """Whether a tokeniser found an error anywhere in `node`, but for an end that came early."""
    if isinstance(node, ast.ParseError):
        return not node.kind.startswith("eof")
    parts = [getattr(node, name, None) for name in ("prelude", "content", "arguments")]
    if isinstance(node, ast.Declaration):
        parts.append(node.value)
    return any(_is_broken(each) for part in parts if part for each in part)


def _only_name(tokens: Iterable[ast.Node]) -> str:
    """The name that an at-rule's prelude or a family's descriptor is."""
    return " ".join(token.value for token in tokens if isinstance(token, ast.IdentToken | ast.StringToken))


def _text(token: ast.Node) -> str:
    return tinycss2.serialize([token])


def _identifier(name: str) -> str:
    return str(serializer.serialize_identifier(name))


def _string(text: str) -> str:
    return f'"{serializer.serialize_string_value(text)}"'
