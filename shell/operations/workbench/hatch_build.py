"""Build hook of the bench's wheel, which holds the shell without its deployment, and the static files of its pages."""

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

ROOMS = ("shell", "static")
LEFT_OUT = ("shell/operations/deploy", "static/readme")
# How this wheel is made.
LEFT_BEHIND = frozenset({Path(__file__).name, "pyproject.toml"})
SUFFIXES = frozenset({".py", ".html", ".toml", ".css", ".js", ".svg"})


class Rooms(BuildHookInterface):  # type: ignore[misc]  # hatchling is where a wheel is built, not here
    """Of the repository, or of a source distribution, which holds the rooms below its own root."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        own = Path(self.root)
        root = own if (own / ROOMS[0]).is_dir() else own.parents[2]
        for path in (path for room in ROOMS for path in sorted((root / room).rglob("*"))):
            place = path.relative_to(root).as_posix()
            if path.suffix in SUFFIXES and path.name not in LEFT_BEHIND and not place.startswith(LEFT_OUT):
                build_data["force_include"][str(path)] = place
