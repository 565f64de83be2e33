"""The transport with an origin that really fails, row by row of the fault matrix."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable

import pytest

from bff.resilience.deadline import Deadline
from bff.resilience.policy import Policy
from bff.resilience.reason import Reason
from bff.resilience.transport import CallFailed, Request, Response, Transport
from tests.origin.saying import ERROR_PAGE
from tests.origin.server import Origin

# Long if time is not what a test is about, short if it is; a busy machine gets some more.
LONG_MS, SHORT_MS = 5000, 400
POLICY = Policy(deadline_ms=LONG_MS, connect_ms=2000)
HASTY = Policy(deadline_ms=LONG_MS, connect_ms=150)


@pytest.fixture
async def origin() -> AsyncIterator[Origin]:
    async with Origin() as origin:
        yield origin


@pytest.fixture
async def transport() -> AsyncIterator[Transport]:
    transport = Transport(POLICY)
    yield transport
    await transport.aclose()


async def send(transport: Transport, url: str, deadline_ms: int = LONG_MS) -> Response:
    return await transport.send(Request("GET", url), Deadline.after_ms(time.monotonic(), deadline_ms))


async def send_after_cut(transport: Transport, url: str) -> Response:
    """The next answer. A call that finds its old connection closed has not reached the origin."""
    try:
        return await send(transport, url)
    except CallFailed as failed:
        if failed.reason is not Reason.CUT or failed.answered:
            raise
        return await send(transport, url)


async def reason_of(transport: Transport, url: str, deadline_ms: int = LONG_MS) -> Reason:
    with pytest.raises(CallFailed) as caught:
        await send(transport, url, deadline_ms)
    return caught.value.reason


async def test_a_healthy_answer_comes_whole(origin: Origin, transport: Transport) -> None:
    """Status, headers and body arrive as they were sent."""
    response = await send(transport, origin.url)
    assert (response.status, response.body) == (200, origin.body)
    assert response.headers.get("Podlet-Version") == "1.0.0"


async def test_a_request_travels_as_given(origin: Origin, transport: Transport) -> None:
    """Method, headers and body arrive; the coding asked for is always identity, and nothing else is added."""
    request = Request("POST", origin.url + "/act?a=1", (("X-One", "1"), ("Accept-Encoding", "gzip")), b"amount=5")
    await transport.send(request, Deadline.after_ms(time.monotonic(), LONG_MS))
    (seen,) = origin.seen
    assert (seen.method, seen.path, seen.body) == ("POST", "/act?a=1", b"amount=5")
    assert set(seen.headers) == {"x-one", "accept-encoding", "content-length", "host", "user-agent", "accept"}
    assert seen.headers["accept-encoding"] == "identity"


LATE = ["silence", "slow=4000", "headers-dripped", "body-dripped", "body-stalled"]


@pytest.mark.parametrize("fault", LATE)
async def test_an_answer_that_is_not_whole_in_time_is_none(origin: Origin, transport: Transport, fault: str) -> None:
    """The deadline is total, from the first byte asked to the last byte read, and the fault ends with it."""
    await origin.fail(fault)
    began = time.monotonic()
    assert await reason_of(transport, origin.url, SHORT_MS) == Reason.TIMEOUT
    assert SHORT_MS * 0.95 <= (time.monotonic() - began) * 1000 < 0.75 * LONG_MS
    await origin.heal()
    assert (await send_after_cut(transport, origin.url)).body == origin.body


ENDED = {
    "refused": Reason.CONNECT,
    "short-body": Reason.CUT,
    "chunked-cut": Reason.CUT,
    "reset-in-body": Reason.CUT,
    "reset": Reason.CUT,
    "closed": Reason.CUT,
    "closed-in-head": Reason.CUT,
}


@pytest.mark.parametrize(("fault", "reason"), ENDED.items(), ids=ENDED)
async def test_a_connection_that_ends_early_is_known_at_once(
    origin: Origin, transport: Transport, fault: str, reason: Reason
) -> None:
    """What was cut is no answer, whatever came of it; no deadline is spent, and the next answer is good."""
    await origin.fail(fault)
    began = time.monotonic()
    assert await reason_of(transport, origin.url) == reason
    assert time.monotonic() - began < LONG_MS / 2000
    await origin.heal()
    assert (await send_after_cut(transport, origin.url)).body == origin.body


async def test_black_hole_costs_the_connect_limit_only(origin: Origin) -> None:
    """Dropped packets are given up at the connect limit, long before the deadline."""
    transport = Transport(HASTY)
    await origin.fail("black-hole")
    began = time.monotonic()
    assert await reason_of(transport, origin.url) == Reason.CONNECT_TIMEOUT
    assert HASTY.connect_ms / 1000 <= time.monotonic() - began < LONG_MS / 2000
    await origin.heal()
    assert (await send_after_cut(transport, origin.url)).body == origin.body
    await transport.aclose()


async def test_deadline_holds_over_the_body(origin: Origin, transport: Transport) -> None:
    """A body that always moves, byte by byte, is still cut at the total deadline."""
    await origin.fail("body-dripped=20")
    began = time.monotonic()
    assert await reason_of(transport, origin.url, SHORT_MS) == Reason.TIMEOUT
    assert SHORT_MS * 0.95 <= (time.monotonic() - began) * 1000 < 0.75 * LONG_MS


async def test_no_time_left_makes_no_call(origin: Origin, transport: Transport) -> None:
    """A deadline that has passed is not worth a connection."""
    assert await reason_of(transport, origin.url, deadline_ms=0) == Reason.CONNECT_TIMEOUT
    assert origin.requests == 0


async def test_unknown_name_is_dns(transport: Transport) -> None:
    """A name that does not exist is told from a host that does not answer."""
    assert await reason_of(transport, "http://no-such-host.invalid/") == Reason.DNS


SAYING = {
    "redirect=elsewhere": Reason.REDIRECT,
    "redirect=loop": Reason.REDIRECT,
    "redirect=link-local": Reason.REDIRECT,
    "gzip-cut": Reason.CUT,
    "bad-coding=gzip": Reason.ENCODING,
    "bad-coding=br": Reason.ENCODING,
    "bad-coding=unknown": Reason.ENCODING,
    "endless-body": Reason.OVERSIZE,
    "body-64-mib=length": Reason.OVERSIZE,
    "body-64-mib=chunked": Reason.OVERSIZE,
    "giant-header": Reason.HEADERS_OVERSIZE,
    "giant-header=40000": Reason.HEADERS_OVERSIZE,
    "many-cookies": Reason.HEADERS_OVERSIZE,
    "length-and-chunked": Reason.FRAMING,
    "two-lengths=different": Reason.FRAMING,
    "two-lengths=same": Reason.FRAMING,
    "two-lengths=list": Reason.FRAMING,
    "no-length": Reason.FRAMING,
    "bad-chunk": Reason.FRAMING,
    "odd-encoding=gzip-chunked": Reason.FRAMING,
    "odd-encoding=identity": Reason.FRAMING,
    "odd-encoding=twice": Reason.FRAMING,
    "folded-header": Reason.FRAMING,
    "bad-header=nul": Reason.FRAMING,
    "bad-header=latin-1": Reason.FRAMING,
    "bad-header=space": Reason.FRAMING,
    "garbage-status=garbage": Reason.FRAMING,
    "garbage-status=no-head": Reason.FRAMING,
    "garbage-status=short": Reason.FRAMING,
    "garbage-status=switching": Reason.FRAMING,
}


@pytest.mark.parametrize(("fault", "reason"), SAYING.items(), ids=SAYING)
async def test_an_answer_that_is_not_plain_and_bounded_is_refused(
    origin: Origin, transport: Transport, fault: str, reason: Reason
) -> None:
    """What is ambiguous, unbounded or leads elsewhere is refused, at once, and the next answer is good."""
    await origin.fail(fault)
    assert await reason_of(transport, origin.url) == reason
    await origin.heal()
    assert (await send_after_cut(transport, origin.url)).body == origin.body
    assert [seen.path for seen in origin.seen] == ["/", "/"]


@pytest.mark.parametrize("fault", [fault for fault, reason in SAYING.items() if reason is Reason.FRAMING])
async def test_a_connection_whose_framing_is_in_doubt_is_closed(
    origin: Origin, transport: Transport, fault: str
) -> None:
    """Where one answer ended is in doubt, so is where the next begins: the connection is not used again."""
    await origin.fail(fault)
    await reason_of(transport, origin.url)
    await wait_until(lambda: origin.connections == 0)


@pytest.mark.parametrize("status", [500, 502, 503, 504, 404, 410, 401, 403, 429, 400, 422])
async def test_any_status_is_an_answer_to_the_transport(origin: Origin, transport: Transport, status: int) -> None:
    """What a status means is for the guard to say."""
    await origin.fail(f"status={status}")
    response = await send(transport, origin.url)
    assert (response.status, response.body) == (status, ERROR_PAGE)


@pytest.mark.parametrize("status", [204, 304])
async def test_a_status_without_a_body_needs_no_framing(origin: Origin, transport: Transport, status: int) -> None:
    """204 and 304 end with their head."""
    await origin.fail(f"status={status}")
    assert await send(transport, origin.url) == Response(status, (await send(transport, origin.url)).headers, b"")


async def test_gzip_that_nobody_asked_for_is_read(origin: Origin, transport: Transport) -> None:
    """A proxy that packs all the same does no harm."""
    await origin.fail("gzip")
    assert (await send(transport, origin.url)).body == origin.body


async def test_bearer_goes_nowhere_else_on_a_redirect(origin: Origin, transport: Transport) -> None:
    """A redirect to another path is not followed, with or without the bearer."""
    await origin.fail("redirect=elsewhere")
    request = Request("GET", origin.url, (("Authorization", "Bearer secret"),))
    with pytest.raises(CallFailed):
        await transport.send(request, Deadline.after_ms(time.monotonic(), LONG_MS))
    await asyncio.sleep(0.05)
    assert [seen.path for seen in origin.seen] == ["/"]


async def test_proxies_of_the_environment_are_not_obeyed(origin: Origin, monkeypatch: pytest.MonkeyPatch) -> None:
    """HTTP_PROXY and its kin change nothing."""
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    transport = Transport(POLICY)
    assert (await send(transport, origin.url)).status == 200
    await transport.aclose()


async def test_cookies_are_not_kept(origin: Origin, transport: Transport) -> None:
    """A Set-Cookie is not sent back: players share the connections."""
    origin.headers = (("Set-Cookie", "who=amber"),)
    await send(transport, origin.url)
    await send(transport, origin.url)
    assert "cookie" not in origin.seen[1].headers


async def test_connections_are_used_again_and_closed(origin: Origin, transport: Transport) -> None:
    """Calls in turn share one connection; closing the transport leaves none."""
    for _ in range(5):
        await send(transport, origin.url)
    assert origin.connections == 1
    await transport.aclose()
    await wait_until(lambda: origin.connections == 0)


@pytest.mark.parametrize("url", ["ftp://127.0.0.1/", "/relative", "http://[/", "http://"])
async def test_a_url_that_can_not_be_called_is_our_mistake(transport: Transport, url: str) -> None:
    """A URL that is no absolute http or https URL is `internal`, not the upstream's fault."""
    assert await reason_of(transport, url) == Reason.INTERNAL


async def test_a_header_that_can_not_be_sent_is_our_mistake(origin: Origin, transport: Transport) -> None:
    """A header with a line end in it is refused before anything is sent."""
    request = Request("GET", origin.url, (("X-Odd", "a\r\nX-Injected: 1"),))
    with pytest.raises(CallFailed) as caught:
        await transport.send(request, Deadline.after_ms(time.monotonic(), LONG_MS))
    assert caught.value.reason == Reason.INTERNAL
    assert origin.requests == 0


async def test_tls_is_spoken_with_whom_is_trusted() -> None:
    """A certificate under a trusted root, for this host, is good."""
    async with Origin(tls=True) as origin:
        transport = Transport(POLICY, trust_pem=origin.authority.pem)
        assert (await send(transport, origin.url)).status == 200
        await transport.aclose()


TLS = {
    "tls-expired": (Reason.TLS, POLICY),
    "tls-wrong-host": (Reason.TLS, POLICY),
    "tls-hang": (Reason.CONNECT_TIMEOUT, HASTY),
}


@pytest.mark.parametrize("fault", TLS)
async def test_tls_never_falls_to_plain(fault: str) -> None:
    """Where the handshake fails nothing is sent, neither over TLS nor in plain."""
    async with Origin(tls=True) as origin:
        await origin.fail(fault)
        reason, policy = TLS[fault]
        transport = Transport(policy, trust_pem=origin.authority.pem)
        assert await reason_of(transport, origin.url) == reason
        assert origin.requests == 0
        await transport.aclose()


async def test_an_unknown_root_is_not_trusted() -> None:
    """A certificate that no known root has signed is refused."""
    async with Origin(tls=True) as origin:
        transport = Transport(POLICY)
        assert await reason_of(transport, origin.url) == Reason.TLS
        await transport.aclose()


async def wait_until(holds: Callable[[], bool], limit_s: float = 30.0) -> None:
    """Returns when `holds()` is true; fails if it is not in time."""
    until = time.monotonic() + limit_s
    while not holds():
        assert time.monotonic() < until
        await asyncio.sleep(0.01)
