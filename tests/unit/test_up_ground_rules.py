"""Rules about the repository itself, that a person would forget to check."""

import configparser
import re
from pathlib import Path

from shell.operations.up import find

ROOT = Path(__file__).parents[2]


def test_lock_names_no_index_but_the_public_one():
    """A lock file from behind a mirror would not install elsewhere."""
    hosts = set(re.findall(r"https?://([^/\"]+)", (ROOT / "uv.lock").read_text("utf-8")))
    assert hosts <= {"pypi.org", "files.pythonhosted.org"}


def test_every_house_has_its_import_border():
    """A house that is added gets its place in `.importlinter`, and nothing is ignored there."""
    text = (ROOT / ".importlinter").read_text("utf-8")
    borders = configparser.ConfigParser()
    borders.read_string(text)
    independent = set(borders["importlinter:contract:houses"]["modules"].split())
    rooms = {str(Path(house.file).parent).replace("/", ".") for house in find.houses(ROOT)}
    assert independent == rooms
    assert "ignore_imports" not in text


def test_kept_data_is_not_committed():
    """The data folder of local runs is ignored by git."""
    assert ".mullion/" in (ROOT / ".gitignore").read_text("utf-8").splitlines()


def test_namespace_packages_stay_open():
    """`bff` and `fragments` have no `__init__.py`, so that a subtree installs alone."""
    assert not (ROOT / "bff" / "__init__.py").exists()
    assert not (ROOT / "fragments" / "__init__.py").exists()
