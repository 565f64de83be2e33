"""Publishing: files are fetched, checked and copied, a refused release changes nothing, and running shells follow."""

import asyncio
import gzip
import hashlib

import brotli
import pytest

from shell.composition.page import Page, PageTable, Slot
from shell.composition.release import Trust
from shell.registry import models
from shell.registry.origins import Origins
from shell.registry.publish import PublishRefused, publish
from shell.registry.scope import scoped
from shell.registry.snapshot_poller import SnapshotPoller
from tests.origin import publishing
from tests.origin.publishing import FALLBACK, STYLE
from tests.origin.server import Origin

pytestmark = pytest.mark.django_db(transaction=True)
LOOPBACK = Origins([], loopback=True)
# The origin's fragment asks for no shadow root: its style is published for its own slot alone.
SCOPED = scoped(STYLE, "origin")[0]


async def published(origin: Origin) -> str:
    url = f"{origin.url}/manifest.json"
    return (await publish(url, origins=LOOPBACK, actor="tests", trust=Trust.FIRST_PARTY)).digest


async def test_release_is_copied_whole_and_live_within_a_second() -> None:
    """Manifest, fallback and assets are in the shell's own store, and a running shell composes from them."""
    poller = SnapshotPoller()
    await poller.start()
    try:
        async with Origin() as origin:
            digest = await published(origin)
        await asyncio.sleep(1)
        release = poller.current.releases["origin"]
        assert (release.digest, release.fallback) == (digest, FALLBACK)
        style = hashlib.sha256(SCOPED).hexdigest()
        assert (release.css, release.files) == (("style.css",), {"style.css": style})
        assert release.address("style.css") == f"/assets/origin/{release.folder}/style.css"
        held = await poller.file("origin", release.folder, "style.css")
        assert held is not None
        assert held.body.plain.startswith(b'@scope (fragment-slot[data-fragment="origin"]) to (:scope fragment-slot) {')
        assert (held.body.plain, held.content_type) == (SCOPED, "text/css; charset=utf-8")
    finally:
        await poller.stop()


async def test_published_styles_are_compressed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither a request nor another publish compresses them again."""
    monkeypatch.setattr(publishing, "STYLE", b".origin { color: inherit }\n" * 40)
    async with Origin() as origin:
        await published(origin)
    poller = SnapshotPoller()
    await poller.refresh()
    [digest] = poller.current.releases["origin"].files.values()
    held = poller.current.assets[digest]
    assert brotli.decompress(held.body.coded["br"]) == held.body.plain
    assert gzip.decompress(held.body.coded["gzip"]) == held.body.plain
    await models.AuditEntry.objects.acreate(action="publish", fragment="other", actor="tests")
    before = poller.current.generation
    await poller.refresh()
    assert poller.current.generation > before
    assert poller.current.assets[digest] is held


async def test_publishing_the_same_again_changes_nothing() -> None:
    """A release is named by what it holds."""
    async with Origin() as origin:
        first = await publish(f"{origin.url}/manifest.json", origins=LOOPBACK, actor="tests", trust=Trust.FIRST_PARTY)
        again = await publish(f"{origin.url}/manifest.json", origins=LOOPBACK, actor="tests", trust=Trust.FIRST_PARTY)
    assert (first.changed, again.changed, first.digest) == (True, False, again.digest)
    actions = [entry.action async for entry in models.AuditEntry.objects.order_by("id")]
    assert actions == ["trusted", "published"]


@pytest.mark.parametrize(
    ("fault", "at", "words"),
    [
        ("refused", "/", "manifest: "),
        ("status=404", "/manifest.json", "manifest: "),
        ("odd-manifest=malformed", "/manifest.json", "not JSON"),
        ("odd-manifest=missing-name", "/manifest.json", "name"),
        ("odd-manifest=wrong-type", "/manifest.json", "css"),
        ("odd-manifest=too-large", "/manifest.json", "bytes"),
        ("silence", "/fallback", "fallback: "),
        ("json", "/fallback", "fallback: "),
        ("status=500", "/style.css", "css[0]: "),
        ("json", "/style.css", "css[0]: "),
        ("redirect=elsewhere", "/manifest.json", "manifest: "),
    ],
)
async def test_refused_publish_leaves_the_live_release(fault: str, at: str, words: str) -> None:
    """The message names the field; what was live is still live, and nothing of the new one is kept."""
    async with Origin() as origin:
        before = await published(origin)
        await origin.fail(fault, at=at)
        with pytest.raises(PublishRefused) as refused:
            await published(origin)
        await origin.heal()
    assert words in str(refused.value)
    live = await models.LiveRelease.objects.select_related("release").aget(fragment="origin")
    assert live.release.digest == before
    assert await models.Release.objects.acount() == 1


async def test_live_name_stays_with_its_origin_unless_it_is_moved() -> None:
    """A manifest at another origin does not take over a fragment's name; `--move` is printed and allowed."""
    async with Origin() as origin, Origin() as other:
        before = await published(origin)
        url = f"{other.url}/manifest.json"
        with pytest.raises(PublishRefused, match="--move"):
            await publish(url, origins=LOOPBACK, actor="tests", trust=Trust.FIRST_PARTY)
        live = await models.LiveRelease.objects.select_related("release").aget(fragment="origin")
        assert (live.release.digest, await models.Release.objects.acount()) == (before, 1)
        moved = await publish(url, origins=LOOPBACK, actor="tests", move=True, trust=Trust.FIRST_PARTY)
        assert moved.changed
        live = await models.LiveRelease.objects.select_related("release").aget(fragment="origin")
        assert live.release.manifest_url == url


async def test_later_contract_is_published_by_what_is_known_of_it() -> None:
    """A manifest of a newer contract is accepted as long as its known fields are valid."""
    async with Origin() as origin:
        await origin.fail("odd-manifest=later-contract", at="/manifest.json")
        await published(origin)


async def test_manifest_on_an_origin_that_nobody_allowed_is_not_fetched() -> None:
    """The shell sends no request to an origin that is not allowed."""
    async with Origin() as origin:
        with pytest.raises(PublishRefused, match="FRAGMENT_ORIGINS"):
            await publish(
                f"{origin.url}/manifest.json", origins=Origins(["https://other.example"], loopback=False), actor="tests"
            )
        assert origin.requests == 0


async def test_asset_of_an_older_release_is_still_served() -> None:
    """A page that was opened before a publish keeps its styles."""
    poller = SnapshotPoller()
    row = models.Asset(digest="a" * 64, content_type="text/css; charset=utf-8", body=b"p{}")
    await row.asave()
    held = await poller.asset("a" * 64)
    assert held is not None
    assert held.body.plain == b"p{}"
    assert await poller.asset("b" * 64) is None


async def test_assets_named_in_a_link_header_are_copied_like_those_of_the_manifest() -> None:
    """By Podium's rule, each once; links to anything else are ignored."""
    async with Origin() as origin:
        origin.headers = (
            (
                "Link",
                "</style.css>; type=text/css; rel=stylesheet; asset-type=style, </more.css>; asset-type=style, "
                "</page>; rel=next",
            ),
        )
        done = await publish(f"{origin.url}/manifest.json", origins=LOOPBACK, actor="tests", trust=Trust.FIRST_PARTY)
        release = await models.Release.objects.aget(digest=done.digest)
        assert [seen.path for seen in origin.seen].count("/style.css") == 1
        assert "/page" not in [seen.path for seen in origin.seen]
    more = hashlib.sha256(scoped(b".more { color: inherit }", "origin")[0]).hexdigest()
    assert release.css == ["style.css", "more.css"]
    assert list(release.files.values()) == [hashlib.sha256(SCOPED).hexdigest(), more]


async def test_markup_that_containment_drops_is_noted() -> None:
    """Dropped markup is noted and the release published, unless nothing of its content is left."""
    async with Origin(body=b'<p onclick="x()">Hello</p><script>x()</script>') as origin:
        done = await publish(f"{origin.url}/manifest.json", origins=LOOPBACK, actor="tests", trust=Trust.FIRST_PARTY)
        assert any("onclick" in note for note in done.notes), done.notes
        assert any("<script>" in note for note in done.notes), done.notes
        origin.body = b"<plaintext>"
        with pytest.raises(PublishRefused, match=r"content-refused: .* pages show its fallback"):
            await publish(f"{origin.url}/manifest.json", origins=LOOPBACK, actor="tests", trust=Trust.FIRST_PARTY)


async def test_missing_and_unused_places_of_inner_slots_are_noted() -> None:
    """A missing place for an inner slot is noted, and the slot stands at the end of content and fallback; the release
    is published all the same.
    """
    around = Slot("header", "origin", "/header")
    pages = PageTable([Page("shop", "/", "", (around, Slot("cart", "basket", inside="header")))])

    missing = 'no <slot name="cart">, so cart stands at its end'
    async with Origin(body=b'<nav>Shop<slot name="menu"></slot></nav>') as origin:
        manifest = f"{origin.url}/manifest.json"
        found = (await publish(manifest, origins=LOOPBACK, actor="tests", pages=pages)).notes
        assert f"fallback: {missing}" in found
        assert f"content of shop.header: {missing}" in found
        assert any('no page puts a slot into <slot name="menu"> here' in note for note in found)
        origin.body = b'<nav>Shop<slot name="cart"></slot></nav>'
        again = (await publish(manifest, origins=LOOPBACK, actor="tests", pages=pages)).notes
        assert not any("shop.header" in note for note in again)
