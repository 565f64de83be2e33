"""Two engines, relay and projector through pgbouncer in transaction mode work as without it, or are refused with
advice."""

import secrets
import time

import psycopg
import pytest

from bff.commands.engine.postgresql.limits import LIMITS_MS
from tests.bff.projector.test_kills import Run, check_books, check_views, under_kills
from tests.support import money_races
from tests.support.game_provider import SECRET
from tests.support.ledgers import ledger_on
from tests.support.money_house import MoneyHouse, eventually
from tests.support.pgbouncer_server import PgBouncer

pytestmark = [pytest.mark.full, pytest.mark.timeout(300)]
ALL = ("bff-commands", "bff-commands#2", "relay", "projector")


@pytest.fixture
def limited_role(postgres):
    """The role has the limits, as the book says."""
    owned = postgres.url("roles")
    with psycopg.connect(owned, autocommit=True) as owner:
        for name, value in LIMITS_MS.items():
            owner.execute(f"ALTER ROLE mullion SET {name} = '{value}ms'")
    yield
    with psycopg.connect(owned, autocommit=True) as owner:
        owner.execute("ALTER ROLE mullion RESET ALL")


def refusal(house):
    """The engine's log after a command was tried."""
    status, problem = house.deposit("pl_amber", 100, key=secrets.token_hex(8))
    assert (status, problem["code"]) == (503, "engine_down")
    return house.log("bff-commands")


@pytest.mark.parametrize(("ignore_options", "why"), [(False, "let nobody in"), (True, "statement_timeout is 0 ms")])
def test_pooler_that_drops_the_limits_is_refused_in_words(postgres, ignore_options, why):
    """No command is taken without an end to what takes too long, and the log says which statements mend it."""
    address = ledger_on(postgres, "pooled")
    with (
        PgBouncer(postgres, ignore_options=ignore_options) as pooler,
        MoneyHouse(database_url=pooler.url(address), wanted=("bff-commands",)) as house,
    ):
        logged = refusal(house)
    assert why in logged
    assert "ALTER ROLE" in logged


def test_kills_through_the_pooler_lose_and_double_nothing(postgres, limited_role):
    """Races and kills of every process and of the server: each command counts once, both read sides are equal."""
    address = ledger_on(postgres, "pooled")
    with (
        PgBouncer(postgres, ignore_options=True) as pooler,
        MoneyHouse(database_url=pooler.url(address), wanted=ALL, extra={"GAMES_WALLET_SECRET": SECRET}) as house,
    ):
        money_races.forty_stakes_and_withdrawals(house)
        money_races.fifty_posts_of_one_key(house)
        house.payments.posts.clear()
        before = house.books("select count(*) from commands_charge where state = 'approved'")[0][0]
        workers, refused, _ = under_kills(house, Run(commands=48, workers=6, kills=5), postgres)
        assert house.manage("audit_ledger").stdout == "The books are sound.\n"
        check_books(house, workers, before)
        eventually(lambda: all(house.real(w.player) == w.money for w in workers), within_s=60)
        assert not refused
        assert ", 0 differ." in house.manage("rebuild_views").stdout
        check_views(house, workers)


def test_pooler_that_dies_at_work_costs_answers_and_no_money(postgres, limited_role):
    """Each command is asked for again by its key and counts once."""
    address = ledger_on(postgres, "pooled")
    with (
        PgBouncer(postgres, ignore_options=True) as pooler,
        MoneyHouse(database_url=pooler.url(address), wanted=ALL) as house,
    ):
        who, keys = f"pl_{secrets.token_hex(5)}", [secrets.token_hex(8) for _ in range(12)]
        for number, key in enumerate(keys):
            house.deposit(who, 100, key=key)
            if number % 4 == 1:
                pooler.stop()
                house.deposit(who, 100, key=keys[number + 1])
                pooler.start()
        deadline = time.monotonic() + 60
        while any(house.deposit(who, 100, key=key)[1].get("state") != "done" for key in keys):
            assert time.monotonic() < deadline, "every command ends"
        assert money_races.balances(house, who)["real"] == 1200
        eventually(lambda: house.real(who) == 1200)
        assert house.manage("audit_ledger").stdout == "The books are sound.\n"
