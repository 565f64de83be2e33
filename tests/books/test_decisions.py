"""Decisions are found by their number: one each in a house, from 0001 on, and what refers to one names one that is."""

import re
from itertools import chain
from pathlib import Path

import pytest

from tests.support.mullion import ROOT

pytestmark = pytest.mark.quick

ROOMS = [ROOT / room for room in ("bff", "fragments", "shell")]
FOLDERS = sorted(folder for room in ROOMS for folder in room.rglob("decisions") if folder.is_dir())
REFERENCE = re.compile(r"((?:[\w.-]+/)*)decisions/(\d{4})")


def numbers(folder: Path) -> list[str]:
    """Of all decisions of one house, in their order."""
    return sorted(path.name[:4] for path in folder.glob("*.md"))


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.parent.relative_to(ROOT).as_posix())
def test_each_decision_of_a_house_has_a_number_of_its_own(folder: Path) -> None:
    """No number is given twice nor left out, and a title that says one says that of its file."""
    assert numbers(folder) == [f"{number:04}" for number in range(1, len(numbers(folder)) + 1)]
    for path in folder.glob("*.md"):
        title = re.match(r"# (\d{4})\b", path.read_text("utf-8"))
        assert title is None or title[1] == path.name[:4], path.name


def test_a_decision_that_is_referred_to_is_there() -> None:
    """By its path from the repository or from where the reference stands, or as one of the house that it stands in."""
    there = {(folder, number) for folder in FOLDERS for number in numbers(folder)}
    references = 0
    for path in chain.from_iterable(room.rglob(f"*.{kind}") for room in ROOMS for kind in ("md", "py")):
        for prefix, number in REFERENCE.findall(path.read_text("utf-8")):
            references += 1
            starts = [ROOT, *path.parents] if not prefix.startswith(".") else [path.parent]
            found = {((start / prefix / "decisions").resolve(), number) for start in starts}
            assert found & there, f"{path.relative_to(ROOT)}: {prefix}decisions/{number}"
    assert references > 40
