"""Build hook of the kit's wheel, which holds kit, contracts and resilience under their names here."""

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

ROOMS = ("bff/contracts", "bff/resilience", "fragments/kit")
SUFFIXES = frozenset({".py", ".typed", ".html", ".css"})


class Rooms(BuildHookInterface):  # type: ignore[misc]  # hatchling is where a wheel is built, not here
    """Of the repository, or of a source distribution, which holds the rooms below its own root."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        own = Path(self.root)
        root = own if (own / ROOMS[0]).is_dir() else own.parents[1]
        for path in (path for room in ROOMS for path in sorted((root / room).rglob("*"))):
            if path.suffix in SUFFIXES and path.name != Path(__file__).name:
                build_data["force_include"][str(path)] = path.relative_to(root).as_posix()
