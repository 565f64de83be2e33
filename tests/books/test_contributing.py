"""The lists of files in `tests/README.md` are true: what they name exists, and nothing else holds the same words."""

import dataclasses
import json
import re

import pytest

from bff.resilience.policies import policy_by_name
from bff.resilience.policy import Policy
from bff.store.policy import FEED_POLICIES, FeedPolicy, StorePolicy
from tests.support.mullion import ROOT

pytestmark = pytest.mark.quick

BOOK = (ROOT / "tests" / "README.md").read_text("utf-8")
# One of each kind that exists, in place of the name that a newcomer chooses.
EXAMPLES = {"NAME": "wallet", "PAGE": "lobby", "VERB": "withdraw", "FEED": "promotions"}
PATH = re.compile(r"`((?:\.?[\w.-]+/)+[\w.-]*|\.importlinter|README\.md|pyproject\.toml|uv\.lock)`")


def section(title: str) -> str:
    found = re.search(rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", BOOK, re.DOTALL | re.MULTILINE)
    assert found, title
    return found[1]


def filled(path: str) -> str:
    for word, example in EXAMPLES.items():
        path = re.sub(rf"\b{word}\b", example, path)
    return path


def test_every_path_of_the_page_exists() -> None:
    """Whoever follows the page finds what it names."""
    paths = sorted(set(PATH.findall(BOOK)))
    assert len(paths) > 50
    assert [path for path in paths if not (ROOT / filled(path)).exists()] == []


def test_commands_of_the_page_are_there() -> None:
    """What it says to run can be run."""
    for command in re.findall(r"^(\.ci/\w+)$", BOOK, re.MULTILINE):
        assert (ROOT / command).stat().st_mode & 0o111


# Where drills have words for people.
PEOPLES_WORDS = (ROOT / "tests/drills/phrases.py", ROOT / "tests/drills/console/figures.py")
# The list that must hold every file that has the trace, but for those where an example of the kind arises.
TRACES = [
    ("A reason", r"\bHEADERS_OVERSIZE\b", {"bff/resilience/framing.py", "bff/resilience/stream_connection.py"}),
    ("A reason", r"\bReason\.COLD\b", {"bff/resilience/last_good.py", "shell/composition/function_calls.py"}),
    ("A money command", r"\bSELF_EXCLUDE\b|\bSelfExclude\b", {"bff/commands/handlers/limits.py"}),
    ("A money command", r"\"withdrawal\"|\bWITHDRAW\b|\bWithdraw\b", {"bff/commands/ledger/models/money.py"}),
    (
        "A feed",
        r"PROMOTIONS_PROVIDER_URL|\b[Pp]romotionsFeed\b|\bpromotions_view\b|promotions-feed|\"(ingest:)?sandbox-promotions\"",
        set[str](),
    ),
    ("A feed", r"\bPROMOTIONS_VIEW\b", {"fragments/promotions/views.py"}),
    ("A fragment on a new page", r"fragments\.promotions\b|\"shell:promotions\"", set[str]()),
    ("A fragment on a new page", r"\bname: live-dealer\b|\"live-dealer\": \"the |live-dealer:8080", set[str]()),
]


@pytest.mark.parametrize(("title", "trace", "arises"), TRACES, ids=[f"{trace[0]}: {trace[1]}" for trace in TRACES])
def test_no_other_file_has_to_be_touched(title: str, trace: str, arises: set[str]) -> None:
    """Every file that knows an example of the kind stands in the list; where it arises is a place of its own."""
    holders = {
        path.relative_to(ROOT).as_posix()
        for folder in ("bff", "fragments", "shell", "tests/drills/runner")
        for path in (*(ROOT / folder).rglob("*"), *PEOPLES_WORDS)
        if path.suffix in (".py", ".toml", ".yaml", ".json", ".html") and re.search(trace, path.read_text("utf-8"))
    }
    named = {filled(path) for path in PATH.findall(section(title))}
    names = named | {path.replace(EXAMPLES["NAME"], "promotions") for path in named}
    assert holders, "the example is gone: choose another"
    unlisted = {file for file in holders - arises if not any(file == name or file.startswith(name) for name in names)}
    assert unlisted == set()


def test_numbers_are_changed_as_the_page_writes_it() -> None:
    """No file but the environment: each example is taken, and changes the number that it names."""
    examples = dict(re.findall(r"`(\w+_POLICIES)='([^`]+)'`", section("A number for one fragment")))
    code = {
        "UPSTREAM_POLICIES": Policy(),
        "FEED_POLICIES": FeedPolicy(),
        "HOUSE_POLICIES": StorePolicy(),
    }
    assert examples.keys() == code.keys()
    for variable, written in examples.items():
        ((name, numbers),) = json.loads(written).items()
        changed = policy_by_name(variable, written, name, code[variable])
        assert changed == dataclasses.replace(code[variable], **numbers) != code[variable]


def test_kinds_that_the_lists_are_held_against_exist() -> None:
    """The examples are of their kind."""
    assert "MoneyCommand(command_names.SELF_EXCLUDE" in (ROOT / "bff/commands/handlers/table.py").read_text("utf-8")
    assert EXAMPLES["FEED"] in FEED_POLICIES
