"""Metrics of all houses share one prefix, so that one query finds them and none is another system's."""

import ast
from pathlib import Path

import pytest

pytestmark = pytest.mark.quick

ROOT = Path(__file__).parents[2]
KINDS = {"Counter", "Gauge", "Histogram", "Summary", "Info"} | {
    f"{kind}MetricFamily" for kind in ("Counter", "Gauge", "Histogram")
}


def test_every_metric_begins_with_mullion():
    """Whichever house counts, and however it is registered."""
    texts = {
        path: path.read_text("utf-8") for room in ("bff", "shell", "fragments") for path in (ROOT / room).rglob("*.py")
    }
    names = {
        node.args[0].value: str(path.relative_to(ROOT))
        for path, text in texts.items()
        if any(kind in text for kind in KINDS)  # to parse them all costs seconds
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Call)
        and getattr(node.func, "id", getattr(node.func, "attr", "")) in KINDS
        and node.args
        and isinstance(node.args[0], ast.Constant)
        and isinstance(node.args[0].value, str)
    }
    assert len(names) > 30
    assert {name: file for name, file in names.items() if not name.startswith("mullion_")} == {}
