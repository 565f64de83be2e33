"""The table of environment variables says what the code reads, in both directions."""

import ast
import re
import runpy
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from bff.contracts.player_context import new_key_pair
from bff.resilience.environment import number_of
from fragments.kit import bff
from shell.operations.up import find
from shell.operations.up.operators_admin import ADMIN_NAME
from shell.operations.up.plan import PARTITION_KEY
from tests.support.mullion import ROOT
from tests.support.settings_book import BOOK, TYPES, book

pytestmark = pytest.mark.quick

# Names that are put together, by the file that reads them so.
COMPUTED = {
    "fragments/kit/bff.py": {f"{name.upper().replace('-', '_')}_URL" for name in bff._DEFAULT_URLS},
}
# Whatever the `house.toml` files name: the supervisor only passes it on.
SUPERVISOR = "shell/operations/up/"
# Signs what goes to an address that operators name, where they name one.
TRIAL_WEBHOOK = "TRIAL_WEBHOOK_SECRET"
# Is Kafka's, where it asks for one.
KAFKA_PASSWORD = "KAFKA_SASL_PASSWORD"
# A command of a team's CI, where no house runs.
COMMAND = "fragments/cli/"


@dataclass(frozen=True)
class Read:
    """One place that reads a variable; `default` is the literal it falls back to, None where that is computed."""

    file: str
    default: str | None


@cache
def houses() -> Mapping[str, frozenset[str]]:
    """Folder -> names of its processes."""
    found = {
        str(Path(house.file).parent): frozenset(process.name for process in house.processes)
        for house in find.houses(ROOT)
    }
    return {**found, "shell": found["shell"] | {ADMIN_NAME}}


def _is_environment(node: ast.expr) -> bool:
    name = node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")
    return name in ("environ", "environment")


def _keys(tree: ast.AST) -> Iterator[tuple[ast.expr, ast.expr | None]]:
    """(the name that is read, what it falls back to) of every look into the environment."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            if (
                node.func.attr in ("get", "setdefault", "pop") and _is_environment(node.func.value)
            ) or node.func.attr == "getenv":
                yield node.args[0], node.args[1] if len(node.args) > 1 else None
        elif isinstance(node, ast.Subscript) and _is_environment(node.value):
            yield node.slice, None
        elif isinstance(node, ast.Compare) and _is_environment(node.comparators[-1]):
            yield node.left, None


def _readers(tree: ast.AST) -> Iterator[tuple[str, int]]:
    """(name, which argument) of every function that reads the variable that an argument of it names."""
    for function in ast.walk(tree):
        if isinstance(function, ast.FunctionDef):
            arguments = [each.arg for each in function.args.args]
            keys = [key.id for key, _ in _keys(function) if isinstance(key, ast.Name) and key.id in arguments]
            yield from ((function.name, arguments.index(key)) for key in keys)


def _texts() -> dict[str, str]:
    paths = [path for folder in ("shell", "bff", "fragments") for path in (ROOT / folder).rglob("*.py")]
    return {path.relative_to(ROOT).as_posix(): path.read_text("utf-8") for path in [*paths, ROOT / "manage.py"]}


@cache
def reads() -> Mapping[str, list[Read]]:
    """By variable, every place that reads it: by its name, by a function that is given it, or put together."""
    found: dict[str, list[Read]] = defaultdict(list)
    texts = _texts()
    # To parse them all costs seconds, and most hold neither an environment nor the name of a function that reads one.
    trees = {file: ast.parse(text) for file, text in texts.items() if re.search("environ|getenv", text)}
    readers_of = {file: dict(_readers(tree)) for file, tree in trees.items()}
    public = {name: at for own in readers_of.values() for name, at in own.items() if not name.startswith("_")}
    called = re.compile(rf"\b({'|'.join(public)})\(")
    trees |= {file: ast.parse(text) for file, text in texts.items() if file not in trees and called.search(text)}
    for file, tree in trees.items():
        own = readers_of.get(file, {})
        readers = public | own
        for key, default in _keys(tree):
            if isinstance(key, ast.Constant):
                found[key.value].append(Read(file, _literal(default)))
            elif not own and not file.startswith(SUPERVISOR):
                assert file in COMPUTED, f"{file}: which variable is {ast.unparse(key)}? Write its name out."
                for name in COMPUTED[file]:
                    found[name].append(Read(file, None))
        for call in ast.walk(tree):
            if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id in readers:
                name, *rest = call.args[readers[call.func.id] :]
                assert isinstance(name, ast.Constant), f"{file}:{call.lineno}: write the name out"
                secret = "secret" in call.func.id  # whose default is nobody's to know
                found[name.value].append(Read(file, None if secret or not rest else _literal(rest[0])))
    return found


def _literal(node: ast.expr | None) -> str | None:
    return str(node.value) if isinstance(node, ast.Constant) else None


def test_every_variable_that_is_read_is_in_the_book_and_no_other() -> None:
    """A setting is a row of the table; a row is a setting."""
    assert book().keys() - reads().keys() == set(), "rows that nothing reads"
    assert reads().keys() - book().keys() == set(), f"write these into {BOOK.relative_to(ROOT)}"


@pytest.mark.parametrize("name", sorted(book()))
def test_row_says_what_the_code_falls_back_to_and_which_processes_read_it(name: str) -> None:
    """Its type is one of those explained, its default the code's, and every house that reads it is named."""
    row = book()[name]
    assert row.type in TYPES
    names = frozenset().union(*houses().values())
    assert row.processes <= names | {"all", "up"}, "no process has this name"
    for read in reads()[name]:
        if read.default not in (None, ""):
            assert f"`{read.default}`" in row.default, read.file
        folder = next((folder for folder in houses() if read.file.startswith(f"{folder}/")), "")
        if folder and not read.file.startswith((SUPERVISOR, COMMAND)):
            assert row.processes & (houses()[folder] | {"all"}), f"{read.file} reads it"


def _settings_of(name: str) -> list[str]:
    return sorted({read.file for read in reads()[name] if _is_settings(read)})


def _is_settings(read: Read) -> bool:
    return read.file.endswith("/settings.py")


@pytest.fixture
def production(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """An environment without `DEBUG` in which all that the book requires is set, and nothing else."""
    for name in book():
        monkeypatch.delenv(name, raising=False)
    for name, row in book().items():
        if row.production.startswith("required"):
            sound = {"address": "https://lobby.example", "secret": "k" * 48, "key": "PEM"}[row.type]
            monkeypatch.setenv(name, sound)
    private, public = new_key_pair()
    monkeypatch.setenv("PLAYER_CONTEXT_PRIVATE_KEY", private)
    monkeypatch.setenv("PLAYER_CONTEXT_PUBLIC_KEY", public)
    return monkeypatch


@pytest.mark.parametrize(
    "file", sorted(path.relative_to(ROOT).as_posix() for path in ROOT.glob("[bfs]*/**/settings.py"))
)
def test_what_the_book_requires_is_enough_and_nothing_of_it_may_be_missing(
    production: pytest.MonkeyPatch, file: str
) -> None:
    """Settings load with exactly that, and without any part of it they end with a sentence that names it."""
    runpy.run_path(str(ROOT / file))
    for name, row in book().items():
        if row.production.startswith("required") and file in _settings_of(name) and row.type != "address":
            with production.context() as without:
                without.delenv(name)
                with pytest.raises(ImproperlyConfigured, match=name):
                    runpy.run_path(str(ROOT / file))


@pytest.mark.parametrize("name", sorted(name for name, row in book().items() if row.type in ("number", "JSON")))
def test_value_of_another_type_is_told_by_the_name_of_its_variable(production: pytest.MonkeyPatch, name: str) -> None:
    """A slip in a number or an object is a sentence, not a traceback, in every house that reads it."""
    production.setenv("DEBUG", "1")
    production.setenv(name, "many")
    for file in _settings_of(name):
        with pytest.raises(ImproperlyConfigured, match=name):
            runpy.run_path(str(ROOT / file))


def test_secrets_of_the_book_are_those_that_a_local_run_makes() -> None:
    """What a `house.toml` asks for is a secret or a key of the table, as is that of a run with drills, and no other."""
    required = {PARTITION_KEY, TRIAL_WEBHOOK, KAFKA_PASSWORD} | {
        name
        for house in find.houses(ROOT)
        for name in (
            *house.secrets.own,
            *house.secrets.shared,
            *(f"{pair}_{side}_KEY" for pair in house.secrets.key_pair for side in ("PRIVATE", "PUBLIC")),
        )
    }
    assert required <= book().keys()
    assert {name for name, row in book().items() if row.type in ("secret", "key")} == required


@pytest.mark.parametrize("value", ["many", "-1", "65536", "٣"])
def test_port_that_is_none_ends_the_process_with_a_sentence(value: str) -> None:
    """A slip in `PORT`, `INNER_PORT` or `LISTEN_FD` is no traceback."""
    with pytest.raises(SystemExit, match="PORT can not be used"):
        number_of({"PORT": value}, "PORT", 8000)
    assert number_of({"PORT": ""}, "PORT", 8000) == 8000


def test_every_process_of_a_house_is_run_in_production_as_the_book_says() -> None:
    """The table of commands has each process but the sandboxes, started as `manage.py up` starts it."""
    text = (BOOK.parent / "README.md").read_text("utf-8")
    documented = dict(re.findall(r"^\| `([a-z-]+)` \| `python -m ([^`]+)` \|", text, re.MULTILINE))
    started = {
        process.name: process.run or f"bff.resilience.serving {process.asgi}"
        for house in find.houses(ROOT)
        for process in house.processes
        if house.name != "sandbox" and not house.file.startswith("fragments/")
    }
    assert documented == started
    assert "`python -m bff.resilience.serving fragments.NAME.asgi:application`" in text
    for house in find.houses(ROOT):
        if house.file.startswith("fragments/"):
            folder = Path(house.file).parent.name
            assert {process.asgi for process in house.processes} == {f"fragments.{folder}.asgi:application"}
