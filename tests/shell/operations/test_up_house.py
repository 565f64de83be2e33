"""house.toml: a sound file is read, and a broken one is refused by file and field."""

import tomllib
from pathlib import Path

import pytest

from shell.operations.up import find
from shell.operations.up.find import HousesBroken
from shell.operations.up.house import HouseBroken, parse

pytestmark = pytest.mark.quick

SOUND = """
[house]
name = "bff-queries"
settings = "bff.queries.settings"

[[prepare]]
manage = ["migrate", "--noinput"]

[[process]]
name = "bff-queries"
asgi = "bff.queries.asgi:application"
port = 10
ready = "/healthz"
public = "BFF_PUBLIC_URL"
publish = "/manifest.json"

[[process]]
name = "projector"
run = "bff.queries.projector"
port = 14
ready = "/healthz"

[secrets]
own = ["QUERIES_SECRET_KEY"]
shared = ["WEBHOOK_SECRET"]
key_pair = ["PLAYER_CONTEXT"]

[welcome]
"Status board" = "{url}/operations/"
"""


def refusal(text: str) -> HouseBroken:
    with pytest.raises(HouseBroken) as refused:
        parse(text, "bff/queries/house.toml")
    return refused.value


def test_sound_house_is_read_whole():
    """Every field of the format arrives."""
    house = parse(SOUND, "bff/queries/house.toml")
    assert (house.name, house.settings) == ("bff-queries", "bff.queries.settings")
    assert house.prepare == (("migrate", "--noinput"),)
    assert [process.variable for process in house.processes] == ["BFF_QUERIES_URL", "PROJECTOR_URL"]
    assert house.processes[0].asgi == "bff.queries.asgi:application"
    assert house.processes[0].public == "BFF_PUBLIC_URL"
    assert house.processes[0].publish == "/manifest.json"
    assert house.processes[1].run == "bff.queries.projector"
    assert house.secrets.own == ("QUERIES_SECRET_KEY",)
    assert house.secrets.shared == ("WEBHOOK_SECRET",)
    assert house.secrets.key_pair == ("PLAYER_CONTEXT",)
    assert house.welcome == {"Status board": "{url}/operations/"}


@pytest.mark.parametrize(
    ("was", "becomes", "where", "words"),
    [
        ('name = "bff-queries"\nsettings', 'name = "BFF Queries"\nsettings', "house.name", "lower-case"),
        ('settings = "bff.queries.settings"\n', "", "house.settings", "is missing"),
        ('settings = "bff.queries.settings"', "settings = 3", "house.settings", "3 is not a module"),
        ("[house]", "[hose]", "hose", "did you mean 'house'"),
        ("port = 10", "prot = 10", "process[0].prot", "did you mean 'port'"),
        ("port = 10", 'port = "10"', "process[0].port", "an offset"),
        ("port = 10", "port = 61", "process[0].port", "0 to 60"),
        ("port = 10", "port = true", "process[0].port", "an offset"),
        ("port = 14", "port = 40", "process[1].port", "embedded Valkey"),
        ("port = 14", "port = 60", "process[1].port", "the gallery"),
        ("port = 14", "port = 9", "process[1].port", "the operators' admin"),
        ('ready = "/healthz"\npublic', 'ready = "healthz"\npublic', "process[0].ready", "a path"),
        ("bff.queries.asgi:application", "bff.queries.asgi", "process[0].asgi", "module:application"),
        ('run = "bff.queries.projector"\n', "", "process[1]", "needs 'asgi'"),
        ("port = 10", "port = 10\ninner = 61", "process[0].inner", "0 to 60"),
        ("port = 14", "port = 14\nnice = -21", "process[1].nice", "a niceness"),
        ("port = 14", "port = 14\nsocket_activation = 1", "process[1].socket_activation", "true or false"),
        ('name = "projector"', 'name = "valkey"', "process[1].name", "embedded Valkey"),
        ('["migrate", "--noinput"]', '"migrate"', "prepare[0].manage", "list of strings"),
        ('["migrate", "--noinput"]', "[]", "prepare[0].manage", "at least one"),
        ('["migrate", "--noinput"]', '["migrate", 3]', "prepare[0].manage", "list of strings"),
        (
            'own = ["QUERIES_SECRET_KEY"]',
            'own = ["secret key"]',
            "secrets.own",
            "'secret key' is not the name",
        ),
        ('own = ["QUERIES_SECRET_KEY"]', 'own = "KEY"', "secrets.own", "a list of strings, each the name of an env"),
        ('own = ["QUERIES_SECRET_KEY"]', "owns = []", "secrets.owns", "did you mean 'own'"),
        ('name = "projector"', "name = []", "process[1].name", "[] is not lower-case letters"),
        ('name = "projector"', 'name = "projector"\nzzz = 1', "process[1].zzz", "known here: name, port, ready, asgi"),
        ('name = "projector"', 'name = "projector\\n"', "process[1].name", "is not lower-case letters"),
        ('[house]\nname = "bff-queries"\nsettings = "bff.queries.settings"\n', "", "house", "a table, written [house]"),
        ('[[prepare]]\nmanage = ["migrate", "--noinput"]', "prepare = 3", "house.prepare", "unknown field"),
        ("[secrets]", "[[secrets]]", "secrets", "must be a table"),
        ('"{url}/operations/"', "1", "welcome.Status board", "must be a string"),
    ],
)
def test_refusal_names_file_field_and_fault(was: str, becomes: str, where: str, words: str):
    """The refusal has the file, the field and what is wrong with it."""
    assert was in SOUND
    refused = refusal(SOUND.replace(was, becomes, 1))
    assert refused.where == where
    assert words in refused.problem
    assert str(refused).startswith("bff/queries/house.toml: ")


def test_invalid_toml_is_reported_with_its_line():
    """A syntax error names file and line."""
    refused = refusal("[house\n")
    assert "bff/queries/house.toml: this is not TOML" in str(refused)
    assert "line 1" in str(refused)


def test_house_without_process_is_refused():
    """A house starts at least one process."""
    assert refusal('[house]\nname = "a"\nsettings = "a.settings"\n').where == "process"


def make(root: Path, folder: str, name: str, *, process: str = "", port: int = 0, secrets: str = "") -> None:
    (root / folder).mkdir(parents=True)
    (root / folder / "settings.py").touch()
    (root / folder / "app.py").touch()
    package = folder.replace("/", ".")
    (root / folder / "house.toml").write_text(
        f'[house]\nname = "{name}"\nsettings = "{package}.settings"\n'
        f'[[process]]\nname = "{process or name}"\nasgi = "{package}.app:app"\nport = {port}\n'
        f'ready = "/healthz"\n{secrets}'
    )


def test_houses_are_found_one_and_two_folders_down(tmp_path: Path):
    """No name is known: a file called house.toml makes a house."""
    make(tmp_path, "front", "front")
    make(tmp_path, "panes/left", "left", port=1)
    make(tmp_path, ".cache/old", "old", port=2)
    assert {house.name for house in find.houses(tmp_path)} == {"front", "left"}


def test_all_broken_houses_are_reported_at_once(tmp_path: Path):
    """One run reports every broken file."""
    make(tmp_path, "front", "front")
    make(tmp_path, "left", "LEFT")
    make(tmp_path, "right", "right", port=99)
    with pytest.raises(HousesBroken) as broken:
        find.houses(tmp_path)
    assert [problem.partition(":")[0] for problem in broken.value.problems] == ["left/house.toml", "right/house.toml"]


@pytest.mark.parametrize(
    ("second", "words"),
    [
        ({"name": "front", "process": "x", "port": 1}, "house.name 'front'"),
        ({"name": "x", "process": "front", "port": 1}, "process.name 'front'"),
        ({"name": "x", "port": 0}, "process.port 0"),
        ({"name": "x", "port": 1, "secrets": '[secrets]\nkey_pair = ["KEY"]\n'}, "secrets.key_pair 'KEY'"),
    ],
)
def test_clash_of_two_houses_names_both(tmp_path: Path, second: dict, words: str):
    """Names, ports and key pairs belong to one house; the refusal names both files."""
    make(tmp_path, "front", "front", secrets='[secrets]\nkey_pair = ["KEY"]\n')
    make(tmp_path, "second", **second)
    with pytest.raises(HousesBroken) as broken:
        find.houses(tmp_path)
    assert broken.value.problems == [f"second/house.toml: {words} is already taken by front/house.toml"]


def test_missing_module_is_reported_before_anything_starts(tmp_path: Path):
    """A missing module is reported with its file, instead of by a process that crashes again and again."""
    make(tmp_path, "front", "front")
    (tmp_path / "front" / "app.py").unlink()
    houses = find.houses(tmp_path)
    with pytest.raises(HousesBroken, match=r"front/house.toml: process 'front': asgi: .*'front.app:app'"):
        find.stand(houses, houses[0].processes, tmp_path)
    find.stand(houses, [], tmp_path)


def test_folder_without_house_says_so(tmp_path: Path):
    """An empty folder is not a Mullion."""
    with pytest.raises(HousesBroken, match=r"no house.toml"):
        find.houses(tmp_path)


def test_every_house_of_this_repository_is_sound():
    """The real files parse, do not clash, and name modules that exist."""
    root = Path(__file__).parents[3]
    houses = find.houses(root)
    find.stand(houses, [process for house in houses for process in house.processes], root)
    written = [tomllib.loads((root / house.file).read_text("utf-8")) for house in houses]
    assert sum(len(house["process"]) for house in written) == sum(len(house.processes) for house in houses)
