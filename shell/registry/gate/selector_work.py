"""Counts the work of a browser to match a stylesheet's selectors, as containment counts the cost of a body.

A rule that stands in another means all of that one's selector each time it says `&`, so that twenty lines are a
million; `:has()` looks through all that is below or behind an element. Each is counted for every element of a page.
Public: `selector_work`.
Source: CSS Nesting 1 §3; Selectors 4 §4 (`:is()`, `:has()`).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import tinycss2
from tinycss2 import ast

# What an argument with combinators counts for: it is tried from more than one element above.
_CHAINED = 4
# What is below an element or behind it, beside what is above.
_HAS = 2000
_ENOUGH = 10**9  # nobody asks how much more


@dataclass(slots=True)
class _Selectors:
    """A list of selectors: the steps that matching it takes, and whether any has a combinator."""

    steps: int = 0
    chained: bool = False

    @property
    def again(self) -> int:
        """As a part of others."""
        return min(_ENOUGH, self.steps * _CHAINED if self.chained else self.steps)


def selector_work(css: bytes) -> int:
    """The steps of all selectors in `css`, for one element."""
    rules = tinycss2.parse_stylesheet(css.decode("utf-8-sig", "replace"), skip_comments=True, skip_whitespace=True)
    return _of_rules(rules, None)


def _of_rules(rules: Iterable[ast.Node], around: _Selectors | None) -> int:
    steps = 0
    for rule in rules:
        if isinstance(rule, ast.QualifiedRule | ast.AtRule) and rule.content is not None:
            own = around
            if isinstance(rule, ast.QualifiedRule):
                own = _read(rule.prelude, around, nested=around is not None)
                steps += own.steps
            steps += _of_rules(tinycss2.parse_blocks_contents(rule.content), own)
    return min(_ENOUGH, steps)


def _read(tokens: Sequence[ast.Node], around: _Selectors | None, *, nested: bool = False) -> _Selectors:
    """`nested`: what does not say `&` stands below what is `around` it."""
    found = _Selectors()
    for one in _split(tokens):
        steps, chained, names_around, before = 0, False, False, " "
        for token in one:
            text = token.value if isinstance(token, ast.LiteralToken) else " " if token.type == "whitespace" else "x"
            chained = chained or text in (">", "+", "~") or (text == " " and before not in (" ", ">", "+", "~"))
            before = text
            if text == "&":
                names_around, steps = True, steps + (around.again if around is not None else 1)
            elif isinstance(token, ast.FunctionBlock):
                inner = _read(token.arguments, around)
                steps += inner.again + (_HAS if token.lower_name == "has" else 1)
            elif text in ("x", "*"):
                steps += 1
        if nested and not names_around and around is not None:
            steps, chained = steps + around.again, True
        found.steps, found.chained = min(_ENOUGH, found.steps + steps), found.chained or chained
    return found


def _split(tokens: Sequence[ast.Node]) -> Iterable[Sequence[ast.Node]]:
    """Each selector of a list, without the blanks around it."""
    one: list[ast.Node] = []
    for token in [*tokens, None]:
        if token is None or (isinstance(token, ast.LiteralToken) and token.value == ","):
            while one and one[-1].type == "whitespace":
                one.pop()
            if one:
                yield one
            one = []
        elif one or token.type != "whitespace":
            one.append(token)
