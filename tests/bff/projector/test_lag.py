"""The lag's metrics while the projector, or the broker, is down."""

import asyncio
import math

from prometheus_client import REGISTRY

from bff.broker import BrokerPolicy, Lag, connect
from bff.queries.lag import LagMeter
from bff.queries.projector_steps import GROUP
from tests.support.broker_rig import drain, event
from tests.support.valkey_server import ValkeyServer

POLICY = BrokerPolicy(block_ms=50, op_ms=1000)


def shown():
    return tuple(REGISTRY.get_sample_value(f"mullion_projector_lag_{name}") for name in ("events", "seconds"))


async def test_lag_grows_while_the_projector_is_stopped_and_while_the_broker_can_not_be_asked():
    """Events and seconds count up without a reader; without a broker the seconds go on and the events are unknown."""
    with ValkeyServer() as server:
        broker, now = connect(server.url, POLICY), [100.0]
        meter = LagMeter(broker, "ledger", GROUP, 0.01, clock=lambda: now[0])
        await meter.measure()
        assert shown() == (0, 0)
        await broker.publish("ledger", [event(n) for n in range(1, 4)])
        await asyncio.sleep(0.2)
        await meter.measure()
        events, before_s = shown()
        assert (events, before_s >= 0.2) == (3, True)
        server.stop()
        for away_s in (40.0, 300.0):
            now[0] = 100.0 + away_s
            await meter.measure()
            events, seconds = shown()
            assert math.isnan(events)
            assert math.isclose(seconds, before_s + away_s)
        server.start()
        await broker.publish("ledger", [event(1)])
        reader = broker.reader("ledger", GROUP, "a")
        got = await drain(reader, 1)
        await meter.measure()
        assert shown()[0] == 1
        await reader.ack(got)
        await meter.measure()
        assert shown() == (0, 0)
        await broker.aclose()


async def test_each_partition_shows_its_own_lag_until_there_are_fewer():
    """So an operator sees which of them is behind, by events and by age."""
    with ValkeyServer() as server:
        broker, partitions = connect(server.url, POLICY), [3]
        meter = LagMeter(broker, "ledger", GROUP, 0.01, partitions=lambda: partitions[0])
        await broker.publish("ledger", [event(n) for n in range(1, 4)], partition=2)
        await asyncio.sleep(0.05)
        await meter.measure()
        assert [of_partition(place, "events") for place in range(4)] == [0, 0, 3, None]
        assert of_partition(2, "seconds") >= 0.05
        assert meter.state()["1"] == {"events": 0, "seconds": 0.0}
        assert meter.state()["2"]["events"] == 3
        partitions[0] = 2
        await meter.measure()
        assert [of_partition(place, "seconds") for place in range(3)] == [0, 0, None]
        await broker.aclose()


def of_partition(place, name):
    return REGISTRY.get_sample_value(f"mullion_projector_partition_lag_{name}", {"partition": str(place)})


async def test_a_broker_that_was_never_there_is_no_lag_of_zero():
    """A projector that starts in an outage counts from its start."""
    with ValkeyServer() as server:
        url = server.url
    broker, now = connect(url, POLICY), [5.0]
    meter = LagMeter(broker, "ledger", GROUP, 0.01, clock=lambda: now[0])
    now[0] += 7.0
    await meter.measure()
    assert math.isnan(shown()[0])
    assert shown()[1] == 7.0
    await broker.aclose()


async def test_the_lag_is_measured_until_the_projector_is_stopped():
    """At once, and then every so often."""
    stopping, lags = asyncio.Event(), [Lag(2, 0.5), Lag(1, 0.2), Lag(0, 0.0)]

    class Shrinking:
        async def lag(self, stream, group, *, partition):
            if len(lags) == 1:
                stopping.set()
            return lags.pop(0)

    meter = LagMeter(Shrinking(), "ledger", GROUP, 0.001)
    await asyncio.wait_for(meter.run(stopping), 30)
    assert (lags, shown()) == ([], (0, 0))
