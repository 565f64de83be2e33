"""What others wrote and the shell serves is what they published, and says under which terms."""

import hashlib
from pathlib import Path

import pytest

pytestmark = pytest.mark.quick

VENDOR = Path(__file__).parents[2] / "static" / "vendor"
SCRIPTS = sorted(VENDOR.glob("*.js"))


def test_each_vendored_script_has_its_published_hash():
    """A file that was changed by hand, or is missing from the list, is found."""
    listed = dict(reversed(line.split()) for line in (VENDOR / "SHA256SUMS").read_text().splitlines())
    assert listed == {script.name: hashlib.sha256(script.read_bytes()).hexdigest() for script in SCRIPTS}


def test_each_vendored_script_has_its_licence_and_its_row():
    """Terms and origin of each stand beside it."""
    page = (VENDOR / "README.md").read_text()
    for script in SCRIPTS:
        licence = script.name.replace(".min.js", ".LICENSE")
        assert (VENDOR / licence).read_text().strip()
        assert f"| `{script.name}` |" in page
        assert f"`{licence}`" in page
