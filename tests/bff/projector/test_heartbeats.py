"""Which heartbeats of the ledger and the engine the projector passes on as current."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from bff.broker import Delivery
from bff.contracts.event import Event
from bff.contracts.ledger import ENGINE_HEARTBEAT, HEARTBEAT
from bff.queries.projector_steps import Projector, ProjectorPolicy
from bff.store import Record

pytestmark = pytest.mark.quick

NOW = datetime(2026, 1, 1, tzinfo=UTC)
AGE_S_MAX = ProjectorPolicy().heartbeat_age_s_max


class FakeStore:
    """Stores what it is given and records refreshed feeds."""

    def __init__(self):
        self.beaten, self.records = [], {}

    async def get(self, topic):
        return self.records.get(topic)

    async def put_many(self, puts, *, part=None):
        for put in puts:
            self.records[put.topic] = Record(put.topic, msgspec.json.encode(put.data), NOW, put.sequence, put.feed)
        return [True] * len(puts)

    async def heartbeat(self, feed, state="live", detail="", data=None):
        self.beaten.append(feed)


class FakeReader:
    leading = True


class FakeBroker:
    async def publish(self, stream, events): ...


def beat(kind, *, age_s, occurred_at=NOW, n=0):
    data = {"payments": "up"} if kind == ENGINE_HEARTBEAT else {"position": ("e1", 0)}
    event = Event(f"{kind}-{n}", kind, 1, "ledger", ("e1", n), occurred_at, data)
    return Delivery(str(n), event, 1, age_s)


async def feeds_refreshed(*deliveries):
    """The feeds that are refreshed after these heartbeats; each heartbeat is acknowledged."""
    store = FakeStore()
    done = await Projector(store, FakeBroker(), FakeReader(), clock=lambda: 0.0).handle(deliveries)
    assert list(done) == list(deliveries)
    return store.beaten


@pytest.mark.parametrize(("kind", "feed"), [(HEARTBEAT, "ledger"), (ENGINE_HEARTBEAT, "engine")])
async def test_heartbeat_that_lay_in_the_stream_says_nothing_about_now(kind, feed):
    """After an outage old heartbeats are read in a row: they are done with, and nobody is called alive by them."""
    assert await feeds_refreshed(beat(kind, age_s=AGE_S_MAX)) == [feed]
    assert await feeds_refreshed(beat(kind, age_s=AGE_S_MAX + 0.1)) == []
    assert await feeds_refreshed(*(beat(kind, age_s=600 - n, n=n) for n in range(5))) == []
    assert await feeds_refreshed(beat(kind, age_s=600), beat(kind, age_s=0.1, n=1)) == [feed], "the last one counts"


@pytest.mark.parametrize(("kind", "feed"), [(HEARTBEAT, "ledger"), (ENGINE_HEARTBEAT, "engine")])
@pytest.mark.parametrize("off", [timedelta(days=-1), timedelta(minutes=5), timedelta(days=365 * 73)])
async def test_heartbeat_is_as_old_as_the_stream_says_whatever_it_says_itself(kind, feed, off):
    """A sender's clock that is off neither keeps an old heartbeat alive nor kills a fresh one."""
    assert await feeds_refreshed(beat(kind, age_s=600, occurred_at=NOW + off)) == []
    assert await feeds_refreshed(beat(kind, age_s=0.1, occurred_at=NOW + off)) == [feed]
