"""A release on trial: published beside the live one, promoted or rolled back, and the forms of open
pages in between.
"""

from datetime import UTC, datetime, timedelta
from io import StringIO

import pytest
from asgiref.sync import sync_to_async
from django.core.management import CommandError, call_command

from shell.composition.release import Release, Role, Snapshot
from shell.registry import models
from shell.registry.going_live import OLD_PAGES_S
from shell.registry.origins import Origins
from shell.registry.publish import PublishRefused, Trial, publish
from shell.registry.snapshot_poller import SnapshotPoller
from tests.origin.server import Origin

pytestmark = pytest.mark.django_db(transaction=True)
LOOPBACK = Origins([], loopback=True)


async def published(origin: Origin, trial: Trial | None = None) -> str:
    return (await publish(f"{origin.url}/manifest.json", origins=LOOPBACK, actor="tests", trial=trial)).digest


async def command(*argv: str) -> str:
    output = StringIO()
    await sync_to_async(call_command)("fragment", *argv, stdout=output)
    return output.getvalue()


async def snapshot() -> Snapshot:
    """The snapshot that a shell loads if it starts at this moment."""
    poller = SnapshotPoller()
    await poller.refresh()
    return poller.current


async def tried(origin: Origin) -> tuple[Release, Release, Snapshot]:
    """(the live release, the release that half of the visitors get, the snapshot)."""
    await published(origin)
    await origin.fail("odd-manifest=changing", at="/manifest.json")
    await published(origin, Trial(50))
    found = await snapshot()
    return found.releases["origin"], found.canaries["origin"].release, found


async def test_release_on_trial_stands_beside_what_is_live() -> None:
    """Both have tagged addresses, so that forms and refetches reach the release that drew them; without a trial there
    are no tags.
    """
    async with Origin() as origin:
        await published(origin)
        assert (await snapshot()).releases["origin"].tag == ""
        await origin.fail("odd-manifest=changing", at="/manifest.json")
        digest = await published(origin, Trial(50))
    found = await snapshot()
    live, trial = found.releases["origin"], found.canaries["origin"]
    assert (trial.release.digest, trial.share, trial.release.role) == (digest, 5000, Role.CANARY)
    assert live.tag
    assert trial.release.tag
    assert live.tag != trial.release.tag
    assert found.drawn_by("origin", live.tag) is live
    assert found.drawn_by("origin", trial.release.tag) is trial.release


async def test_promotion_leaves_forms_of_open_pages_to_what_drew_them() -> None:
    """Pages from before, tagged or not, post to the earlier release for some hours."""
    async with Origin() as origin:
        live, trial, _ = await tried(origin)
    assert "is live for everybody" in await command("promote", "origin")
    found = await snapshot()
    assert found.releases["origin"].digest == trial.digest
    assert not found.canaries
    for tag in (live.tag, ""):
        drawn = found.drawn_by("origin", tag)
        assert drawn is not None
        assert (drawn.digest, drawn.role) == (live.digest, Role.EARLIER)
    drawn = found.drawn_by("origin", trial.tag)
    assert drawn is not None
    assert (drawn.digest, drawn.role) == (trial.digest, Role.STABLE)
    await models.Superseded.objects.aupdate(at=datetime.now(UTC) - timedelta(seconds=OLD_PAGES_S + 1))
    later = await snapshot()
    assert later.drawn_by("origin", live.tag) is None
    assert later.drawn_by("origin", "") is later.releases["origin"]


async def test_rollback_of_a_trial_ends_it_and_its_open_forms() -> None:
    """The live release stays, and so do the forms of its pages."""
    async with Origin() as origin:
        live, trial, _ = await tried(origin)
    assert f"({live.digest[:12]}) again" in await command("rollback", "origin", "--reason", "prices")
    found = await snapshot()
    assert not found.canaries
    assert found.drawn_by("origin", trial.tag) is None
    drawn = found.drawn_by("origin", live.tag)
    assert drawn is not None
    assert drawn.digest == live.digest
    last = await models.AuditEntry.objects.order_by("-pk").afirst()
    assert last is not None
    assert (last.action, last.detail) == ("canary_rolled_back", "prices")


async def test_rollback_after_promotion_withdraws_what_was_promoted() -> None:
    """Open forms of the withdrawn release are not sent."""
    async with Origin() as origin:
        live, trial, _ = await tried(origin)
    await command("promote", "origin")
    await command("rollback", "origin")
    found = await snapshot()
    assert found.releases["origin"].digest == live.digest
    assert found.drawn_by("origin", trial.tag) is None
    drawn = found.drawn_by("origin", live.tag)
    assert drawn is not None
    assert drawn.role is Role.STABLE


async def test_share_is_changed_and_a_pause_is_seen() -> None:
    """During a trial the verbs need only the fragment's name."""
    async with Origin() as origin:
        await tried(origin)
    assert "for 62.5 % of visitors" in await command("canary", "origin", "--share", "62.5", "--promotes")
    assert "paused by" in await command("pause", "origin")
    assert (await snapshot()).canaries["origin"].share == 6250


async def test_first_release_has_nothing_to_be_tried_beside() -> None:
    """It becomes live at once."""
    async with Origin() as origin:
        await published(origin, Trial(10))
    assert (await snapshot()).releases["origin"]


async def test_publishing_what_is_on_trial_again_is_no_change() -> None:
    """A repeated CI run changes nothing; another release is refused until the trial has ended."""
    async with Origin() as origin:
        await published(origin)
        await origin.fail("odd-manifest=changing", at="/manifest.json")
        url = f"{origin.url}/manifest.json"
        first = await publish(url, origins=LOOPBACK, actor="tests", trial=Trial(10))
        with pytest.raises(PublishRefused, match="is on trial"):
            await published(origin)
        await origin.heal()
        assert not (await publish(url, origins=LOOPBACK, actor="tests")).changed
    found = await snapshot()
    assert found.canaries["origin"].release.digest == first.digest


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (("promote", "origin"), "nothing of origin is on trial"),
        (("pause", "origin"), "nothing of origin is on trial"),
        (("canary", "origin", "--share", "10"), "name a release"),
        (("canary", "origin", "--share", "10", "--release", "1.0.0"), "is live already"),
        (("canary", "origin", "--share", "10", "--release", "9"), "has no release 9"),
        (("canary", "nobody", "--share", "10"), "nothing was published"),
    ],
)
async def test_trial_that_makes_no_sense_changes_nothing(argv: tuple[str, ...], words: str) -> None:
    """The message names the releases that there are."""
    async with Origin() as origin:
        await published(origin)
    with pytest.raises(CommandError, match=words):
        await command(*argv)
    assert await models.AuditEntry.objects.acount() == 1


@pytest.mark.parametrize("percent", ["0", "100", "-3", "nan"])
async def test_share_of_zero_or_a_hundred_is_refused(percent: str) -> None:
    """Zero and a hundred per cent are refused; `promote` is for everybody."""
    async with Origin() as origin:
        await tried(origin)
    with pytest.raises(CommandError, match="less than 100 per cent"):
        await command("canary", "origin", f"--share={percent}")
    assert (await snapshot()).canaries["origin"].share == 5000
