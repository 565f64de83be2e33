"""The lobby with its events on Kafka, as `up --broker kafka` starts it."""

import asyncio
import contextlib
import sqlite3

from redis import Redis

from bff.store import Store, StorePolicy
from tests.support.kafka_mock import KafkaMock
from tests.support.mullion import Mullion

PROCESSES = ("shell", "wallet", "promotions", "bff-queries", "bff-commands", "bff-feeds", "sandbox-promotions")


def offers_read(mullion: Mullion) -> int:
    """How many promotions the engine knows of."""
    with contextlib.closing(sqlite3.connect(mullion.data / "commands.sqlite3")) as books:
        return int(books.execute("select count(*) from commands_offer").fetchone()[0])


def test_lobby_runs_on_kafka():
    """Balances reach the query store and offers the engine over that Kafka, and nothing of them is on a stream."""
    with (
        KafkaMock() as kafka,
        Mullion("--only", *PROCESSES, "--broker", "kafka", environ={"KAFKA_BOOTSTRAP": kafka.servers}) as mullion,
    ):
        valkey = f"redis://127.0.0.1:{mullion.processes()['valkey']['port']}/0"

        async def look():
            store = Store.connect(valkey, StorePolicy(connect_ms=1000, op_ms=2000))
            try:
                return await store.read(["wallet.pl_amber"], ["ledger", "engine"])
            finally:
                await store.aclose()

        def published() -> bool:
            found = asyncio.run(look())
            wallet = found.records["wallet.pl_amber"]
            current = all(feed.state == "live" for feed in found.feeds.values())
            return current and wallet is not None and wallet.data["balances"]["real_minor"] == 12500

        mullion.wait(published, 60)
        mullion.wait(lambda: offers_read(mullion) > 0, 60)
        assert mullion.get("/")[0] == 200
        with Redis.from_url(valkey) as client:
            assert list(client.scan_iter("stream:*")) == []
