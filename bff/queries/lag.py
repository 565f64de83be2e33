"""How far the projector is behind, as its metrics say it.

Public: `LagMeter`.
"""

import asyncio
import math
import time
from collections.abc import Callable

from prometheus_client import Gauge

from bff.broker import Broker, BrokerUnavailable, Lag, pause

EVENTS = Gauge(
    "mullion_projector_lag_events", "Events in the stream that are not applied yet; NaN while the broker is away"
)
SECONDS = Gauge("mullion_projector_lag_seconds", "Age of the oldest event that is not applied yet, or may not be")


class LagMeter:
    """Asks the broker every `lag_s`.

    While the broker does not answer nobody knows how many events there are, and nothing is applied: then the gauge of
    events says that it is unknown, and the seconds grow from what they were, which is the longest it can be.
    """

    def __init__(
        self, broker: Broker, stream: str, group: str, lag_s: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._broker, self._stream, self._group = broker, stream, group
        self._lag_s, self._clock = lag_s, clock
        self._lag, self._lag_at = Lag(0, 0.0), clock()

    async def run(self, stopping: asyncio.Event) -> None:
        """Until `stopping`."""
        while not stopping.is_set():
            await self.measure()
            await pause(stopping, self._lag_s)

    async def measure(self) -> None:
        """Ask once, and set the gauges."""
        try:
            self._lag = await self._broker.lag(self._stream, self._group)
        except BrokerUnavailable:
            EVENTS.set(math.nan)
            SECONDS.set(self._lag.seconds + self._clock() - self._lag_at)
        else:
            self._lag_at = self._clock()
            EVENTS.set(self._lag.events)
            SECONDS.set(self._lag.seconds)
