"""Rules about the repository itself, that a person would forget to check."""

import ast
import configparser
import re
from pathlib import Path

import pytest

from shell.operations.up import find
from shell.operations.up.house import TABLES, parse

pytestmark = pytest.mark.quick

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


def test_no_fragments_name_stands_in_the_code_of_what_composes_it():
    """Which fragments there are is data: the shell, what fragments share and the page's scripts know none by name, and
    no fragment knows where it is mounted. `.ci/full` opens a lobby whose fragments are all renamed.
    """
    houses = [house for house in find.houses(ROOT) if house.file.startswith("fragments/")]
    assert len(houses) >= 4
    names = {part for house in houses for part in (house.name, house.name.replace("-", "_"))}
    by_name = re.compile(rf"(?:^|/)(?:{'|'.join(sorted(names))})(?:/|$)")
    found = []
    for room in ("shell", "fragments/kit", "bff/resilience", "bff/live"):
        for path in (ROOT / room).rglob("*.py"):
            constants = [
                node for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.Constant)
            ]
            found += [
                f"{path.relative_to(ROOT)}:{node.lineno}: {node.value}"
                for node in constants
                if isinstance(node.value, str) and by_name.search(node.value)
            ]
    for path in [each for each in (ROOT / "static").rglob("*.js") if "vendor" not in each.parts]:
        code = re.sub(r"//.*", "", path.read_text("utf-8"))
        found += [f"{path.name}: {text}" for _, text in re.findall(r"""(["'`])(.*?)\1""", code) if by_name.search(text)]
    for path in (ROOT / "fragments").rglob("*"):
        if path.suffix in {".py", ".html", ".js", ".css"} and "/slots/" in path.read_text("utf-8"):
            found += [f"{path.relative_to(ROOT)}: an address that the shell gives"]
    assert found == []


def test_every_field_of_house_toml_is_documented():
    """What the parser takes is in the README beside it, in an example that it reads."""
    readme = (ROOT / "shell" / "operations" / "up" / "README.md").read_text("utf-8")
    example = readme.partition("```toml\n")[2].partition("```")[0]
    house = parse(example, "README.md")
    allowed = {field for table in TABLES.values() for field in table.__struct_fields__}
    assert house.welcome
    assert {"house", "welcome", "key_pair", "manage", "websocket"} <= allowed
    assert {field for field in allowed if not re.search(rf"\b{field}\b", example)} == set()


def test_every_file_of_up_is_on_its_map():
    """The README beside `up` names each of its files."""
    folder = ROOT / "shell" / "operations" / "up"
    files = (folder / "README.md").read_text("utf-8").partition("## Files")[2]
    assert [path.stem for path in folder.glob("[a-z]*.py") if f"`{path.stem}`" not in files] == []


def test_nothing_shared_is_added_to_across_a_wait():
    """`shared += await …` reads before the wait and writes after it, so that what others added meanwhile is lost."""
    lost = []
    for path in [each for room in ("bff", "fragments", "shell", "tests") for each in (ROOT / room).rglob("*.py")]:
        text = path.read_text("utf-8")
        if re.search(r"[-+*/|&]= .*\bawait\b", text):
            tree = list(ast.walk(ast.parse(text)))
            shared = {name for node in tree if isinstance(node, ast.Nonlocal | ast.Global) for name in node.names}
            lost += [
                f"{path.relative_to(ROOT)}:{node.lineno}"
                for node in tree
                if isinstance(node, ast.AugAssign)
                and any(isinstance(each, ast.Await) for each in ast.walk(node.value))
                and (not isinstance(node.target, ast.Name) or node.target.id in shared)
            ]
    assert lost == []
