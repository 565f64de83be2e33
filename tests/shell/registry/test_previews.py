"""A link to a preview opens for the first signed-in member of the team who uses it, until it expires, and for nobody
else.
"""

import asyncio
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http.cookies import SimpleCookie
from io import StringIO
from typing import Any

import pytest
from asgiref.sync import async_to_sync, sync_to_async
from django.conf import settings
from django.core.management import CommandError, call_command
from django.test import AsyncClient

from fragments.cli import remote
from shell import preview as preview_views
from shell.composition.preview import current_preview
from shell.composition.release import Role, Snapshot, Trust
from shell.operations.machine_preview import preview_machine
from shell.page_path import PagePath
from shell.players.models import Player
from shell.players.throttle import AttemptCounter
from shell.preview_cookie import previewed
from shell.registry import models, previews, tokens
from shell.registry.previews import PreviewRefused, make_preview, open_preview
from shell.registry.registrations import set_trust
from shell.registry.snapshot_poller import SnapshotPoller
from shell.registry.tokens import Purpose
from shell.wiring import parts
from tests.origin import publishing
from tests.origin.server import Origin
from tests.support.registry_shell import Shell

pytestmark = pytest.mark.django_db(transaction=True)
NOW = datetime(2026, 3, 4, 9, tzinfo=UTC)
SAME_ORIGIN = {"sec-fetch-site": "same-origin"}


@pytest.fixture(autouse=True)
def _uncounted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts().registry_throttle, "_here", {})
    # What a link makes the shell look at again is this test's, and not the process's.
    own = replace(parts(), registry=SnapshotPoller())
    monkeypatch.setattr(preview_views, "parts", lambda: own)


@pytest.fixture(autouse=True)
def poll() -> None:
    """A fragment with two releases, the second of which is live, and a team of one account."""
    for version in ("1", "2"):
        release = models.Release.objects.create(
            fragment="promotions",
            version=version,
            digest=version * 64,
            manifest_url="http://127.0.0.1:9/manifest.json",
            manifest=json.dumps({"name": "promotions", "version": version, "content": "/"}).encode(),
            fallback=b"",
        )
        models.LiveRelease.objects.update_or_create(fragment="promotions", defaults={"release": release})
    for name in ("ana", "ben"):
        Player.objects.create_user(name, password="mullion-demo", player_id=f"pl_{name}")
    previews.set_team("promotions", ["ana"], actor="ops")


def made(now: datetime | None = None, **more: Any) -> previews.PreviewLink:
    given: dict[str, Any] = {"hours": 2, "origin": "http://localhost", "actor": "ci"} | more
    return make_preview("promotions", "1", now=now or datetime.now(UTC), **given)


def path(link: previews.PreviewLink) -> str:
    return link.url.removeprefix("http://localhost")


async def browser(name: str) -> AsyncClient:
    """A client in which this account is signed in."""
    client = AsyncClient()
    await client.aforce_login(await Player.objects.aget(username=name))
    return client


async def refusals() -> list[tuple[str, str, str]]:
    rows = models.AuditEntry.objects.filter(action="refused").order_by("pk")
    return [(row.actor, row.fragment, row.detail) async for row in rows]


async def shown(cookies: SimpleCookie, snapshot: Snapshot) -> str:
    """The preview that a request with these cookies gets."""
    seen: list[str] = []

    async def application(scope: Any, receive: Any, send: Any) -> None:
        preview = current_preview()
        seen.append(preview.id if preview else "")

    poller = SnapshotPoller()
    poller.current = snapshot
    header = "; ".join(f"{name}={morsel.value}" for name, morsel in cookies.items())
    scope = {"type": "http", "headers": [(b"cookie", header.encode())]}
    await previewed(application, replace(parts(), registry=poller))(scope, None, None)  # type: ignore[arg-type]
    return seen[0]


async def current() -> Snapshot:
    poller = SnapshotPoller()
    await poller.refresh()
    return poller.current


async def test_member_of_the_team_opens_the_link_and_is_shown_the_release() -> None:
    """It is shown on pages with the fragment; the audit has who made and who opened the link. One button ends it."""
    link = await sync_to_async(made)()
    ana = await browser("ana")
    answer = await ana.get(path(link), headers=SAME_ORIGIN)
    assert (answer.status_code, answer.headers["Location"]) == (302, "/")
    cookie = answer.cookies[settings.PREVIEW_COOKIE_NAME]
    assert (cookie["httponly"], cookie["samesite"], 0 < int(cookie["max-age"]) <= 7200) == (True, "Lax", True)
    again = await ana.get(path(link), headers=SAME_ORIGIN)
    assert again.status_code == 302
    snapshot = await current()
    [(preview, release)] = snapshot.previews.items()
    assert (release.manifest.version, release.role, bool(release.tag)) == ("1", Role.PREVIEW, True)
    assert await shown(ana.cookies, snapshot) == preview
    actions = [row.action async for row in models.AuditEntry.objects.order_by("pk")]
    assert actions == ["team", "preview_made", "preview_opened"]
    left = await ana.post("/preview/end/", headers=SAME_ORIGIN)
    assert (left.status_code, left.headers["Location"]) == (303, "/")
    assert await shown(ana.cookies, snapshot) == ""


async def test_link_of_a_preview_opens_for_its_first_user_only() -> None:
    """Another account, another browser and a forged, truncated or expired link get one sentence, a line of the audit
    and no cookie.
    """
    link = await sync_to_async(made)()
    over = await sync_to_async(made)(datetime.now(UTC) - timedelta(hours=3))
    ana, other_browser, ben = [await browser(name) for name in ("ana", "ana", "ben")]
    assert (await ana.get(path(link), headers=SAME_ORIGIN)).status_code == 302
    forged = path(link).replace("/preview/", "/preview/0")
    for client, tried, why in (
        (ben, path(link), "not of the team of promotions"),
        (other_browser, path(link), "another browser or sign-in"),
        (ana, forged, "no link to a preview, or one that is long over"),
        (ana, path(link)[:-9] + "/", "no link to a preview, or one that is long over"),
        (ana, f"/preview/{'x' * 300}/", "no link to a preview, or one that is long over"),
        (ana, path(over), "is over"),
    ):
        answer = await client.get(tried, headers=SAME_ORIGIN)
        assert answer.status_code == 403
        assert why in answer.content.decode()
        assert "You see what everybody sees." in answer.content.decode()
        assert not answer.cookies.get(settings.PREVIEW_COOKIE_NAME)
    assert [(actor, fragment) for actor, fragment, _ in await refusals()] == [
        ("ben", "promotions"),
        ("ana", "promotions"),
        ("ana", "preview"),
        ("ana", "preview"),
        ("ana", "preview"),
        ("ana", "promotions"),
    ]
    await models.Preview.objects.all().adelete()
    assert (await ana.get(path(link), headers=SAME_ORIGIN)).status_code == 403


async def test_who_is_not_signed_in_signs_in_first_and_stands_in_no_audit() -> None:
    """Visitors without an account can not fill the audit, and throttled accounts not for long."""
    link = await sync_to_async(made)()
    answer = await AsyncClient().get(path(link), headers=SAME_ORIGIN)
    assert (answer.status_code, answer.headers["Location"]) == (302, f"/sign-in/?next={path(link)}")
    assert not await refusals()
    ben = await browser("ben")
    limit = parts().registry_throttle.policy.account_tries_max
    for _ in range(limit):
        await parts().registry_throttle.take([previews_try("pl_ben", limit)])
    assert (await ben.get(path(link), headers=SAME_ORIGIN)).status_code == 429
    assert not await refusals()


def previews_try(player: str, limit: int) -> Any:
    return AttemptCounter("preview", player, limit)


async def test_cookie_in_another_browser_shows_nothing() -> None:
    """The cookie is bound to the session that opened the link; a copied or changed one is ignored."""
    link = await sync_to_async(made)()
    ana, ben = await browser("ana"), await browser("ben")
    await ana.get(path(link), headers=SAME_ORIGIN)
    snapshot = await current()
    assert await shown(ana.cookies, snapshot)
    value = ana.cookies[settings.PREVIEW_COOKIE_NAME].value
    for cookies, stolen in (
        (ben.cookies, value),
        (SimpleCookie(), value),
        (ana.cookies, value[:-1] + ("A" if value[-1] != "A" else "B")),
        (ana.cookies, "x" * 400),
    ):
        copied = SimpleCookie({name: morsel.value for name, morsel in cookies.items()})
        copied[settings.PREVIEW_COOKIE_NAME] = stolen
        assert await shown(copied, snapshot) == ""
    assert await shown(ana.cookies, Snapshot()) == ""
    await sync_to_async(previews.set_team)("promotions", [], actor="ops")
    assert await shown(ana.cookies, await current()) == ""


async def test_page_of_a_preview_has_its_banner_and_a_page_beside_has_none() -> None:
    """A running shell, from the cookie to the page."""
    link = await sync_to_async(made)()
    ana, ben = await browser("ana"), await browser("ben")
    await ana.get(path(link), headers=SAME_ORIGIN)
    poller = SnapshotPoller()
    await poller.refresh()
    shell = replace(parts(), registry=poller)

    async def page(client: AsyncClient) -> str:
        sent: list[Any] = []
        header = "; ".join(f"{name}={morsel.value}" for name, morsel in client.cookies.items()).encode()
        scope = {
            "type": "http",
            "method": "GET",
            "path": "/",
            "query_string": b"",
            "headers": [(b"host", b"localhost"), (b"cookie", header)],
            "scheme": "http",
        }

        async def receive() -> Any:
            await asyncio.sleep(60)

        async def send(message: Any) -> None:
            sent.append(message)

        async def serve(scope: Any, receive: Any, send: Any) -> None:
            await PagePath(shell).serve(scope, receive, send)

        await previewed(serve, shell)(scope, receive, send)
        return b"".join(message.get("body", b"") for message in sent).decode()

    for _ in range(2):
        assert 'aria-label="Preview"' in await page(ana)
        assert 'aria-label="Preview"' not in await page(ben)


def test_release_on_a_machine_of_its_team_is_sandboxed_whatever_its_name_is_trusted_with() -> None:
    """It is sent no player context."""
    set_trust("promotions", Trust.FIRST_PARTY, actor="ops")
    made()
    made(own_machine=True)
    found = {release.own_machine: release.trust for release in async_to_sync(current)().previews.values()}
    assert found == {False: Trust.FIRST_PARTY, True: Trust.SANDBOXED}


async def test_machine_of_a_team_is_previewed_outside_production_alone(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each request shows what the machine answers, under one version; it is sent no player's token, and the live
    release stays. Production refuses it with a reason and a line of the audit.
    """
    before = await models.LiveRelease.objects.aget(fragment="promotions")
    digests = []
    for fallback in (b"<p>one</p>", b"<p>two</p>"):
        monkeypatch.setattr(publishing, "FALLBACK", fallback)
        async with Origin(name="promotions") as machine:
            url = f"{machine.url}/manifest.json"
            pages = parts().pages
            link = await preview_machine("promotions", url, hours=1, actor="ana", pages=pages)
            digests.append(link.digest)
            assert link.own_machine
            assert all("authorization" not in seen.headers for seen in machine.seen)
    assert len(set(digests)) == 2
    assert (await models.LiveRelease.objects.aget(fragment="promotions")).release_id == before.release_id
    assert {(each.own_machine, each.trust) for each in (await current()).previews.values()} == {(True, Trust.SANDBOXED)}
    settings.LOCAL = False
    with pytest.raises(PreviewRefused, match="outside production alone"):
        await preview_machine("promotions", url, hours=1, actor="ana", pages=pages)
    assert [(actor, fragment) for actor, fragment, _ in await refusals()] == [("ana", "promotions")]


def test_command_previews_a_machine_and_says_why_it_can_not() -> None:
    """With the database and with a token; for a machine that does not answer it prints one sentence."""
    with pytest.raises(CommandError, match="manifest"):
        call_command("fragment", "preview", "promotions", "--machine", "http://127.0.0.1:9/manifest.json")
    held = tokens.make_token("promotions", Purpose.PUBLISH, name="ci", days=9, actor="ops", now=datetime.now(UTC)).token
    environ = {"MULLION_URL": "https://shell.test", "MULLION_TOKEN": held}
    argv = ["preview", "promotions", "--machine", "http://127.0.0.1:9/manifest.json"]
    assert remote.main(argv, environ, Shell()) == 1


@pytest.mark.parametrize(
    ("release", "hours", "why"),
    [("9", 2, "no release 9"), ("1", 0, "up to 24 hours"), ("1", 25, "up to 24"), ("1", float("nan"), "up to 24")],
)
def test_link_that_can_not_be_is_refused(release: str, hours: float, why: str) -> None:
    """The command and the API answer in one sentence."""
    with pytest.raises(CommandError, match=why):
        call_command("fragment", "preview", "promotions", release, "--hours", str(hours))
    assert not models.Preview.objects.exists()


def test_links_of_a_fragment_are_bounded_and_old_ones_go() -> None:
    """A CI in a loop has twenty valid links at most."""
    made(NOW - timedelta(days=3))
    for _ in range(previews.STANDING_MAX):
        made(NOW)
    with pytest.raises(PreviewRefused, match="links that are valid"):
        made(NOW)
    assert models.Preview.objects.count() == previews.STANDING_MAX
    models.Preview.objects.all().delete()
    link = path(made(NOW - timedelta(days=3))).split("/")[2]
    with pytest.raises(PreviewRefused, match="is over"):
        open_preview(link, account="ana", session="s", now=NOW)


def test_link_is_printed_here_and_elsewhere(capsys: pytest.CaptureFixture[str]) -> None:
    """The link is on a line of its own for scripts; a token that may only read makes none."""
    output = StringIO()
    call_command("fragment", "preview", "promotions", "1", stdout=output)
    assert output.getvalue().splitlines()[-1].startswith(f"{settings.PUBLIC_URL}/preview/")
    for purpose, code in ((Purpose.PUBLISH, 0), (Purpose.READ, 1)):
        held = tokens.make_token("promotions", purpose, name="ci", days=9, actor="ops", now=datetime.now(UTC)).token
        environ = {"MULLION_URL": "https://shell.test", "MULLION_TOKEN": held}
        assert remote.main(["preview", "promotions", "2", "--hours", "1"], environ, Shell()) == code
    shown_text = capsys.readouterr()
    assert "promotions 2, for one browser of its team, until " in shown_text.out
    assert "403" in shown_text.err


def test_team_is_what_operators_say_it_is() -> None:
    """Only existing accounts can be in a team."""
    output = StringIO()
    for accounts in (["ben", "ana"], ["ana", "ben"], []):
        call_command("fragment", "team", "promotions", *accounts, stdout=output)
    assert output.getvalue().splitlines() == [
        "promotions is previewed by ana, ben",
        "unchanged: promotions is previewed by ana, ben",
        "promotions is previewed by nobody",
    ]
    with pytest.raises(CommandError, match="there is no account nobody"):
        call_command("fragment", "team", "promotions", "nobody")
    with pytest.raises(PreviewRefused, match="at most"):
        previews.set_team("promotions", [f"member{number}" for number in range(101)], actor="ops")
