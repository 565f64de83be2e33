"""The sandbox's live tables: the same rounds repeat, with numbers and times that do not."""

import random
from collections import Counter

import msgspec
import pytest

from bff.feeds.reading import moment_of
from bff.sandbox.clock import SandboxClock
from bff.sandbox.fault import Fault, FaultSwitch
from bff.sandbox.http import HttpRequest
from bff.sandbox.tables import outcomes
from bff.sandbox.tables.catalogue import SPECS
from bff.sandbox.tables.messages import Messages, broken
from bff.sandbox.tables.server import TablesProvider
from bff.sandbox.tables.time_faults import DAY_S, KINDS, SKEW_S, TimeFault
from bff.sandbox.tables.world import World

pytestmark = pytest.mark.quick

START = 1_900_000_000.0


def seen(world):
    return {key: (t.open, t.dealer, t.seats, list(t.results)) for key, t in world.tables.items()}


def test_same_seed_and_time_give_the_same_tables_in_any_number_of_steps():
    """A run repeats however its clock was stepped."""
    one, many = World("seed", START), World("seed", START)
    one.advance(START + 3600)
    for minute in range(61):
        many.advance(START + 60 * minute)
    assert seen(one) == seen(many)
    assert seen(World("other", START)) != seen(World("seed", START))


def test_there_are_two_dozen_tables_of_four_kinds_and_some_are_closed():
    """The lobby has something of everything, and a closed table says when it opens."""
    world = World("seed", START)
    kinds = Counter(spec.kind for spec in SPECS)
    assert set(kinds) == {"roulette", "blackjack", "baccarat", "gameshow"}
    assert len(SPECS) >= 24
    closed = [table for table in world.tables.values() if not table.open]
    assert len(closed) >= 3
    opens_at = closed[0].opens_at(START)
    assert START < opens_at <= START + 1500
    world.advance(opens_at + 1)
    assert closed[0].open


def test_rounds_progress_and_seats_move():
    """In two minutes every open table has finished a round, and players came and went."""
    world = World("seed", START)
    before = {key: (t.round_number, t.seats) for key, t in world.tables.items()}
    changed = world.advance(START + 120)
    for key, table in world.tables.items():
        if table.open:
            assert table.round_number > before[key][0]
            assert key in changed
    assert any(t.seats != before[key][1] for key, t in world.tables.items())
    assert world.advance(START + 120) == []


def test_bets_are_taken_between_the_last_result_and_the_spin():
    """Every round has its window, and it closes before the result is known."""
    world = World("seed", START)
    table, windows = world.tables["203"], []
    for step in range(600):
        world.advance(START + step / 5)
        windows.append((table.round_number, table.bets_close_at(START + step / 5)))
    closing = {number: closes for number, closes in windows if closes is not None}
    assert len(closing) >= 3
    results = {int(result.round_id.split("-")[1]): result.at for result in table.results}
    for number, closes in closing.items():
        if number + 1 in results:
            assert closes < results[number + 1]
    assert any(closes is None for _, closes in windows)


def test_closed_table_plays_no_round_and_empties():
    """Nothing happens at a table nobody can join."""
    world = World("seed", START)
    table = next(t for t in world.tables.values() if not t.open)
    rounds = table.round_number
    world.advance(START + 600)
    assert (table.round_number, table.seats) == (rounds, 0)


def test_message_spells_the_same_fact_in_many_ways():
    """Types vary from message to message; that is what the adapter has to bear."""
    world, messages = World("seed", START), Messages("seed", "http://provider")
    messages_read = [msgspec.json.decode(messages.table(world.tables["301"], "JPY", START)) for _ in range(200)]
    assert {type(one["totalSeatedPlayers"]) for one in messages_read} == {int, str, float}
    assert {str(float(one["totalSeatedPlayers"])) for one in messages_read} == {str(float(world.tables["301"].seats))}
    assert {type(one["tableOpen"]) for one in messages_read} == {bool, str, int}
    assert any("dealer" not in one for one in messages_read)
    assert all("sequence" not in one and "serverTime" not in one for one in messages_read)
    assert {float(one["tableLimits"]["minBet"]) for one in messages_read} == {750.0}


def test_broken_message_is_not_a_table():
    """What the malformed fault sends can not be taken for news about a table."""
    world, messages, rng = World("seed", START), Messages("seed", "http://provider"), random.Random(1)
    whole = messages.table(world.tables["201"], "EUR", START)
    assert all(broken(whole, rng) != whole for _ in range(50))


def test_held_clock_stands_and_steps_only_ahead():
    """Time in the sandbox goes on by itself or by order, never back."""
    monotonic = [100.0]
    clock = SandboxClock(START, lambda: monotonic[0])
    monotonic[0] += 5
    assert clock.now() == START + 5
    clock.set(held=True)
    monotonic[0] += 50
    assert clock.now() == START + 5
    clock.set(held=True, step_s=60)
    assert clock.now() == START + 65
    clock.set(held=False)
    monotonic[0] += 1
    assert clock.now() == START + 66
    for step_s in (-1, 1e9):
        with pytest.raises(ValueError, match="step_s"):
            clock.set(held=True, step_s=step_s)


def test_clock_knows_when_it_really_showed_a_moment():
    """Held or stepped, it tells of the past by real time: in order, and never from the future."""
    monotonic = [100.0]
    clock = SandboxClock(START, lambda: monotonic[0], lambda: START + 1000)
    assert clock.real(START - 60) == START + 940
    monotonic[0] += 10
    clock.set(held=False, step_s=60)
    monotonic[0] += 5
    clock.set(held=True)
    monotonic[0] += 20
    clock.set(held=False)
    monotonic[0] += 5
    shown = [clock.real(START + each) - START for each in (0, 5, 10, 40, 70, 72, 75, 76, 80)]
    assert shown == [1000, 1005, 1010, 1010, 1010, 1012, 1035, 1036, 1040]
    assert clock.real(START + 100) == START + 1060, "what is to come, as if it ran on"


def test_held_table_is_paused_and_takes_no_bets():
    """A provider that stands still says so; one that only repeated itself would be taken for broken."""
    table, messages = World("seed", START).tables["201"], Messages("seed", "http://provider")
    for held in (True, False):
        message = msgspec.json.decode(messages.table(table, "EUR", START, held=held))
        assert str(message["tablePaused"]).lower() in (("true", "1") if held else ("false", "0"))
        assert not held or str(message["betting"]["open"]).lower() in ("false", "0")


def newest(message):
    return moment_of(message["last20Results"][0]["time"]).timestamp()


def test_untimely_messages_are_well_formed_and_of_another_time():
    """Yesterday plays on, the frozen moment is one for all currencies, and a wrong clock is wrong everywhere."""
    now = [0.0]
    clock = SandboxClock(START, lambda: now[0], lambda: START)
    world, messages = World("seed", START), Messages("seed", "http://provider", clock.real)
    providers = {kind: (TimeFault("seed", messages, world, clock), Fault(kind)) for kind in KINDS}
    ended = {kind: [] for kind in KINDS}
    for now[0] in (0.0, 100.0):
        world.advance(clock.now())
        for kind, (provider, fault) in providers.items():
            ended[kind].append(newest(msgspec.json.decode(provider.message(("201", "EUR"), fault))) - clock.now())
    assert all(-DAY_S - 60 < each <= -DAY_S for each in ended["replay"])
    assert all(SKEW_S - 60 < each <= SKEW_S for each in ended["skewed"])
    assert ended["frozen"][1] == pytest.approx(ended["frozen"][0] - 100, abs=1)
    provider, fault = providers["frozen"]
    first = provider.message(("201", "JPY"), fault)
    assert first != provider.message(("201", "JPY"), Fault("frozen")), "set again, it is another moment"


def test_fault_ends_by_itself():
    """A forgotten fault does not outlive its term."""
    now = [0.0]
    switch = FaultSwitch(("silence",), lambda: now[0])
    switch.set("silence", for_s=5)
    assert switch.fault.kind == "silence"
    now[0] = 5.0
    assert switch.fault.kind == "none"
    for kind, for_s in (("nonsense", 1), ("silence", 0), ("silence", 1e6)):
        with pytest.raises(ValueError, match="must be"):
            switch.set(kind, for_s=for_s)


@pytest.mark.parametrize("lived_s", [3, 60, 3600])
def test_a_restart_calls_no_round_by_a_name_that_was_given_before(lived_s):
    """Names only rise, so that what comes after a restart is news to whoever had read what came before it."""
    before, after = World("seed", START), World("seed", START + lived_s)
    before.advance(START + lived_s)
    for key, table in before.tables.items():
        assert after.tables[key].round_number > table.round_number
        assert after.tables[key].results[0].round_id not in {result.round_id for result in table.results}


def test_result_that_is_set_is_played_next_and_changes_no_other_round():
    """A run with money repeats; when nothing is set, the seed's own rounds go on as if nothing had been."""
    plain, chosen = World("seed", START), World("seed", START)
    table = chosen.tables["205"]
    table.set_result("red")
    table.set_result("7")
    for world in (plain, chosen):
        world.advance(START + 600)
    ours, theirs = [[*reversed(world.tables["205"].results)] for world in (chosen, plain)]
    changed = [(a.value, a.color) for a, b in zip(ours, theirs, strict=True) if a != b]
    assert changed == [("14", "red"), ("7", "red")]
    assert [a.round_id for a in ours] == [b.round_id for b in theirs]
    table.set_result("black")
    table.clear_results()
    for world in (plain, chosen):
        world.advance(START + 700)
    assert table.results[0] == plain.tables["205"].results[0]


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.table_id)
def test_result_that_a_game_does_not_have_is_refused(spec):
    with pytest.raises(ValueError, match="result must be"):
        World("seed", START).tables[spec.table_id].set_result("37")


@pytest.mark.parametrize(
    ("kind", "word", "outcome"),
    [
        ("roulette", "black", ("20", "black")),
        ("roulette", "0", ("0", "green")),
        ("blackjack", "Dealer Bust", ("Dealer Bust", "")),
        ("baccarat", "Tie", ("Tie", "green")),
        ("gameshow", "Lantern", ("Lantern", "")),
    ],
)
def test_result_is_named_as_its_game_names_it(kind, word, outcome):
    assert outcomes.named(kind, word) == outcome


async def test_result_is_set_over_http_for_a_table_that_there_is():
    """Null leaves it to chance again; another table or result is 400 from the door."""
    provider = TablesProvider("seed", "casino", SandboxClock(), "http://localhost")

    async def post(body):
        return await provider.answer(HttpRequest("POST", "/control/result", {}, {}, msgspec.json.encode(body)))

    for body in ({"table": "205", "result": "red"}, {"table": "205", "result": None}):
        answer = await post(body)
        assert (answer.status, msgspec.json.decode(answer.body)) == (200, body)
    for body in ({"table": "1", "result": "red"}, {"table": "205", "result": "blue"}, {}):
        with pytest.raises(ValueError, match="must be"):
            await post(body)
