"""Drills by name: the stories that ship, cells of the matrix, and files.

Public: `find`, `stories`, `has_its_functions`, `Unknown`, `Named`.
"""

import difflib
import re
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from tests.drills.control import ControlRefused
from tests.drills.kit.drill import Drill
from tests.drills.kit.loader import load
from tests.drills.runner import catalogue

STORIES = Path(__file__).parents[1] / "files" / "stories"
# The tag of a drill that needs a fragment to run as a function.
FUNCTIONS = "functions"
SUFFIXES = (".yaml", ".yml")


class Unknown(ControlRefused):
    """There is no drill of this name; the message suggests the nearest one."""


@dataclass(frozen=True, slots=True)
class Named:
    name: str
    drill: Drill


def stories() -> dict[str, Path]:
    """The file of each story, by its name."""
    return {file.stem: file for file in sorted(STORIES.glob("*.yaml"))}


def has_its_functions(named: Named, there: Collection[str]) -> bool:
    """False only for a drill of functions of which one is not `there`, among those that can be switched to fail."""
    return FUNCTIONS not in named.drill.tags or all(step.provider in there for step in named.drill.method)


def find(word: str, elsewhere: Collection[str] = ()) -> Named:
    """The drill that a person means by a name or a file; `elsewhere` as in `catalogue.effect_of`. Raises `Unknown` or
    `DrillFileWrong`."""
    path = Path(word)
    if path.suffix in SUFFIXES or path.is_file():
        name = re.sub(r"[^a-z0-9-]+", "-", path.stem.lower()).strip("-") or "drill"
        return Named(name, load(path))
    there = stories()
    if word in there:
        return Named(word, load(there[word]))
    cell = word.replace("->", ":")
    if catalogue.is_cell(cell):
        return Named(cell, catalogue.drill_of(cell, for_s=catalogue.watched_s(cell, elsewhere), elsewhere=elsewhere))
    near = difflib.get_close_matches(word, there, n=1)
    hint = f" Did you mean {near[0]}?" if near else ""
    raise Unknown(f"There is no drill '{word[:80]}'.{hint} All of them: manage.py drill list")
