"""A page is added, changed and rolled back as data, by its owner's token or on the shell's machine,
without a restart.
"""

import asyncio
import json
import re
from dataclasses import replace
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from asgiref.sync import async_to_sync, sync_to_async
from django.core.management import CommandError, call_command
from django.db import OperationalError
from django.test import Client

from fragments.cli import pages as remote
from shell.composition.assets import static_file
from shell.composition.compiler import Compiler
from shell.composition.page import PageTable
from shell.composition.release import Snapshot
from shell.page_path import PagePath
from shell.pages.published import LivePages
from shell.registry import models, snapshot_poller, tokens
from shell.registry.snapshot_file import SnapshotFile
from shell.registry.snapshot_poller import SnapshotPoller
from shell.registry.tokens import Purpose
from shell.wiring import parts
from tests.support.registry_shell import Shell

pytestmark = pytest.mark.django_db(transaction=True)
LOBBY = {
    "page": "lobby",
    "route": "/",
    "title": "Lobby",
    "heading": "Everything",
    "slots": {"purse": {"fragment": "purse", "pathname": "/summary"}, "news": {"fragment": "news"}},
    "layout": {
        "order": ["heading", "news", "purse"],
        "slots": {"purse": {"height_px": {"0": 312}}, "news": {"skeleton": "list"}},
        "grid": [{"from_px": 960, "columns": ["1fr", "320px"], "areas": ["heading heading", "news purse"]}],
    },
}


TOML = """
page = "lobby"
route = "/"
title = "Lobby"
heading = "All"
[slots.purse]
fragment = "purse"
pathname = "/summary"
[layout]
order = ["heading", "purse"]
[layout.slots.purse]
height_px = { 0 = 312, 960 = 400 }
"""
MANY = [f"a.b{number}" for number in range(40)]


@pytest.fixture(autouse=True)
def _uncounted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts().registry_throttle, "_here", {})


@pytest.fixture
def live() -> None:
    """Three fragments with one live release each."""
    for name in ("purse", "news", "wallet"):
        release = models.Release.objects.create(
            fragment=name,
            version="1",
            digest=name.ljust(64, "0"),
            manifest_url=f"http://127.0.0.1:9/{name}/manifest.json",
            manifest=json.dumps({"name": name, "version": "1", "content": "/"}).encode(),
            fallback=b"",
        )
        models.LiveRelease.objects.create(fragment=name, release=release)


def token(page: str = "lobby", purpose: Purpose = Purpose.PUBLISH) -> str:
    """A page's token, as its owner has it."""
    made = tokens.make_token(f"page:{page}", purpose, name="owners-ci", days=9, actor="ops", now=datetime.now(UTC))
    return made.token


def ask(method: str, path: str, held: str, body: object = None) -> Any:
    return Client().generic(
        method,
        f"/registry/v1{path}",
        json.dumps(body) if body is not None else "",
        content_type="application/json",
        headers={"Authorization": f"Bearer {held}"},
    )


def file(folder: Path, **changes: Any) -> str:
    """The pages file with the lobby, changed by these fields."""
    path = folder / f"lobby{len(list(folder.iterdir()))}.json"
    path.write_text(json.dumps(LOBBY | changes))
    return str(path)


def here(*argv: str) -> str:
    output = StringIO()
    call_command("page", *argv, stdout=output)
    return output.getvalue()


def elsewhere(held: str, *argv: str) -> int:
    return remote.main(argv, {"MULLION_URL": "https://shell.test", "MULLION_TOKEN": held}, Shell())


async def running() -> LivePages:
    """The pages table of a running shell at this moment."""
    pages = LivePages(parts().pages.file)
    poller = SnapshotPoller(lambda snapshot, holds: pages.take_published(snapshot.pages, snapshot.scopes))
    await poller.refresh()
    return pages


def slots(pages: PageTable, path: str = "/") -> dict[str, str]:
    found = pages.match(path)
    return {slot.name: slot.fragment for slot in found[0].slots} if found else {}


async def test_owner_changes_a_page_and_goes_back(live: None) -> None:
    """A running shell serves each change, the audit has the token's name, and the last rollback
    ends at the pages file.
    """
    held = await sync_to_async(token)()
    before = slots(await running())
    first = await sync_to_async(ask)("POST", "/pages/lobby/revisions", held, LOBBY)
    assert (first.status_code, first.json()["revision"], first.json()["changed"]) == (200, 1, True)
    assert slots(await running()) == {"purse": "purse", "news": "news"}
    again = (await sync_to_async(ask)("POST", "/pages/lobby/revisions", held, LOBBY)).json()
    assert (again["revision"], again["changed"]) == (1, False)
    second = await sync_to_async(ask)("POST", "/pages/lobby/revisions", held, LOBBY | {"heading": "Lobby"})
    assert second.json()["revision"] == 2
    shown = (await sync_to_async(ask)("GET", "/pages/lobby", held)).json()
    assert shown["document"]["heading"] == "Lobby"
    assert [(each["revision"], each["live"]) for each in shown["revisions"]] == [(2, True), (1, False)]
    changed = (await sync_to_async(ask)("GET", "/pages/lobby/diff?before=1&after=2", held)).json()["lines"]
    assert '-  "heading": "Everything",' in changed
    listed = (await sync_to_async(ask)("GET", "/pages", held)).json()
    assert [(each["page"], each["revision"]) for each in listed] == [("lobby", 2)]
    stale = await sync_to_async(ask)("POST", "/pages/lobby/rollback", held, {"expect": 1})
    assert (stale.status_code, stale.json()["detail"]) == (
        422,
        "revision 2 of lobby is live, and not 1; nothing was changed.",
    )
    back = [
        (await sync_to_async(ask)("POST", "/pages/lobby/rollback", held, {"reason": "clicks fell"})).json()
        for _ in range(2)
    ]
    assert [(each["from_revision"], each["revision"]) for each in back] == [(2, 1), (1, 0)]
    assert slots(await running()) == before
    audit = (await sync_to_async(ask)("GET", "/pages/lobby/audit", held)).json()
    actions = [each["action"] for each in audit]
    assert actions == ["page_rolled_back", "page_rolled_back", "page_published", "page_published", "token_made"]
    assert all(each["actor"].startswith("owners-ci [") for each in audit[:4])
    assert "clicks fell" in audit[0]["detail"]


async def test_page_that_is_wrong_changes_nothing_and_says_all_of_it(live: None) -> None:
    """A document of another page's name, with another page's address, or with a grant that no operator gave is refused,
    too.
    """
    held = await sync_to_async(token)("news")
    wrong = LOBBY | {
        "slots": {"purse": {"fragment": "purse", "grant": {"audience": "game:x"}}, "b": {"fragment": "no"}}
    }
    refused = await sync_to_async(ask)("POST", "/pages/news/revisions", held, wrong)
    assert (refused.status_code, refused.headers["Content-Type"]) == (422, "application/problem+json")
    detail = refused.json()["detail"]
    for part in ("page: the document is of lobby", "address of the page lobby", "no release of no", "an operator's to"):
        assert part in detail
    assert not await models.PageRevision.objects.aexists()
    operator = await sync_to_async(token)("lobby", Purpose.OPERATE)
    granted = LOBBY | {"slots": {**LOBBY["slots"], "purse": {"fragment": "purse", "grant": {"audience": "game:x"}}}}  # type: ignore[dict-item]
    assert (await sync_to_async(ask)("POST", "/pages/lobby/revisions", operator, granted)).status_code == 200


async def test_description_of_a_page_is_whole() -> None:
    """Every schema that the OpenAPI document refers to is in it."""
    paths = (await sync_to_async(Client().get)("/registry/v1/openapi.json")).json()["paths"]
    body = paths["/registry/v1/pages/{page}/revisions"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    named = set(re.findall(r'"#/\$defs/(\w+)"', json.dumps(body)))
    assert body["$id"]
    assert {"PageDocument", "Layout", "SlotEntry"} <= named <= set(body["$defs"])


async def test_address_that_is_given_away_is_not_taken_back(live: None) -> None:
    """A rollback is checked against the pages that are live by now."""
    here_ = sync_to_async(ask)
    lobby, second = await sync_to_async(token)(), await sync_to_async(token)("news")
    await here_("POST", "/pages/lobby/revisions", lobby, LOBBY)
    await here_("POST", "/pages/lobby/revisions", lobby, LOBBY | {"route": "/start/"})
    assert (await here_("POST", "/pages/news/revisions", second, LOBBY | {"page": "news"})).status_code == 200
    for to in (0, 1):
        refused = await here_("POST", "/pages/lobby/rollback", lobby, {"to": to})
        assert (refused.status_code, "address of the page news" in refused.json()["detail"]) == (422, True)
    assert (await here_("POST", "/pages/lobby/rollback", lobby, {"to": 9})).status_code == 404
    assert (await here_("POST", "/pages/other/rollback", await sync_to_async(token)("other"), {})).status_code == 404
    same = (await here_("POST", "/pages/lobby/rollback", lobby, {"to": 2})).json()
    assert (same["revision"], same["changed"]) == (2, False)
    assert slots(await running(), "/start/")


async def got(pages: LivePages, poller: SnapshotPoller, path: str) -> str:
    """The page at `path` from a shell with this table."""
    sent: list[Any] = []

    async def receive() -> Any:
        await asyncio.sleep(60)

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": "GET",
        "path": path,
        "query_string": b"",
        "headers": [(b"host", b"localhost")],
        "scheme": "http",
    }
    assert await PagePath(replace(parts(), pages=pages, registry=poller)).serve(scope, receive, send)  # type: ignore[arg-type]
    return b"".join(message.get("body", b"") for message in sent).decode()


async def test_lobby_of_other_fragments_is_composed_and_styled_by_data_alone(
    live: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With renamed, removed and unknown fragments a running shell composes it in the layout's places, and so does a
    shell that starts while the database is away.
    """
    sealed = SnapshotFile(tmp_path / "snapshot", "secret")

    def shell() -> tuple[LivePages, SnapshotPoller]:
        pages = LivePages(parts().pages.file, lambda page: Compiler().check(PageTable([page])))
        follow = lambda snapshot, holds: pages.take_published(snapshot.pages, snapshot.scopes)  # noqa: E731
        return pages, SnapshotPoller(follow, sealed)

    pages, poller = shell()
    await poller.refresh()
    await sync_to_async(ask)("POST", "/pages/lobby/revisions", await sync_to_async(token)(), LOBBY)
    await poller.catch_up()
    before = await got(pages, poller, "/")
    monkeypatch.setattr(snapshot_poller, "load_snapshot", away)
    pages, poller = shell()
    await poller.start()
    after = await got(pages, poller, "/")
    await poller.stop()
    for text in (before, after):
        assert '<h1 class="title">Everything</h1>' in text
        assert "<title>Lobby" in text
        for name in ("purse", "news"):
            assert f'<fragment-slot slot="{name}"' in text
        assert 'slot name="tables"' not in text
        link = text.partition('shadowrootmode="open"><link rel="stylesheet" href="')[2].partition('"')[0]
        style = static_file(link)
        assert style is not None
        assert '"place-heading place-heading" "place-news place-purse"' in style.plain.decode()


async def test_stylesheet_of_a_page_that_another_process_shows_already_is_served(live: None) -> None:
    """A page from another process may request its layout here first: this process polls the registry before it answers
    404.
    """
    pages = LivePages(parts().pages.file, lambda page: Compiler().check(PageTable([page])))
    poller = SnapshotPoller(lambda snapshot, holds: pages.take_published(snapshot.pages, snapshot.scopes))
    await poller.refresh()
    changed = LOBBY | {"heading": "Of another process", "page": "elsewhere", "route": "/elsewhere/"}
    monkey = LivePages(parts().pages.file)
    await sync_to_async(ask)("POST", "/pages/elsewhere/revisions", await sync_to_async(token)("elsewhere"), changed)
    assert monkey.match("/elsewhere/") is None
    assert pages.match("/elsewhere/") is None
    assert "There is no such file." in await got(pages, poller, "/static/layouts/elsewhere.0123456789abcdef.css")
    assert pages.match("/elsewhere/") is not None


@pytest.mark.django_db(transaction=True)
def test_verbs_read_the_same_here_and_elsewhere(live: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A page published from TOML on the shell's machine is changed and rolled back with its token; `show` prints the
    same in both places.
    """
    held = token()
    toml = tmp_path / "lobby.toml"
    toml.write_text(TOML)
    assert here("publish", str(toml)).startswith("published lobby: revision 1")
    assert elsewhere(held, "publish", file(tmp_path)) == 0
    assert elsewhere(held, "publish", file(tmp_path)) == 0
    published = capsys.readouterr().out
    assert "published lobby: revision 2" in published
    assert "unchanged lobby: revision 2" in published
    for argv, words in (
        (["list"], "lobby"),
        (["show", "lobby"], "live  2"),
        (["show", "lobby", "--document"], '"heading": "Everything"'),
        (["diff", "lobby", "1", "2"], '+  "heading": "Everything",'),
        (["diff", "lobby", "2", "2"], "they are the same"),
        (["audit", "lobby"], "page_published"),
        (["list", "--json"], '"revision": 2'),
    ):
        assert elsewhere(held, *argv) == 0
        assert words in capsys.readouterr().out
        assert words in here(*argv)
    assert elsewhere(held, "rollback", "lobby", "--reason", "drill") == 0
    assert "lobby is revision 1, after revision 2" in capsys.readouterr().out
    assert "lobby is as the pages table has it, after revision 1" in here("rollback", "lobby", "--to", "0")
    made = here("token", "make", "lobby", "--purpose", "operate", "--label", "ops").splitlines()[-1]
    assert elsewhere(made, "token", "make", "lobby", "--purpose", "read", "--label", "bot") == 0
    bot = capsys.readouterr().out.splitlines()[-1]
    assert elsewhere(made, "token", "list", "lobby") == 0
    assert "bot" in capsys.readouterr().out
    assert elsewhere(made, "token", "revoke", "lobby", bot.split("_")[2]) == 0
    assert "bot" in here("token", "list", "lobby")
    assert "revoked" in here("token", "revoke", "lobby", bot.split("_")[2])


def test_refusal_is_a_sentence_and_an_exit_code(live: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """For a missing file, an unknown page and a faulty page, without a traceback."""
    held = token()
    broken = tmp_path / "broken.toml"
    broken.write_text("page = ")
    nameless = tmp_path / "nameless.json"
    nameless.write_text("[]")
    for path, why in (
        (str(broken), "can not be read"),
        (str(tmp_path / "none.toml"), "can not be read"),
        (str(nameless), "names no page"),
        (file(tmp_path, route="/tables/1/"), "is the address of the page table"),
        (file(tmp_path, heading=""), "heading"),
    ):
        assert elsewhere(held, "publish", path) == 1
        assert why in capsys.readouterr().err
        with pytest.raises(CommandError, match="Nothing was changed") as refused:
            here("publish", path)
        assert why in str(refused.value)
    here("publish", file(tmp_path))
    with pytest.raises(CommandError, match="at most"):
        here("rollback", "lobby", "--reason", "x" * 300)


def test_scopes_are_an_operators_to_give(live: None) -> None:
    """Scopes are given to a fragment's name for every page; running shells follow."""
    output = StringIO()
    call_command("fragment", "scopes", "purse", "wallet.read", "wallet.deposit", stdout=output)
    call_command("fragment", "scopes", "purse", "wallet.deposit", "wallet.read", stdout=output)
    call_command("fragment", "scopes", "nobody", stdout=output)
    lines = output.getvalue().splitlines()
    assert lines[0] == "purse may do this for a player: wallet.deposit wallet.read"
    assert lines[1].startswith("unchanged")
    assert lines[2].endswith("nothing")
    publish_lobby = ask("POST", "/pages/lobby/revisions", token(), LOBBY)
    assert publish_lobby.status_code == 200
    found = async_to_sync(running)().match("/")
    assert found is not None
    assert {slot.name: slot.scopes for slot in found[0].slots} == {
        "purse": frozenset({"wallet.read", "wallet.deposit"}),
        "news": frozenset(),
    }
    for argv, why in ((["pu rse"], "a fragment's name"), (["purse", "a b"], "is no scope"), (["p", *MANY], "at most")):
        with pytest.raises(CommandError, match=why):
            call_command("fragment", "scopes", *argv, stdout=output)


def away(current: Snapshot, holds: Any) -> Any:
    raise OperationalError("the database is away")
