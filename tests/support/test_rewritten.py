"""`tests/support/rewritten.py`: a run rewrites the assertions of a file once."""

import sys
from pathlib import Path

import pytest

from tests.support.rewritten import rewrite

pytestmark = pytest.mark.quick


def test_pytest_finds_what_was_rewritten(tmp_path: Path, pytestconfig: pytest.Config) -> None:
    """Not a file that is rewritten already, and not one that cannot be read: the other files are."""
    good, bad = tmp_path / "test_good.py", tmp_path / "test_bad.py"
    good.write_text("def test_sum():\n    assert 1 + 1 == 2\n")
    bad.write_text("def test_sum(:\n")
    assert rewrite([bad, good], pytestconfig) == 1
    assert rewrite([bad, good], pytestconfig) == 0
    [cached] = (good.parent / "__pycache__").iterdir()
    assert cached.name == f"test_good.{sys.implementation.cache_tag}-pytest-{pytest.__version__}.pyc"
