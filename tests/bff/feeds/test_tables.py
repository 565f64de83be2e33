"""The live-table adapter without a network: messages read and merged."""

import random
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bff.contracts.tables import Limits
from bff.feeds.health import FeedHealth
from bff.feeds.policy import FeedsPolicy
from bff.feeds.reading import BadMessage, ProviderRefused
from bff.feeds.tables.board import Board
from bff.feeds.tables.inbox import Inbox
from bff.feeds.tables.updates import Keys, parse
from bff.sandbox.tables.messages import Messages, broken
from bff.sandbox.tables.world import World

pytestmark = pytest.mark.quick

START = 1_900_000_000.0
NOW = datetime.fromtimestamp(START, UTC)
EUR = frozenset({"EUR", "JPY"})


def read(raw):
    return parse(raw, currencies=EUR, tables_max=100)


def message(**changes):
    whole = {
        "tableId": "201",
        "tableName": "Copper",
        "tableOpen": True,
        "tableType": "ROULETTE",
        "dealer": {"name": "Iris"},
        "tableLimits": {"minBet": 1, "maxBet": 100, "maxPlayers": 7},
        "totalSeatedPlayers": 3,
        "last20Results": [{"time": 1_900_000_000_000, "result": 17, "color": "Black", "gameId": "g1"}],
        "currency": "EUR",
    }
    return msgspec.json.encode({name: value for name, value in (whole | changes).items() if value != "absent"})


def round_at(round_id, from_now_s):
    return {"result": 1, "gameId": round_id, "time": int((START + from_now_s) * 1000)}


def results(*rounds):
    return [{"result": 1, "gameId": each} for each in rounds]


def test_every_spelling_of_the_same_table_reads_the_same():
    """Eighty messages a table in varying types give one and the same table."""
    world, messages = World("seed", START), Messages("seed", "http://provider")
    for table_id in ("201", "204", "301", "401", "501"):
        board, seen = Board(), set()
        for _ in range(80):
            raw = messages.table(world.tables[table_id], "JPY", START)
            update = read(raw)
            if len(board) == 0 and update.kind is None:
                continue  # a first message that lacks fields
            assert board.apply(update, NOW)
            table = board.get(table_id)
            table = msgspec.structs.replace(table, opens_at=None, bets_close_at=None)
            seen.add(msgspec.json.encode(msgspec.structs.replace(table, dealer="", results=[])))
            assert abs(table.results[0].at.timestamp() - world.tables[table_id].results[0].at) <= 1
        assert len(seen) == 1
        assert board.get(table_id).seats_taken == world.tables[table_id].seats


@pytest.mark.parametrize(
    ("value", "short"),
    [("17", "17"), ("Dealer 20", "20"), ("Dealer Blackjack", "BJ"), ("Banker", "B"), ("Lantern", "L"), ("x5", "x5")],
)
def test_every_result_has_a_form_that_fits_a_chip(value, short):
    """At most four characters, and the whole result beside it."""
    board = Board()
    result = {"time": 1_900_000_000_000, "result": value, "color": "BLUE", "gameId": "g1"}
    board.apply(read(message(last20Results=[result])), NOW)
    found = board.get("201").results[0]
    assert (found.value, found.short, found.color) == (value, short, "blue")


def test_broken_messages_are_refused_and_change_nothing():
    """Whatever the malformed fault sends is counted, never shown."""
    world, messages, rng = World("seed", START), Messages("seed", "http://provider"), random.Random(1)
    whole = messages.table(world.tables["201"], "EUR", START)
    for _ in range(200):
        with pytest.raises(BadMessage):
            read(broken(whole, rng))


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"tableId": "absent"}, "tableId"),
        ({"tableId": "../x"}, "tableId"),
        ({"currency": "XXX"}, "currency"),
        ({"currency": "absent"}, "currency"),
        ({"tableType": "POKER"}, "tableType"),
        ({"tableOpen": "perhaps"}, "tableOpen"),
        ({"totalSeatedPlayers": -1}, "totalSeatedPlayers"),
        ({"tableLimits": {"minBet": 5, "maxBet": 1}}, "minBet"),
        ({"tableLimits": [1]}, "tableLimits"),
        ({"last20Results": {}}, "last20Results"),
        ({"last20Results": [{"result": 1}]}, "gameId"),
        ({"last20Results": [{"result": 1, "gameId": "g1", "time": "2030-03-17T17:46:40"}]}, "time"),
        ({"last20Results": [{"result": 1, "gameId": "g1", "time": "Mar 17, 2030 05:46:40 PM"}]}, "time"),
        ({"last20Results": [{"result": 1, "gameId": "g1", "time": "no idea"}]}, "time"),
        ({"tableOpensAt": "2030-03-17 18:00:00"}, "tableOpensAt"),
        ({"tablePaused": "perhaps"}, "tablePaused"),
        ({"betting": {"open": True}}, "secondsLeft"),
        ({"betting": {"open": True, "secondsLeft": -1}}, "secondsLeft"),
        ({"dealer": {"name": {"first": "I"}}}, "dealer"),
    ],
)
def test_a_wrong_field_refuses_the_message_by_name(changes, word):
    """Who looks at the kept messages reads which field it was."""
    with pytest.raises(BadMessage, match=word):
        read(message(**changes))


def test_an_error_of_the_providers_own_is_told_apart():
    """A refusal of everything is not a bad message; a refusal of one key is no more than that."""
    with pytest.raises(ProviderRefused):
        read(b'{"error": "casino suspended"}')
    with pytest.raises(BadMessage):
        read(b'{"error": "unknown key", "key": "7"}')


def test_keys_come_as_numbers_and_text():
    """The list of tables is read however its keys are typed."""
    assert read(b'{"tableKey": ["201", 202, "201"]}') == Keys(["201", "202"])
    for wrong in (b'{"tableKey": {}}', b'{"tableKey": [null]}', b'{"tableKey": [' + b"1," * 200 + b"1]}"):
        with pytest.raises(BadMessage):
            read(wrong)


json_values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.text()),
    lambda inner: st.one_of(st.lists(inner), st.dictionaries(st.text(), inner)),
    max_leaves=8,
)


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(st.sampled_from(list(msgspec.json.decode(message()))), json_values))
def test_reading_and_merging_end_in_news_or_a_typed_refusal(changes):
    """No message can crash the feed."""
    board = Board()
    try:
        board.apply(read(msgspec.json.encode(msgspec.json.decode(message()) | changes)), NOW)
    except (BadMessage, ProviderRefused):
        assert len(board) == 0
    else:
        msgspec.json.encode(board.listed())


def test_a_field_that_is_missing_keeps_what_was_known():
    """Half a message is not half a table."""
    board = Board()
    board.apply(read(message()), NOW)
    board.changed.clear()
    absent = {"dealer": "absent", "tableType": "absent", "tableLimits": "absent", "last20Results": "absent"}
    assert board.apply(read(message(**absent)), NOW)
    assert board.get("201").dealer == "Iris"
    assert not board.changed


def test_limits_gather_by_currency():
    """One table, one set of limits for each currency that was asked for."""
    board = Board()
    board.apply(read(message()), NOW)
    board.apply(read(message(currency="JPY", tableLimits={"minBet": "150", "maxBet": "15000"})), NOW)
    assert board.get("201").limits == {"EUR": Limits(100, 10_000, "EUR"), "JPY": Limits(150, 15_000, "JPY")}
    assert board.get("201").seats_max == 7


def test_an_older_message_does_not_take_the_table_back():
    """Rounds only come: a repeated or reordered message is late, a restarted provider is not."""
    board = Board()
    board.apply(read(message(last20Results=results("g2", "g1"), totalSeatedPlayers=5)), NOW)
    assert not board.apply(read(message(last20Results=results("g1"), totalSeatedPlayers=1)), NOW)
    assert board.get("201").seats_taken == 5
    assert board.apply(read(message(last20Results=results("g3", "g2", "g1"))), NOW)
    assert board.apply(read(message(last20Results=results("z1"))), NOW)


def test_a_round_keeps_the_time_it_was_first_seen_with():
    """A provider that writes one moment in several ways does not make the table change."""
    board = Board()
    board.apply(read(message(last20Results=[{"result": 1, "gameId": "g1"}])), NOW)
    board.changed.clear()
    board.apply(read(message(last20Results=[{"result": "1", "gameId": "g1", "time": 1_899_999_999}])), NOW)
    assert board.get("201").results[0].at == NOW
    assert not board.changed


def test_yesterdays_rounds_do_not_take_the_table_back():
    """Rounds that nobody remembers are told late by their moments; one moment written in whole seconds is not."""
    board = Board()
    board.apply(read(message(last20Results=[round_at("g9", -30)])), NOW)
    assert not board.apply(read(message(last20Results=[round_at("y7", -86_400)], totalSeatedPlayers=1)), NOW)
    assert (board.get("201").results[0].round_id, board.get("201").seats_taken) == ("g9", 3)
    assert board.apply(read(message(last20Results=[round_at("g10", -31), round_at("g9", -30)])), NOW)


def test_a_round_from_the_future_ended_when_it_was_told():
    """No result is shown with a moment to come, and a table whose clock is wrong takes no bets."""
    board = Board()
    betting = {"open": True, "secondsLeft": 9}
    board.apply(read(message(last20Results=[round_at("g1", 300)], betting=betting)), NOW)
    assert (board.get("201").results[0].at, board.get("201").bets_close_at) == (NOW, None)
    later = NOW + timedelta(seconds=30)
    assert board.apply(read(message(last20Results=[round_at("g2", 29)], betting=betting)), later)
    assert board.get("201").bets_close_at == later + timedelta(seconds=9)


def test_a_moment_of_opening_that_nobody_will_see_is_not_shown():
    """A table that opens in the year 9999 is closed."""
    board = Board()
    board.apply(read(message(tableOpen=False, tableOpensAt="9999-12-31T00:00:00Z")), NOW)
    assert board.get("201").opens_at is None


def test_a_table_that_is_not_listed_any_more_is_gone():
    """The provider's list decides which tables there are, whatever else is said."""
    board = Board()
    board.apply(read(message()), NOW)
    board.apply(read(message(tableId="202")), NOW)
    board.keep_only(["202", "203"])
    assert ([table.table_id for table in board.listed()], board.gone) == (["202"], {"201"})
    with pytest.raises(BadMessage, match="listed"):
        board.apply(read(message()), NOW)
    board.keep_only(["201", "202"])
    assert board.gone == set()


def test_a_countdown_becomes_a_moment_that_stands_still():
    """Messages of one countdown differ by their way here; the moment they count to does not move."""
    board = Board()
    board.apply(read(message(betting={"open": "true", "secondsLeft": "12.5"})), NOW)
    closes_at = NOW + timedelta(seconds=12.5)
    assert board.get("201").bets_close_at == closes_at
    board.changed.clear()
    board.apply(read(message(betting={"open": 1, "secondsLeft": 9})), NOW + timedelta(seconds=4))
    assert board.get("201").bets_close_at == closes_at
    assert not board.changed
    board.apply(read(message()), NOW)
    assert board.get("201").bets_close_at == closes_at
    board.apply(read(message(betting={"open": False})), NOW)
    assert board.get("201").bets_close_at is None


def test_a_countdown_that_stands_still_ends_all_the_same():
    """Within one round the moment to which bets are taken is never put off; the next round has its own."""
    board = Board()
    for passed_s in range(0, 40, 4):
        betting = {"open": True, "secondsLeft": 12.5}
        board.apply(read(message(betting=betting)), NOW + timedelta(seconds=passed_s))
    assert board.get("201").bets_close_at == NOW + timedelta(seconds=12.5)
    later = NOW + timedelta(seconds=40)
    board.apply(read(message(betting=betting, last20Results=[round_at("g2", 39)])), later)
    assert board.get("201").bets_close_at == later + timedelta(seconds=12.5)


def test_open_table_has_no_opening_time():
    """A time that has passed is not shown."""
    board = Board()
    board.apply(read(message(tableOpen=False, tableOpensAt="2030-03-17T18:00:00Z")), NOW)
    assert board.get("201").opens_at == datetime(2030, 3, 17, 18, tzinfo=UTC)
    board.apply(read(message(tableOpen="absent", tableOpensAt="absent")), NOW)
    assert board.get("201").opens_at is not None
    board.apply(read(message(tableOpen="TRUE")), NOW)
    assert board.get("201").opens_at is None


def test_a_flood_costs_the_oldest_messages_and_no_memory():
    """The inbox is bounded, and what it drops is counted."""
    health = FeedHealth("tables", FeedsPolicy())
    inbox = Inbox(3, health)
    for number in range(10):
        inbox.put(str(number))
    assert [inbox.take() for _ in range(4)] == ["7", "8", "9", None]
    assert health.report()["messages"] == {"dropped": 7}


def test_bad_messages_are_kept_up_to_a_limit():
    """There is always something to look at, and never too much."""
    health = FeedHealth("tables", FeedsPolicy(bad_retained_max=2, bad_retained_chars=4))
    for number in range(5):
        health.bad(b"\xffmessage", f"why {number}")
    assert [(bad["why"], bad["text"]) for bad in health.report()["bad"]] == [
        ("why 3", "\ufffdmes"),
        ("why 4", "\ufffdmes"),
    ]
