"""A trial advances through its steps, each judged by a sample of its own; audit and board have the result."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from shell.composition.release import Snapshot
from shell.operations import status
from shell.registry import models
from shell.registry.analysis import AnalysisPolicy, Sample
from shell.registry.rollout import RolloutRefused, RolloutView, rollout_of, start_canary
from shell.registry.snapshot_loader import load_snapshot
from shell.registry.steps import Step, StepsRefused, parse_steps, steps_text
from shell.registry.trial_controller import review

NOW = datetime(2026, 3, 4, 9, 0, tzinfo=UTC)
POLICY = AnalysisPolicy(window_s=60, samples_min=50)
WELL, BROKEN, LITTLE = Sample(60), Sample(60, failed=60), Sample(9)
LIVE, NEXT = "1" * 64, "2" * 64


@pytest.mark.parametrize(
    ("text", "steps"),
    [
        ("", ()),
        ("1:10m,10:30m,50:1h", (Step(1, 600), Step(10, 1800), Step(50, 3600))),
        ("0.5:90s, 25:2d", (Step(0.5, 90), Step(25, 172_800))),
    ],
)
def test_steps_are_read_as_they_are_written(text: str, steps: tuple[Step, ...]) -> None:
    """Writing and reading steps are inverse."""
    assert parse_steps(text) == steps
    assert parse_steps(steps_text(steps)) == steps


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("10", "write 10:30m"),
        ("10:30", "write 10:30m"),
        ("100:1m", "write 10:30m"),
        ("1:1m,,2:1m", "write 10:30m"),
        ("0:10m", "0.01 % at least"),
        ("0.001:10m", "write 10:30m"),
        ("1:0m", "30 days at most"),
        ("1:31d", "30 days at most"),
        ("10:1m,10:1m", "no more visitors than the step before"),
        (",".join(f"{n}:1m" for n in range(1, 30)), "20 are taken"),
    ],
)
def test_what_is_no_step_is_refused_by_step(text: str, words: str) -> None:
    """One sentence names the step, and nothing is changed."""
    with pytest.raises(StepsRefused, match=words):
        parse_steps(text)


@pytest.fixture
def poll(transactional_db: None) -> None:
    """Release 1 is live, release 2 is on trial in three steps."""
    for version in ("1", "2"):
        manifest = json.dumps({"name": "poll", "version": version, "content": "/"}).encode()
        release = models.Release.objects.create(
            fragment="poll", version=version, digest=version * 64, manifest_url="x", manifest=manifest, fallback=b"<p>x"
        )
        if version == "1":
            models.LiveRelease.objects.create(fragment="poll", release=release)
    start_canary("poll", percent=0, release="2", promotes=False, actor="team", now=NOW, steps="1:2m,10:4m,50:1h")


def after(minutes: float, trial: Sample = WELL, live: Sample = WELL) -> RolloutView | None:
    """The trial after the controller has looked at this moment."""
    review({NEXT: trial, LIVE: live}, POLICY, NOW + timedelta(minutes=minutes))
    return rollout_of("poll")


def place(view: RolloutView | None) -> tuple[int, float] | None:
    return None if view is None else (view.step, view.percent)


def last() -> tuple[str, str]:
    entry = models.AuditEntry.objects.order_by("-pk")[0]
    return entry.action, entry.detail


@pytest.mark.usefixtures("poll")
def test_trial_goes_from_step_to_step_and_is_promoted_after_the_last() -> None:
    """Each step lasts its whole time, and its figures are in the audit."""
    assert place(rollout_of("poll")) == (1, 1)
    assert place(after(1.9)) == (1, 1)
    assert place(after(2.1)) == (2, 10)
    assert last()[1].startswith("10 % of visitors, step 2 of 3: ")
    assert place(after(6)) == (2, 10)
    assert place(after(6.2)) == (3, 50)
    assert place(after(66)) == (3, 50)
    assert after(66.3) is None
    assert last()[0] == "promoted"
    assert models.LiveRelease.objects.select_related("release").get().release.version == "2"


@pytest.mark.usefixtures("poll")
def test_step_of_which_too_little_is_known_is_paused_and_never_promoted() -> None:
    """However long it lasts; it is still rolled back when it fails."""
    view = after(2.1, LITTLE)
    assert view is not None
    assert (view.step, view.held_back) == (
        1,
        "inconclusive: 9 outcomes of the trial, 60 of what is live within 120 s; 50 are needed",
    )
    snapshot, _ = load_snapshot(Snapshot(), {})
    assert status.trial_of(snapshot, "poll").startswith("2 on trial for 1 % of visitors: inconclusive: 9 outcomes")
    assert place(after(200)) == (1, 1)
    assert after(201, BROKEN) is None
    assert last()[0] == "canary_rolled_back"


@pytest.mark.usefixtures("poll")
def test_harm_in_a_long_step_is_seen_in_its_last_minutes() -> None:
    """A healthy hour before does not hide it, and the board shows the reason for a day."""
    after(2.1)
    after(6.2)
    after(30, Sample(100_000), Sample(100_000))
    events = review({NEXT: BROKEN, LIVE: WELL}, POLICY, NOW + timedelta(minutes=40))
    assert [(each.event, each.fragment, each.version, each.digest) for each in events] == [
        ("trial_rolled_back", "poll", "2", NEXT)
    ]
    assert events[0].reason == "100.0% of 60 outcomes failed, beside 0.0% of 60"
    snapshot, _ = load_snapshot(Snapshot(), {})
    assert status.trial_of(snapshot, "poll").endswith(f"by analysis: {events[0].reason}")
    models.AuditEntry.objects.filter(action="canary_rolled_back").update(at=NOW - timedelta(days=400))
    models.AuditEntry.objects.create(actor="x", action="published", fragment="poll")
    snapshot, _ = load_snapshot(Snapshot(), {})
    assert status.trial_of(snapshot, "poll") == ""


@pytest.mark.usefixtures("poll")
def test_steps_that_can_not_be_are_refused_and_the_trial_stays() -> None:
    """Command and API refuse in the same words; other valid steps start over with the first."""
    with pytest.raises(RolloutRefused, match="no more visitors"):
        start_canary("poll", percent=0, release="", promotes=False, actor="t", now=NOW, steps="5:1m,2:1m")
    assert place(after(2.1)) == (2, 10)
    view = start_canary("poll", percent=0, release="", promotes=False, actor="t", now=NOW, steps="5:1m,20:1m")
    assert (view.steps, view.step, view.percent, view.promotes) == ("5:1m,20:1m", 1, 5, True)
