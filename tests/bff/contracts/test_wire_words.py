"""Words on the wire stand in `bff.contracts` once, and what writes them out agrees with that."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

from bff.contracts import codes, command_names, paths
from bff.contracts.headers import IDEMPOTENCY_KEY
from bff.contracts.idempotency import FORM_KEY_FIELD
from bff.contracts.own_write import MIN_SEQUENCE_QUERY
from bff.contracts.problem import PROBLEM_TYPE
from bff.contracts.promotions import OFFER_PUBLISHED, OFFER_WITHDRAWN
from tests.support.mullion import ROOT

pytestmark = pytest.mark.quick

# `deposit`, `withdraw` and `opening` are plain English, and mean other things too.
NAMES = {
    name for name in vars(command_names).values() if isinstance(name, str) and re.fullmatch("[a-z]+-[a-z-]+", name)
}
CODES = {code for name, code in vars(codes).items() if name.isupper()}
EXACT = {MIN_SEQUENCE_QUERY, OFFER_PUBLISHED, OFFER_WITHDRAWN, PROBLEM_TYPE, paths.LIVE_PATH, *NAMES, *CODES}
EXACT |= {path.removeprefix("/") for path in paths.OBSERVED_PATHS - {paths.METRICS_PATH}}
PATH = re.compile(rf"(?:^|\w|\}})({'|'.join(paths.OBSERVED_PATHS)})(?:\b|$)|^/?(views|commands)/")
# A problem code of the shell's proxy is called as the form's field is; the other logs what its supervisor saw.
OTHER_MEANINGS = {
    ("bff/feeds/supervisor.py", codes.STORE_DOWN),
    ("bff/queries/app.py", codes.STORE_DOWN),
    ("bff/sandbox/tables/bets_api.py", IDEMPOTENCY_KEY),
    ("shell/proxy/path.py", FORM_KEY_FIELD),
}
HOUSE_FILES = sorted([*ROOT.glob("*/house.toml"), *ROOT.glob("*/*/house.toml")])
DEPLOYMENTS = sorted(
    path
    for path in (ROOT / "shell/operations/deploy").rglob("*")
    if path.suffix in (".yaml", ".yml") or "Docker" in path.name
)
PROBES = re.compile(r"httpGet: \{path: ([^,\s}]+)|prometheus\.io/path: ([^,\s}]+)|urlopen\('http://[\d.]+:\d+(/[^']*)'")


@cache
def literals(path: Path) -> frozenset[str]:
    """Strings of a module, its docstrings aside."""
    tree = list(ast.walk(ast.parse(path.read_text("utf-8"))))
    prose = {node.value for node in tree if isinstance(node, ast.Expr)}
    found = [node.value for node in tree if isinstance(node, ast.Constant) and node not in prose]
    return frozenset(
        each.decode("latin-1") if isinstance(each, bytes) else each for each in found if isinstance(each, str | bytes)
    )


def test_no_house_writes_a_word_of_the_wire_itself() -> None:
    """Only the contract does: a word that two houses write apart may become two words."""
    words = EXACT | {IDEMPOTENCY_KEY, FORM_KEY_FIELD}
    apart = {
        (path.relative_to(ROOT).as_posix(), literal)
        for room in ("bff", "shell", "fragments")
        for path in (ROOT / room).rglob("*.py")
        # The command of a team stands on httpx alone.
        if path.parent != ROOT / "bff" / "contracts" and ROOT / "fragments" / "cli" not in path.parents
        for literal in literals(path)
        if literal in words or PATH.search(literal)
    }
    assert apart - OTHER_MEANINGS == set(), "Name it in bff/contracts/: paths.py, command_names.py, codes.py …"
    assert apart >= OTHER_MEANINGS


@pytest.mark.parametrize("path", HOUSE_FILES, ids=lambda path: path.parent.name)
def test_houses_are_ready_where_a_process_says_so(path: Path) -> None:
    """`ready` is one of the paths at which every process may be asked."""
    ready = re.findall(r'^ready = "(.+)"', path.read_text("utf-8"), re.MULTILINE)
    assert ready
    assert {*ready} <= {paths.HEALTH_PATH, paths.READY_PATH}


def test_deployments_probe_where_a_process_answers() -> None:
    """Kubernetes' probes, Prometheus' scrapes and Compose's health checks."""
    probed = {}
    for path in DEPLOYMENTS:
        found = {next(filter(None, each)) for each in PROBES.findall(path.read_text("utf-8"))}
        probed.update({(path.name, each): each for each in found})
    assert {*probed.values()} == paths.OBSERVED_PATHS
    assert len(probed) > 20
