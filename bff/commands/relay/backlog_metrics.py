"""What waits in the outbox for this relay, as its metrics and its health page say it.

Public: `BacklogMetrics`.
"""

from collections.abc import Mapping

from prometheus_client import Gauge

BACKLOG = Gauge("mullion_relay_backlog_events", "Events of this relay's partitions that have not left the outbox")
OF_PARTITION = Gauge("mullion_relay_partition_backlog_events", "The same of one partition", ["partition"])


class BacklogMetrics:
    """`events` by partition, None before they were counted. A partition that another relay has is shown there alone."""

    def __init__(self) -> None:
        self.events: Mapping[int, int] | None = None

    def __repr__(self) -> str:
        return f"<BacklogMetrics {self.events}>"

    @property
    def total(self) -> int | None:
        """Of all partitions together."""
        return None if self.events is None else sum(self.events.values())

    def count(self, events: Mapping[int, int]) -> None:
        """So many events of each partition of this relay wait."""
        for place in (self.events or {}).keys() - events.keys():
            OF_PARTITION.remove(str(place))
        for place, waiting in events.items():
            OF_PARTITION.labels(str(place)).set(waiting)
        self.events = events
        BACKLOG.set(sum(events.values()))
