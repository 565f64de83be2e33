"""The matrix: every hop and every fault has a drill or a reason, and what runs side by side can not be confused."""

import json
import re
from collections.abc import Iterable, Iterator

import pytest

from bff.contracts.money import CURRENCIES
from bff.feeds.policy import PROMOTIONS
from bff.resilience.partition import PARTITIONS_MAX
from bff.sandbox.payments.decision import decide
from fragments.wallet.policy import limits_for
from shell.operations.up import find
from shell.operations.up.kafka_hop import KAFKA_HOP
from tests.drills.proxy.faults import FAULTS, Layer
from tests.drills.runner import catalogue, hop_effects, library
from tests.drills.runner.batches import (
    BESIDE_MAX,
    BESIDE_WATCHED_MAX,
    SESSIONS_MAX,
    WATCHED_MAX,
    Planned,
    Room,
    batches,
    next_of,
)
from tests.drills.runner.cli import SUBSET
from tests.drills.runner.judge import IDLE
from tests.support.mullion import ROOT

HTTP, REDIS, BROKER = {"speaks": ["http"]}, {"speaks": ["redis"]}, {"speaks": ["redis", "events"]}
KAFKA = {"speaks": ["kafka"]}
BROKERS = [f"{caller}:valkey" for caller in ("bff-commands", "relay", "offers-intake", "ingest", "projector")]
HOPS = {
    name: BROKER if name in BROKERS else REDIS if name.endswith(":valkey") else HTTP for name in hop_effects.HOPS
} | {KAFKA_HOP: KAFKA}


def names() -> list[str]:
    return [cell.drill for cell in catalogue.cells(HOPS, {}) if cell.drill]


def test_every_hop_and_fault_has_a_drill_or_a_reason() -> None:
    cells = catalogue.cells(HOPS, {"shell:database": "SQLite has no wire"})
    assert len(cells) == (len(HOPS) + 1) * len(FAULTS)
    reasons = {(cell.hop, cell.fault): cell.absent for cell in cells}
    assert reasons["shell:wallet", "latency"] == ""
    assert reasons["shell:valkey", "status"] == "no HTTP travels there, so no answer can be changed"
    assert reasons["shell:wallet", "flood"] == "no WebSocket travels there, so no message can be changed"
    assert reasons["shell:valkey", "duplicate_event"] == "no event of the broker travels there, so none can come twice"
    assert reasons["shell:database", "latency"] == "there is no such hop: SQLite has no wire"


def test_table_has_every_hop_that_the_houses_have() -> None:
    """A call that a house gains needs its line; without one it would be drilled as if nothing depended on it."""
    processes = {process.name: process for house in find.houses(ROOT) for process in house.processes}
    calls = {f"{name}:{call}" for name, process in processes.items() for call in process.calls if call in processes}
    calls |= {f"{name}:valkey" for name, process in processes.items() if "REDIS_URL" in process.calls}
    published = {f"shell:{name}" for name, process in processes.items() if process.publish}
    public = {f"browser:{name}" for name, process in processes.items() if process.public}
    events = {KAFKA_HOP for process in processes.values() if "BROKER_URL" in process.calls}
    assert calls | published | public | events == {*hop_effects.HOPS}


def test_hop_to_kafka_has_the_faults_of_every_connection_and_no_other() -> None:
    """No HTTP, no WebSocket, and no event that comes twice: Kafka would not take it. Nor has any session it alone."""
    cells = catalogue.cells({KAFKA_HOP: KAFKA}, {})
    made = {cell.fault for cell in cells if cell.drill}
    assert made == {name for name, fault in FAULTS.items() if fault.layer in (Layer.LISTENER, Layer.TCP)}
    [twice] = [cell.absent for cell in cells if cell.fault == "duplicate_event"]
    assert "Kafka rejects by its number what a producer sends twice" in twice
    assert {library.find(cell.drill).drill.scope for cell in cells if cell.drill} == {"everyone"}


def test_outage_of_kafka_is_noticed_and_money_that_is_paid_in_meanwhile_counts_once() -> None:
    """A short one may be: callers need a moment to come back. What a browser watches lasts until pages have to say it.
    Tables, whose states go to the store alone, are as before."""
    effect = hop_effects.HOPS[KAFKA_HOP]
    short, long = (catalogue.drill_of(f"{KAFKA_HOP}/down", for_s=for_s) for for_s in (0, effect.after_s + 4))
    for drill in (short, long):
        assert [*drill.expect.slots] == ["wallet", "games", "promotions"]
        assert [*drill.expect.siblings] == ["tables"]
        assert [step.act for step in drill.method[1:]] == ["deposit"]
        assert drill.expect.money is not None
        assert (drill.expect.money.change_minor, drill.expect.money.lines) == (500, 1)
        assert drill.actor == hop_effects.COUNTED
        assert "birch deposits: the money is there once" in drill.description
        assert "is believed for" not in drill.description
    assert all("fresh" in each.state for each in short.expect.slots.values())
    assert all("fresh" not in each.state for each in long.expect.slots.values())
    assert (IDLE in short.tags, IDLE in long.tags) == (True, False)


def test_drill_of_a_cell_breaks_its_hop_and_compares_all_other_slots() -> None:
    drill = library.find("shell->wallet/status").drill
    assert (drill.scope, drill.method[0].hop, drill.method[0].fault) == ("session", "shell:wallet", "status")
    assert [*drill.expect.slots] == ["wallet"]
    assert "fresh" not in drill.expect.slots["wallet"].state
    assert [*drill.expect.siblings] == ["tables", "games", "promotions"]


@pytest.mark.parametrize("name", ["shell:wallet/down", "ingest:valkey/latency", "browser:shell/down"])
def test_fault_that_no_session_can_have_alone_is_everybodys(name: str) -> None:
    assert library.find(name).drill.scope == "everyone"


def test_where_events_travel_over_a_broker_of_their_own_the_stores_hops_are_without_what_depends_on_them() -> None:
    """An outage of the store hits relay and engine no more, and the projector by what it writes; with every way to a
    drill. Over a Valkey of its own the broker's hops have what the store's had."""
    there = {**HOPS, **dict.fromkeys([name for name in BROKERS if name.startswith(("bff-commands", "relay"))], REDIS)}
    assert catalogue.events_elsewhere(HOPS) == set()
    assert catalogue.events_elsewhere({"relay:valkey": {"speaks": []}}) == set()
    elsewhere = catalogue.events_elsewhere({**there, "projector:valkey": REDIS})
    assert elsewhere == {*hop_effects.WITHOUT_EVENTS}
    for hop in ("relay:valkey", "bff-commands:valkey"):
        [batch] = batches([f"{hop}/down"], [f"{hop}/down"], elsewhere)
        for drill in (library.find(f"{hop}/down", elsewhere).drill, batch.drills[0].drill):
            assert ([*drill.expect.slots], [*drill.expect.siblings]) == ([], [*hop_effects.SLOTS])
            assert drill.lasts_s == catalogue.WATCHED_FOR_S
        assert [*library.find(f"{hop}/down").drill.expect.slots]
    assert catalogue.looked_at(["projector:valkey/latency"], elsewhere) == ["projector:valkey/down"]
    [late, down] = [library.find(f"projector:valkey/{fault}", elsewhere).drill for fault in ("latency", "down")]
    assert "fresh" in late.expect.slots["wallet"].state
    assert "fresh" not in down.expect.slots["wallet"].state
    assert "fresh" not in library.find("relay:broker/down").drill.expect.slots["wallet"].state
    assert library.find("relay:broker/duplicate_event").drill.expect.money is not None
    assert [*library.find("ingest:broker/down").drill.expect.slots] == []


@pytest.mark.parametrize("fault", ["latency", "bandwidth", "slicer", "limit_data"])
def test_way_to_the_page_must_show_its_fault(fault: str) -> None:
    assert library.find(f"browser:shell/{fault}").drill.expect.page.broken


def test_way_to_the_page_need_not_show_what_changes_no_page() -> None:
    assert not library.find("browser:shell/slow_close").drill.expect.page.broken


def looked_at() -> list[str]:
    return catalogue.looked_at(names())


def sides(planned: Iterable[Planned]) -> Iterator[list[Planned]]:
    """What runs at the same time, as each ends in its turn."""
    waiting, running = [*planned], list[Planned]()
    while waiting or running:
        while each := next_of(waiting, running, Room()):
            waiting.remove(each)
            running.append(each)
        yield [*running]
        running.pop(0)


def test_every_cell_runs_once_and_nobody_can_be_taken_for_a_neighbour() -> None:
    """Of everybody's outages side by side no two are on one hop or hit one slot, and no sibling is hit by a neighbour;
    one slot at least is nobody's, so that what was not hit is proved."""
    made = batches(names(), looked_at())
    assert sorted(each.name for batch in made for each in batch.drills) == sorted(names())
    for batch in made:
        for side in sides(batch.drills):
            sessions = [each for each in side if each.of_one_session]
            others = [each for each in side if not each.of_one_session]
            assert len(sessions) <= SESSIONS_MAX < PARTITIONS_MAX, "as one ends the house still has it"
            assert len(others) <= BESIDE_MAX
            assert len({each.hop for each in others}) == len(others)
            hit = [slot for each in others for slot in each.drill.expect.slots]
            assert len(hit) == len({*hit})
            assert all(not {*hit} & {*each.drill.expect.siblings} for each in side)
            assert len(side) == 1 or {*hit} < {*hop_effects.SLOTS}
            assert not any(each.drill.expect.page.broken for each in others) or len(side) == 1


def test_no_browser_watches_beside_what_every_browser_reports() -> None:
    for batch in batches(names(), looked_at()):
        for side in sides(batch.drills):
            watched = [each for each in side if each.watched]
            assert len(watched) <= WATCHED_MAX
            for each in watched:
                assert not [other for other in side if other.at_the_browser and other is not each]


def test_films_go_first_and_have_fewer_beside_them() -> None:
    """Two at a time, as long as there are any; what waits for their place fills no other's."""
    [first, *_] = [batch for batch in batches(names(), looked_at()) if len(batch.drills) > 2]
    filmed = sum(each.watched for each in first.drills)
    seen = [[each.watched for each in side] for side in sides(first.drills)]
    last = max(place for place, side in enumerate(seen) if any(side))
    assert all(sum(side) == WATCHED_MAX for side in seen[: filmed - WATCHED_MAX])
    assert all(len(side) - sum(side) <= 2 * BESIDE_WATCHED_MAX for side in seen[: last + 1])
    assert max(map(len, seen[last + 1 :])) > 2 * BESIDE_WATCHED_MAX


def test_what_runs_ends_and_nothing_waits_for_ever() -> None:
    """Sessions fill their places and harmless outages theirs, also while a hop or a browser is taken."""
    [first, *_] = [batch for batch in batches(names(), looked_at()) if len(batch.drills) > 2]
    seen = [*sides(first.drills)]
    assert sum(len(side) >= SESSIONS_MAX for side in seen) > len(seen) / 2
    assert {each.name for side in seen for each in side} == {each.name for each in first.drills}


def test_cells_that_hit_no_slot_have_every_slot_for_a_sibling_also_side_by_side() -> None:
    for batch in batches(names()):
        for each in batch.drills:
            if not each.drill.expect.slots and not catalogue.effect_of(each.name).page:
                assert [*each.drill.expect.siblings] == [*hop_effects.SLOTS]


def test_cells_that_a_browser_watches_are_broken_for_longer() -> None:
    [batch] = batches(["shell:wallet/status", "shell:wallet/latency"], ["shell:wallet/latency"])
    assert [each.drill.lasts_s for each in batch.drills] == [catalogue.WATCHED_FOR_S, catalogue.FOR_S]


@pytest.mark.parametrize(
    "hop", [hop for hop, effect in hop_effects.HOPS.items() if effect.after_s and not effect.returns_s]
)
def test_silence_that_is_believed_hits_nothing_and_a_longer_one_must(hop: str) -> None:
    """A cell that is over before its slots may doubt what they show has them for siblings; the one that a browser
    watches lasts until they have to say so."""
    effect = hop_effects.HOPS[hop]
    fault = "down" if effect.writes else "timeout"
    short, long = catalogue.drill_of(f"{hop}/{fault}"), library.find(f"{hop}/{fault}").drill
    assert short.lasts_s < effect.after_s - 1
    assert ([*short.expect.slots], [*short.expect.siblings]) == ([], [*hop_effects.SLOTS])
    assert f"is believed for {effect.after_s:g} s" in short.description
    assert long.lasts_s > effect.after_s + 2
    assert [*long.expect.slots] == [*effect.slots]
    assert all("fresh" not in each.state for each in long.expect.slots.values())
    assert "believed" not in long.description


def test_browser_watches_one_cell_of_each_hop_and_there_one_that_has_to_be_noticed_where_any_has() -> None:
    chosen = looked_at()
    assert [name.partition("/")[0] for name in chosen] == sorted(HOPS)
    for name in chosen:
        effect = catalogue.effect_of(name)
        if effect.must and not effect.shared:
            slots = library.find(name).drill.expect.slots
            assert slots
            assert all("fresh" not in each.state for each in slots.values())


def test_what_only_writes_need_not_be_missed_while_its_answers_alone_are_lost() -> None:
    """The engine's word arrives, and is believed, though its own writes seem to fail to it."""
    for fault in ("latency", "timeout", "reset_peer"):
        assert all("fresh" in each.state for each in library.find(f"relay:valkey/{fault}").drill.expect.slots.values())
    assert "fresh" not in library.find("relay:valkey/down").drill.expect.slots["wallet"].state


@pytest.mark.parametrize("hop", [hop for hop, effect in hop_effects.HOPS.items() if effect.requests])
def test_cell_of_a_hop_that_no_look_at_the_lobby_takes_sends_something_over_it(hop: str) -> None:
    """As long as the fault is on, also where a browser watches for longer. No money moves of whose page is watched: a
    bet is one for a round that is long over."""
    for for_s in (0, 9):
        drill = catalogue.drill_of(f"{hop}/latency", for_s=for_s)
        fault, *requests = drill.method
        assert {each.act for each in requests} <= {"request", "listen"}
        assert {each.for_s for each in requests} == {fault.for_s}
        forms = [each.form for each in requests]
        assert drill.actor not in (None, drill.player) or not any("amount" in form for form in forms)
        assert all(form["closes_at"] < "2026-01-02" for form in forms if "stake" in form)


@pytest.mark.parametrize("hop", ["ingest:sandbox-tables", "ingest:sandbox-games"])
@pytest.mark.parametrize(
    ("fault", "cut"), [("status", True), ("stale_clock", True), ("latency", False), ("gap", False)]
)
def test_connection_that_is_kept_is_cut_first_where_a_fault_hits_requests_alone(
    hop: str, fault: str, cut: bool
) -> None:
    """Then who calls asks anew, and meets it; what the journal is about stays the fault."""
    drill = catalogue.drill_of(f"{hop}/{fault}")
    assert drill.method[0].fault == fault
    assert [step.fault for step in drill.method[1:]] == ["down"] * cut
    assert all(2 * step.for_s < drill.lasts_s for step in drill.method[1:])
    assert ("nothing listens there" in drill.description) is cut


def test_cell_of_a_hop_that_is_polled_lasts_until_it_was_polled() -> None:
    for fault in FAULTS:
        assert catalogue.drill_of(f"ingest:sandbox-promotions/{fault}").lasts_s > PROMOTIONS.poll_s
        assert catalogue.drill_of(f"ingest:sandbox-games/{fault}").lasts_s < PROMOTIONS.poll_s


def test_bet_that_asks_whose_token_it_is_has_that_of_another_table() -> None:
    """A token for the table itself is believed for a minute, so that a later bet would send nothing."""
    [request] = catalogue.drill_of("sandbox-tables:bff-commands/status").method[1:]
    page, bet = re.fullmatch(r"/slots/table:([\w-]+)/slip/actions/bet/([\w-]+)", request.path).groups()  # type: ignore[union-attr]
    assert page != bet


def test_hops_that_only_payments_take_have_payments_that_are_paid_at_once_or_looked_up() -> None:
    """As the sandbox decides by the amount; the player who pays is none whose page or money is looked at."""
    for hop, status in (
        ("bff-commands:sandbox-payments", "approved"),
        ("sandbox-payments:bff-commands", "approved"),
        ("relay:sandbox-payments", "processing"),
    ):
        drill = catalogue.drill_of(f"{hop}/latency")
        [request] = drill.method[1:]
        assert CURRENCIES["JPY"] == 0, "the payer's: what is typed are minor units"
        amount, limits = int(request.form["amount"]), limits_for("JPY")
        assert limits.amount_minor_min <= amount <= limits.amount_minor_max
        assert decide(amount, "r", "seed").status == status
        assert drill.actor == hop_effects.PAYER
        assert hop_effects.PAYER not in (catalogue.PLAYER, hop_effects.COUNTED)


@pytest.mark.parametrize(("hop", "upstream"), [("relay:valkey", True), ("projector:valkey", False)])
@pytest.mark.parametrize("for_s", [0, 9])
def test_event_that_comes_twice_changes_no_slot_and_a_deposit_meanwhile_counts_once(
    hop: str, upstream: bool, for_s: float
) -> None:
    """Whoever writes adds it again, whoever reads is given it again; the books are added up before and after."""
    drill = catalogue.drill_of(f"{hop}/duplicate_event", for_s=for_s)
    fault, deposit = drill.method
    assert (fault.upstream, deposit.act, deposit.amount) == (upstream, "deposit", "5")
    assert ([*drill.expect.slots], [*drill.expect.siblings]) == ([], [*hop_effects.SLOTS])
    assert drill.expect.money is not None
    assert (drill.expect.money.change_minor, drill.expect.money.lines) == (500, 1)
    assert "the ledger is sound" in [probe.name for probe in drill.probes]
    assert drill.actor == hop_effects.COUNTED


def test_money_is_counted_while_no_other_drill_moves_it() -> None:
    [batch] = batches(["relay:valkey/duplicate_event", "projector:valkey/duplicate_event", "shell:valkey/latency"])
    counting, other, third = batch.drills
    assert next_of([other, third], [counting], Room()) is third


@pytest.mark.parametrize("hop", ["browser:sandbox-tables", "live-dealer:sandbox-tables"])
def test_way_on_which_nobody_opens_a_socket_says_so(hop: str) -> None:
    """Where one is opened, each of its faults has a drill, and somebody listens meanwhile."""
    there = {hop: {"speaks": ["http", "websocket"]}, "browser:bff-live": {"speaks": ["http", "websocket"]}}
    cells = {(cell.hop, cell.fault): cell for cell in catalogue.cells(there, {})}
    assert cells[hop, "silence"].absent.startswith("nobody opens a WebSocket on this way")
    assert cells[hop, "latency"].drill
    silent = catalogue.drill_of(cells["browser:bff-live", "silence"].drill)
    assert [step.topics != [] for step in silent.method if step.act == "listen"] == [True]


def test_subset_that_ci_runs_is_of_the_matrix() -> None:
    assert {*SUBSET} <= {*names()}
    assert json.dumps(SUBSET).isascii()


@pytest.mark.parametrize(
    ("name", "for_s", "idle"),
    [
        ("shell:promotions/status", 0, False),
        ("browser:shell/latency", 0, False),
        ("wallet:bff-commands/status", 0, True),
        ("a-new:hop/latency", 0, True),
        ("relay:valkey/latency", 0, True),
        ("relay:valkey/latency", 9, False),
    ],
)
def test_cell_whose_fault_has_to_be_noticed_has_to_hit_something(name: str, for_s: float, idle: bool) -> None:
    """Over another hop nothing may travel while a page is looked at, and the cell says so."""
    assert (IDLE in catalogue.drill_of(name, for_s=for_s).tags) is idle
