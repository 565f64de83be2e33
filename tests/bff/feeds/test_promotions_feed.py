"""Promotions from the sandbox over HTTP to a real query store and a broker."""

import asyncio

import pytest

from bff.contracts.promotions import PROMOTIONS_TOPIC, OfferState
from bff.feeds.policy import PromotionsPolicy
from bff.feeds.promotions.feed import PromotionsFeed
from bff.sandbox.clock import SandboxClock
from bff.sandbox.promotions import server as provider_module
from bff.sandbox.promotions.server import PromotionsProvider
from bff.store import Store
from tests.support.feeds_rig import PATIENT, QUICK, running, serving, until
from tests.support.valkey_server import ValkeyServer

# Time limits are so many times the promise, for a machine that may be busy.
BUSY = 5

POLICY = PromotionsPolicy(poll_s=0.1, retry_after_s_max=0.5)
START = 1_900_000_000.0


class FakeBroker:
    """Records what is published."""

    def __init__(self):
        self.events = []

    async def publish(self, stream, events):
        self.events += events


@pytest.fixture(scope="module")
def server():
    with ValkeyServer() as started:
        yield started


@pytest.fixture
async def store(server):
    server.flush()
    opened = Store.connect(server.url, PATIENT)
    yield opened
    await opened.aclose()


@pytest.fixture
def provider(monkeypatch):
    monkeypatch.setattr(provider_module, "ALLOWED_PER_S", 1000.0)
    return PromotionsProvider("seed", SandboxClock(START))


def feed_of(store, broker, port, owner="one"):
    url = f"http://127.0.0.1:{port}/v1/offers"
    return PromotionsFeed(store, broker, url, ["EUR", "JPY"], owner, POLICY, QUICK)


def offers_in(store, count):
    async def holds():
        record = await store.get(PROMOTIONS_TOPIC)
        return record is not None and len(record.decode(list[OfferState])) >= count

    return holds


def is_state(store, wanted):
    async def holds():
        return (await store.freshness("promotions")).state == wanted

    return holds


async def test_offers_reach_the_store_and_the_broker_once(store, provider):
    """Polled again and again, each offer is told once."""
    broker = FakeBroker()
    async with serving(provider) as port:
        feed = feed_of(store, broker, port)
        async with running(feed.run()):
            await until(offers_in(store, 6))
            await until(is_state(store, "live"))
            await asyncio.sleep(0.5)
            assert feed.health.report()["messages"] == {"ok": 1}, "everything after the first answer is a 304"
    assert len({event.id for event in broker.events}) == len(broker.events) >= 6
    assert {event.type for event in broker.events} == {"OfferPublished"}


async def test_expired_offers_are_withdrawn_and_their_successors_published(store, provider):
    """The sandbox's clock moves a day: yesterday's offers end, today's begin."""
    broker = FakeBroker()
    provider.clock.set(held=True)
    async with serving(provider) as port, running(feed_of(store, broker, port).run()):
        await until(lambda: len(broker.events) >= 6)
        provider.clock.set(held=True, step_s=6 * 3600)
        await until(lambda: any(event.type == "OfferWithdrawn" for event in broker.events))
        gone = [event.data["promotion_id"] for event in broker.events if event.type == "OfferWithdrawn"]
        assert any(promotion_id.startswith("wheel-spins-") for promotion_id in gone)


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("error", "upstream_error"),
        ("business_error", "upstream_error"),
        ("malformed", "content_type"),
        ("oversize", "oversize"),
        ("throttle", "throttled"),
    ],
)
async def test_failing_provider_is_stale_after_two_polls_and_heals(store, provider, kind, reason):
    """Whatever a provider calls a failure, offers stay, their doubt is told, and the first good answer ends it."""
    async with serving(provider) as port, running(feed_of(store, FakeBroker(), port).run()):
        await until(is_state(store, "live"))
        provider.switch.set(kind, for_s=600)
        await until(is_state(store, "stale"))
        assert (await store.freshness("promotions")).detail in (reason, "breaker_open")
        assert await offers_in(store, 6)()
        provider.switch.set("none", for_s=1)
        await until(is_state(store, "live"))


async def test_flushed_store_has_its_offers_back_within_two_seconds(store, server, provider):
    """A 304 says that nothing changed at the provider; a lost lease says that something changed here."""
    async with serving(provider) as port, running(feed_of(store, FakeBroker(), port).run()):
        await until(offers_in(store, 6))
        server.flush()
        await until(offers_in(store, 6), within_s=BUSY * 2)
        await until(is_state(store, "live"), within_s=BUSY * 2)
