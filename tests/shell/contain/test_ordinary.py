"""Ordinary HTML keeps its meaning, or its author gets a note of what a page shows it without."""

import pytest

from shell.composition.contain import Contained, Isolation, Limits, audit
from shell.composition.contain.sentinel import survives
from tests.corpus.ordinary.patterns import LINKS, PATTERNS, PREFIX, Outcome, Pattern

pytestmark = pytest.mark.quick


def come_of(html: str, isolation: Isolation, *, sandboxed: bool, limits: Limits | None = None) -> Outcome:
    made = audit(
        html.encode(), "text/html", prefix=PREFIX, isolation=isolation, links=LINKS, sandboxed=sandboxed, limits=limits
    )
    assert isinstance(made, Contained), made
    return Outcome(made.html.decode(), made.notes)


def test_patterns_are_many() -> None:
    """At least a hundred, no two of them alike."""
    assert len({pattern.html for pattern in PATTERNS}) == len(PATTERNS) >= 100


@pytest.mark.parametrize("pattern", PATTERNS, ids=lambda pattern: pattern.name)
def test_ordinary_html_is_kept_or_told(pattern: Pattern) -> None:
    """In a shadow root, in a shared tree, and of a fragment that is not trusted."""
    ways: list[tuple[Outcome, Isolation, bool]] = [
        (pattern.shadow, "shadow", False),
        (pattern.light, "light", False),
        (pattern.sandboxed, "shadow", True),
    ]
    for outcome, isolation, sandboxed in ways:
        found = come_of(pattern.html, isolation, sandboxed=sandboxed)
        assert (found.html, set(found.notes)) == (outcome.html, set(outcome.notes))
        assert survives(found.html, isolation) == found.html


@pytest.mark.parametrize(("isolation", "sandboxed"), [("shadow", False), ("light", False), ("shadow", True)])
@pytest.mark.parametrize("limits", [Limits(), Limits(fast_path=False)], ids=["fast path", "no fast path"])
def test_what_was_kept_once_is_kept_again(isolation: Isolation, sandboxed: bool, limits: Limits) -> None:
    """What containment has written it leaves alone, with and without the fast path."""
    changed = {}
    for pattern in PATTERNS:
        once = come_of(pattern.html, isolation, sandboxed=sandboxed).html
        if (again := come_of(once, isolation, sandboxed=sandboxed, limits=limits).html) != once:
            changed[pattern.name] = (once, again)
    assert changed == {}


def test_authors_are_told_all_of_it() -> None:
    """However much a body loses, every thing is named."""
    body = "".join(f"<p on{n}=x>x</p>" for n in range(100)) + "<div><tr></div>"
    notes = come_of(body, "shadow", sandboxed=False).notes
    assert set(notes) == {*(f"removed on{n} of <p>" for n in range(100)), "a browser drops one <tr> where it stands"}
