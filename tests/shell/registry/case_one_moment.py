"""Changes of the registry at one moment, by threads that stand for processes; `test_over_postgres.py` runs it.

An SQLite in memory lets no second connection wait, so there is nothing of this to see over it.
"""

import contextlib
import json
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from django.conf import settings
from django.db import connection

from shell.composition.page import PagesBroken
from shell.composition.release import Snapshot
from shell.operations import page_changes
from shell.pages.table import FilePages, read_pages
from shell.registry import holds, models, page_revisions, trial_controller
from shell.registry.analysis import AnalysisPolicy, Sample
from shell.registry.rollout import rollout_of, start_canary
from shell.registry.snapshot_loader import load_snapshot

pytestmark = pytest.mark.django_db(transaction=True)
NOW = datetime(2026, 3, 4, 9, 0, 30, tzinfo=UTC)
# How long one side is given to run into the other, if nothing keeps it from that.
MEETING_S = 1.0


@pytest.fixture(autouse=True)
def live() -> None:
    """Two releases of one fragment, of which the first is live."""
    for version in ("2", "1"):
        release = models.Release.objects.create(
            fragment="poll",
            version=version,
            digest=version * 64,
            manifest_url="http://127.0.0.1:9/manifest.json",
            manifest=json.dumps({"name": "poll", "version": version, "content": "/"}).encode(),
            fallback=b"<p>Off</p>",
        )
    models.LiveRelease.objects.create(fragment="poll", release=release)


def at_once(*changes: Callable[[], object]) -> list[Future[object]]:
    """Runs each in a thread with a connection of its own; returns the result or the error of each."""

    def run(change: Callable[[], object]) -> object:
        try:
            return change()
        finally:
            connection.close()

    with ThreadPoolExecutor(len(changes)) as threads:
        return [threads.submit(run, change) for change in changes]


def test_of_two_pages_published_at_one_moment_one_has_the_address(monkeypatch: pytest.MonkeyPatch) -> None:
    """The second is refused, and not left out of what every shell serves."""
    meeting, check = threading.Barrier(2), page_changes._check

    def checked(name: str, body: bytes, file: FilePages, operator: bool) -> None:
        check(name, body, file, operator)
        with contextlib.suppress(threading.BrokenBarrierError):  # the other has not come this far, as it should be
            meeting.wait(MEETING_S)

    monkeypatch.setattr(page_changes, "_check", checked)
    file = read_pages(settings.PAGES)

    def publish(name: str) -> Callable[[], object]:
        document = {"page": name, "route": "/offers/", "title": "Offers", "heading": "Offers"}
        layout = {"order": ["heading", "poll"], "slots": {"poll": {"skeleton": "list"}}}
        body = json.dumps({**document, "slots": {"poll": {"fragment": "poll"}}, "layout": layout}).encode()
        return lambda: page_changes.publish(name, body, file=file, operator=True, actor="ops", now=NOW)

    ended = [each.exception() for each in at_once(publish("offers"), publish("specials"))]
    assert sorted(type(each) for each in ended if each) == [PagesBroken], ended
    assert len(page_revisions.live_documents()) == 1


def test_of_changes_at_one_moment_no_shell_misses_any(monkeypatch: pytest.MonkeyPatch) -> None:
    """A shell that has read a generation still reads a change that began earlier and is committed later."""
    first_wrote, read, audit = threading.Event(), threading.Event(), page_revisions._audit
    seen: list[Snapshot] = []

    def audited(actor: str, action: str, page: str, detail: str) -> None:
        audit(actor, action, page, detail)
        first_wrote.set()
        read.wait(MEETING_S)

    monkeypatch.setattr(page_revisions, "_audit", audited)

    def later() -> None:
        first_wrote.wait(5)
        holds.hold("poll", reason="drill", actor="ops")
        seen.append(load_snapshot(Snapshot(), {})[0])
        read.set()

    check: Callable[[bytes], None] = lambda document: None  # noqa: E731
    early = lambda: page_revisions.publish_page("early", b"{}", check=check, actor="ops", now=NOW)  # noqa: E731
    for each in at_once(early, later):
        each.result()
    assert "early" in load_snapshot(seen[0], {})[0].pages


def test_two_shells_that_judge_a_trial_at_one_moment_take_one_step() -> None:
    """A second step would be taken without a sample of its own."""
    start_canary("poll", percent=0, release="2", promotes=True, steps="1:1m,10:1m,50:1m", actor="ci", now=NOW)
    rows = [models.Rollout.objects.select_related("release").get(fragment="poll") for _ in range(2)]
    policy, later = AnalysisPolicy(window_s=60, samples_min=5), NOW + timedelta(seconds=61)
    trial_controller.store_counts({"1" * 64: Sample(60), "2" * 64: Sample(60)}, later)
    verdict = trial_controller._verdict(rows[0], policy, later)
    events = [
        each.result()
        for each in at_once(*(lambda row=row: trial_controller._act_on(row, verdict, later) for row in rows))
    ]  # type: ignore[misc]
    assert sum(event is not None for event in events) == 1
    trial = rollout_of("poll")
    assert trial is not None
    assert (trial.step, trial.percent) == (2, 10.0)
