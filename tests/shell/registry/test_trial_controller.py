"""Counts of a trial from all processes are added up, acted on once, and audited with the reason."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from bff.contracts.manifest import parse
from bff.resilience.outcome import State
from bff.resilience.reason import Reason
from shell.composition.ladder import Included
from shell.composition.page import Slot
from shell.composition.release import Canary, Release, Role, Snapshot
from shell.registry import models, trial_controller
from shell.registry.analysis import AnalysisPolicy, Finding, Sample, Verdict
from shell.registry.rollout import abort, pause, rollout_of, start_canary
from shell.registry.tallies import ReleaseTally
from shell.registry.trial_controller import review

pytestmark = pytest.mark.django_db(transaction=True)
NOW = datetime(2026, 3, 4, 9, 0, 30, tzinfo=UTC)
POLICY = AnalysisPolicy(window_s=60, samples_min=50)
WELL, BROKEN = Sample(60), Sample(60, failed=60)
LIVE, NEXT = "1" * 64, "2" * 64


@pytest.fixture(autouse=True)
def trial() -> None:
    """Of release 2 beside release 1, with automatic promotion."""
    for version in ("1", "2"):
        manifest = json.dumps({"name": "poll", "version": version, "content": "/"}).encode()
        release = models.Release.objects.create(
            fragment="poll",
            version=version,
            digest=version * 64,
            manifest_url="x",
            manifest=manifest,
            fallback=b"<p>Off",
        )
        if version == "1":
            models.LiveRelease.objects.create(fragment="poll", release=release)
    start_canary("poll", percent=10, release="2", promotes=True, actor="team", now=NOW)


def last() -> tuple[str, str, str]:
    entry = models.AuditEntry.objects.order_by("-pk")[0]
    return entry.actor, entry.action, entry.detail


def live() -> str:
    return models.LiveRelease.objects.select_related("release").get(fragment="poll").release.version


def test_release_that_fails_is_rolled_back_at_once_with_its_figures() -> None:
    """The counts of two processes are added; either of them rolls back at its next look."""
    half = Sample(30, failed=30)
    review({NEXT: half, LIVE: Sample(30)}, POLICY, NOW + timedelta(seconds=2))
    assert rollout_of("poll") is not None, "not yet enough"
    review({NEXT: half, LIVE: Sample(30)}, POLICY, NOW + timedelta(seconds=3))
    assert rollout_of("poll") is None
    assert live() == "1"
    assert last() == ("analysis", "canary_rolled_back", "100.0% of 60 outcomes failed, beside 0.0% of 60")
    review({}, POLICY, NOW + timedelta(seconds=5))
    assert models.AuditEntry.objects.filter(action="canary_rolled_back").count() == 1


def test_release_that_does_well_is_promoted_at_the_end_of_its_window() -> None:
    """Not before the window has ended."""
    review({NEXT: WELL, LIVE: WELL}, POLICY, NOW + timedelta(seconds=59))
    assert live() == "1"
    review({}, POLICY, NOW + timedelta(seconds=61))
    assert live() == "2"
    assert last()[:2] == ("analysis", "promoted")
    assert models.Superseded.objects.get().release.version == "1"


def test_trial_of_which_too_little_is_known_is_paused_and_never_promoted() -> None:
    """However long it lasts; it is still rolled back when it fails."""
    review({NEXT: Sample(10), LIVE: WELL}, POLICY, NOW + timedelta(seconds=61))
    view = rollout_of("poll")
    assert view is not None
    assert view.held_back.startswith("inconclusive: 10 outcomes of the trial")
    review({NEXT: WELL, LIVE: WELL}, POLICY, NOW + timedelta(seconds=300))
    assert live() == "1"
    assert models.AuditEntry.objects.filter(action="paused").count() == 1
    review({NEXT: BROKEN, LIVE: WELL}, POLICY, NOW + timedelta(seconds=302))
    assert rollout_of("poll") is None


@pytest.mark.parametrize("moved", ["rolled back", "begun anew", "paused"])
def test_verdict_is_of_the_trial_that_was_looked_at(moved: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A change that a team makes while the figures are judged is kept; the next look judges the changed trial."""

    def judged(row: models.Rollout, policy: AnalysisPolicy, now: datetime) -> Verdict:
        if moved == "paused":
            pause("poll", actor="team")
        else:
            abort("poll", actor="team", why="prices are wrong")
        if moved == "begun anew":
            start_canary("poll", percent=50, release="2", promotes=True, actor="team", now=now)
        return Verdict(Finding.WELL, "it did well")

    monkeypatch.setattr(trial_controller, "_verdict", judged)
    assert review({}, POLICY, NOW + timedelta(seconds=61)) == []
    assert live() == "1"
    trial = rollout_of("poll")
    assert (trial.percent if trial else None) == {"rolled back": None, "begun anew": 50, "paused": 10}[moved]


def test_what_was_long_ago_excuses_nothing() -> None:
    """A healthy hour before does not hide a failing minute."""
    models.Rollout.objects.update(promotes=False)
    review({NEXT: Sample(100_000), LIVE: Sample(100_000)}, POLICY, NOW)
    review({NEXT: BROKEN, LIVE: WELL}, POLICY, NOW + timedelta(hours=2))
    assert rollout_of("poll") is None
    assert models.ReleaseMinute.objects.count() == 2, "minutes that nobody looks at are gone"


def test_only_what_a_release_did_itself_is_counted_while_it_is_on_trial() -> None:
    """A hold, a visitor who left, a refetch of an older page, and a fragment without a trial count nothing."""
    manifest = parse(b'{"name": "poll", "version": "1", "content": "/"}')

    def release(digest: str, role: Role = Role.STABLE, fragment: str = "poll") -> Release:
        return Release(fragment, digest, manifest, "x", b"", css=(), js=(), role=role)

    candidate = release(NEXT, Role.CANARY)
    snapshots = [Snapshot(), Snapshot(1, {"poll": release(LIVE)}, canaries={"poll": Canary(candidate, 1000, b"salt")})]
    tally = ReleaseTally(lambda: snapshots[-1])
    slot = Slot("poll", "poll")
    for state, reason in (
        (State.FRESH, None),
        (State.DEGRADED, Reason.UPSTREAM_ERROR),
        (State.STALE, Reason.TIMEOUT),
        (State.FALLBACK, Reason.CONNECT),
        (State.FALLBACK, Reason.HELD),
        (State.FALLBACK, Reason.LEFT),
    ):
        tally.note(Included(slot, state, b"", candidate, reason, ms=20))
    tally.note(Included(slot, State.FRESH, b"", release(LIVE)))
    tally.note(Included(slot, State.FRESH, b"", release("3" * 64, Role.EARLIER)))
    tally.note(Included(Slot("w", "wallet"), State.FRESH, b"", release("4" * 64, fragment="wallet")))
    taken = tally.take()
    assert {digest: (each.total, each.failed, each.degraded) for digest, each in taken.items()} == {
        NEXT: (4, 2, 1),
        LIVE: (1, 0, 0),
    }
    assert (sum(taken[NEXT].latencies), sum(taken[LIVE].latencies)) == (4, 0)
    snapshots.pop()
    tally.note(Included(slot, State.FRESH, b"", candidate, ms=20))
    assert tally.take() == {}
