"""Pictures and frames from foreign origins: a fragment shows those that operators approve, and only its pages' policies
name them.
"""

from dataclasses import replace
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from msgspec import structs

from shell.composition.body import links_of
from shell.composition.page import Page, Slot
from shell.composition.release import SHARE_MAX, Canary, ForeignOrigins, Release, Snapshot
from shell.page_policy import page_policy
from shell.registry import models
from shell.registry.origins import Origins
from shell.registry.publish import publish
from shell.registry.snapshot_poller import SnapshotPoller
from shell.responses import start_response
from tests.origin.server import Origin
from tests.support.shell_page import Trio

CDN, GAMES = "https://cdn.example", "https://games.example"


def shows(*given: str) -> str:
    printed = StringIO()
    call_command("fragment", "shows", "origin", *given, stdout=printed)
    return printed.getvalue().strip()


@pytest.mark.django_db(transaction=True)
def test_operator_says_what_a_fragment_may_show_and_it_is_audited() -> None:
    """Each list is changed by itself and audited once; an invalid origin, or one of the shell's own, is refused."""
    assert shows("--pictures", CDN, "--frames", GAMES) == f"origin may show pictures: {CDN}; frames: {GAMES}"
    assert shows("--frames", GAMES) == f"unchanged: origin may show frames: {GAMES}"
    assert shows("--pictures") == "origin may show pictures: none"
    details = models.AuditEntry.objects.filter(action="shown").order_by("pk").values_list("detail", flat=True)
    assert list(details) == [f"pictures: {CDN}; frames: {GAMES}", "pictures: none"]
    for origin in ("cdn.example", "http://localhost:8000", f"{CDN}/a"):
        with pytest.raises(CommandError, match="Nothing was changed"):
            shows("--frames", origin)


@pytest.mark.django_db(transaction=True)
async def test_fragment_shows_what_is_approved_for_it() -> None:
    """Publishing reports no finding for it and shells follow; without a declaration in the manifest
    nothing is allowed.
    """
    body = f'<img src="{CDN}/a.png" alt=""><iframe title="Game" src="{GAMES}/1"></iframe>'.encode()
    async with Origin(body=body) as origin:
        poller = SnapshotPoller()
        await models.Registration.objects.aupdate_or_create(fragment="origin", defaults={"frames": [GAMES]})
        done = await publish(f"{origin.url}/manifest.json", origins=Origins([], loopback=True), actor="tests")
        assert not any("iframe" in note for note in done.notes)
        await poller.start()
        links = links_of(poller.current.releases["origin"])
        assert links.frame_origins == {GAMES}
        assert links.picture_origins == frozenset()
        await poller.stop()


def with_shown(release: Release, shown: ForeignOrigins) -> Release:
    return replace(release, shown=shown)


async def test_policy_names_them_for_pages_of_that_fragment_alone() -> None:
    """Its pages get a policy of their own; other pages keep the common one."""
    async with Trio(extension={"pictures": [CDN]}) as trio:
        wallet = with_shown(trio.snapshot.releases["wallet"], ForeignOrigins((CDN,), (GAMES,)))
        snapshot = Snapshot(2, {**trio.snapshot.releases, "wallet": wallet})
        policy = page_policy(trio.visit(), snapshot)
        assert f"img-src 'self' data: {CDN}" in policy.split("; ")
        assert (
            links_of(with_shown(trio.snapshot.releases["wallet"], ForeignOrigins((), ()))).picture_origins
            == frozenset()
        )
        assert f"frame-src {GAMES}" in policy.split("; ")
        other = Page("other", "/other/", "lobby.html", (Slot("tables", "tables"),))
        assert page_policy(trio.visit(page=other), snapshot) == ""
        sent: list[Any] = []

        async def send(message: Any) -> None:
            sent.append(message)

        await start_response(send, 200, (), policy=policy)
        [only] = [value for name, value in sent[0]["headers"] if name == b"content-security-policy"]
        assert only.decode() == policy


async def test_policy_names_what_a_release_on_trial_shows_for_those_who_get_it() -> None:
    """Also where the live release shows nothing of foreign origins."""
    visitor = "0" * 32
    async with Trio(extension={"pictures": [CDN]}) as trio:
        tried = with_shown(trio.snapshot.releases["wallet"], ForeignOrigins((CDN,), ()))
        trial = {"wallet": Canary(tried, SHARE_MAX, b"salt")}
        snapshot = Snapshot(2, trio.snapshot.releases, canaries=trial)
        assert CDN in page_policy(structs.replace(trio.visit(), visitor=visitor), snapshot)
        assert page_policy(trio.visit(), snapshot) == ""
