"""The metrics of the live process.

Public: `Metrics`.
"""

import time
from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

if TYPE_CHECKING:
    from bff.live.hub import Hub

_LAG_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)


class Metrics(Collector):
    """Counts as things happen, and looks at the hub when asked. Nothing here costs a send more than an addition."""

    def __init__(self, hub: "Hub") -> None:
        self._hub = hub
        self.sent_before = 0  # by sockets that have gone
        self.registry = CollectorRegistry()
        self.registry.register(self)
        self._refused = Counter(
            "mullion_live_refused", "Sockets refused at the door", ["reason"], registry=self.registry
        )
        self._closed = Counter("mullion_live_closed", "Sockets closed from this side", ["code"], registry=self.registry)
        self._dropped = Counter(
            "mullion_live_dropped", "Messages of the store that were not delivered", ["reason"], registry=self.registry
        )
        self._lag = Histogram(
            "mullion_live_lag_seconds",
            "From the store's clock to this process",
            buckets=_LAG_S,
            registry=self.registry,
        )

    def refused(self, reason: str) -> None:
        """A socket was not let in."""
        self._refused.labels(reason).inc()

    def closed(self, code: int) -> None:
        """A socket was closed from this side."""
        self._closed.labels(str(code)).inc()

    def dropped(self, reason: str) -> None:
        """A message about a followed topic was not delivered."""
        self._dropped.labels(reason).inc()

    def delivered(self, as_of: datetime | None) -> None:
        """A message was put into boxes."""
        if as_of is not None:
            self._lag.observe(max(0.0, time.time() - as_of.timestamp()))

    def collect(self) -> Iterator[Metric]:
        """Gauges of this moment."""
        hub = self._hub
        yield GaugeMetricFamily("mullion_live_sockets", "Open sockets", value=len(hub.sockets))
        yield GaugeMetricFamily("mullion_live_topics", "Topics that somebody follows", value=len(hub.fanout))
        queued = [len(socket.box) for socket in hub.sockets]
        yield GaugeMetricFamily("mullion_live_queue", "Texts waiting in all boxes", value=sum(queued))
        yield GaugeMetricFamily(
            "mullion_live_queue_max", "Texts waiting in the fullest box", value=max(queued, default=0)
        )
        yield GaugeMetricFamily("mullion_live_listening", "1 while the subscription stands", value=hub.listening)
        sent = self.sent_before + sum(socket.sent for socket in hub.sockets)
        yield CounterMetricFamily("mullion_live_sent", "Texts handed to the server", value=sent)

    def render(self) -> bytes:
        """The text exposition format."""
        return generate_latest(self.registry)
