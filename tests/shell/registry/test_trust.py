"""Operators grant trust to a fragment's name; a manifest can not, and every other name is sandboxed."""

import json
from io import StringIO
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.apps import apps
from django.core.management import CommandError, call_command

from shell.composition.release import Release, Trust
from shell.registry import models
from shell.registry.origins import Origins
from shell.registry.publish import PublishRefused, publish
from shell.registry.snapshot_poller import SnapshotPoller
from tests.support.podium.rig import Podium

pytestmark = pytest.mark.django_db(transaction=True)
LOOPBACK = Origins([], loopback=True)
MODULE = {"/main.js": {"headers": {"content-type": "text/javascript"}, "body": "export default () => {}"}}
STYLE = {"/main.css": {"headers": {"content-type": "text/css"}, "body": "body { margin: 0 }"}}
GUEST = {
    "name": "guest",
    "js": [{"value": "/main.js", "type": "module"}],
    "css": [{"value": "/main.css"}],
    "files": MODULE | STYLE,
    "html": "<section hx-get='/slots/publish/content/x' data-live='wallet.balance'>Hello</section>",
}


async def live(name: str = "guest") -> Release:
    poller = SnapshotPoller()
    await poller.refresh()
    return poller.current.releases[name]


async def test_new_name_is_sandboxed_whatever_its_manifest_says(podium: Podium) -> None:
    """Pages do not load its script, its HTML is in a shadow root of its own, and a note tells its authors."""
    wish = {**_manifest(), "mullion": {"isolation": "light"}}
    [started] = podium.start(GUEST | {"manifest_json": {**wish, "mullion": {"trust": "first-party"}}})
    with pytest.raises(PublishRefused, match=r"mullion.trust: .* for operators to set"):
        await publish(started.manifest_url, origins=LOOPBACK, actor="tests")
    podium.change(started, manifest_json=wish)
    done = await publish(started.manifest_url, origins=LOOPBACK, actor="tests")
    release = await live()
    assert (done.trust, release.trust) == (Trust.SANDBOXED, Trust.SANDBOXED)
    assert (release.isolation, release.scripts("content", classic=False)) == ("shadow", ())
    assert any("no page runs its scripts" in note for note in done.notes)
    assert {note for note in done.notes if "removed" in note} == {
        "content of publish.content: removed hx-get of <section>; a page shows it without",
        "content of publish.content: removed data-live of <section>; a page shows it without",
    }


async def test_operators_word_holds_for_later_releases_and_is_audited(podium: Podium) -> None:
    """Publishing again neither loses nor grants trust."""
    [started] = podium.start(GUEST)
    first = await publish(started.manifest_url, origins=LOOPBACK, actor="tests", trust=Trust.FIRST_PARTY)
    podium.change(started, version="2.0.0")
    again = await publish(started.manifest_url, origins=LOOPBACK, actor="tests")
    assert (first.trust, again.trust, again.version) == (Trust.FIRST_PARTY, Trust.FIRST_PARTY, "2.0.0")
    release = await live()
    assert (release.isolation, len(release.scripts("content", classic=False))) == ("light", 1)
    entry = await models.AuditEntry.objects.aget(action="trusted")
    assert (entry.fragment, entry.detail, entry.actor) == ("guest", "first-party", "tests")


async def test_running_shells_follow_when_trust_is_taken_back(podium: Podium) -> None:
    """At once and without the origin the release is sandboxed and its script is no longer loaded."""
    [started] = podium.start(GUEST)
    await publish(started.manifest_url, origins=LOOPBACK, actor="tests", trust=Trust.FIRST_PARTY)
    poller = SnapshotPoller()
    await poller.refresh()
    before = poller.current.releases["guest"]
    podium.stop(started)
    assert "guest is sandboxed" in await _fragment("trust", "guest", "sandboxed")
    assert "unchanged" in await _fragment("trust", "guest", "sandboxed")
    await poller.refresh()
    after = poller.current.releases["guest"]
    assert (before.digest, len(before.scripts("content", classic=False))) == (after.digest, 1)
    assert (after.scripts("content", classic=False), after.isolation) == ((), "shadow")


async def test_trust_in_a_name_that_is_not_live_is_refused() -> None:
    """The name may be misspelt."""
    with pytest.raises(CommandError, match="no release of gust is live, so nothing was changed"):
        await _fragment("trust", "gust", "first-party")


async def test_what_was_live_before_there_was_trust_keeps_its_scripts(podium: Podium) -> None:
    """The migration trusts fragments that were live before."""
    [started] = podium.start(GUEST)
    await publish(started.manifest_url, origins=LOOPBACK, actor="tests")
    from importlib import import_module

    migration = import_module("shell.registry.migrations.0004_registration")
    await sync_to_async(migration.trust_what_is_live)(apps, None)
    assert (await live()).trust is Trust.FIRST_PARTY


def _manifest() -> dict[str, Any]:
    css, js = [{"value": "/main.css"}], [{"value": "/main.js"}]
    return json.loads(
        json.dumps({"name": "guest", "version": "1", "content": "/", "fallback": "/fallback", "css": css, "js": js})
    )


async def _fragment(*arguments: str) -> str:
    output = StringIO()
    await sync_to_async(call_command)("fragment", *arguments, stdout=output)
    return output.getvalue()
