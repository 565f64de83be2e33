"""The shell's duties towards a player on every page, and the query parameters that a page passes to a slot."""

import asyncio
import time
from typing import Any

import pytest
from django.conf import settings

from shell.composition.include import Include
from shell.composition.page import Page, PagesBroken, Slot
from shell.composition.requests import content_request
from shell.page_path import PagePath
from shell.pages.table import read_pages
from shell.players.duties import duration_words, duty_values
from shell.players.identity import Identity, encode
from shell.players.mark import mark_of
from shell.visits import Incoming, visit_of
from shell.wiring import parts
from tests.support.shell_page import Trio

pytestmark = pytest.mark.quick

SESSION = "s" * 32
HOUR_S = 3600
SLOTS = (Slot("main", "x", "/list", query=("kind", "page")), Slot("side", "y"))
PAGE = Page("list", "/list/", "lobby.html", SLOTS)


def player(since_s: int, checked_s: int | None = None) -> Identity:
    """Amber, who signed in that many seconds ago."""
    now = int(time.time())
    return Identity("pl_amber", "amber", "EUR", mark_of(SESSION), now - since_s, now - checked_s if checked_s else 0)


async def page_of(identity: Identity, path: str = "/") -> str:
    """The whole page as that player's browser receives it while no fragment answers."""
    sent: list[Any] = []

    async def receive() -> Any:
        await asyncio.sleep(3600)

    async def send(message: Any) -> None:
        sent.append(message)

    cookies = (
        f"{settings.SESSION_COOKIE_NAME}={SESSION}; {settings.PLAYER_COOKIE_NAME}={encode(identity, now=time.time())}"
    )
    headers = [(b"host", b"localhost"), (b"cookie", cookies.encode())]
    scope = {"type": "http", "method": "GET", "path": path, "query_string": b"", "scheme": "http", "headers": headers}
    assert await PagePath(parts()).serve(scope, receive, send)
    return b"".join(message.get("body", b"") for message in sent[1:]).decode()


@pytest.mark.parametrize("path", ["/", "/cashier/", "/history/", "/limits/", "/tables/rl-7/"])
async def test_clock_and_limits_stand_on_every_page_with_every_fragment_down(path: str) -> None:
    """The session clock and the link to the limits do not depend on any fragment."""
    html = await page_of(player(75 * 60, 20 * 60), path)
    before_any_slot = html.partition("<main")[0]
    assert ">1 h 15 min</span>" in before_any_slot
    assert 'href="/limits/"' in before_any_slot
    assert 'data-reality="wait"' in before_any_slot


async def test_look_up_that_is_due_stands_in_the_page_without_a_script() -> None:
    """The reality check is a plain form that leads back to the page."""
    html = await page_of(player(61 * 60), "/cashier/")
    dialog = html.partition("<dialog")[2].partition("</dialog>")[0]
    assert 'data-reality="due"' in dialog
    assert 'action="/reality-check/"' in dialog
    assert 'name="next" value="/cashier/"' in dialog


def test_look_up_falls_due_by_the_later_of_sign_in_and_last_look() -> None:
    """A whole interval passes between two reality checks; a session without a start time gets one at once."""
    now = 10_000 * HOUR_S

    def due(since: int, checked: int) -> tuple[str, str]:
        words = duty_values(Identity("pl_a", "a", "EUR", "m", since, checked), now=now)
        return words["reality"], words["reality_due_s"]

    assert due(now - 10, 0) == ("wait", str(HOUR_S - 10))
    assert due(now - 5 * HOUR_S, now - 60) == ("wait", str(HOUR_S - 60))
    assert due(now - HOUR_S, 0) == ("due", "0")
    assert due(0, 0) == ("due", "0")
    assert duty_values(None, now=now) == {}


@pytest.mark.parametrize(("seconds", "words"), [(0, "0 min"), (3599, "59 min"), (3900, "1 h 05 min")])
def test_time_reads_in_minutes_and_hours(seconds: int, words: str) -> None:
    """The clock shows no seconds, which would draw attention."""
    assert duration_words(seconds) == words


def visited(query: str) -> Any:
    scope = {"method": "GET", "path": "/list/", "query_string": query.encode(), "headers": []}
    return visit_of(Incoming.of(scope), PAGE, {}, None)


@pytest.mark.parametrize(
    ("query", "query_of_slot"),
    [
        ("main.kind=play&main.page=2", {"kind": "play", "page": "2"}),
        ("side.kind=play&kind=play", {}),
        ("main.secret=1&main.receipt=rc_1", {}),
        ("main.kind=%3Cb%3E&main.page=" + "9" * 200, {"kind": "<b>"}),
        ("main.kind=a%0d%0ab&main.page=%26x%3d1", {"page": "&x=1"}),
    ],
)
def test_page_asks_a_slot_only_what_the_table_lets_it(query: str, query_of_slot: dict[str, str]) -> None:
    """Undeclared names and values that are not plain text reach no fragment; a declared name has one value."""
    visit = visited(query)
    assert Include(SLOTS[0], visit, None).query == query_of_slot
    assert Include(SLOTS[1], visit, None).query == {}


async def test_slot_is_requested_and_refetched_with_the_pages_query() -> None:
    """The fragment receives its own parameters, also when its slot is refetched."""
    async with Trio() as trio:
        visit = visited("main.kind=play&main.page=2")
        release = trio.snapshot.releases["wallet"]
        request = content_request(Include(SLOTS[0], visit, release), lambda *_: "")
        assert request.url.endswith("?kind=play&page=2")
        included, body = await trio.composer.slot(SLOTS[0], visit, trio.snapshot, attempt=0)
        assert b'data-query="main.kind=play&amp;main.page=2"' in body
        assert b'hx-get="/slots/list/main?main.kind=play&amp;main.page=2&amp;attempt=1"' in body
        assert included.release is None


async def test_slot_that_is_read_again_still_shows_its_receipt() -> None:
    """The result of a command stays on the page when its slot heals a second later."""
    async with Trio() as trio:
        visit = visited("main.page=2&main.receipt=rc_1&side.receipt=%22%3E")
        _, body = await trio.composer.slot(SLOTS[0], visit, trio.snapshot, attempt=0)
        assert b'data-query="main.page=2&amp;main.receipt=rc_1"' in body
        assert b'hx-get="/slots/list/main?main.page=2&amp;main.receipt=rc_1&amp;attempt=1"' in body
        _, other = await trio.composer.slot(SLOTS[1], visit, trio.snapshot, attempt=0)
        assert b"receipt" not in other


async def test_copies_of_two_queries_are_two_copies() -> None:
    """The last good copy of one query never stands in for another query."""
    async with Trio(extension={"stale_s_max": 60}) as trio:
        slot = Slot("main", "wallet", query=("page",))
        first, second = visited("main.page=1"), visited("main.page=2")
        trio.origins["wallet"].body = b"<p>the first</p>"
        await trio.composer.slot(slot, first, trio.snapshot, attempt=0)
        await trio.origins["wallet"].fail("status=500")
        assert b"the first" in (await trio.composer.slot(slot, first, trio.snapshot, attempt=0))[1]
        assert b"the first" not in (await trio.composer.slot(slot, second, trio.snapshot, attempt=0))[1]


@pytest.mark.parametrize("name", ["receipt", "attempt", "min_sequence", "Kind", "a.b", ""])
def test_query_name_of_the_shell_is_refused_by_the_table(tmp_path: Any, name: str) -> None:
    """A slot's parameter may not have a name that the shell itself uses."""
    path = tmp_path / "pages.toml"
    path.write_text(
        f"[fragments.f]\n[pages.a]\nroute='/'\ntemplate='x'\nslots={{s={{fragment='f',query=['{name}']}}}}\n"
    )
    with pytest.raises(PagesBroken, match="query names"):
        read_pages(path)
