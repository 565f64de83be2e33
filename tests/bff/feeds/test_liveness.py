"""Whether the tables' results move, decided from the messages and their times."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from bff.feeds.policy import TablesPolicy
from bff.feeds.reading import BadMessage
from bff.feeds.tables.board import Board
from bff.feeds.tables.liveness import Liveness, LivenessCheck
from bff.feeds.tables.updates import parse
from bff.sandbox.tables.messages import Messages
from bff.sandbox.tables.world import World

pytestmark = pytest.mark.quick

START = 1_900_000_000.0
DAY_S = 86_400


class Listener:
    """A board and its liveness check, fed by hand at given seconds."""

    def __init__(self):
        self.board, self.liveness = Board(), LivenessCheck(TablesPolicy())

    def take(self, raw, at_s):
        at = datetime.fromtimestamp(START, UTC) + timedelta(seconds=at_s)
        update = parse(raw, currencies=frozenset({"EUR"}), tables_max=100)
        before = self.board.get(update.table_id)
        try:
            if not self.board.apply(update, at):
                return "late"
        except BadMessage:  # the first message about a table may lack fields
            return "bad"
        return self.liveness.judge(update, before, self.board.get(update.table_id), at)

    def verdict(self, at_s):
        return self.liveness.verdict(datetime.fromtimestamp(START, UTC) + timedelta(seconds=at_s))


def table(table_id="201", *, ended_s=-10.0, left=None, seats=3, **more):
    """A message about an open roulette with rounds of thirty seconds; `left` seconds of betting, None for none."""
    times = [ended_s - 30 * place for place in range(5)]
    verdict = {
        "tableId": table_id,
        "tableName": "Copper",
        "tableOpen": True,
        "tableType": "ROULETTE",
        "totalSeatedPlayers": seats,
        "last20Results": [
            {"time": int((START + each) * 1000), "result": 7, "gameId": f"{table_id}-{each:.0f}"} for each in times
        ],
        "betting": {"open": left is not None, "secondsLeft": left},
        "currency": "EUR",
    }
    return msgspec.json.encode(verdict | more)


def test_sandbox_is_heard_all_the_time():
    """With each table verdict when it changes and every four seconds, no second passes unheard and no table stands."""
    world, messages, listener = World("seed", START), Messages("seed", "http://provider"), Listener()
    sent_at, last_at_s = {}, 0.0
    for tick in range(90 * 2):
        at_s = tick / 2
        for table_id in world.tables.keys() & ({*world.advance(START + at_s)} | _due(sent_at, world, at_s)):
            sent_at[table_id] = at_s
            raw = messages.table(world.tables[table_id], "EUR", START + at_s)
            assert listener.take(raw, at_s) in (Liveness.MOVED, Liveness.SAME, "bad"), table_id
        if tick % 2 and listener.verdict(at_s) is Liveness.MOVED:
            last_at_s = at_s
        assert at_s - last_at_s < 2


def _due(sent_at, world, at_s):
    return {table_id for table_id in world.tables if at_s - sent_at.get(table_id, -9) >= 4}


@pytest.mark.parametrize("table_id", ["301", "203", "204"])
def test_one_table_alone_is_heard_through_its_quiet_spans(table_id):
    """Between the last bet and the result nothing moves, and in a break nothing at all; both are healthy."""
    world, messages, listener = World("seed", START), Messages("seed", "http://provider"), Listener()
    last_at_s = 0.0
    for at_s in range(0, 2000, 4):
        world.advance(START + at_s)
        listener.take(messages.table(world.tables[table_id], "EUR", START + at_s), at_s)
        if listener.verdict(at_s) is Liveness.MOVED:
            last_at_s = at_s
        assert at_s - last_at_s <= 4


def test_frozen_countdown_proves_nothing():
    """The same seconds left, four seconds later, are a copy; others that repeat themselves do not outweigh it."""
    listener = Listener()
    listener.take(table("201", left=14), 0)
    listener.take(table("202"), 0)
    assert listener.verdict(0) is Liveness.MOVED
    for at_s in range(4, 40, 4):
        assert listener.take(table("201", left=14), at_s) is Liveness.STILL
        listener.take(table("202"), at_s)
        assert listener.verdict(at_s) is None
    listener.take(table("201", ended_s=41, left=14), 42)
    assert listener.verdict(42) is Liveness.MOVED, "another round"


def test_countdown_that_falls_is_heard():
    """Nothing else has to change while seconds pass."""
    listener = Listener()
    listener.take(table(left=14), 0)
    listener.verdict(0)
    listener.take(table(left="13.9"), 0.2)
    assert listener.verdict(0.5) is None, "too early to say"
    assert listener.take(table(left=10), 4) is Liveness.MOVED
    assert listener.verdict(4) is Liveness.MOVED


def test_round_that_does_not_end_in_time_stands_still():
    """Seats that come and go do not make up for a round that never ends; the next round does."""
    listener = Listener()
    for at_s in range(0, 48, 4):
        listener.take(table(seats=at_s), at_s)
        assert listener.verdict(at_s) is Liveness.MOVED
    for at_s in range(52, 90, 4):
        assert listener.take(table(seats=at_s), at_s) is Liveness.STILL
        assert listener.verdict(at_s) is None
    assert listener.take(table(ended_s=89), 90) is Liveness.MOVED


@pytest.mark.parametrize("first", ["201", "204"])
def test_yesterday_is_not_heard_by_who_knows_no_better(first):
    """A fresh process that meets a replay learns what was, and never says that it is."""
    world, messages, listener = World("y", START - DAY_S), Messages("seed", "http://provider"), Listener()
    order = [first, *(world.tables.keys() - {first})]
    for at_s in range(0, 60, 2):
        for table_id in order:
            world.tables[table_id].advance(START - DAY_S + at_s)
            listener.take(messages.table(world.tables[table_id], "EUR", START - DAY_S + at_s), at_s)
        assert listener.verdict(at_s) is None


def test_yesterday_is_late_to_who_knows_today():
    """Nothing of a replay is taken up, and nothing of it is heard."""
    today, yesterday, messages = World("s", START), World("y", START - DAY_S), Messages("s", "http://provider")
    listener = Listener()
    for each in [*today.tables.values()] * 3:
        listener.take(messages.table(each, "EUR", START), 0)
    listener.verdict(0)
    assert {listener.take(messages.table(t, "EUR", START - DAY_S), 1) for t in yesterday.tables.values()} == {"late"}
    assert listener.verdict(1) is None


def test_most_tables_from_the_future_are_the_providers_clock():
    """One wrong clock costs its table, most of them the feed, and a right word ends it."""
    listener = Listener()
    assert listener.take(table("201", ended_s=290), 0) is Liveness.AHEAD
    listener.take(table("202"), 0)
    listener.take(table("203"), 0)
    assert listener.verdict(0) is Liveness.MOVED
    listener.take(table("202", ended_s=290), 1)
    listener.take(table("203", seats=4), 1)
    assert listener.verdict(1) is Liveness.AHEAD
    assert listener.verdict(2) is None, "nothing came"
    listener.take(table("202", ended_s=2, seats=5), 3)
    assert listener.verdict(3) is Liveness.MOVED


def test_small_difference_between_two_clocks_is_none():
    """Three seconds ahead is a clock, not a fault."""
    listener = Listener()
    assert listener.take(table(ended_s=3), 0) is Liveness.MOVED


def test_paused_table_owes_no_round_until_it_goes_on():
    """A pause may last; after it the round has its time again."""
    listener = Listener()
    listener.take(table(), 0)
    for at_s in range(4, 400, 4):
        assert listener.take(table(tablePaused="true"), at_s) is Liveness.SAME
        assert listener.verdict(at_s) is Liveness.MOVED
    assert listener.take(table(tablePaused="false"), 404) is Liveness.SAME
    assert listener.verdict(404) is Liveness.MOVED


def test_table_that_was_taken_away_owes_nothing():
    """What is not listed any more can not make the others look still."""
    listener = Listener()
    listener.take(table("201", left=14), 0)
    listener.take(table("202"), 0)
    listener.verdict(0)
    listener.take(table("201", left=14), 4)
    listener.take(table("202"), 4)
    assert listener.verdict(4) is None
    listener.liveness.keep_only(["202"])
    listener.take(table("202"), 8)
    assert listener.verdict(8) is Liveness.MOVED
