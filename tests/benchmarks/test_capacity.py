"""The capacity model: its simulation agrees with queueing theory, its page with its figures, and mistakes are
reported."""

import json
import re
import subprocess
import sys
from dataclasses import fields, replace

import pytest

from tests.benchmarks.capacity import FIGURES as RECORDED
from tests.benchmarks.capacity import printed, tables
from tests.benchmarks.capacity_model import Behaviour, Prices, plan
from tests.benchmarks.queueing import p99_factor, utilisation_max
from tests.support.mullion import ROOT

pytestmark = pytest.mark.quick
PAGE = ROOT / "shell" / "operations" / "deploy" / "CAPACITY.md"


PAGE_MS = {
    "shell": 1.0, "wallet": 1.0, "live-dealer": 0.5, "games": 1.5, "promotions": 1.5, "bff-queries": 0.5, "valkey": 0.1,
}  # fmt: skip
# Of the size that benchmarks see; the tests hold relations, not these.
FIGURES = {
    **{f"page.{kind}.{part}_ms": ms for kind in ("visitor", "player") for part, ms in PAGE_MS.items()},
    **{f"page.{kind}.kib": 30.0 for kind in ("visitor", "player")},
    "command.engine_ms": 3.5, "command.database_ms": 3.6, "command.relay_ms": 1.0, "command.projector_ms": 0.7,
    "command.valkey_ms": 0.3, "player.store_kib": 6.0,
    "session.look_up_ms": 2.0, "socket.idle_kib": 19.0, "socket.deliveries_per_cpu_s": 150_000.0,
}  # fmt: skip


@pytest.mark.parametrize("utilisation", [0.3, 0.5])
def test_one_process_waits_as_queueing_theory_says(utilisation: float) -> None:
    """M/M/1: the time in the system is exponential, 1 / (1 - utilisation) times as long."""
    assert p99_factor(utilisation, 1) == pytest.approx(1 / (1 - utilisation), rel=0.15)


def test_busier_processes_keep_callers_longer() -> None:
    """So the busyness that is allowed grows with the wait that is."""
    assert p99_factor(0.3, 8) < p99_factor(0.6, 8) < p99_factor(0.9, 8)
    assert utilisation_max(1.5, 4) < utilisation_max(3.0, 4) < 1


def test_every_table_has_a_row_and_a_cell_for_each_head() -> None:
    """As text and as a page's table."""
    for title, table in tables(plan(1_000_000, FIGURES, Behaviour(), Prices())):
        assert table.rows, title
        assert {len(row) for row in table.rows} == {len(table.head)}
        assert table.markdown().count("\n") == len(table.rows) + 1
        assert table.rows[0][0] in table.text()


def test_page_names_every_assumption_that_the_model_is_asked_with() -> None:
    """What the command of the page sets is there to be set."""
    page = PAGE.read_text("utf-8")
    assert set(re.findall(r"--set (\w+)=", page)) <= {field.name for field in fields(Behaviour)}
    assert set(re.findall(r"--price (\w+)=", page)) <= {field.name for field in fields(Prices)}
    busy = utilisation_max(Behaviour().p99_factor_max, 8)
    assert f"{busy:.0%} for eight processes".replace("%", " %") in page


def test_twice_the_players_need_twice_the_work_and_break_the_same_things_first() -> None:
    """Nothing in it grows by itself but what is rounded up to whole processes."""
    one, two = (plan(players, FIGURES, Behaviour(), Prices()) for players in (500_000, 1_000_000))
    for half, whole in zip(one.parts, two.parts, strict=True):
        assert whole.busy_cores == pytest.approx(2 * half.busy_cores)
        assert half.processes <= whole.processes <= 2 * half.processes
    assert [limit.what for limit in one.limits] == [limit.what for limit in two.limits]
    assert [limit.players for limit in one.limits] == pytest.approx([limit.players for limit in two.limits])


@pytest.mark.parametrize("dearer", ["command.relay_ms", "command.projector_ms"])
def test_there_are_partitions_for_relays_and_for_projectors(dearer: str) -> None:
    """Whichever of the two an event costs more: each of its processes needs one of its own."""
    costs = {"command.relay_ms": 0.1, "command.projector_ms": 0.1, dearer: 0.7}
    needs = {need.name: need for need in plan(1_000_000, FIGURES | costs, Behaviour(), Prices()).needs}
    commands_per_s = 1_000_000 * 2 / 60 * 3
    assert needs["partitions of events"].amount == str(round(commands_per_s * 0.7 / 1000 / 0.7))


def test_two_of_everything_also_for_one_player() -> None:
    """Any one may die."""
    assert {part.processes for part in plan(1, FIGURES, Behaviour(), Prices()).parts} == {2}


def test_busier_players_and_dearer_cores_cost_more() -> None:
    """Assumptions count."""
    usual = plan(100_000, FIGURES, Behaviour(), Prices()).money["all"]
    assert plan(100_000, FIGURES, replace(Behaviour(), commands_per_min=8), Prices()).money["all"] > usual
    assert plan(100_000, FIGURES, Behaviour(), replace(Prices(), core=50)).money["all"] > usual


def test_missing_figure_is_named() -> None:
    """A benchmark that was not run is told by what is missing of it."""
    short = {name: value for name, value in FIGURES.items() if name != "socket.idle_kib"}
    with pytest.raises(KeyError, match="idle_kib"):
        plan(1000, short, Behaviour(), Prices())


def test_slip_in_an_option_is_told_with_what_there_is() -> None:
    """Instead of a traceback."""
    command = [sys.executable, "-m", "tests.benchmarks.capacity", "--set", "bets=3"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 1
    assert "there is no bets: " in done.stderr
    assert "commands_per_min" in done.stderr


def test_tables_of_the_page_are_what_the_model_prints_from_the_recorded_figures() -> None:
    """Costs that are measured anew, or another assumption, change the page: its command says how."""
    page = PAGE.read_text("utf-8")
    recorded = json.loads(RECORDED.read_text("utf-8"))
    assert printed(plan(1_000_000, recorded, Behaviour(), Prices()), markdown=True).strip() in page
    for name in ("page.visitor.shell_ms", "page.player.shell_ms", "command.engine_ms", "socket.idle_kib"):
        assert f"{recorded[name]:.2f}" in page, name
