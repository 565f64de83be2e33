"""Drills by name: the stories that ship, and files of one's own.

Public: `find`, `stories`, `Unknown`, `Named`.
"""

import difflib
from dataclasses import dataclass
from pathlib import Path

from tests.drills.kit.drill import Drill
from tests.drills.kit.loader import load

STORIES = Path(__file__).parents[1] / "files" / "stories"
SUFFIXES = (".yaml", ".yml")


class Unknown(Exception):
    """There is no drill of this name; the message says what was probably meant."""


@dataclass(frozen=True, slots=True)
class Named:
    name: str
    drill: Drill


def stories() -> dict[str, Path]:
    """Name to file."""
    return {file.stem: file for file in sorted(STORIES.glob("*.yaml"))}


def find(word: str) -> Named:
    """The drill that a person means by a name or a file; raises `Unknown` or `DrillFileWrong`."""
    path = Path(word)
    if path.suffix in SUFFIXES or path.is_file():
        return Named(path.stem, load(path))
    there = stories()
    if word in there:
        return Named(word, load(there[word]))
    near = difflib.get_close_matches(word, there, n=1)
    hint = f" Did you mean {near[0]}?" if near else ""
    raise Unknown(f"There is no drill '{word[:80]}'.{hint} All of them: manage.py drill list")
