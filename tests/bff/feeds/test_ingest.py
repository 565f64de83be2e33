"""The ingest worker as a process, and its supervisor."""

import asyncio
import os
import signal
import subprocess
import sys
import time

import httpx
import pytest

from bff.feeds.health import FeedHealth
from bff.feeds.ingest import chosen
from bff.feeds.policy import FeedsPolicy
from bff.feeds.supervisor import Supervisor
from bff.store import Store
from bff.store.policy import FEED_POLICIES
from tests.support import plain_http
from tests.support.feeds_rig import PATIENT, running, until
from tests.support.free_ports import free_port

# The processes that have providers.
FEEDS = FEED_POLICIES.keys() - {"ledger", "engine"}


class Crashing:
    name = "crashing"

    def __init__(self):
        self.health = FeedHealth(self.name, FeedsPolicy())

    async def run(self):
        raise RuntimeError("a mistake in an adapter")


class Steady:
    name = "steady"

    def __init__(self):
        self.health = FeedHealth(self.name, FeedsPolicy())
        self.turns = 0

    async def run(self):
        while True:
            self.turns += 1
            await asyncio.sleep(0.01)


async def test_crash_of_one_feed_does_not_touch_another():
    """Each feed is its own task, started again with growing waits."""
    store = Store.connect(f"redis://127.0.0.1:{free_port()}/0", PATIENT)
    steady, crashing, stop = Steady(), Crashing(), asyncio.Event()
    supervisor = Supervisor([crashing, steady], store, FeedsPolicy(retry_s=0.02, retry_s_max=0.05))
    async with running(supervisor.run(stop)) as task:
        await until(lambda: crashing.health.crashes >= 3)
        turns = steady.turns
        await until(lambda: steady.turns > turns + 5)
        assert supervisor.report()["feeds"]["crashing"]["crashes"] >= 3
        stop.set()
        await asyncio.wait_for(task, 30)
    await store.aclose()


@pytest.fixture
def ingest():
    started = []

    def start(**more):
        port = free_port()
        absent = f"http://127.0.0.1:{free_port()}"
        environment = {
            "PATH": os.environ["PATH"],
            "PORT": str(port),
            "REDIS_URL": f"redis://127.0.0.1:{free_port()}/0",
            "SANDBOX_TABLES_URL": absent,
            "SANDBOX_PROMOTIONS_URL": absent,
            "SANDBOX_GAMES_URL": absent,
            "GAMES_LIST_SECRET": "0123456789abcdef" * 2,
        } | more
        process = subprocess.Popen(
            [sys.executable, "-m", "bff.feeds.ingest"], env=environment, stderr=subprocess.PIPE, text=True
        )
        started.append(process)
        return process, f"http://127.0.0.1:{port}"

    yield start
    for process in started:
        process.kill()
        process.wait()
        process.stderr.close()


def test_ingest_is_ready_without_store_and_providers_and_stops_when_told(ingest):
    """Ready means able to run; what is missing is retried, and said once."""
    process, url = ingest()
    end = time.monotonic() + 15
    while True:
        try:
            health = plain_http.get(f"{url}/healthz", timeout=30)
        except httpx.HTTPError:
            assert time.monotonic() < end, "ingest did not become ready"
            time.sleep(0.1)
            continue
        if health.json()["store"] == "down":
            break
        time.sleep(0.1)
    assert health.status_code == 200
    assert set(health.json()["feeds"]) == FEEDS
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=60) == 0
    log = process.stderr.read()
    assert log.count("store_down") == 2, "one event, which holds the word as its reason too"


def test_ingest_refuses_a_feed_it_does_not_know(ingest):
    """A typing error in INGEST_FEEDS is a sentence, not a process that does nothing."""
    process, _ = ingest(INGEST_FEEDS="tables,promos")
    assert process.wait(timeout=60) == 1
    assert f"INGEST_FEEDS names promos; there are {', '.join(sorted(FEEDS))}." in process.stderr.read()


def test_feeds_are_shared_out_over_processes():
    """Each runs those that it is given and no other; without a name it runs them all."""
    available = {"steady": Steady(), "crashing": Crashing()}
    shared = [chosen(available, ["crashing"]), chosen(available, ["steady"])]
    assert [[feed.name for feed in feeds] for feeds in shared] == [["crashing"], ["steady"]]
    assert chosen(available, []) == [*available.values()]
