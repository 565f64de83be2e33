"""The shell's own words in a slot look the same beside any styles of a fragment."""

import re
from pathlib import Path

import pytest

pytestmark = pytest.mark.quick

ROOT = Path(__file__).parents[3]
CARDS = ROOT / "shell/pages/templates/cards"
RULES = re.sub(r"/\*.*?\*/", "", (ROOT / "static/cards.css").read_text("utf-8"), flags=re.DOTALL)


def test_the_shells_rules_reach_nothing_of_a_fragment() -> None:
    """Every selector begins with a name that is the shell's own: a stale copy keeps its measures."""
    selectors = [each.strip() for rule in re.findall(r"([^{}]+)\{", RULES) for each in rule.split(",")]
    assert len(selectors) > 5
    assert [each for each in selectors if not re.match(r"\.mullion-(card|as-of|copy)\b", each)] == []


@pytest.mark.parametrize("name", ["placeholder.html", "sign_in.html", "stale.html"])
def test_neutral_words_are_of_no_domain(name: str) -> None:
    """Anybody may read them: nobody is told that they are on a break, or what stood there."""
    words = (CARDS / name).read_text("utf-8").lower()
    assert not re.search(r"break|exclu|balance|bonus|\bbet\b", words)
