"""The matrix: every hop and every fault has a drill or a reason, and what runs side by side can not be confused."""

import json

import pytest

from bff.resilience.partition import PARTITIONS_MAX
from shell.operations.up import find
from tests.drills.proxy.faults import FAULTS
from tests.drills.runner import catalogue, library
from tests.drills.runner.batches import SIDE_BY_SIDE_MAX, batches
from tests.drills.runner.cli import SUBSET
from tests.support.mullion import ROOT

HTTP, REDIS = {"speaks": ["http"]}, {"speaks": ["redis"]}
HOPS = {name: REDIS if name.endswith(":valkey") else HTTP for name in catalogue.HOPS}


def names() -> list[str]:
    return [cell.drill for cell in catalogue.cells(HOPS, {}) if cell.drill]


def test_every_hop_and_fault_has_a_drill_or_a_reason() -> None:
    cells = catalogue.cells(HOPS, {"shell:database": "SQLite has no wire"})
    assert len(cells) == (len(HOPS) + 1) * len(FAULTS)
    reasons = {(cell.hop, cell.fault): cell.absent for cell in cells}
    assert reasons["shell:wallet", "latency"] == ""
    assert reasons["shell:valkey", "status"] == "no HTTP travels there, so no answer can be changed"
    assert reasons["shell:wallet", "flood"] == "no WebSocket travels there, so no message can be changed"
    assert reasons["shell:database", "latency"] == "there is no such hop: SQLite has no wire"


def test_table_has_every_hop_that_the_houses_have() -> None:
    """A call that a house gains needs its line; without one it would be drilled as if nothing depended on it."""
    processes = {process.name: process for house in find.houses(ROOT) for process in house.processes}
    calls = {f"{name}:{call}" for name, process in processes.items() for call in process.calls if call in processes}
    calls |= {f"{name}:valkey" for name, process in processes.items() if "REDIS_URL" in process.calls}
    published = {f"shell:{name}" for name, process in processes.items() if process.publish}
    public = {f"browser:{name}" for name, process in processes.items() if process.public}
    assert calls | published | public == {*catalogue.HOPS}


def test_drill_of_a_cell_breaks_its_hop_and_compares_all_other_slots() -> None:
    drill = library.find("shell->wallet/status").drill
    assert (drill.scope, drill.method[0].hop, drill.method[0].fault) == ("session", "shell:wallet", "status")
    assert [*drill.expect.slots] == ["wallet"]
    assert "fresh" not in drill.expect.slots["wallet"].state
    assert [*drill.expect.siblings] == ["tables", "promotions"]


@pytest.mark.parametrize("name", ["shell:wallet/down", "ingest:valkey/latency", "browser:shell/down"])
def test_fault_that_no_session_can_have_alone_is_everybodys(name: str) -> None:
    assert library.find(name).drill.scope == "everyone"


def test_way_to_the_page_must_show_its_fault() -> None:
    assert library.find("browser:shell/latency").drill.expect.page.broken
    assert not library.find("browser:shell/slow_close").drill.expect.page.broken


def test_every_cell_runs_once_and_nobody_can_be_taken_for_a_neighbour() -> None:
    """Of everybody's outages side by side no two hit one slot, and what a neighbour hits is nobody's sibling."""
    made = batches(names())
    ran = [name for batch in made for name, _ in batch.drills]
    assert sorted(ran) == sorted(names())
    for batch in made:
        drills = [drill for _, drill in batch.drills]
        if {drill.scope for drill in drills} == {"session"}:
            assert batch.limit < PARTITIONS_MAX, "as one ends the next begins, and the house still has the last"
            continue
        assert {drill.scope for drill in drills} == {"everyone"}
        assert len(drills) <= batch.limit == SIDE_BY_SIDE_MAX
        hit = [slot for drill in drills for slot in drill.expect.slots]
        assert len(hit) == len(set(hit))
        assert all(not {*hit} & {*drill.expect.siblings} for drill in drills)
        hops = [drill.method[0].hop for drill in drills]
        assert len(hops) == len({*hops})
        assert not any(drill.expect.page.broken for drill in drills) or len(drills) == 1


def test_cells_that_hit_no_slot_have_every_slot_for_a_sibling_also_side_by_side() -> None:
    for batch in batches(names()):
        for name, drill in batch.drills:
            effect = catalogue.effect_of(name)
            if not effect.slots and not effect.page:
                assert [*drill.expect.siblings] == [*catalogue.SLOTS]


def test_cells_that_a_browser_watches_are_broken_for_longer() -> None:
    [batch] = batches(["shell:wallet/latency", "shell:wallet/status"], ["shell:wallet/latency"])
    assert [drill.lasts_s for _, drill in batch.drills] == [catalogue.WATCHED_FOR_S, catalogue.FOR_S]


def test_subset_that_ci_runs_is_of_the_matrix() -> None:
    assert {*SUBSET} <= {*names()}
    assert json.dumps(SUBSET).isascii()
