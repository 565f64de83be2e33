"""A relay sends no more than the slowest reader has room for, and shows what waits for it."""

from types import SimpleNamespace

import pytest

from bff.broker import Lag
from bff.commands.relay.backlog_metrics import OF_PARTITION, BacklogMetrics
from bff.commands.relay.backpressure import Backpressure

pytestmark = pytest.mark.quick


async def test_nothing_is_published_beyond_what_the_slowest_reader_has_room_for():
    """The broker is not asked while there is room."""
    calls, lags = [], {0: 3, 1: 10}

    async def lag(_stream, _reader, *, partition):
        calls.append(partition)
        return Lag(lags[partition], 0.0)

    pressure = Backpressure(SimpleNamespace(lag=lag), 10)
    await pressure.refresh(5, (0, 1))
    assert (pressure.events_left, pressure.is_full) == (0, True)
    lags[1] = 4
    await pressure.refresh(5, (0, 1))
    assert (repr(pressure), pressure.is_full) == ("<Backpressure 6 of 10>", False)
    await pressure.refresh(5, (0, 1))
    pressure.count_published(4)
    assert (pressure.events_left, calls) == (2, [0, 1, 0, 1])
    pressure.forget()
    assert pressure.events_left == 0


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
