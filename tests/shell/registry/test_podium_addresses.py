"""The addresses at which a podlet is requested follow Podium's rule for every content, mount and pathname."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.conf import settings
from hypothesis import Phase, example, given
from hypothesis import settings as limits
from hypothesis import strategies as st

from bff.contracts import podium_url
from bff.resilience.deadline import Deadline
from bff.resilience.outcome import State
from bff.resilience.reason import Reason
from shell.composition.include import Include
from shell.composition.includer import Includer
from shell.composition.ladder import Included
from shell.composition.page import Page, PageTable, Slot, Visit
from shell.composition.upstreams import Upstreams
from shell.pages.table import read_pages
from shell.registry.origins import Origins
from shell.registry.publish import Published, publish
from shell.registry.sample_requests import NOBODY
from shell.registry.snapshot_poller import SnapshotPoller
from shell.registry.waivers import waive
from tests.support import plain_http
from tests.support.podium.rig import Podium, Started, Variant

pytestmark = pytest.mark.django_db(transaction=True)
LOOPBACK = Origins([], loopback=True)
AWAY = {"headers": {"content-type": "text/html"}, "body": "<p>away</p>"}

words = st.text("ab.%2e/-_http:json", max_size=12)
# What begins with `http` and is no URL is refused by Podium and by us; `http://` alone is among it.
paths = words.filter(lambda path: path != "" and not path.startswith("http"))


def bearer(visit: Visit, audience: str, scopes: frozenset[str], life_s: int) -> str:
    return f"{visit.player}-for-{audience}"


def visit_to(page: Page, params: Mapping[str, str] | None = None, player: str = "") -> Visit:
    return Visit(page, params or {}, "en", "en-GB", "EUR", "http://localhost", player=player)


def _text(url: str) -> str:
    return plain_http.get(url).text


async def shown(started: Started, *slots: Slot, then: Callable[[], None] = lambda: None) -> list[Included]:
    """What the slots of a page show of the published fragment."""
    await publish(started.manifest_url, origins=LOOPBACK, actor="tests")
    then()
    poller = SnapshotPoller()
    await poller.refresh()
    upstreams = Upstreams()
    includer = Includer(upstreams, bearer)
    visit = visit_to(Page("lobby", "/", "lobby.html", slots))
    try:
        return [
            await includer.include(
                Include(slot, visit, poller.current.releases[slot.fragment]),
                Deadline.after_ms(asyncio.get_running_loop().time(), 3000),
            )
            for slot in slots
        ]
    finally:
        await includer.aclose()
        await upstreams.aclose()


@pytest.mark.parametrize(
    ("variant", "pathname", "wanted_url"),
    [
        ({}, "", "/"),
        ({"content": "/content"}, "", "/content"),
        ({"content": "/content", "pages": {"/content/more": "more"}}, "/more", "/content/more"),
        ({"pages": {"/grid": "<p>grid</p>"}}, "/grid", "/grid"),
        ({"pathname": "/mounted"}, "", "/mounted"),
        ({"pathname": "/mounted", "content": "/content"}, "", "/mounted/content"),
        ({"pathname": "/mounted", "pages": {"/mounted/grid": "grid"}}, "grid", "/mounted/grid"),
        ({"content": "/a//b/"}, "", "/a/b"),
    ],
)
async def test_podlet_is_requested_where_a_layout_would_request_it(
    podium: Podium, variant: Variant, pathname: str, wanted_url: str
) -> None:
    """Its answer is shown, also one without a Content-Type."""
    [started] = podium.start({"name": "asked", **variant})
    [included] = await shown(started, Slot("asked", "asked", pathname))
    assert (included.state, included.reason) == (State.FRESH, None)
    assert {seen["url"] for seen in podium.requests(started)} >= {wanted_url}
    layout = podium.layout("page", {"name": "asked", "uri": started.manifest_url, "pathname": pathname})
    assert included.html.decode() in await asyncio.to_thread(_text, layout.url)
    assert podium.requests(started)[-1]["url"] == wanted_url


# Without shrinking: twenty cases at once take long to become few, and the first that differs says enough.
@limits(deadline=None, max_examples=60, phases=[Phase.explicit, Phase.generate])
@given(
    st.lists(
        st.tuples(
            st.one_of(paths, words.map(lambda path: f"http://c.test/{path}")),
            words.map(lambda folder: f"http://m.test/{folder}/manifest.json"),
            words,
        ),
        min_size=20,
        max_size=20,
    )
)
@example(
    cases=[
        ("http://c.test/te-/b:/.", "http://m.test/x/manifest.json", ""),
        ("http://c.test/a.json/../b", "http://m.test/x/..//manifest.json", "c/.."),
        ("http://c.test/a//../b/./", "http://m.test/manifest.json", ".."),
        ("http://c.test/a/.", "http://m.test/./manifest.json", "b"),
        ("./a/..", "http://m.test/x/%2e%2E/y/manifest.json", ""),
    ]
)
def test_every_address_is_podiums_own(podium: Podium, cases: list[tuple[str, str, str]]) -> None:
    """Every combination of content, manifest and pathname."""
    for case, there in zip(cases, podium.addresses(*cases), strict=True):
        content, manifest, slot = case
        assert (podium_url.append(podium_url.resolve(manifest, content), slot), case) == (there, case)


async def test_plain_server_without_podiums_header_is_a_fragment(podium: Podium) -> None:
    """A server that never sends `podlet-version` is accepted; one that sent it at publish has to send it always."""
    html = {"headers": {"content-type": "text/html"}, "body": "<p>plain</p>"}
    manifest = {"name": "plain", "version": "1", "content": "/", "fallback": "/away"}
    [started] = podium.start({"plain": True, "manifest_json": manifest, "pages": {"/": html, "/away": AWAY}})
    [included] = await shown(started, Slot("plain", "plain"))
    assert (included.state, included.html) == (State.FRESH, b"<p>plain</p>")


async def test_answer_without_a_type_is_html_only_of_one_who_names_itself(podium: Podium) -> None:
    """An answer with neither version nor type is refused."""
    manifest = {"name": "untyped", "version": "1", "content": "/", "fallback": "/away"}
    [started] = podium.start(
        {"plain": True, "manifest_json": manifest, "pages": {"/": {"body": "<p>plain</p>"}, "/away": AWAY}}
    )
    await sync_to_async(waive)("untyped", "content-refused", reason="it is untyped", actor="ops")
    [included] = await shown(started, Slot("untyped", "untyped"))
    assert (included.state, included.reason) == (State.FALLBACK, Reason.CONTENT_TYPE)


async def test_answer_of_a_podlet_without_its_version_is_refused(podium: Podium) -> None:
    """A gateway's page with status 200 is not shown as the fragment."""
    [started] = podium.start({"name": "named"})
    [well] = await shown(started, Slot("named", "named"))
    html = {"headers": {"content-type": "text/html"}, "body": "<p>gateway</p>"}
    [odd] = await shown(started, Slot("named", "named"), then=lambda: podium.change(started, files={"/": html}))
    assert (well.state, odd.state, odd.reason) == (State.FRESH, State.FALLBACK, Reason.NOT_A_FRAGMENT)


async def looked_at(podium: Podium, variant: Variant, *pages: Page) -> tuple[Published, list[dict[str, Any]]]:
    """The notes of a publish, and its requests for the content."""
    [started] = podium.start(variant)
    done = await publish(started.manifest_url, origins=LOOPBACK, actor="tests", pages=PageTable(pages), bearer=bearer)
    return done, [seen for seen in podium.requests(started) if not seen["url"].endswith(("manifest.json", "/fallback"))]


async def test_publishing_asks_what_every_page_will_ask(podium: Podium) -> None:
    """Each address is requested once, with the page's samples; a player's content with the context of a player who has
    no account.
    """
    slots = (Slot("all", "looked"), Slot("one", "looked", "/table/{table}"), Slot("mine", "looked", "/mine"))
    table = Page("table", "/tables/{table}/", "table.html", slots, samples={"table": "rl-7"})
    lobby = Page("lobby", "/", "lobby.html", (Slot("all", "looked"), Slot("other", "other", "/other")))
    shared = {"mullion": {"audience": "shared", "player_paths": ["/mine"]}}
    pages = {"/c/table/rl-7": "<p onclick='x()'>one</p>", "/c/mine": {"status": 404}}
    variant = {"name": "looked", "content": "/c", "extend": shared, "pages": pages}
    done, seen = await looked_at(podium, variant, lobby, table)
    assert sorted(each["url"] for each in seen) == ["/c", "/c/mine", "/c/table/rl-7"]
    by_url = {each["url"]: each["headers"] for each in seen}
    assert by_url["/c/table/rl-7"]["podium-public-pathname"] == "/slots/table:rl-7/one"
    assert [url for url, sent in by_url.items() if "authorization" in sent] == ["/c/mine"]
    assert by_url["/c/mine"]["authorization"] == f"Bearer {NOBODY}-for-looked"
    assert [note for note in done.notes if "onclick" in note] == [
        "content of table.one: removed onclick of <p>; a page shows it without"
    ]
    assert any("/c/mine answered 404" in note for note in done.notes)


async def test_page_with_parameters_and_no_samples_is_noted_as_unchecked(podium: Podium) -> None:
    """The notes name the page that could not be checked."""
    page = Page("table", "/tables/{table}/", "table.html", (Slot("one", "unasked", "/table/{table}"),))
    done, seen = await looked_at(podium, {"name": "unasked"}, page)
    assert (seen, done.notes) == (
        [],
        ("content: table.one was not asked for, as pages.table declares no samples",),
    )


def test_pages_of_this_house_declare_samples_for_each_of_their_parameters() -> None:
    """So publishing checks every page."""
    pages = read_pages(settings.PAGES).pages
    assert [page.name for page in pages if set(page.params) != set(page.samples)] == []


async def test_plain_server_that_begins_to_say_its_version_is_another_release(podium: Podium) -> None:
    """From that release on the header is required."""
    html = {"headers": {"content-type": "text/html"}, "body": "<p>plain</p>"}
    manifest = {"name": "turned", "version": "1", "content": "/", "fallback": "/away"}
    [started] = podium.start({"plain": True, "manifest_json": manifest, "pages": {"/": html, "/away": AWAY}})
    before = await publish(started.manifest_url, origins=LOOPBACK, actor="tests")
    versioned = {**html, "headers": {**html["headers"], "podlet-version": "1"}}
    podium.change(started, pages={"/": versioned, "/away": AWAY})
    after = await publish(started.manifest_url, origins=LOOPBACK, actor="tests")
    assert before.digest != after.digest
    poller = SnapshotPoller()
    await poller.refresh()
    assert poller.current.releases["turned"].versioned
