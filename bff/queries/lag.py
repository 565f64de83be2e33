"""Metrics of the projector's lag.

Public: `LagMeter`.
"""

import asyncio
import math
import time
from collections.abc import Callable
from typing import Any

from prometheus_client import Gauge

from bff.broker import Broker, BrokerUnavailable, Lag, pause

EVENTS = Gauge(
    "mullion_projector_lag_events", "Events in the stream that are not applied yet; NaN while the broker is away"
)
OF_PARTITION = Gauge(
    "mullion_projector_partition_lag_events",
    "The same of one partition, as it was when the broker last said",
    ["partition"],
)
SECONDS_OF_PARTITION = Gauge(
    "mullion_projector_partition_lag_seconds",
    "Age of the oldest event of one partition that is not applied yet, as it was when the broker last said",
    ["partition"],
)
SECONDS = Gauge("mullion_projector_lag_seconds", "Age of the oldest event that is not applied yet, or may not be")


class LagMeter:
    """Asks the broker every `lag_s` about each partition, also those of other processes; the gauges are the sum of
    their events and the longest of their seconds.

    While the broker does not answer nobody knows how many events there are, and nothing is applied: then the gauge of
    events says that it is unknown, and the seconds grow from what they were, which is the longest it can be.
    """

    def __init__(
        self,
        broker: Broker,
        stream: str,
        group: str,
        lag_s: float,
        clock: Callable[[], float] = time.monotonic,
        *,
        partitions: Callable[[], int] = lambda: 1,
    ) -> None:
        self._broker, self._stream, self._group, self._partitions = broker, stream, group, partitions
        self._lag_s, self._clock = lag_s, clock
        self._lag, self._lag_at = Lag(0, 0.0), clock()
        self.lags: list[Lag] = []  # of each partition, as the broker last said

    def state(self) -> dict[str, Any]:
        """For /healthz: of each partition, whoever holds it."""
        return {str(place): {"events": lag.events, "seconds": lag.seconds} for place, lag in enumerate(self.lags)}

    async def run(self, stopping: asyncio.Event) -> None:
        """Until `stopping`."""
        while not stopping.is_set():
            await self.measure()
            await pause(stopping, self._lag_s)

    async def measure(self) -> None:
        """Ask once, and set the gauges."""
        try:
            lags = await asyncio.gather(
                *(self._broker.lag(self._stream, self._group, partition=place) for place in range(self._partitions()))
            )
        except BrokerUnavailable:
            EVENTS.set(math.nan)
            SECONDS.set(self._lag.seconds + self._clock() - self._lag_at)
        else:
            self._lag = Lag(sum(lag.events for lag in lags), max(lag.seconds for lag in lags))
            self._lag_at = self._clock()
            for place, lag in enumerate(lags):
                OF_PARTITION.labels(str(place)).set(lag.events)
                SECONDS_OF_PARTITION.labels(str(place)).set(lag.seconds)
            for place in range(len(lags), len(self.lags)):
                OF_PARTITION.remove(str(place))
                SECONDS_OF_PARTITION.remove(str(place))
            self.lags = lags
            EVENTS.set(self._lag.events)
            SECONDS.set(self._lag.seconds)
