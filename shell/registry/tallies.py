"""Outcomes of releases while one of them is on trial: counted in each process, added up in the database by the minute.

Public: `ReleaseTally`, `store_counts`, `read_sample`.
"""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from django.db import transaction

from bff.resilience.outcome import State
from bff.resilience.reason import Reason
from shell.composition.ladder import Included
from shell.composition.release import Role, Snapshot
from shell.registry import models
from shell.registry.analysis import BUCKETS, Sample, bucket_of

# What an operator, the shell or a visitor decided says nothing about a release.
_NOT_ITS_OWN = frozenset({Reason.HELD, Reason.NOT_PUBLISHED, Reason.UNAUTHORISED, Reason.LEFT, Reason.INTERNAL})
_AGE_S_MAX = 3600


class ReleaseTally:
    """Counts of this process since they were taken last, of releases whose fragment has a trial in `snapshot()`."""

    def __init__(self, snapshot: Callable[[], Snapshot]) -> None:
        self._snapshot = snapshot
        self._counts: dict[str, _Count] = {}

    def note(self, included: Included) -> None:
        """An outcome; without a trial it costs a look."""
        canaries = self._snapshot().canaries
        release = included.release
        if not canaries or release is None or release.fragment not in canaries or release.role is Role.EARLIER:
            return
        if included.reason in _NOT_ITS_OWN:
            return
        self._counts.setdefault(release.digest, _Count()).add(included)

    def take(self) -> dict[str, Sample]:
        """By digest what was counted since the last time."""
        counts, self._counts = self._counts, {}
        return {digest: count.sample() for digest, count in counts.items()}


class _Count:
    __slots__ = ("degraded", "failed", "latencies", "total")

    def __init__(self) -> None:
        self.total = self.failed = self.degraded = 0
        self.latencies = [0] * BUCKETS

    def add(self, included: Included) -> None:
        self.total += 1
        self.failed += included.state not in (State.FRESH, State.DEGRADED)
        self.degraded += included.state is State.DEGRADED
        if included.ms:  # what took no call says nothing about how fast it is
            self.latencies[bucket_of(included.ms)] += 1

    def sample(self) -> Sample:
        return Sample(self.total, self.failed, self.degraded, tuple(self.latencies))


@transaction.atomic
def store_counts(counts: Mapping[str, Sample], now: datetime) -> None:
    """Add what one process counted to the minute of `now`; minutes that nobody looks at any more go."""
    minute = now.replace(second=0, microsecond=0)
    for digest, sample in sorted(counts.items()):
        row, _ = models.ReleaseMinute.objects.select_for_update().get_or_create(digest=digest, minute=minute)
        row.total += sample.total
        row.failed += sample.failed
        row.degraded += sample.degraded
        row.latencies = list(_added(row.latencies or [0] * BUCKETS, sample.latencies))
        row.save()
    models.ReleaseMinute.objects.filter(minute__lt=now - timedelta(seconds=_AGE_S_MAX)).delete()


def read_sample(digest: str, since: datetime) -> Sample:
    """What all processes counted of a release, from the minute of `since` on."""
    total = failed = degraded = 0
    latencies = (0,) * BUCKETS
    minute = since.replace(second=0, microsecond=0)
    for row in models.ReleaseMinute.objects.filter(digest=digest, minute__gte=minute):
        total, failed, degraded = total + row.total, failed + row.failed, degraded + row.degraded
        latencies = _added(latencies, row.latencies)
    return Sample(total, failed, degraded, latencies)


def _added(one: "tuple[int, ...] | list[int]", other: "tuple[int, ...] | list[int]") -> tuple[int, ...]:
    return tuple(a + b for a, b in zip(one, other, strict=True))
