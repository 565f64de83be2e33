"""The kit as a wheel: it imports only its declared dependencies, and works without this repository."""

import ast
import re
import sys
import tomllib
import zipfile
from collections import defaultdict
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from tests.support.kit_wheel import WHEEL_PROJECT, build_wheel, empty_environment, run
from tests.support.mullion import ROOT

PROJECT = tomllib.loads((WHEEL_PROJECT / "pyproject.toml").read_text("utf-8"))["project"]
NAME = re.compile(r"[A-Za-z0-9_.-]+")
IMPORT_ALL = """
import importlib, sys
for name in sys.argv[1:]:
    importlib.import_module(name)
"""


def rooms() -> tuple[str, ...]:
    """The folders that the build hook packs."""
    tree = ast.parse((WHEEL_PROJECT / "hatch_build.py").read_text("utf-8"))
    [found] = [node.value for node in tree.body if isinstance(node, ast.Assign) and node.targets[0].id == "ROOMS"]  # type: ignore[attr-defined]
    return tuple(ast.literal_eval(found))


def requirement_names(requirements: list[str]) -> set[str]:
    return {NAME.match(each)[0].lower() for each in requirements}  # type: ignore[index]


def imports_by_distribution() -> dict[str, set[str]]:
    """The modules that import each installed distribution."""
    distributions, found = packages_distributions(), defaultdict(set)
    for path in (path for room in rooms() for path in (ROOT / room).rglob("*.py") if path.name != "hatch_build.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            names = [each.name for each in node.names] if isinstance(node, ast.Import) else []
            names += [node.module] if isinstance(node, ast.ImportFrom) and node.module else []
            for name in names:
                top = name.partition(".")[0]
                if top in sys.stdlib_module_names:
                    continue
                if top in ("bff", "fragments", "shell"):
                    found[".".join(name.split(".")[:2])].add(path.stem)
                else:
                    found[distributions[top][0].lower().replace("_", "-")].add(path.stem)
    return found


STORE = {"pubsub", "redis_clients", "redis_connection", "redis_primary"}


@pytest.mark.quick
def test_wheel_imports_what_it_declares_and_no_other_house() -> None:
    """Optional dependencies are extras, imported only by files of their own."""
    found = imports_by_distribution()
    own = {room.replace("/", ".") for room in rooms()}
    # Uvicorn brings these in by their names; cryptography is pyjwt's own extra.
    unseen, by_extra = {"uvloop", "httptools", "websockets"}, {"cryptography": "pyjwt"}
    declared = requirement_names(PROJECT["dependencies"])
    extras = {name: requirement_names(wanted) for name, wanted in PROJECT["optional-dependencies"].items()}
    needed = {by_extra.get(name, name) for name in found} - own
    assert needed - declared == {"mangum", "redis"}
    assert (found["mangum"], "mangum" in extras["function"]) == ({"function"}, True)
    assert (found["redis"], "redis" in extras["redis"]) == (STORE, True)
    assert declared - needed == unseen


@pytest.mark.quick
def test_wheel_wants_the_versions_that_the_houses_want() -> None:
    """The list is written twice, as the repository itself is no package."""
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["optional-dependencies"]
    wanted = {each for name in ("contracts", "resilience", "serve", "kit") for each in extras[name]}
    assert set(PROJECT["dependencies"]) == {each for each in wanted if not each.startswith("mullion[")}
    assert PROJECT["optional-dependencies"]["function"] == extras["function"]


@pytest.mark.full
@pytest.mark.timeout(300)
def test_built_wheel_is_typed_and_whole(tmp_path: Path) -> None:
    """In an empty environment every module can be imported, except those of an extra."""
    wheel = build_wheel(tmp_path / "wheels")
    files = set(zipfile.ZipFile(wheel).namelist())
    assert {f"{room}/py.typed" for room in rooms()} < files
    assert {"fragments/kit/static/kit.css", "fragments/kit/templates/kit/note.html"} < files
    assert {name.split("/")[0] for name in files} == {"bff", "fragments", f"mullion_kit-{PROJECT['version']}.dist-info"}
    sources = [name.removesuffix(".py") for name in files if name.endswith(".py")]
    modules = {name.removesuffix("/__init__").replace("/", ".") for name in sources}
    of_redis = ("pubsub", "redis_clients", "redis_connection", "redis_primary")
    extras = {f"bff.resilience.{name}" for name in of_redis}
    python = empty_environment(tmp_path, wheel)
    run(python, "-c", IMPORT_ALL, *sorted(modules - extras), cwd=tmp_path)
