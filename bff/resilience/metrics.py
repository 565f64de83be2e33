"""Prometheus metrics of guarded calls.

Public: `Meter`, `Unmetered`.
"""

from prometheus_client import Counter, Gauge, Histogram

from bff.resilience.breaker import Position, Transition
from bff.resilience.bulkhead import Bulkhead
from bff.resilience.message import Response
from bff.resilience.outcome import Failure
from bff.resilience.reason import Reason
from bff.resilience.resources import Resources

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1.0, 2.0, 5.0)

CALLS = Counter("mullion_calls", "Guarded calls by how they ended: ok, or the reason", ["upstream", "outcome"])
SECONDS = Histogram("mullion_call_seconds", "From the attempt to its end", ["upstream"], buckets=_SECONDS)
RETRIES = Counter("mullion_retries", "Second attempts", ["upstream"])
IN_FLIGHT = Gauge("mullion_calls_in_flight", "Places of the bulkhead that are taken", ["upstream"])
WAITING = Gauge("mullion_calls_waiting", "Calls that wait for a place", ["upstream"])
POSITION = Gauge("mullion_breaker_position", "1 at the breaker's position", ["upstream", "position"])
TRANSITIONS = Counter("mullion_breaker_transitions", "Moves of the breaker", ["upstream", "to"])
PROBES = Counter("mullion_probes", "Background probes by how they ended", ["upstream", "outcome"])
SHUT = Gauge("mullion_resources_shut", "Resources left alone, as what they say can not be used", ["upstream"])

LAST_GOOD = Counter("mullion_last_good", "Look-ups by what they gave", ["gave"])

OK = "ok"


class Meter:
    """The figures of one upstream. Labels are looked up once: a look-up costs more than the count."""

    def __init__(self, upstream: str, bulkhead: Bulkhead, resources: Resources) -> None:
        self._upstream = upstream
        self._seconds = SECONDS.labels(upstream)
        self._calls = {word: CALLS.labels(upstream, word) for word in (OK, *Reason)}
        self._retries = RETRIES.labels(upstream)
        # Read when scraped, not set when changed.
        IN_FLIGHT.labels(upstream).set_function(lambda: bulkhead.in_flight)
        WAITING.labels(upstream).set_function(lambda: bulkhead.waiting)
        SHUT.labels(upstream).set_function(lambda: resources.shut)
        self._stand(Position.CLOSED)

    def ended(self, ended: Response | Failure, times: int = 1) -> None:
        """A call ended; or so many, all alike."""
        self._calls[ended.reason if isinstance(ended, Failure) else OK].inc(times)

    def attempted(self, took_ms: float) -> None:
        """One attempt of a call ended."""
        self._seconds.observe(took_ms / 1000)

    def retried(self) -> None:
        """A second attempt is made."""
        self._retries.inc()

    def probed(self, ended: Response | Failure) -> None:
        """A background probe ended."""
        PROBES.labels(self._upstream, ended.reason.value if isinstance(ended, Failure) else OK).inc()

    def moved(self, transition: Transition) -> None:
        """The breaker moved."""
        TRANSITIONS.labels(self._upstream, transition.after.value).inc()
        self._stand(transition.after)

    def _stand(self, position: Position) -> None:
        for each in Position:
            POSITION.labels(self._upstream, each.value).set(each is position)


class Unmetered(Meter):
    """For a partition: what it meets is nothing to alerts, dashboards or the analysis of a rollout."""

    def __init__(self) -> None:
        pass

    def ended(self, ended: Response | Failure, times: int = 1) -> None:
        pass

    def attempted(self, took_ms: float) -> None:
        pass

    def retried(self) -> None:
        pass

    def probed(self, ended: Response | Failure) -> None:
        pass

    def moved(self, transition: Transition) -> None:
        pass
