"""The shell's front door as a server meets it: raw ASGI in, answers out, without a fragment in reach."""

import asyncio
import re
from typing import Any

import pytest

from bff.contracts.manifest import parse
from bff.resilience.border import Border
from bff.resilience.proxies import ProxyHops
from shell import asgi
from shell.composition.assets import static_file, static_url
from shell.composition.release import Canary, Release, Role, Snapshot
from shell.edge_cache import held_by_an_edge
from shell.page_path import PagePath
from shell.visits import Incoming
from shell.wiring import parts


async def answered(
    path: str, *, query: str = "", method: str = "GET", headers: dict[str, str] | None = None
) -> tuple[int, Any, bytes]:
    """(status, headers, body) of one request to the page path."""
    sent: list[Any] = []

    async def receive() -> Any:
        await asyncio.sleep(3600)

    async def send(message: Any) -> None:
        sent.append(message)

    pairs = {"host": "localhost", **(headers or {})}
    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "scheme": "http",
        "headers": [(name.encode(), value.encode()) for name, value in pairs.items()],
    }
    served = await PagePath(parts()).serve(scope, receive, send)
    assert served
    body = b"".join(message.get("body", b"") for message in sent[1:])
    return sent[0]["status"], dict(sent[0]["headers"]), body


async def test_page_without_any_release_is_whole() -> None:
    """A shell that nobody has published to serves its pages, each slot with the neutral card."""
    status, headers, body = await answered("/", headers={"cookie": "a=b"})
    assert status == 200
    assert headers[b"cache-control"] == b"private, no-store"
    assert body.count(b'data-state="placeholder" data-reason="not_published"') == 4
    assert body.rstrip().endswith(b"</html>")


@pytest.mark.parametrize("path", ["/", "/cashier/", "/slots/lobby/wallet", "/live/ticket", "/cashier"])
async def test_every_answer_carries_the_security_headers(path: str) -> None:
    """What Django's middleware would set is there without it."""
    _, headers, _ = await answered(path)
    for name in (b"content-security-policy", b"x-content-type-options", b"x-frame-options", b"referrer-policy"):
        assert name in headers


async def test_path_without_its_slash_is_sent_to_the_one_with_it() -> None:
    """As Django's middleware would."""
    status, headers, _ = await answered("/tables/rl-7")
    assert (status, headers[b"location"]) == (301, b"/tables/rl-7/")
    status, headers, _ = await answered("/live/рулетка")
    assert (status, headers[b"location"]) == (301, b"/live/%D1%80%D1%83%D0%BB%D0%B5%D1%82%D0%BA%D0%B0/")


async def test_page_named_in_any_script_is_composed() -> None:
    """Its slots carry addresses that a browser can ask for again."""
    status, _, body = await answered("/live/блэк джек: вечер/")
    assert status == 200
    [prefix] = set(re.findall(rb'data-prefix="(/slots/kind:[^"/]+)"', body))
    status, _, slot = await answered(prefix.decode() + "/tables")
    assert status == 200
    assert b'data-prefix="%b/tables"' % prefix in slot
    _, headers, _ = await answered("/cashier", query="cashier.receipt=rc_1")
    assert headers[b"location"] == b"/cashier/?cashier.receipt=rc_1"


async def test_head_has_the_headers_and_no_body() -> None:
    """HEAD is a GET without its body."""
    status, _, body = await answered("/", method="HEAD")
    assert (status, body) == (200, b"")


async def test_foreign_host_is_refused_before_anything_is_composed() -> None:
    """A page can not be made to link to somebody else's name."""
    status, headers, body = await answered("/", headers={"host": "evil.example"})
    assert status == 400
    assert b"fragment-slot" not in body
    assert b"set-cookie" not in headers


@pytest.mark.parametrize(
    "path", ["/slots/lobby/nothing", "/slots/nothing/wallet", "/slots/table:..%2f/table", "/slots/"]
)
async def test_slot_that_no_page_has_is_404(path: str) -> None:
    """A hostile slot address asks nobody for anything."""
    status, _, body = await answered(path)
    assert status == 404
    assert b"no such slot" in body


@pytest.mark.parametrize("attempt", ["-1", "999999999999999999999", "x", "²"])
async def test_hostile_attempt_counts_as_none(attempt: str) -> None:
    """The number of a retry comes from a browser: whatever it is, the delay stays in its bounds."""
    status, _, body = await answered("/slots/lobby/wallet", query=f"attempt={attempt}")
    assert status == 200
    assert 500 <= int(body.split(b'data-retry-ms="')[1].split(b'"')[0]) <= 9500


@pytest.mark.parametrize(
    "path",
    ["/assets/x", "/assets/" + "0" * 63, "/static/slots.js", "/static/slots.0000000000000000.js", "/static/../x"],
)
async def test_unknown_file_is_404(path: str) -> None:
    """Nothing outside the tree can be asked for, and an address stands for its own content only."""
    status, _, _ = await answered(path)
    assert status == 404


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize(
    ("accept_encoding", "coding"), [("gzip, deflate, br, zstd", b"br"), ("gzip", b"gzip"), ("zstd", None), (None, None)]
)
async def test_static_file_comes_compressed_as_the_browser_accepts_it(
    method: str, accept_encoding: str | None, coding: bytes | None
) -> None:
    """Caches on the way keep the forms apart, and HEAD says what GET would bring."""
    path = static_url("slots.js")
    accepted = {"accept-encoding": accept_encoding} if accept_encoding else {}
    status, headers, body = await answered(path, method=method, headers=accepted)
    assert (status, headers.get(b"content-encoding"), headers[b"vary"]) == (200, coding, b"accept-encoding")
    assert headers[b"cache-control"] == b"public, max-age=31536000, immutable"
    file = static_file(path)
    assert file is not None
    forms = {None: file.plain, b"br": (await file.coded()).coded["br"], b"gzip": (await file.coded()).coded["gzip"]}
    assert headers[b"content-length"] == str(len(forms[coding])).encode()
    assert body == (b"" if method == "HEAD" else forms[coding])


class Door:
    """The whole shell as a server meets it: border, raw page path and Django."""

    def __init__(self, proxies: str = "") -> None:
        self.border = Border(asgi._application, proxies=ProxyHops.parse(proxies), body_bytes_max=asgi.BODY_BYTES_MAX)

    async def __call__(
        self,
        path: str,
        *lines: tuple[str, str],
        method: str = "GET",
        port: int = 8000,
        body: tuple[bytes, ...] = (b"",),
        query: str = "",
    ) -> tuple[int, dict[bytes, bytes], bytes]:
        """(status, headers, body) of one request from 10.0.0.9."""
        sent: list[Any] = []
        pieces = list(body)

        async def receive() -> Any:
            if not pieces:
                await asyncio.sleep(3600)
            return {"type": "http.request", "body": pieces.pop(0), "more_body": bool(pieces)}

        async def send(message: Any) -> None:
            sent.append(message)

        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "path": path,
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "root_path": "",
            "scheme": "http",
            "client": ("10.0.0.9", 4711),
            "server": ("10.0.0.1", port),
            "headers": [(name.encode(), value.encode("latin-1")) for name, value in lines],
        }
        await self.border(scope, receive, send)
        text = b"".join(message.get("body", b"") for message in sent[1:])
        return sent[0]["status"], {name.lower(): value for name, value in sent[0]["headers"]}, text


@pytest.fixture
def door(monkeypatch: pytest.MonkeyPatch) -> Door:
    """No background work: what is asked here needs none."""

    async def nothing() -> None:
        """Started already."""

    monkeypatch.setattr(asgi.wiring, "start", nothing)
    return Door()


LOCALHOST = ("host", "localhost")
# One path of the raw page path, one of Django's.
BOTH = pytest.mark.parametrize("path", ["/", "/sign-in/"])


@pytest.mark.django_db
@BOTH
async def test_tls_that_ends_at_the_outermost_proxy_is_tls_on_every_path(door: Door, path: str, settings: Any) -> None:
    """With two proxies in a row, in one line or in several; and nobody else can say so."""
    settings.SECURE_SSL_REDIRECT = True
    trusting = Door("203.0.113.0/24,10.0.0.0/8")
    by_two = ("x-forwarded-for", "198.51.100.20, 203.0.113.7")
    assert (await trusting(path, LOCALHOST, by_two, ("x-forwarded-proto", "https,http")))[0] == 200
    lines = [("x-forwarded-proto", "https"), ("x-forwarded-proto", "http")]
    assert (await trusting(path, LOCALHOST, by_two, *lines))[0] == 200
    plain = ("x-forwarded-proto", "http,http")
    spoofed = ("x-forwarded-proto", "https")
    for other, proto in ((trusting, plain), (door, spoofed)):
        status, headers, _ = await other(path, LOCALHOST, by_two, proto)
        assert (status, headers[b"location"]) == (301, f"https://localhost{path}".encode())


@pytest.mark.django_db
@BOTH
async def test_foreign_host_costs_one_line_and_no_traceback(
    door: Door, path: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """On the raw page path as on Django's."""
    lines: list[tuple[str, dict[str, Any]]] = []

    class Logger:
        def warning(self, event: str, **fields: Any) -> None:
            lines.append((event, fields))

    monkeypatch.setattr("shell.admission.logger", Logger())
    status, _, body = await door(path, ("host", "evil.example" + "x" * 500))
    assert (status, b"evil" in body) == (400, False)
    ((event, fields),) = lines
    assert (event, fields["path"], len(fields["host"])) == ("host_refused", path, 100)
    assert caplog.records == []


@BOTH
async def test_two_hosts_are_refused_on_every_path(door: Door, path: str) -> None:
    """Also where they are the same."""
    assert (await door(path, LOCALHOST, LOCALHOST))[0] == 400


@pytest.mark.django_db
async def test_cookies_in_several_lines_are_one_set_of_cookies_on_every_path(door: Door) -> None:
    """As HTTP/2 sends them, and as RFC 6265 reads them."""
    seen: list[dict[str, str]] = []

    async def remember(scope: Any, receive: Any, send: Any) -> None:
        from django.core.handlers.asgi import ASGIRequest

        from shell.visits import Incoming

        seen.append(dict(Incoming.of(scope).cookies))
        seen.append(dict(ASGIRequest(scope, None).COOKIES))

    door.border.application = remember
    with pytest.raises(IndexError):
        await door("/", LOCALHOST, ("cookie", "session=1"), ("cookie", "player=2"))
    assert seen == [{"session": "1", "player": "2"}] * 2


@pytest.mark.parametrize("path", ["/sign-in/", "/slots/lobby/wallet/form/deposit"])
async def test_chunked_body_over_the_limit_is_413(door: Door, path: str) -> None:
    """Whatever it is sent to."""
    lines = [LOCALHOST, ("origin", "http://localhost"), ("content-type", "application/x-www-form-urlencoded")]
    chunked = ("transfer-encoding", "chunked")
    status, _, text = await door(path, *lines, chunked, method="POST", body=(b"a=" + b"x" * 40_000, b"x" * 40_000))
    assert (status, b"Nothing was done" in text) == (413, True)


@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_health_is_told_to_whoever_asks(door: Door, method: str, settings: Any) -> None:
    """By address, without TLS or a host of ours, and never more than that."""
    settings.SECURE_SSL_REDIRECT = True
    for lines in ([("host", "10.0.0.1:8000")], [], [("host", "evil.example"), ("x-forwarded-proto", "http")]):
        status, headers, body = await door("/healthz", *lines, method=method)
        assert (status, body) == (200, b"ok\n" if method == "GET" else b"")
        assert headers[b"content-length"] == b"3"


@pytest.mark.django_db
async def test_health_has_one_address_and_is_read_only(door: Door) -> None:
    """Not below it, not beside it, not by POST."""
    assert (await door("/healthz", LOCALHOST, method="POST"))[0] == 405
    for path in ("/healthz/", "/healthz/x", "//healthz"):
        assert (await door(path, LOCALHOST))[0] == 404


@pytest.mark.django_db
async def test_metrics_and_board_are_nobodys_on_the_public_port(door: Door) -> None:
    """A visitor is asked to sign in; what the inner port tells is not there."""
    for path in ("/metrics", "/operations/"):
        status, headers, _ = await door(path, LOCALHOST)
        assert (status, headers[b"location"]) == (302, f"/sign-in/?next={path}".encode())
    assert (await door("/readyz", LOCALHOST))[0] == 404


async def test_inner_port_tells_by_any_name_and_without_tls(door: Door, settings: Any) -> None:
    """Readiness, metrics and board, read only; no page and no form."""
    settings.INNER_PORT, settings.SECURE_SSL_REDIRECT = 9001, True
    for path, word in (("/readyz", b'"generation"'), ("/metrics", b"# HELP"), ("/operations/", b"Status board")):
        status, _, body = await door(path, ("host", "shell.mullion.svc:9001"), port=9001)
        assert (status, word in body) == (200, True)
        assert (await door(path, method="HEAD", port=9001))[::2] == (200, b"")
        assert (await door(path, method="POST", port=9001))[0] == 405
    for path in ("/", "/sign-in/", "/slots/lobby/wallet"):
        assert (await door(path, LOCALHOST, port=9001))[0] == 404
    board = (await door("/operations/", port=9001))[2]
    sheet = board.split(b'rel="stylesheet" href="')[1].split(b'"')[0].decode()
    assert (await door(sheet, port=9001))[0] == 200


@pytest.mark.parametrize(("read", "status"), [(True, 200), (False, 503)])
async def test_readiness_can_be_asked_for_what_is_live_at_that_moment(
    door: Door, settings: Any, monkeypatch: pytest.MonkeyPatch, read: bool, status: int
) -> None:
    """Whoever has published knows when this process serves it; without the question nothing is read for an answer."""
    settings.INNER_PORT, looks = 9001, []

    async def catch_up() -> bool:
        looks.append(read)
        return read

    monkeypatch.setattr(parts().registry, "catch_up", catch_up)
    assert (await door("/readyz", LOCALHOST, port=9001))[0] == 200
    assert looks == []
    assert (await door("/readyz", LOCALHOST, port=9001, query="registry=current"))[0] == status
    assert looks == [read]


async def test_upgrade_where_there_is_no_socket_is_refused() -> None:
    """Closing before accepting is a 403."""
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    await asgi.application({"type": "websocket", "path": "/", "headers": []}, None, send)
    assert sent == [{"type": "websocket.close", "code": 1008}]


async def test_streamed_page_asks_proxies_not_to_gather_it() -> None:
    """Behind an nginx that compresses, the head would wait for the slowest fragment."""
    _, headers, _ = await answered("/")
    assert headers[b"x-accel-buffering"] == b"no"


async def test_an_edge_may_hold_a_page_of_nobody_for_a_second() -> None:
    """It says so, and by what pages of nobody differ; a browser holds nothing."""
    _, headers, _ = await answered("/")
    assert headers[b"cache-control"] == b"public, max-age=0, s-maxage=1, stale-while-revalidate=1"
    assert headers[b"vary"] == b"Accept-Language, Cookie, User-Agent"
    assert b"set-cookie" not in headers


@pytest.mark.parametrize(
    ("headers", "query"),
    [({"cookie": "a=b"}, ""), ({"authorization": "Bearer x"}, ""), ({"range": "bytes=0-9"}, ""), ({}, "tables.page=2")],
)
async def test_a_page_of_somebody_is_held_by_nobody(headers: dict[str, str], query: str) -> None:
    """A cookie of any name makes it somebody's; a query may be about what one visitor has done."""
    _, answered_headers, _ = await answered("/", headers=headers, query=query)
    assert answered_headers[b"cache-control"] == b"private, no-store"
    assert b"vary" not in answered_headers


async def test_a_page_is_held_by_nobody_while_a_release_is_on_trial() -> None:
    """Each visitor is given a cookie then, and the same release every time."""
    incoming = Incoming.of({"method": "GET", "path": "/", "query_string": b"", "headers": []})
    manifest = parse(b'{"name": "wallet", "version": "2", "content": "/"}')
    tried = Release("wallet", "next", manifest, "http://127.0.0.1/manifest.json", b"", css=(), js=(), role=Role.CANARY)
    on_trial = Snapshot(canaries={"wallet": Canary(tried, 1000, b"salt")})
    assert not held_by_an_edge(incoming, [], on_trial)
    assert not held_by_an_edge(incoming, [("set-cookie", "a=b")], Snapshot())
    assert held_by_an_edge(incoming, [], Snapshot())
