"""A relay sends no more of a partition than its reader has room for, and shows what waits for it."""

import pytest

from bff.broker import Lag
from bff.commands.relay.backlog_metrics import OF_PARTITION, BacklogMetrics
from bff.commands.relay.backpressure import HELD_BACK, Backpressure

pytestmark = pytest.mark.quick


class Lags:
    """A broker that says how far the reader of each partition is behind, and records which were asked about."""

    def __init__(self, **behind):
        self.behind, self.queries = {int(place[1:]): events for place, events in behind.items()}, []

    async def lag(self, _stream, _reader, *, partition):
        self.queries.append(partition)
        return Lag(self.behind[partition], 0.0)


def pressure_on(broker, unread_events_max=10):
    return Backpressure(broker, unread_events_max, ask_s_min=1, ask_s_max=4)


async def test_a_partition_has_the_room_that_its_own_reader_leaves():
    """The broker is asked about those alone in which too little is left."""
    broker = Lags(p0=3, p1=10)
    pressure = pressure_on(broker)
    assert pressure.room((0, 1)) == {0: 0, 1: 0}, "nothing is known yet"
    await pressure.refresh(5, (0, 1), 0)
    assert (pressure.room((0, 1)), pressure.held_back, HELD_BACK._value.get()) == ({0: 7, 1: 0}, [1], 1)
    broker.behind[1] = 4
    await pressure.refresh(5, (0, 1), 0)
    assert (repr(pressure), pressure.held_back) == ("<Backpressure {0: 7, 1: 6} of 10>", [])
    pressure.count_published({0: 4, 2: 1})
    await pressure.refresh(3, (0, 1), 0)
    assert (pressure.room((0, 1)), broker.queries) == ({0: 3, 1: 6}, [0, 1, 1])
    pressure.keep({1, 2})
    assert pressure.room((0, 1, 2)) == {0: 0, 1: 6, 2: 0}


async def test_the_broker_is_asked_ever_more_rarely_about_a_reader_that_reads_nothing():
    """And at once while it reads, however far it is behind."""
    broker = Lags(p0=10)
    pressure, seconds = pressure_on(broker), []
    for second in range(16):
        await pressure.refresh(5, (0,), second)
        if broker.queries:
            seconds.append(second)
        broker.queries.clear()
    assert seconds == [0, 1, 2, 4, 8, 12]
    broker.behind[0] = 9
    for second in (16, 17):
        await pressure.refresh(5, (0,), second)
        broker.behind[0] -= 1
    assert broker.queries == [0, 0]


def test_a_partition_that_another_relay_has_taken_is_shown_there_alone():
    """Before anything was counted nothing is shown."""
    metrics = BacklogMetrics()
    assert metrics.total is None
    metrics.count({0: 2, 1: 3})
    assert metrics.total == 5
    metrics.count({1: 4})
    assert repr(metrics) == "<BacklogMetrics {1: 4}>"
    assert [sample.labels for sample in next(iter(OF_PARTITION.collect())).samples] == [{"partition": "1"}]
    metrics.count({})
