"""The origins from which a fragment may be published and called: allowed by operators, and resolved to permitted
addresses.
"""

import time
from datetime import UTC, datetime
from io import StringIO
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.core.management import CommandError, call_command

from bff.contracts.manifest import parse
from bff.resilience.addresses import AddressRule
from bff.resilience.deadline import Deadline
from bff.resilience.exchange import StreamRequest
from bff.resilience.message import Request
from bff.resilience.outcome import Failure
from bff.resilience.reason import Reason
from shell.composition.release import Release, Snapshot
from shell.composition.upstreams import Upstreams
from shell.registry import models
from shell.registry.origins import Origins
from shell.registry.publish import PublishRefused, publish
from shell.registry.registrations import RegistrationRefused, set_origins
from shell.registry.rollback import roll_back
from shell.registry.snapshot_loader import load_snapshot
from tests.origin.server import Origin

pytestmark = pytest.mark.django_db(transaction=True)
LOOPBACK = Origins([], loopback=True)


async def published(origin: Origin, *, only: str = "") -> str:
    return (await publish(f"{origin.url}/manifest.json", origins=LOOPBACK, actor="team", only=only)).fragment


async def test_team_does_not_publish_its_name_from_another_teams_origin() -> None:
    """The refusal names the other fragment and is audited; both teams' own origins still work."""
    async with Origin() as ours, Origin(name="wallet") as theirs:
        await sync_to_async(set_origins)("wallet", [theirs.url], actor="ops")
        theirs.name = "origin"
        with pytest.raises(PublishRefused, match="an origin of wallet, and of no other fragment") as refused:
            await published(theirs, only="origin")
        assert [str(each.rule) for each in refused.value.findings] == ["address"]
        assert [seen.path for seen in theirs.seen] == ["/manifest.json"]
        entry = await models.AuditEntry.objects.aget(action="refused")
        assert (entry.fragment, entry.actor) == ("origin", "team")
        assert await published(ours, only="origin") == "origin"
        theirs.name = "wallet"
        assert await published(theirs, only="wallet") == "wallet"


async def test_fragment_with_origins_of_its_own_is_published_from_them_alone() -> None:
    """Operators are bound by the list, too; its origins need not be in FRAGMENT_ORIGINS. An empty
    list changes nothing.
    """
    async with Origin() as allowed, Origin() as other:
        await sync_to_async(set_origins)("origin", [allowed.url], actor="ops")
        with pytest.raises(PublishRefused, match="is not on an allowed origin"):
            await published(other)
        nowhere = Origins([], loopback=False)
        done = await publish(f"{allowed.url}/manifest.json", origins=nowhere, actor="ops")
        assert done.changed
        await sync_to_async(set_origins)("origin", [], actor="ops")
        done = await publish(f"{other.url}/manifest.json", origins=LOOPBACK, actor="ops", move=True)
        assert done.changed


async def test_release_goes_to_and_fro_between_blue_and_green() -> None:
    """One version with the same bytes at both listed origins is published without `--move`; pages ask the one published
    last, a rollback goes back, and a third origin is refused.
    """
    async with Origin() as blue, Origin() as green, Origin() as other:
        await sync_to_async(set_origins)("origin", [blue.url, green.url], actor="ops")
        releases = {}
        for origin in (blue, green, blue):
            assert await published(origin, only="origin") == "origin"
            snapshot, _ = await sync_to_async(load_snapshot)(Snapshot(), {})
            release = snapshot.releases["origin"]
            assert (release.manifest_url, release.manifest.version) == (f"{origin.url}/manifest.json", "1.0.0")
            releases[origin.url] = release.digest
        assert releases[blue.url] != releases[green.url], "each has a breaker and an audit of its own"
        assert await models.Release.objects.acount() == 2
        with pytest.raises(PublishRefused, match="is not on an allowed origin"):
            await published(other, only="origin")
        await sync_to_async(roll_back)("origin", to="", reason="drill", actor="team", now=datetime.now(UTC))
        live = await models.LiveRelease.objects.select_related("release").aget(fragment="origin")
        assert live.release.digest == releases[green.url]


def test_operator_says_from_where_and_it_is_audited() -> None:
    """Each change is one line of the audit; an invalid origin is refused."""
    printed = StringIO()
    for origins in (
        ["https://poll.example/", "https://b.example:8443"],
        ["https://b.example:8443", "https://poll.example"],
    ):
        call_command("fragment", "origins", "poll", *origins, stdout=printed)
    call_command("fragment", "origins", "poll", stdout=printed)
    lines = printed.getvalue().splitlines()
    assert lines[0] == "poll is published from https://poll.example/ https://b.example:8443"
    assert lines[1].startswith("unchanged: poll is published from")
    assert lines[2] == "poll is published from any origin that is allowed and no other fragment's"
    details = models.AuditEntry.objects.filter(action="origins").order_by("pk").values_list("detail", flat=True)
    assert list(details) == ["https://b.example:8443 https://poll.example", "any"]
    for url in ("poll.example", "https://poll.example/manifest.json", "ftp://poll.example"):
        with pytest.raises(RegistrationRefused, match="is no origin"):
            set_origins("poll", [url], actor="ops")
    with pytest.raises(CommandError, match="is no origin"):
        call_command("fragment", "origins", "poll", "poll.example")


async def test_manifest_at_an_address_inside_is_refused_in_production(settings: Any) -> None:
    """Although the origin is listed, the resolved address decides. No request is sent, and the refusal is audited."""
    settings.FRAGMENT_ADDRESSES = AddressRule()
    async with Origin() as origin:
        with pytest.raises(PublishRefused, match="a loopback address") as refused:
            await publish(f"{origin.url}/manifest.json", origins=Origins([origin.url], loopback=False), actor="team")
        assert origin.requests == 0
    [finding] = refused.value.findings
    assert (str(finding.rule), "FRAGMENT_NETWORKS" in finding.remedy) == ("address", True)
    assert "a loopback address" in (await models.AuditEntry.objects.aget(action="refused")).detail


async def test_no_call_to_a_fragment_goes_inside_in_production() -> None:
    """For content, forms and its own API the name is resolved and checked at each connection."""
    async with Origin() as origin:
        manifest = parse(b'{"name": "poll", "version": "1", "content": "/"}')
        release = Release("poll", "d", manifest, f"{origin.url}/manifest.json", b"", (), ())
        upstreams = Upstreams(rule=AddressRule())
        try:
            for guard, request in (
                (upstreams.of(release), Request("GET", f"{origin.url}/")),
                (upstreams.actions_of(release), Request("POST", f"{origin.url}/")),
                (upstreams.api_of(release), StreamRequest("GET", f"{origin.url}/")),
            ):
                ended = await guard.call(request, Deadline.after_ms(time.monotonic(), 2000))
                assert isinstance(ended, Failure)
                assert (ended.reason, "a loopback address" in ended.detail) == (Reason.DNS, True)
            assert origin.requests == 0
        finally:
            await upstreams.aclose()
