"""Pictures and fonts below a static prefix: one shared copy, harmless when opened, and available while the origin is
away.
"""

import asyncio
import itertools
import posixpath
import re
from collections.abc import AsyncIterator
from dataclasses import replace
from types import MappingProxyType, SimpleNamespace
from typing import Any, cast
from urllib.parse import unquote, urlsplit

import msgspec
import pytest

from bff.contracts.manifest import Manifest
from shell.composition.body import links_of
from shell.composition.contain import Contained, contain
from shell.composition.origin_file_policy import OriginFilePolicy
from shell.composition.release import Release, Role, Snapshot, Trust
from shell.composition.upstreams import Upstreams
from shell.proxy.origin_files import OriginFilePath
from tests.origin.exchange import Exchange
from tests.origin.server import Origin

PNG = b"\x89PNG picture"
MANIFEST = msgspec.convert(
    {"name": "shop", "version": "1", "content": "/shop", "mullion": {"static": ["/shop/pictures/", "/fonts"]}}, Manifest
)
PREFIX = f"/assets/shop/at-{'d' * 12}/"


class Pictures(Origin):
    """An origin that answers every path with the same bytes, of type `kind` and with `status`."""

    kind, status, location = "image/png", 200, ""

    async def _respond(self, exchange: Exchange) -> None:
        headers = {"Content-Type": self.kind, "Location": self.location}
        await exchange.answer(self.status, tuple((name, value) for name, value in headers.items() if value), PNG)


class Shop:
    """A release with a prefix, and the shell's path to it. `ask` is a browser's request."""

    def __init__(self, origin: Pictures, **policy: int) -> None:
        self.origin = origin
        self.release = Release("shop", "d" * 64, MANIFEST, f"{origin.url}/manifest.json", b"", (), ())
        self.upstreams = Upstreams(file_policy=OriginFilePolicy(**policy))
        self.registry = SimpleNamespace(current=Snapshot(1, MappingProxyType({"shop": self.release})))
        self.path = OriginFilePath(cast("Any", SimpleNamespace(upstreams=self.upstreams, registry=self.registry)))

    def signed(self, address: str, query: str = "") -> str:
        """The same address below the prefix with the signature that a page has in it."""
        path = address.removeprefix(PREFIX)
        signature = self.release.pictures.prefix._signature(f"/{unquote(path)}", query)
        return f"{PREFIX}~{signature}/{path}" if path != address else address

    async def ask(
        self, path: str, query: str = "", method: str = "GET", signed: bool = True, **headers: str
    ) -> tuple[int, Any, bytes]:
        sent: list[Any] = []
        path = self.signed(path, query) if signed else path

        async def send(message: Any) -> None:
            sent.append(message)

        fields = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
        scope = {"method": method, "path": unquote(path), "query_string": query.encode(), "headers": fields}
        served = await self.path.serve(scope, cast("Any", None), send)
        assert served == bool(sent)
        if not served:
            return 0, {}, b""
        given: dict[str, str] = {}
        for name, value in sent[0]["headers"]:
            given.setdefault(name.decode(), value.decode())
        return sent[0]["status"], given, sent[1]["body"]

    def html(self, body: str) -> str:
        found = contain(
            body.encode(), "text/html", prefix="/slots/a/shop", isolation="shadow", links=links_of(self.release)
        )
        assert isinstance(found, Contained)
        return found.html.decode()

    def wanted(self) -> list[str]:
        return [each.path for each in self.origin.seen]


@pytest.fixture
async def origin() -> AsyncIterator[Pictures]:
    async with Pictures() as origin:
        yield origin


@pytest.fixture
async def shop(origin: Pictures) -> AsyncIterator[Shop]:
    made = Shop(origin)
    yield made
    await made.path.aclose()
    await made.upstreams.aclose()


async def test_address_in_html_leads_to_the_file_at_the_origin(shop: Shop) -> None:
    """Relative, root-relative and absolute addresses are rewritten once, also if containment runs twice."""
    html = shop.html(
        f'<img src="shop/pictures/a.png" alt=""><img src="/shop/pictures/a%20b.png?v=2" alt="">'
        f'<img srcset="{shop.origin.url}/shop/pictures/c.png 2x" alt="">'
    )
    a, c = (shop.signed(f"{PREFIX}shop/pictures/{name}.png") for name in ("a", "c"))
    b = shop.signed(f"{PREFIX}shop/pictures/a%20b.png", "v=2")
    assert html == f'<img src="{a}" alt=""><img src="{b}?v=2" alt=""><img srcset="{c} 2x" alt="">'
    assert shop.html(html) == html
    status, headers, body = await shop.ask(f"{PREFIX}shop/pictures/a%20b.png", "v=2", cookie="session=1")
    assert (status, headers["content-type"], body) == (200, "image/png", PNG)
    [seen] = shop.origin.seen
    assert seen.path == "/shop/pictures/a%20b.png?v=2"
    assert not {"cookie", "authorization"} & set(seen.headers)


@pytest.mark.parametrize(
    "written",
    [
        "/shop/other/a.png",
        "/shop/pictures",
        "/shop/pictures/",
        "/shop/pictures/../secret.png",
        "/shop/pictures//a.png",
        "/shop/pictures/%2e%2e/a.png",
        "/shop/pictures/..;/a.png",
        "/shop/pictures/.;x/a.png",
        "/shop/pictures/a%252e.png",
        "/shop/pictures/a.png?q=<b>",
        "/shop/pictures/%ff.png",
        "/shop/pictures/" + "a" * 1100,
        "https://evil.example/shop/pictures/a.png",
    ],
)
async def test_what_lies_below_no_prefix_has_no_address(shop: Shop, written: str) -> None:
    assert shop.html(f'<img src="{written}" alt="">') == '<img alt="">'


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("shop/other/a.png", ""),
        ("shop/pictures/../other.png", ""),
        ("shop/pictures/a.png", "q=%3Cb"),
        ("shop/pictures/a%3Fb", ""),
        ("shop/pictures/a%5C..%5Cb", ""),
        ("shop/pictures/..;/other.png", ""),
        ("shop/pictures/%2e%2e;a=b/other.png", ""),
        ("shop/pictures/..%20/other.png", ""),
        ("shop/pictures/;/a.png", ""),
        ("", ""),
    ],
)
async def test_address_that_leads_out_of_the_prefix_reaches_nobody(shop: Shop, path: str, query: str) -> None:
    status, headers, _ = await shop.ask(PREFIX + path, query)
    assert (status, headers["cache-control"]) == (404, "no-store")
    assert not shop.origin.seen


# What readers of paths disagree about: escapes twice, path parameters, backslashes, controls, wide dots, authorities.
PIECES = (
    *("..", ".", "%2e%2e", "%2f", "/", "\\", "%5c", "\0", "\r\n", "a"),
    *(";", "?", "#", "．．", "@", "//x.example", " "),
)


def test_no_address_of_a_file_leads_out_of_its_prefix_however_it_is_read() -> None:
    """Of every three such parts in a row, an accepted address stays below the prefix, also if decoded again or without
    path parameters.
    """
    prefix = Release("shop", "d" * 64, MANIFEST, "https://shop.example/manifest.json", b"", (), ()).pictures.prefix
    passed = 0
    for pieces in itertools.product(PIECES, repeat=3):
        found = prefix.read("/fonts/" + "".join(pieces), "")
        if found is None:
            continue
        url, passed = found.url, passed + 1
        assert re.fullmatch(r"https://shop\.example/fonts/[!-~]+", url)
        assert not re.search(r"[?#\\]|%(00|0d|0a|25|2f|5c)", url, re.IGNORECASE)
        plain = "/".join(each.partition(";")[0].strip(" ") for each in unquote(urlsplit(url).path).split("/"))
        assert posixpath.normpath(plain) == plain
    assert passed > 100


async def test_redirect_of_the_origin_is_not_followed(shop: Shop) -> None:
    """The shell does not request the target, inside or elsewhere, and does not pass the address on."""
    async with Pictures() as inner:
        shop.origin.status, shop.origin.location = 302, f"{inner.url}/secret.png"
        status, headers, body = await shop.ask(f"{PREFIX}fonts/a.png")
        assert (status, headers["cache-control"]) == (503, "no-store")
        assert "location" not in headers
        assert inner.url.encode() not in body
        assert not inner.seen


async def test_names_that_visitors_invent_take_no_picture_from_others(shop: Shop) -> None:
    """Whether the origin answers unknown names with a page or with a status, pictures are still served."""
    for status, kind in ((404, "text/plain"), (403, "application/xml"), (400, "text/html"), (200, "text/html")):
        shop.origin.status, shop.origin.kind = status, kind
        for number in range(30):
            assert (await shop.ask(f"{PREFIX}fonts/{status}-{number}.png"))[0] in (404, 503)
        shop.origin.status, shop.origin.kind = 200, "image/png"
        assert (await shop.ask(f"{PREFIX}fonts/after-{status}-{kind}.png"))[0] == 200


@pytest.mark.parametrize("status", [500, 503, 429])
async def test_origin_that_fails_at_invented_names_fails_at_no_picture_of_a_page(shop: Shop, status: int) -> None:
    """Only the shell can sign an address, and failures at unsigned ones do not count for any breaker."""
    shop.origin.status = status
    for number in range(30):
        for address in (f"{PREFIX}fonts/{number}.png", f"{PREFIX}~{'A' * 16}/fonts/{number}.png"):
            assert (await shop.ask(address, signed=False))[0] == 503
    assert len(shop.wanted()) == 60
    shop.origin.status = 200
    assert shop.upstreams.files_of(shop.release).refusal() is None
    assert (await shop.ask(f"{PREFIX}fonts/a.png"))[0] == 200
    assert (await shop.ask(f"{PREFIX}fonts/made-by-a-script.png", signed=False))[0] == 200


async def test_variants_that_visitors_invent_push_no_copy_out(origin: Pictures) -> None:
    """Neither do another fragment's pictures; an unsigned address gets the copy that is stored."""
    shop = Shop(origin, cache_entries_max=2, unsigned_cache_entries_max=2)
    for name in ("a", "b"):
        await shop.ask(f"{PREFIX}fonts/{name}.png")
    for number in range(5):
        assert (await shop.ask(f"{PREFIX}fonts/a.png", f"v={number}", signed=False))[0] == 200
    before = len(shop.wanted())
    for name in ("a", "b"):
        for signed in (True, False):
            assert (await shop.ask(f"{PREFIX}fonts/{name}.png", signed=signed))[0] == 200
    assert len(shop.wanted()) == before
    other = replace(shop.release, fragment="other")
    shop.registry.current = Snapshot(2, MappingProxyType({"shop": shop.release, "other": other}))
    for number in range(3):
        assert (await shop.ask(other.pictures.address(f"/fonts/{number}.png") or ""))[0] == 200
    before = len(shop.wanted())
    assert (await shop.ask(f"{PREFIX}fonts/a.png"))[0] == 200
    assert len(shop.wanted()) == before
    await shop.path.aclose()
    await shop.upstreams.aclose()


async def test_equal_bodies_have_equal_addresses_and_another_release_has_others(shop: Shop) -> None:
    """An edge cache can serve all processes; a signature is valid for its release only."""
    again = replace(shop.release, css=())
    there = f"{shop.origin.url}/fonts/a.png"
    assert again.pictures.address(there) == shop.release.pictures.address(there) == shop.signed(f"{PREFIX}fonts/a.png")
    other = replace(shop.release, digest="e" * 64).pictures.address(there) or ""
    assert other.split("/")[4] != shop.signed(f"{PREFIX}fonts/a.png").split("/")[4]


async def test_range_request_gets_the_whole_file(shop: Shop) -> None:
    """Range headers do not reach the origin, and a partial answer is not stored as the file."""
    status, headers, body = await shop.ask(f"{PREFIX}fonts/a.png", range="bytes=0-1")
    assert (status, body) == (200, PNG)
    assert "content-range" not in headers
    assert "range" not in shop.origin.seen[0].headers
    shop.origin.status = 206
    assert (await shop.ask(f"{PREFIX}fonts/b.png"))[0] == 503


async def test_other_addresses_are_left_to_others(shop: Shop) -> None:
    for path in ("/assets/shop/f0/a.png", "/static/a.png", "/assets/" + "d" * 64):
        assert (await shop.ask(path))[0] == 0
    assert (await shop.ask(f"{PREFIX}shop/pictures/a.png", method="POST"))[0] == 0
    for path in (PREFIX.replace("shop", "other"), f"/assets/shop/at-{'e' * 12}/", "/assets/shop/at-d/"):
        assert (await shop.ask(f"{path}shop/pictures/a.png"))[0] == 404


async def test_one_copy_serves_all_and_a_browser_that_has_it_gets_304(shop: Shop) -> None:
    """Concurrent requests are one request to the origin, a matching ETag gets 304, and equal bytes of two names are
    stored once.
    """
    at = f"{PREFIX}shop/pictures/a.png"
    answers = await asyncio.gather(*(shop.ask(at) for _ in range(20)))
    assert {(status, body) for status, _, body in answers} == {(200, PNG)}
    assert shop.wanted() == ["/shop/pictures/a.png"]
    etag = answers[0][1]["etag"]
    assert answers[0][1]["cache-control"] == "public, max-age=10"
    status, headers, body = await shop.ask(at, if_none_match=f'"x", W/{etag}')
    assert (status, body, headers["etag"]) == (304, b"", etag)
    assert "content-length" not in headers
    status, headers, body = await shop.ask(f"{PREFIX}shop/pictures/b.png", method="HEAD")
    assert (status, headers["etag"], headers["content-length"], body) == (200, etag, str(len(PNG)), b"")
    assert len(shop.path._by_digest) == 1


async def test_file_is_inert_and_only_a_picture_or_a_font(shop: Shop) -> None:
    """A drawing with a script opens as a sandboxed document; pages, scripts and stylesheets are refused."""
    for kind in ("image/svg+xml", "font/woff2"):
        shop.origin.kind = kind
        status, headers, _ = await shop.ask(f"{PREFIX}fonts/{kind}")
        assert (status, headers["content-type"], headers["x-content-type-options"]) == (200, kind, "nosniff")
        assert headers["content-security-policy"].startswith("sandbox; default-src 'none'")
    for kind in ("text/html", "text/javascript", "text/css", "application/json", ""):
        shop.origin.kind = kind
        status, headers, body = await shop.ask(f"{PREFIX}fonts/other-{kind}")
        assert (status, headers["cache-control"]) == (503, "no-store")
        assert PNG not in body


async def test_pictures_stand_while_the_origin_is_away_and_slots_do_not_notice(origin: Pictures) -> None:
    """Stored files are served, others fail, and the guard of the fragment's content counts no failure."""
    shop = Shop(origin, fresh_s_min=0)
    at = f"{PREFIX}shop/pictures/a.png"
    assert (await shop.ask(at))[0] == 200
    origin.status = 500
    for _ in range(8):
        status, headers, body = await shop.ask(at)
        assert (status, body, headers["cache-control"]) == (200, PNG, "public, max-age=10")
    assert (await shop.ask(f"{PREFIX}shop/pictures/b.png"))[0] == 503
    assert shop.upstreams.files_of(shop.release).refusal() is not None
    assert shop.upstreams.of(shop.release).refusal() is None
    await shop.path.aclose()
    await shop.upstreams.aclose()


async def test_picture_that_is_gone_is_gone(origin: Pictures) -> None:
    """A 404 of a healthy origin is passed on; no copy replaces it."""
    shop = Shop(origin, fresh_s_min=0)
    at = f"{PREFIX}shop/pictures/a.png"
    assert (await shop.ask(at))[0] == 200
    origin.status = 404
    assert (await shop.ask(at))[0] == 404
    await shop.path.aclose()
    await shop.upstreams.aclose()


async def test_large_file_is_not_passed_on(origin: Pictures) -> None:
    shop = Shop(origin, file_bytes_max=len(PNG) - 1)
    assert (await shop.ask(f"{PREFIX}shop/pictures/a.png"))[0] == 503
    await shop.path.aclose()
    await shop.upstreams.aclose()


async def test_trial_of_a_release_has_its_own_origin(shop: Shop) -> None:
    """The address has the release's tag; a sandboxed fragment has pictures like any other."""
    async with Pictures() as there:
        there.kind = "image/gif"
        url = f"{there.url}/manifest.json"
        tried = replace(shop.release, digest="e" * 64, manifest_url=url, role=Role.CANARY, trust=Trust.SANDBOXED)
        shop.registry.current = Snapshot(
            2, shop.registry.current.releases, tagged={"tag": replace(tried, role=Role.EARLIER)}
        )
        at = tried.pictures.address("/fonts/a.gif") or ""
        assert re.fullmatch(f"/assets/shop/at-{'e' * 12}/~[A-Za-z0-9_-]{{16}}/fonts/a.gif", at)
        assert (await shop.ask(at))[1]["content-type"] == "image/gif"
        assert [each.path for each in there.seen] == ["/fonts/a.gif"]
        assert not shop.origin.seen


async def test_folder_that_is_called_as_the_shells_is_the_fragments_own(shop: Shop) -> None:
    """A fragment may have its files below `/assets/`, as many build tools do."""
    declared = msgspec.structs.replace(shop.release.manifest.mullion, static=("/assets",))
    manifest = msgspec.structs.replace(shop.release.manifest, mullion=declared)
    shop.release = replace(shop.release, manifest=manifest)
    html = shop.html('<img src="/assets/a.png" alt="">')
    assert html == f'<img src="{shop.signed(f"{PREFIX}assets/a.png")}" alt="">'
    assert shop.html(html) == html
