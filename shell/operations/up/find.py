"""Finds the houses of this repository.

Public: `houses`, `stand`, `HousesBroken`.
"""

from collections.abc import Sequence
from pathlib import Path

from shell.operations.up.house import VARIABLE, House, HouseBroken, Process, parse


class HousesBroken(Exception):
    """At least one house can not be started, so none is. `problems` has one sentence each."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


def houses(root: Path) -> list[House]:
    """Every house at most two folders below `root`, by file name; raises `HousesBroken` with all that is wrong."""
    found: list[House] = []
    problems: list[str] = []
    for path in sorted([*root.glob("*/house.toml"), *root.glob("*/*/house.toml")]):
        file = path.relative_to(root)
        if any(part.startswith(".") for part in file.parts):
            continue
        try:
            found.append(parse(path.read_text("utf-8"), str(file)))
        except HouseBroken as error:
            problems.append(str(error))
        except (OSError, UnicodeDecodeError) as error:
            problems.append(f"{file}: can not be read: {error}")
    problems += _clashes(found) + _calls_nobody(found)
    if problems:
        raise HousesBroken(problems)
    if not found:
        raise HousesBroken([f"no house.toml below {root}: run this from a Mullion checkout"])
    return found


def stand(houses: Sequence[House], processes: Sequence[Process], root: Path) -> None:
    """Raises `HousesBroken` unless every module that is going to run exists, so that a typo is reported here and not by
    a crash loop.
    """
    problems = [
        f"{house.file}: house.settings: there is no module '{house.settings}'"
        for house in houses
        if not _module_stands(root, house.settings)
    ]
    for house in houses:
        for process in (each for each in house.processes if each in processes):
            for kind, module in (("asgi", process.asgi), ("run", process.run)):
                if module and not _module_stands(root, module.partition(":")[0]):
                    problems.append(f"{house.file}: process '{process.name}': {kind}: there is no module '{module}'")
    if problems:
        raise HousesBroken(problems)


def _module_stands(root: Path, module: str) -> bool:
    first, *_ = parts = module.split(".")
    if not (root / first).is_dir():
        # Not of this repository: an installed package may bring a module too, and Python will find it or say so.
        return True
    path = root.joinpath(*parts)
    return path.with_suffix(".py").is_file() or (path / "__init__.py").is_file()


def _calls_nobody(found: list[House]) -> list[str]:
    names = {process.name for house in found for process in house.processes}
    return [
        f"{house.file}: process '{process.name}': calls: there is no process '{call}'"
        for house in found
        for process in house.processes
        for call in process.calls
        if not VARIABLE.fullmatch(call) and call not in names
    ]


def _clashes(found: list[House]) -> list[str]:
    problems = []
    owners: dict[tuple[str, object], str] = {}

    def claim(kind: str, value: object, file: str) -> None:
        owner = owners.setdefault((kind, value), file)
        if owner != file or (kind, value) in claimed:
            problems.append(f"{file}: {kind} {value!r} is already taken by {owner}")
        claimed.add((kind, value))

    for house in found:
        claimed: set[tuple[str, object]] = set()
        claim("house.name", house.name, house.file)
        for process in house.processes:
            claim("process.name", process.name, house.file)
            claim("process.port", process.port, house.file)
            if process.inner is not None:
                claim("process.port", process.inner, house.file)
            if process.public:
                claim("process.public", process.public, house.file)
        for name in house.secrets.key_pair:
            claim("secrets.key_pair", name, house.file)
    return problems
