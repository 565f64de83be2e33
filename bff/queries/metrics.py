"""Metrics of the read side.

Public: `Metrics`.
"""

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest

# A view is one round trip to the store, so the interesting part lies below 10 ms; 0.15 is the longest wait.
_BUCKETS = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.25, 1.0)


class Metrics:
    """One registry an application, so that two of them in one process do not add up."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._views = Counter("mullion_views_total", "Views answered.", ["view", "status"], registry=self.registry)
        self._seconds = Histogram(
            "mullion_view_seconds", "Time to answer a view.", ["view"], buckets=_BUCKETS, registry=self.registry
        )
        self._pending = Counter(
            "mullion_views_pending_total",
            "Reads that were told to wait and ran out of it.",
            ["view"],
            registry=self.registry,
        )

    def answered(self, view: str, status: int, seconds: float, *, pending: bool = False) -> None:
        self._views.labels(view, str(status)).inc()
        self._seconds.labels(view).observe(seconds)
        if pending:
            self._pending.labels(view).inc()

    def page(self) -> bytes:
        return generate_latest(self.registry)
