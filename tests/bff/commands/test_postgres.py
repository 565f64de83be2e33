"""Two engines over one PostgreSQL: racing commands, a lost COMMIT, a server that hangs.

Commands go to the two engines by turns.
"""

import itertools
import re
import secrets
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor

import pytest
import redis

from bff.broker.port import decode
from bff.contracts.ledger import LEDGER_STREAM
from bff.contracts.ledger_partition import partition_of
from tests.support import money_races
from tests.support.game_provider import SECRET, Provider, uuid
from tests.support.ledgers import ledger_on
from tests.support.losing_postgres import LosingPostgres
from tests.support.money_house import MoneyHouse, eventually

# Players who have not been restated in this epoch, and events that have not been sent.
WAITING = (
    "select (select count(*) from commands_player p, commands_relaystate s where p.epoch < s.epoch) "
    "+ (select count(*) from commands_outboxrow where published_at is null)"
)


@pytest.fixture(scope="module")
def line(postgres):
    with LosingPostgres(postgres.port) as between:
        yield between


@pytest.fixture(scope="module")
def house(postgres, line):
    address = ledger_on(postgres, "lost").replace(f":{postgres.port}/", f":{line.port}/")
    engines, extra = ("bff-commands", "bff-commands#2"), {"GAMES_WALLET_SECRET": SECRET, "LEDGER_PARTITIONS": "2"}
    with MoneyHouse(database_url=address, wanted=engines, extra=extra) as running:
        yield running


def withdraw(house, player, key):
    return house.command("withdraw", player, {"amount_minor": 1000, "currency": "EUR"}, key=key)


def test_forty_stakes_and_withdrawals_take_no_more_than_there_is(house):
    """Different commands on one balance, in all threads of both engines: the ten that it allows."""
    money_races.forty_stakes_and_withdrawals(house)


def test_fifty_parallel_posts_of_one_key_have_one_effect(house):
    """One charge and one entry, over sixteen connections of two engines at once."""
    money_races.fifty_posts_of_one_key(house)


@pytest.mark.parametrize("what", ["answer", "commit"])
def test_a_commit_that_gets_lost_is_an_unknown_outcome(what, house, line):
    """Nobody knows whether it was done: 504 says so, and the same key has the one effect, whichever it was."""
    provider, key = Provider(house), secrets.token_hex(8)
    line.lose(what)
    status, problem = withdraw(house, provider.player, key)
    line.keep()
    assert (status, problem["code"], problem["title"]) == (504, "outcome_unknown", "Gateway Timeout")
    assert "ask again with the same key" in problem["detail"]
    done = money_races.balances(house, provider.player)["held"]
    assert done == (1000 if what == "answer" else 0)
    status, receipt = withdraw(house, provider.player, key)
    assert (status, receipt["state"]) == (202, "pending")
    assert withdraw(house, provider.player, key) == (status, receipt)
    assert money_races.balances(house, provider.player)["held"] == 1000


@pytest.mark.parametrize("what", ["answer", "commit"])
def test_a_stake_whose_commit_gets_lost_is_taken_once_when_it_comes_again(what, house, line):
    """A provider hears 503, as for all that nobody knows, and its retry is answered with what is."""
    provider = Provider(house)
    names = {"transaction_uuid": uuid(), "request_uuid": uuid()}
    line.lose(what)
    http, answer = provider.bet(2500, **names)
    line.keep()
    assert (http, answer["status"]) == (503, "RS_ERROR_UNKNOWN")
    for _ in range(2):
        http, answer = provider.bet(2500, **names)
        assert (http, answer["status"], answer["balance"]) == (200, "RS_OK", 7500)


def test_a_server_that_says_nothing_costs_an_answer_and_no_more(house, postgres):
    """Each caller is answered in time, that nobody knows or that nothing was done; later each key has one effect."""
    provider, keys = Provider(house), [secrets.token_hex(8) for _ in range(4)]
    postgres.hang()
    try:
        began = time.monotonic()
        with ThreadPoolExecutor(4) as pool:
            answers = list(pool.map(lambda key: withdraw(house, provider.player, key), keys))
        took_s = time.monotonic() - began
    finally:
        postgres.resume()
    assert took_s < 9
    assert {(status, problem["code"]) for status, problem in answers} <= {
        (504, "outcome_unknown"),
        (503, "engine_down"),
    }
    assert 504 in {status for status, _ in answers}, "who had a connection does not know"
    for key in keys:
        eventually(lambda key=key: withdraw(house, provider.player, key)[0] == 202)
    assert money_races.balances(house, provider.player) == {"real": 6000, "bonus": 0, "held": 4000}
    assert house.manage("audit_ledger").stdout == "The books are sound.\n"


def test_a_server_that_is_gone_is_known_to_have_done_nothing(house, postgres):
    """Who could not even connect hears 503, and that nothing was done."""
    provider = Provider(house)
    postgres.stop()
    try:
        withdraw(house, provider.player, secrets.token_hex(8))
        status, problem = withdraw(house, provider.player, secrets.token_hex(8))
        assert (status, problem["code"]) == (503, "engine_down")
        assert "nothing was done" in problem["detail"]
    finally:
        postgres.start()
    eventually(lambda: withdraw(house, provider.player, secrets.token_hex(8))[0] == 202)
    assert money_races.balances(house, provider.player)["held"] == 1000


def test_two_relays_send_every_event_in_order_and_tell_what_waits(house):
    """Each has its partition; what waits while the broker is away is told by both, and goes out as it was.

    Leases went with the store, so for a moment both may hold a partition: what is sent twice then is the same event.
    """
    relays = ("relay#1", "relay#2")
    for name in relays:
        house.start(name)
    eventually(lambda: sorted(house.health(name)["partitions"] for name in relays) == [[0], [1]])
    eventually(lambda: house.books(WAITING) == [(0,)], what="the players are not restated in two partitions")
    eventually(lambda: sum(backlog(house, name) for name in relays) == 0)
    house.valkey.stop()
    players = [*names_in(0, 2), *names_in(1, 1)]
    with ThreadPoolExecutor(6) as pool:
        statuses = list(pool.map(lambda number: house.deposit(players[number % 3], 100)[0], range(18)))
    assert statuses == [200] * 18
    eventually(lambda: [backlog(house, name) for name in relays] in ([24, 12], [12, 24]), what="what waits is told")
    house.valkey.start()
    eventually(lambda: sum(len(sent(house, who)) for who in players) >= 36)
    eventually(lambda: sum(backlog(house, name) for name in relays) == 0)
    for who in players:
        events = dict.fromkeys((event.sequence[1], event.id) for event in sent(house, who))
        assert [number for number, _ in events] == list(range(1, 13))


def names_in(place, count):
    """The names of so many players of one of two partitions."""
    fresh = (f"pl_{secrets.token_hex(5)}" for _ in itertools.count())
    return list(itertools.islice((each for each in fresh if partition_of(f"player:{each}", 2) == place), count))


def backlog(house, name):
    address = f"http://127.0.0.1:{house.ports[name]}/metrics"
    text = urllib.request.urlopen(address, timeout=30).read().decode()
    return float(re.search(r"^mullion_relay_backlog_events (\S+)", text, re.MULTILINE)[1])


def sent(house, player):
    """The player's events in the stream."""
    about = f"player:{player}"
    with redis.Redis.from_url(house.valkey.url) as store:
        entries = store.xrange(f"stream:{LEDGER_STREAM}" + (".1" if partition_of(about, 2) else ""))
    events = [decode(fields[b"event"]) for _, fields in entries]
    return [event for event in events if event.aggregate == about]
