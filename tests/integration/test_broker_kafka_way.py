"""Money's way over Kafka instead of Streams, through real processes."""

import secrets
import time

from tests.integration.money_house import MoneyHouse, eventually
from tests.kafka_mock import KafkaMock


def test_deposits_reach_the_query_store_over_kafka_through_an_outage():
    """The same house on another broker: nothing is lost or doubled while Kafka is away, and the wallet says so."""
    with KafkaMock() as kafka, MoneyHouse(broker_url=kafka.url) as house:
        who = f"pl_{secrets.token_hex(5)}"
        eventually(lambda: house.real("pl_amber") == 12500, within_s=30)
        assert house.deposit(who, 1000)[1]["state"] == "done"
        eventually(lambda: house.real(who) == 1000)
        eventually(lambda: house.read(feeds=["ledger"]).feeds["ledger"].state == "live")
        kafka.down()
        assert house.deposit(who, 500)[1]["state"] == "done"
        eventually(lambda: house.read(feeds=["ledger"]).feeds["ledger"].state != "live")
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
