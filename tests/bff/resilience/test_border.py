"""The border of an ASGI application: every house reads the same request, in whatever header lines it came."""

import asyncio
from typing import Any

import pytest
import structlog

from bff.resilience.border import Border
from bff.resilience.proxies import ProxyHops

pytestmark = pytest.mark.quick

LIMIT = 10
Pairs = list[tuple[bytes, bytes]]


class House:
    """An application that records what reaches it, and answers 200 with what it read."""

    def __init__(self, *, answers_first: bool = False) -> None:
        self.scope: dict[str, Any] | None = None
        self.read: list[Any] = []
        self._answers_first = answers_first

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.scope = scope
        if scope["type"] != "http":
            return
        if self._answers_first:
            await send({"type": "http.response.start", "status": 200, "headers": []})
        while True:
            self.read.append(await receive())
            if self.read[-1]["type"] == "http.disconnect":
                self.read.append(await receive())
                break
            if not self.read[-1].get("more_body"):
                break
        if not self._answers_first:
            await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"done"})


async def met(
    border: Border, headers: Pairs, pieces: list[bytes] | None = None, *, method: str = "GET", kind: str = "http"
) -> list[Any]:
    """What is sent in answer to one request from 10.0.0.9."""
    sent: list[Any] = []
    waiting = list(pieces or [b""])

    async def receive() -> Any:
        return {"type": "http.request", "body": waiting.pop(0), "more_body": bool(waiting)}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": kind, "method": method, "scheme": "http", "client": ("10.0.0.9", 1), "headers": headers}
    if kind == "websocket":
        scope["scheme"] = "ws"
    await border(scope, receive, send)
    return sent


async def headers_of(headers: Pairs, **more: Any) -> Pairs:
    house = House()
    await met(Border(house, **more), headers)
    assert house.scope is not None
    return house.scope["headers"]


async def test_lines_of_one_field_are_one_line() -> None:
    """Joined with commas as RFC 9110 says, cookies with semicolons as RFC 6265 does."""
    lines = [
        (b"host", b"a"),
        (b"cookie", b"session=1"),
        (b"accept", b"x/y"),
        (b"cookie", b"player=2"),
        (b"accept", b"*"),
    ]
    joined = [(b"host", b"a"), (b"cookie", b"session=1; player=2"), (b"accept", b"x/y, *")]
    assert await headers_of(lines) == joined


async def test_request_that_is_plain_passes_untouched() -> None:
    """The usual case costs no copy."""
    lines = [(b"host", b"a"), (b"accept", b"*")]
    assert await headers_of(lines) is lines


@pytest.mark.parametrize(
    "name", [b"host", b"content-length", b"content-type", b"authorization", b"idempotency-key", b"origin"]
)
@pytest.mark.parametrize("second", [b"5", b"6"])
async def test_field_that_decides_stands_once(name: bytes, second: bytes) -> None:
    """Two houses could read two different ones, so it is a 400 that names it, even where both say the same."""
    house = House()
    start, body = await met(Border(house), [(name, b"5"), (name, second)])
    assert (start["status"], house.scope) == (400, None)
    assert name in body["body"]


async def test_refusal_of_a_head_request_has_no_body() -> None:
    """As for every HEAD."""
    _, body = await met(Border(House()), [(b"host", b"a"), (b"host", b"b")], method="HEAD")
    assert body["body"] == b""


async def test_word_of_strangers_about_address_and_scheme_is_dropped() -> None:
    """Without a trusted proxy no such field reaches anybody, under whatever spelling."""
    house = House()
    lines = [
        (b"host", b"a"),
        (b"x-forwarded-for", b"1.2.3.4"),
        (b"x-forwarded-proto", b"https"),
        (b"x-forwarded-host", b"evil"),
        (b"x_forwarded_proto", b"https"),
        (b"forwarded", b"for=1.2.3.4;proto=https"),
        (b"x-real-ip", b"1.2.3.4"),
    ]
    await met(Border(house), lines)
    assert house.scope is not None
    assert house.scope["headers"] == [(b"host", b"a")]
    assert (house.scope["client"], house.scope["scheme"]) == (("10.0.0.9", 1), "http")


async def test_two_proxies_in_a_row_say_who_asked_and_how() -> None:
    """In one line or in several, which mean the same."""
    proxies = ProxyHops.parse("203.0.113.0/24,10.0.0.0/8")
    for proto in ([(b"x-forwarded-proto", b"https,http")], [(b"x-forwarded-proto", p) for p in (b"https", b"http")]):
        house = House()
        await met(Border(house, proxies=proxies), [(b"x-forwarded-for", b"198.51.100.20, 203.0.113.7"), *proto])
        assert house.scope is not None
        assert (house.scope["client"][0], house.scope["scheme"]) == ("198.51.100.20", "https")
        assert house.scope["headers"] == []


async def test_socket_behind_a_proxy_came_by_wss() -> None:
    """The scheme of a WebSocket is its own."""
    house = House()
    border = Border(house, proxies=ProxyHops.parse("10.0.0.0/8"), sockets=True)
    await met(border, [(b"x-forwarded-proto", b"https")], kind="websocket")
    assert house.scope is not None
    assert house.scope["scheme"] == "wss"


async def test_trusted_proxy_that_reports_nothing_is_the_caller_itself() -> None:
    """And a connection without an address (a socket of the file system) is nobody's proxy."""
    house = House()
    border = Border(house, proxies=ProxyHops.parse("10.0.0.0/8"))
    await met(border, [(b"host", b"a")])
    assert house.scope is not None
    assert (house.scope["client"], house.scope["scheme"]) == (("10.0.0.9", 1), "http")
    sent: list[Any] = []
    scope = {"type": "http", "method": "GET", "scheme": "http", "headers": [(b"x-forwarded-proto", b"https")]}

    async def receive() -> Any:
        return {"type": "http.request"}

    async def send(message: Any) -> None:
        sent.append(message)

    await border(scope, receive, send)
    assert house.scope["scheme"] == "http"


@pytest.mark.parametrize("headers", [[], [(b"host", b"a"), (b"host", b"b")]])
async def test_socket_where_none_is_served_is_refused(headers: Pairs) -> None:
    """Closing before accepting is a 403; so it is where a socket's request says one thing twice."""
    house = House()
    assert await met(Border(house, sockets=bool(headers)), headers, kind="websocket") == [
        {"type": "websocket.close", "code": 1008}
    ]
    assert house.scope is None


async def test_socket_with_two_hosts_is_a_400_where_the_server_can_say_so() -> None:
    """And a 403 where it can not."""
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "websocket", "headers": [(b"host", b"a"), (b"host", b"a")], "scheme": "ws", "client": None}
    scope["extensions"] = {"websocket.http.response": {}}
    await Border(House(), sockets=True)(scope, None, send)  # type: ignore[arg-type]
    assert [message["type"] for message in sent] == ["websocket.http.response.start", "websocket.http.response.body"]
    assert sent[0]["status"] == 400


async def test_body_that_says_it_is_too_long_is_refused_unread() -> None:
    """413 before a byte of it is kept."""
    house = House()
    sent = await met(Border(house, body_bytes_max=LIMIT), [(b"content-length", b"11")], method="POST")
    assert (sent[0]["status"], house.scope) == (413, None)


@pytest.mark.parametrize("method", ["POST", "GET"])
async def test_body_that_grows_past_the_limit_is_refused(method: str) -> None:
    """413 for a chunked body as for any other; to the application its caller has left, and what it says is dropped."""
    house = House()
    chunked = [(b"transfer-encoding", b"chunked")]
    sent = await met(Border(house, body_bytes_max=LIMIT), chunked, [b"x" * 6, b"x" * 6, b"x"], method=method)
    assert [message["type"] for message in house.read] == ["http.request", "http.disconnect", "http.disconnect"]
    assert [message.get("status") for message in sent] == [413, None]


async def test_answer_that_has_begun_is_not_begun_again() -> None:
    """Whoever answers before reading keeps their answer."""
    house = House(answers_first=True)
    sent = await met(Border(house, body_bytes_max=LIMIT), [], [b"x" * 6, b"x" * 6, b"x"], method="POST")
    assert [message.get("status", message.get("body")) for message in sent] == [200, b"done"]


@pytest.mark.parametrize("headers", [[], [(b"content-length", b"10")], [(b"content-length", b"-5")]])
async def test_body_within_the_limit_arrives(headers: Pairs) -> None:
    """To its last byte."""
    house = House()
    sent = await met(Border(house, body_bytes_max=LIMIT), headers, [b"x" * 4, b"x" * 6], method="POST")
    assert b"".join(message["body"] for message in house.read) == b"x" * 10
    assert sent[0]["status"] == 200


async def test_limit_may_depend_on_the_request_and_be_none() -> None:
    """A house that streams what some requests bring says so of those."""
    limits = {"POST": LIMIT, "PUT": None}
    for method, status in (("POST", 413), ("PUT", 200)):
        border = Border(House(), body_bytes_max=lambda scope: limits[scope["method"]])
        sent = await met(border, [(b"content-length", b"12")], [b"x" * 12], method=method)
        assert sent[0]["status"] == status


async def test_start_and_stop_of_the_server_pass() -> None:
    """The border is about requests."""
    house = House()

    async def nothing(*_: Any) -> None:
        """Nobody sends."""

    await Border(house)({"type": "lifespan"}, nothing, nothing)
    assert house.scope == {"type": "lifespan"}


@pytest.mark.parametrize(
    ("lines", "trace_id"),
    [
        ([b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"], "0af7651916cd43dd8448eb211c80319c"),
        ([b"00-" + b"0" * 32 + b"-b7ad6b7169203331-01"], None),
        ([b"evil\r\nx: y"], None),
        ([b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"] * 2, None),
        ([], None),
    ],
)
async def test_what_is_logged_for_a_request_carries_its_trace(lines: list[bytes], trace_id: str | None) -> None:
    """And nothing of it stays for the next one."""
    carried: list[dict[str, Any]] = []

    async def application(_scope: Any, _receive: Any, _send: Any) -> None:
        carried.append(structlog.contextvars.get_contextvars())

    request = met(Border(application), [(b"traceparent", line) for line in lines])
    await asyncio.create_task(request)
    assert carried == [{"trace_id": trace_id} if trace_id else {}]
    assert structlog.contextvars.get_contextvars() == {}
