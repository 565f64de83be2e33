"""The engine's README lists the existing rooms, and its list for a new money command is complete."""

import configparser
import re
from pathlib import Path

import pytest

from bff.contracts import command_names

pytestmark = pytest.mark.quick

HOUSE = Path("bff/commands")
BOOK = (HOUSE / "README.md").read_text()
TABLE = (HOUSE / "handlers" / "table.py").read_text()
COMMANDS = [getattr(command_names, name) for name in re.findall(r"MoneyCommand\(\s*command_names\.([A-Z_]+)", TABLE)]


def section(title: str) -> str:
    """The text under a heading."""
    return BOOK.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def layers() -> list[list[str]]:
    """The rooms by layer, as import-linter enforces them; the highest first."""
    contracts = configparser.ConfigParser()
    contracts.read(".importlinter")
    floors = contracts["importlinter:contract:engine-rooms"]["layers"].split("\n")
    return [[room.strip().removeprefix("bff.commands.") for room in floor.split("|")] for floor in floors if floor]


def test_the_book_shows_every_room_on_its_floor():
    """A folder of code that the book or the import contract leaves out is one that nobody can find."""
    rooms = {folder.parent.name for folder in HOUSE.glob("*/__init__.py")} - {"migrations"}
    assert {room for floor in layers() for room in floor} == rooms
    rows = re.findall(r"^\| (`[a-z]+/`[^|]*) \|", section("Rooms"), re.MULTILINE)
    shown = [re.findall(r"`([a-z]+)/`", row) for row in rows]
    assert shown == [floor for floor in layers() if floor != ["management"]]


def test_no_code_stands_outside_of_the_rooms():
    """Beside the rooms there are only the files in which Django looks for something."""
    assert {path.stem for path in HOUSE.glob("*.py")} == {"__init__", "apps", "asgi", "models", "settings"}


def test_the_list_for_a_new_command_leads_to_files_that_every_command_has():
    """Each file in the list exists, with the name of a command that is there where it stands for one."""
    listed = re.findall(r"^\| `([^`]+)` \|", section("To add a money command"), re.MULTILINE)
    assert len(listed) == 6
    for path in listed:
        assert list(Path().glob(re.sub("<[a-z]+>", "*", path))), path
    beside = re.findall(r"`((?:fragments|shell)/[^`]+)`", section("To add a money command"))
    assert beside
    assert all(Path(path).is_file() for path in beside)


def test_every_command_is_named_where_the_list_says():
    """In the contract's docstring and in the book, and its body is a struct of the contract."""
    assert len(COMMANDS) >= 6
    files = [Path("bff/contracts/wallet.py").read_text(), Path("bff/contracts/games.py").read_text()]
    heads, contract = "".join(text.split('"""')[1] for text in files), "".join(files)
    for command in COMMANDS:
        assert re.search(rf"`(POST /commands/)?{command}`", heads), command
        assert re.search(rf"`(POST /commands/)?{command}`", section("HTTP")), command
    for body in re.findall(r"MoneyCommand\(\s*command_names\.[A-Z_]+, SCOPE_[A-Z_]+, (\w+),", TABLE):
        assert f"class {body}(msgspec.Struct, frozen=True, forbid_unknown_fields=True)" in contract, body
