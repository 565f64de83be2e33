"""Outcomes of releases while one of them is on trial: counted in each process, added up in the database by the minute.

Public: `ReleaseTally`, `ScriptErrorSeen`, `store_counts`, `store_script_errors`, `read_sample`.
"""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from typing import NamedTuple

from django.db import transaction

from bff.resilience.outcome import State
from bff.resilience.reason_properties import PROPERTIES
from shell.composition.ladder import Included
from shell.composition.release import Role, Snapshot
from shell.registry import models
from shell.registry.analysis import BUCKETS, Sample, bucket_of

_AGE_S_MAX = 3600
# The most script errors that one process takes between two evaluations, and how many visitors of one network count.
_SCRIPT_ERRORS_MAX = 1000
_VISITORS_A_NETWORK_MAX = 3


class ReleaseTally:
    """Counts of this process since they were taken last, of releases whose fragment has a trial in `snapshot()`."""

    def __init__(self, snapshot: Callable[[], Snapshot]) -> None:
        self._snapshot = snapshot
        self._counts: dict[str, _Count] = {}
        self._script_errors: set[ScriptErrorSeen] = set()

    def note(self, included: Included) -> None:
        """An outcome; without a trial it costs a look."""
        canaries = self._snapshot().canaries
        release = included.release
        if not canaries or release is None or release.fragment not in canaries or release.role is Role.EARLIER:
            return
        if included.reason is not None and not PROPERTIES[included.reason].judges_release:
            return
        self._counts.setdefault(release.digest, _Count()).add(included)

    def note_script_error(self, digest: str, visitor: str, network: str) -> None:
        """A script of a release threw in this visitor's browser; of a flood the rest is left out."""
        if len(self._script_errors) < _SCRIPT_ERRORS_MAX:
            self._script_errors.add(ScriptErrorSeen(digest, _hashed(visitor), _hashed(network)))

    def take_script_errors(self) -> "set[ScriptErrorSeen]":
        """Since the last time."""
        seen, self._script_errors = self._script_errors, set()
        return seen

    def take(self) -> dict[str, Sample]:
        """By digest what was counted since the last time."""
        counts, self._counts = self._counts, {}
        return {digest: count.sample() for digest, count in counts.items()}


class ScriptErrorSeen(NamedTuple):
    """In whose browser which release's script threw; visitor and network are hashes."""

    digest: str
    visitor: str
    network: str


def _hashed(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:32]


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
    """Add one process's counts to the minute of `now`; minutes outside of any window are deleted."""
    minute = now.replace(second=0, microsecond=0)
    for digest, sample in sorted(counts.items()):
        row, _ = models.ReleaseMinute.objects.select_for_update().get_or_create(digest=digest, minute=minute)
        row.total += sample.total
        row.failed += sample.failed
        row.degraded += sample.degraded
        row.latencies = list(_added(row.latencies or [0] * BUCKETS, sample.latencies))
        row.save()
    models.ReleaseMinute.objects.filter(minute__lt=now - timedelta(seconds=_AGE_S_MAX)).delete()


def store_script_errors(seen: Iterable[ScriptErrorSeen], now: datetime) -> None:
    """Each visitor counts once for a release."""
    rows = [models.ScriptError(**each._asdict(), at=now) for each in seen]
    models.ScriptError.objects.bulk_create(rows, ignore_conflicts=True)
    models.ScriptError.objects.filter(at__lt=now - timedelta(seconds=_AGE_S_MAX)).delete()


def _script_visitors(digest: str, since: datetime) -> int:
    """Distinct visitors whose browsers a script threw in; of one network a few at most."""
    rows = models.ScriptError.objects.filter(digest=digest, at__gte=since)
    networks = Counter(rows.values_list("network", flat=True))
    return sum(min(count, _VISITORS_A_NETWORK_MAX) for count in networks.values())


def read_sample(digest: str, since: datetime) -> Sample:
    """What all processes counted of a release, from the minute of `since` on."""
    total = failed = degraded = 0
    latencies = (0,) * BUCKETS
    minute = since.replace(second=0, microsecond=0)
    for row in models.ReleaseMinute.objects.filter(digest=digest, minute__gte=minute):
        total, failed, degraded = total + row.total, failed + row.failed, degraded + row.degraded
        latencies = _added(latencies, row.latencies)
    return Sample(total, failed, degraded, latencies, _script_visitors(digest, since))


def _added(one: "tuple[int, ...] | list[int]", other: "tuple[int, ...] | list[int]") -> tuple[int, ...]:
    return tuple(a + b for a, b in zip(one, other, strict=True))
