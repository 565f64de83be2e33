"""A stylesheet whose selectors would slow every page down is refused; ordinary stylesheets are far below the limit."""

import pytest

from shell.registry.gate.budgets import GatePolicy
from shell.registry.gate.selector_work import selector_work
from tests.support.mullion import ROOT

MOST = GatePolicy().selector_steps_max


def nested(levels: int, selector: str) -> bytes:
    return (f"{selector} {{" * levels + "color: red" + "}" * levels).encode()


# Of `doubled`, `in :is()` and `has` Chromium stood still for more than half a minute, in a slot of a few hundred
# elements at most; the others are of their kind.
@pytest.mark.parametrize(
    "css",
    [
        nested(24, "& &, & > &"),
        b".a {" + nested(24, "&:is(&, &) &") + b"}",
        b".a {" + nested(12, "& *") + b"}",
        b"".join(b"div:has(div:nth-child(%d) ~ div div) div { color: red }" % n for n in range(2000)),
        b"@media screen { @layer a {" + nested(24, "&&") + b"} }",
        b":is(" * 20 + b"a b, a > b" + b") c" * 20 + b" { color: red }",
    ],
    ids=["doubled", "in :is()", "below each other", "has", "in groups", "is in is"],
)
def test_selectors_that_would_hold_up_a_page_are_too_much(css: bytes) -> None:
    assert selector_work(css) > MOST


def test_selectors_count_for_what_they_are() -> None:
    """One for each simple selector, and those of the surrounding rule for each `&`, written or implied."""
    assert selector_work(b"a {} b, c {}") == 3
    assert selector_work(b"a > b.c:hover[d] {}") == 5
    assert selector_work(b"a { & b {} }") == selector_work(b"a { b {} }") == 3
    assert selector_work(b"a b { & c {} }") == 2 + (2 * 4 + 1)
    assert selector_work(b"a { color: red; @media print { b {} } }") == 3
    assert selector_work(b"a:has(b) {}") == 2002
    assert selector_work(b"& {} , {} @import 'x.css'; @font-face { src: url(x) }") == 1


def test_stylesheets_of_this_repository_are_far_from_too_much() -> None:
    sheets = [path for house in ("fragments", "static") for path in (ROOT / house).rglob("*.css")]
    assert len(sheets) >= 10
    assert max(selector_work(path.read_bytes()) for path in sheets) < MOST / 5
