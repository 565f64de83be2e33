"""Names are the field's: no module, class, function, field, variable or style is called by a word that needs a decoder.

`told` says neither by whom nor what; `command_status` does. The words stand in prose wherever they are plain English.
"""

import ast
import re
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.support.mullion import ROOT

HOUSES = ("shell", "bff", "fragments")
_OF_SPEECH = {"asked", "told", "said", "known", "kept", "heard", "knowing", "telling", "teller", "asking"}
RIDDLES = _OF_SPEECH | {"begun", "glance", "gauge", "news", "crew", "leash", "pulse"}
# A word that a field or a library uses: a value that was known last, writing behind, Prometheus, argparse.
STANDARD = re.compile(r"last_?known|write_?behind|^Gauge(MetricFamily)?$|parse_known_args", re.IGNORECASE)
# A class of this name says nothing of what was refused or held: `ManifestRefused`, `FragmentHold` do.
BARE = frozenset({"Refused", "Known", "Rest", "Line", "Behind", "Gauge", "Said", "Asked", "Told"})
BARE |= {"Shown", "Given", "Look", "Anew", "Meeting", "Watched", "Try", "Untimely"}
BARE_CLASS = re.compile(rf"^ *class ({'|'.join(BARE)})\b", re.MULTILINE)
# A file of this name says that something was done, and not what is in it.
VAGUE = {"closing", "copies", "healing", "utils", "helpers", "common", "manager", "service", "misc"}
VAGUE |= {"analyst", "copied", "look", "looks", "registered", "seen", "shown", "standing", "steadiness", "untimely"}
LINES = {"bff/sandbox/payments/charges.py", "fragments/wallet/display.py"}  # of a journal, of a history
WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
SCRIPT_NAME = re.compile(r"(?:\b(?:const|let|var|function|class) +|#|@typedef \{.*\} )([A-Za-z_]\w*)")
PROSE = re.compile(r'""".*?"""|#.*?$', re.DOTALL | re.MULTILINE)
STYLE_NAME = re.compile(r"\.([a-z][a-z-]*)[^{};]*\{")


@cache
def is_riddle(name: str) -> bool:
    return not STANDARD.search(name) and any(word.lower() in RIDDLES for word in WORD.findall(name))


def files(*endings: str, folders: Iterable[str] = (*HOUSES, "static")) -> list[Path]:
    found = [
        path
        for house in folders
        for path in sorted((ROOT / house).rglob("*"))
        if not {"vendor", "node_modules"} & {*path.parts}
    ]
    return [path for path in found if path.suffix in endings and "migrations" not in path.parts]


def names_in(tree: ast.AST) -> Iterator[str]:
    """Every name that a module gives or uses."""
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=name) | ast.Attribute(attr=name) | ast.arg(arg=name):
                yield name
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                yield name
            case ast.keyword(arg=str(name)) | ast.alias(asname=str(name)):
                yield name


def test_no_name_in_python_is_a_riddle() -> None:
    """A reader who knows HTTP, CQRS and circuit breakers guesses right, in tests too: only what a test is called is a
    sentence."""
    riddles = set()
    for path in [ROOT / "manage.py", *files(".py", folders=(*HOUSES, "tests", ".ci"))]:
        place, text = path.relative_to(ROOT).as_posix(), path.read_text("utf-8")
        # Most files are done with here: to parse them all costs seconds.
        words = set(re.findall(r"\w+", PROSE.sub("", text)))
        if not any(is_riddle(word) and not word.startswith("test_") for word in words) and not BARE_CLASS.search(text):
            continue
        tree = ast.parse(text)
        riddles |= {f"{place}: {name}" for name in names_in(tree) if is_riddle(name) and not name.startswith("test_")}
        classes = {node.name for node in ast.walk(tree) if isinstance(node, ast.ClassDef)} & BARE
        riddles |= {f"{place}: class {name}" for name in classes if not (name == "Line" and place in LINES)}
    assert sorted(riddles) == []


def test_no_name_in_a_script_or_a_style_is_a_riddle() -> None:
    """What browsers run and show is named like what serves it."""
    riddles = []
    for pattern, endings in ((SCRIPT_NAME, (".js", ".mjs", ".ts")), (STYLE_NAME, (".css",))):
        for path in files(*endings, folders=(*HOUSES, "static", "tests")):
            names = set(pattern.findall(path.read_text("utf-8")))
            riddles += [f"{path.relative_to(ROOT)}: {name}" for name in sorted(names) if is_riddle(name)]
    assert riddles == []


def test_no_file_is_called_by_a_riddle() -> None:
    """Nor by a word that says how it came about and not what is in it."""
    stems = {path.stem for path in files(".py", ".js", ".css", ".html", ".toml")}
    assert {stem for stem in stems if is_riddle(stem)} == set()
    assert not stems & VAGUE


@pytest.mark.parametrize(
    ("name", "riddle"),
    [
        ("_asked_for", True),
        ("KEPT_MAX", True),
        ("withdrawSaid", True),
        ("LastKnown", False),
        ("WriteBehind", False),
        ("unknown", False),
        ("task_list", False),
        ("Gauge", False),
        ("FeedGauge", True),
    ],
)
def test_words_within_a_name_are_read(name: str, riddle: bool) -> None:
    """Snake, camel and capitals; a longer word that holds one of them is another word."""
    assert is_riddle(name) is riddle
