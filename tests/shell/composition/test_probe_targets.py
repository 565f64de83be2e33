"""Probes of a fragment whose origin failed request paths that were healthy before, for no player."""

import msgspec
import pytest

from bff.contracts import headers
from bff.contracts.manifest import parse
from shell.composition.include import Include
from shell.composition.page import Page, Slot, Visit
from shell.composition.probe_targets import ProbeTargets
from shell.composition.release import Release, Trust
from tests.origin.publishing import manifest

pytestmark = pytest.mark.quick

MANIFEST = parse(msgspec.json.encode(manifest() | {"name": "tables"}))
RELEASE = Release(
    "tables", "d", MANIFEST, "http://tables.test/manifest.json", b"", css=(), js=(), trust=Trust.FIRST_PARTY
)
PAGE = Page("table", "/table/{table}/", "table.html")


def slot(pathname: str) -> Slot:
    return Slot("tables", "tables", pathname)


def visit(table: str = "one", player: str = "") -> Visit:
    own = (
        {"player": player, "receipts": {"tables": "rc_1"}, "min_sequence": "e:1", "traceparent": "00-1"}
        if player
        else {}
    )
    return Visit(PAGE, {"table": table}, "en", "en-GB", "EUR", "http://localhost", **own)


def include(pathname: str, table: str = "one", player: str = "") -> Include:
    return Include(slot(pathname), visit(table, player), RELEASE)


def paths(targets: ProbeTargets, times: int) -> list[str]:
    """The paths that are probed after each of these failed."""
    probed = []
    for _ in range(times):
        probed.append(targets.request().url.removeprefix("http://tables.test"))
        targets.failed()
    return probed


def test_nothing_was_healthy_yet() -> None:
    """Then it asks the one place that it was given, however often that fails."""
    assert paths(ProbeTargets(include("/")), 3) == ["/", "/", "/"]


def test_what_was_healthy_last_is_asked_first_and_the_others_in_turn() -> None:
    """It stays with a place until that fails; the four that were healthy last take turns with the one it was given."""
    targets = ProbeTargets(include("/"))
    for name in ("one", "two", "three", "four", "five", "two"):
        targets.mark_healthy(include("/{table}", name))
    assert targets.request() == targets.request()
    assert paths(targets, 6) == ["/two", "/five", "/four", "/three", "/", "/two"]
    targets.mark_healthy(include("/{table}", "four"))
    assert paths(targets, 1) == ["/four"]


def test_it_asks_for_nobody() -> None:
    """Whoever found it healthy: no bearer, no receipt, no sequence and no trace of theirs."""
    targets = ProbeTargets(include("/"))
    targets.mark_healthy(include("/{table}", "one", player="pl_one"))
    request = targets.request()
    assert request.url == "http://tables.test/one"
    assert not {"authorization", headers.GRANT.lower(), "traceparent"} & {name.lower() for name, _ in request.headers}
