"""Commands, events and views over Kafka instead of Streams, through real processes."""

import asyncio
import secrets
import signal
import time

import pytest
from redis import Redis

from bff.broker import connect
from bff.contracts.ledger import LEDGER_STREAM
from bff.queries.projector_steps import GROUP
from tests.support import preloaded
from tests.support.free_ports import free_port
from tests.support.kafka_mock import KafkaMock
from tests.support.money_house import MoneyHouse, eventually


@pytest.fixture(scope="module")
def kafka():
    with KafkaMock() as running:
        yield running


@pytest.fixture(scope="module")
def house(kafka):
    with MoneyHouse(broker_url=kafka.url, wanted=("bff-commands", "relay", "projector", "offers-intake")) as running:
        eventually(lambda: running.real("pl_amber") == 12500, within_s=30)
        yield running


def is_live(house):
    return house.read(feeds=["ledger"]).feeds["ledger"].state == "live"


def test_deposits_reach_the_query_store_over_kafka_through_an_outage(kafka, house):
    """The same house on another broker: nothing is lost or doubled while Kafka is away, and the wallet says so."""
    who = f"pl_{secrets.token_hex(5)}"
    assert house.deposit(who, 1000)[1]["state"] == "done"
    eventually(lambda: house.real(who) == 1000)
    eventually(lambda: is_live(house))
    kafka.down()
    assert house.deposit(who, 500)[1]["state"] == "done"
    eventually(lambda: not is_live(house))
    kafka.up()
    eventually(lambda: house.real(who) == 1500, within_s=30)
    house.restart("projector")
    assert house.deposit(who, 1)[1]["state"] == "done"
    eventually(lambda: house.real(who) == 1501, within_s=30)
    time.sleep(0.3)
    assert house.real(who) == 1501
    assert len(house.wallet(who)["recent"]) == 3
    rebuilt = house.manage("rebuild_views").stdout
    assert "0 shadows were refused" in rebuilt
    assert ", 0 differ." in rebuilt


async def lose(kafka, event_type):
    """Acknowledges everything up to an event of this type for the projector, as if Kafka had lost it all."""
    broker = connect(kafka.url)
    reader, seen = broker.reader(LEDGER_STREAM, GROUP, "thief", partition=0), set()
    while event_type not in seen:
        got = await reader.fetch()
        await reader.ack(got)
        seen |= {each.event.type for each in got}
    await reader.aclose()
    await broker.aclose()


def test_events_that_kafka_lost_are_told_again_in_a_new_epoch(kafka, house):
    """The projector sees that positions are missing, asks for a replay, and ends with what the ledger says."""
    who = f"pl_{secrets.token_hex(5)}"
    assert house.deposit(who, 100)[1]["state"] == "done"
    eventually(lambda: house.real(who) == 100)
    before = house.read(f"wallet.{who}").records[f"wallet.{who}"].sequence
    house.kill("projector", signal.SIGTERM)
    assert house.deposit(who, 20)[1]["state"] == "done"
    waiting = "select count(*) from commands_outboxrow where published_at is null"
    eventually(lambda: house.books(waiting) == [(0,)])
    asyncio.run(lose(kafka, "FundsDeposited"))
    house.start("projector")
    eventually(lambda: house.real(who) == 120, within_s=40)
    assert house.read(f"wallet.{who}").records[f"wallet.{who}"].sequence[0] > before[0]
    assert "projector_events_lost" in house.log("projector")
    eventually(lambda: is_live(house))


@pytest.fixture
def ingest(house, tmp_path):
    """The ingest worker with a provider of promotions, on the same broker."""
    provider, environment = free_port(), {**house.environment, "INGEST_FEEDS": "promotions"}
    environment |= {"SANDBOX_PROMOTIONS_URL": f"http://127.0.0.1:{provider}"}
    with (tmp_path / "log").open("ab") as log:
        out, started = log.fileno(), []
        for port, words in (
            (provider, ("bff.resilience.serving", "bff.sandbox.promotions.asgi:application")),
            (free_port(), ("bff.feeds.ingest",)),
        ):
            started.append(preloaded.start(*words, env={**environment, "PORT": str(port)}, stdout=out, stderr=out))
        yield
        for process in started:
            process.kill()
            process.wait()


def test_offers_of_a_provider_reach_the_engine_over_kafka_alone(house, ingest):
    """From its feed to the engine's own list; nothing of this house, money neither, is on a Valkey stream."""
    eventually(lambda: house.books("select count(*) from commands_offer") > [(0,)])
    with Redis.from_url(house.valkey.url) as client:
        assert list(client.scan_iter("stream:*")) == []
