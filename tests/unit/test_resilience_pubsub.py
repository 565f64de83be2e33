"""One client of pub/sub for all houses."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_no_house_has_a_subscription_of_its_own():
    """redis-py's pub/sub is met in one place, which pings, notices silence and subscribes anew."""
    found = {
        str(path.relative_to(ROOT))
        for room in ("bff", "shell", "fragments")
        for path in (ROOT / room).rglob("*.py")
        if re.search(r"\.pubsub\(\)", path.read_text())
    }
    assert found == {"bff/resilience/pubsub.py"}
