"""Nothing is lost and nothing counts twice, whatever dies between the ledger and the query store."""

import asyncio
import contextlib
import secrets
import threading
import time

import pytest

from bff.store import Store, StorePolicy
from tests.support.free_ports import free_port
from tests.support.money_house import MoneyHouse, eventually


@pytest.fixture(scope="module")
def house():
    with MoneyHouse() as running:
        yield running


def player():
    return f"pl_{secrets.token_hex(5)}"


def feed(house, name="ledger"):
    return house.read(feeds=[name]).feeds[name]


def test_restarted_valkey_is_filled_again(house):
    """Valkey loses everything it held; commands go on meanwhile, and the query store gets all of it back."""
    who = player()
    assert house.deposit(who, 1000)[1]["state"] == "done"
    eventually(lambda: house.real(who) == 1000)
    before = house.read(f"wallet.{who}").records[f"wallet.{who}"].sequence
    house.valkey.stop()
    assert house.deposit(who, 500)[1]["state"] == "done"
    house.valkey.start()
    eventually(lambda: house.real(who) == 1500)
    after = house.read(f"wallet.{who}").records[f"wallet.{who}"].sequence
    assert after[0] > before[0], "a store that was lost means a new epoch"
    assert after[1] == before[1] + 2, "requested and done"
    assert [line["amount_minor"] for line in house.wallet(who)["recent"]] == [500, 1000]
    eventually(lambda: feed(house).state == "live")
    for name, amount in {"pl_amber": 12500, "pl_birch": 4000, "pl_cedar": 15000}.items():
        eventually(lambda name=name, amount=amount: house.real(name) == amount)


def test_flushed_store_ages_the_wallet_until_all_is_told_again(house):
    """A flush under a running projector is noticed at the next heartbeat and repaired under another epoch."""
    who = player()
    house.deposit(who, 700)
    eventually(lambda: house.real(who) == 700)
    house.valkey.flush()
    eventually(lambda: house.real(who) == 700)
    eventually(lambda: feed(house).state == "live")


def test_killed_relay_and_projector_lose_and_double_nothing(house):
    """Deposits made while relay or projector are dead appear once when they are back."""
    who = player()
    for name in ("relay", "projector", "relay", "projector"):
        house.deposit(who, 100)
        house.kill(name)
        house.deposit(who, 100)
        house.start(name)
    for name in ("relay", "projector"):
        house.wait_ready(name)
    eventually(lambda: house.real(who) == 800)
    assert len(house.wallet(who)["recent"]) == 8


def test_dead_relay_ages_the_wallet(house):
    """Without heartbeats nobody claims that the balance is current."""
    eventually(lambda: feed(house).state == "live")
    house.kill("relay")
    eventually(lambda: feed(house).state != "live")
    house.start("relay")
    eventually(lambda: feed(house).state == "live")


def test_killed_engine_leaves_a_pending_deposit_that_resolves(house):
    """The engine dies between the charge and its answer: the resolver finds out and settles, once."""
    who, key = player(), secrets.token_hex(8)
    house.payments.mode = "hang_after"

    def ask():
        with contextlib.suppress(OSError):  # the engine is killed under it
            house.deposit(who, 900, key=key)

    posts = len(house.payments.posts)
    reader = threading.Thread(target=ask)
    reader.start()
    eventually(lambda: len(house.payments.posts) > posts)
    time.sleep(0.3)
    house.restart("bff-commands")
    reader.join()
    house.payments.mode = "approve"
    status, again = house.deposit(who, 900, key=key)
    outcome = (status, again.get("code", again.get("state")))
    assert outcome in [(409, "command_in_flight"), (202, "pending"), (200, "done")]
    eventually(lambda: house.real(who) == 900)
    assert house.deposit(who, 900, key=key)[1]["state"] == "done"
    assert house.real(who) == 900


def test_two_relays_and_two_projectors_change_nothing(house):
    """Started twice, the second of each waits, and everything is still there once."""
    who = player()
    first = {name: house.processes.pop(name) for name in ("relay", "projector")}
    for name in first:
        house.ports[name] = free_port()
        house.start(name)
    try:
        for name in first:
            house.wait_ready(name)
        for _ in range(10):
            house.deposit(who, 10)
        eventually(lambda: house.real(who) == 100)
        assert house.health("projector")["parked"] == 0
    finally:
        for process in first.values():
            process.kill()
            process.wait()
    house.deposit(who, 1)
    eventually(lambda: house.real(who) == 101)


def test_records_of_another_release_are_asked_for_again(house):
    """A projector that finds records of another shape has the ledger told anew, and says why."""
    eventually(lambda: feed(house).state == "live" and house.real("pl_amber") == 12500)
    before = house.read("wallet.pl_amber").records["wallet.pl_amber"].sequence
    house.kill("projector")

    async def age():
        store = Store.connect(house.valkey.url, StorePolicy(connect_ms=1000, op_ms=2000))
        marker = await store.get("projection.ledger")
        data = {name: value for name, value in marker.data.items() if name != "shape"}
        house.forget(marker.topic)
        await store.put(marker.topic, data, feed="ledger", sequence=marker.sequence)
        await store.aclose()

    asyncio.run(age())
    house.start("projector")
    eventually(lambda: house.read("wallet.pl_amber").records["wallet.pl_amber"].sequence[0] > before[0])
    assert "another release" in house.log("projector")
    eventually(lambda: feed(house).state == "live")
