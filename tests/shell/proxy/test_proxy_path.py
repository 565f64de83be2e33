"""The shell's proxy path with a faulty API and with hostile browsers."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from shell.composition.proxy_policy import ProxyPolicy
from shell.players.identity import Identity, encode
from shell.players.mark import mark_of
from shell.proxy.relay import BodyCut
from tests.origin.server import Origin
from tests.support.proxied import Proxied

MANIFEST = {"name": "podlet", "proxy": {"api": "/api"}, "mullion": {"visitors": ["api"]}}
HTMX = {"hx-request": "true"}


@pytest.fixture
async def origin() -> AsyncIterator[Origin]:
    async with Origin() as origin:
        yield origin


def shell(origin: Origin, policy: ProxyPolicy | None = None, **more: Any) -> Proxied:
    return Proxied(MANIFEST, f"{origin.url}/manifest.json", policy, **more)


@pytest.mark.parametrize(
    ("rest", "more", "status", "code"),
    [
        ("api/%2e%2e/x", {}, 400, "address"),
        ("api/x", {"query": "a b"}, 400, "query"),
        ("api/x", {"query": "a" * 9000}, 414, "query"),
        ("api/x", {"headers": {"idempotency-key": "a b"}}, 400, "idempotency_key"),
        ("api/x", {"headers": {"sec-fetch-site": "cross-site"}}, 403, "origin"),
        ("api/x", {"headers": {"sec-fetch-dest": "script"}}, 403, "destination"),
        ("nothing/x", {}, 404, "not_found"),
        ("api/x", {"prefix": "/slots/nothing/podlet"}, 404, "not_found"),
        ("api/x", {"prefix": "/slots/lobby/nothing"}, 404, "not_found"),
    ],
)
async def test_request_that_may_not_be_passed_on_is_not_sent(
    origin: Origin, rest: str, more: dict[str, Any], status: int, code: str
) -> None:
    async with shell(origin) as proxied:
        answer = await proxied.ask("GET", rest, **more)
    assert (answer.status, answer.problem) == (status, code)
    assert answer.headers["content-type"] == "application/problem+json"
    assert not origin.seen


async def test_foreign_host_is_answered_by_the_border(origin: Origin) -> None:
    async with shell(origin) as proxied:
        assert (await proxied.ask("GET", "api/x", headers={"host": "evil.example"})).status == 400
    assert not origin.seen


async def test_other_addresses_and_forms_are_left_to_others(origin: Origin) -> None:
    form = {"content-type": "application/x-www-form-urlencoded", "sec-fetch-mode": "navigate"}
    async with shell(origin) as proxied:
        assert (await proxied.ask("POST", "api/x", headers=form, body=b"a=1")).served is False
        assert (await proxied.ask("GET", "", prefix="/slots/lobby")).served is False
        assert (await proxied.ask("GET", "x", prefix="/limits")).served is False


@pytest.mark.parametrize(
    ("fault", "method", "status", "words"),
    [
        ("reset", "POST", 504, "may or may not"),
        ("reset", "GET", 502, "Try again"),
        ("redirect=link-local", "GET", 502, "sends elsewhere"),
        ("gzip", "GET", 502, "coding"),
        ("refused", "POST", 503, "nothing was sent"),
    ],
)
async def test_failure_is_reported_as_far_as_it_is_known(
    origin: Origin, fault: str, method: str, status: int, words: str
) -> None:
    await origin.fail(fault)
    async with shell(origin) as proxied:
        answer = await proxied.ask(method, "api/x", body=b"{}" if method == "POST" else b"")
        assert answer.status == status
        assert words in answer.json()["detail"]
        noticed = await proxied.ask(method, "api/x", headers=HTMX)
        assert noticed.headers["hx-reswap"] == "none"
        assert words in json.loads(noticed.headers["hx-trigger"])["mullion:notice"]["words"]


async def test_coding_that_the_browser_asked_for_passes(origin: Origin) -> None:
    await origin.fail("gzip")
    async with shell(origin) as proxied:
        answer = await proxied.ask("GET", "api/x", headers={"accept-encoding": "gzip, br"})
    assert (answer.status, answer.headers["content-encoding"]) == (200, "gzip")


async def test_body_that_is_cut_after_its_head_is_never_whole(origin: Origin) -> None:
    """The server closes the browser's connection, as the status is sent already."""
    await origin.fail("short-body")
    async with shell(origin) as proxied:
        answer = proxied.begin("GET", "api/x")
        assert answer.task is not None
        with pytest.raises(BodyCut):
            await answer.task
        assert (answer.status, answer.whole) == (200, False)


async def test_style_from_an_api_is_refused(origin: Origin) -> None:
    """An API's stylesheet is refused, so that a link in a page can not style it."""
    manifest = {"name": "podlet", "proxy": {"all": "/"}, "mullion": {"visitors": ["all"]}}
    async with Proxied(manifest, f"{origin.url}/manifest.json") as proxied:
        answer = await proxied.ask("GET", "all/style.css")
    assert [seen.path for seen in origin.seen] == ["/style.css"]
    assert (answer.status, answer.problem) == (502, "content_type")


async def test_answer_is_stored_nowhere_and_can_not_stand_alone(origin: Origin) -> None:
    """The headers are the same for the API's answer and for the shell's own in its place."""
    async with shell(origin) as proxied:
        for rest in ("api/x", "nothing/x"):
            headers = (await proxied.ask("GET", rest)).headers
            assert (headers["cache-control"], headers["x-content-type-options"]) == ("private, no-store", "nosniff")
            assert headers["content-security-policy"].startswith("sandbox; default-src 'none'")


async def test_api_answers_visitors_only_where_its_manifest_says_so(origin: Origin) -> None:
    async with Proxied({**MANIFEST, "mullion": {}}, f"{origin.url}/manifest.json") as proxied:
        answer = await proxied.ask("GET", "api/x")
    assert (answer.status, answer.problem) == (401, "unauthorised")
    assert not origin.seen


async def test_html_for_htmx_is_contained(origin: Origin) -> None:
    """HTML for htmx is contained like a slot's; for `fetch` it is unchanged and sandboxed."""
    origin.body = (
        b'<ul><li onclick="x()">row</li></ul><script>x()</script><form action="/elsewhere" method="post"></form>'
    )
    async with shell(origin) as proxied:
        swapped = await proxied.ask("GET", "api/x", headers=HTMX)
        assert swapped.status == 200
        assert b"<li>row</li>" in swapped.body
        assert b"script" not in swapped.body
        assert b"elsewhere" not in swapped.body
        fetched = await proxied.ask("GET", "api/x")
        assert fetched.body == origin.body
        origin.body = b" "
        assert (await proxied.ask("DELETE", "api/x", headers=HTMX)).body == b""
        origin.body = b"<plaintext>"
        assert (await proxied.ask("GET", "api/x", headers=HTMX)).status == 502
        origin.body = b"<p>" + b"x" * 300_000
        assert (await proxied.ask("GET", "api/x", headers=HTMX)).status == 502


def signed_in(proxied: Proxied) -> dict[str, str]:
    """amber's cookies."""
    identity = Identity("pl_amber", "amber", "EUR", mark_of("s" * 32), ends=int(time.time()) + 600)
    return {"cookie": f"session={'s' * 32}; player={encode(identity, now=int(time.time()))}"}


async def test_player_is_told_by_a_bearer_for_this_fragment_alone(origin: Origin, settings: Any) -> None:
    settings.SESSION_COOKIE_NAME, settings.PLAYER_COOKIE_NAME = "session", "player"
    async with shell(origin) as proxied:
        assert (await proxied.ask("GET", "api/x", headers=signed_in(proxied))).status == 200
    [seen] = origin.seen
    assert seen.headers["authorization"] == "Bearer pl_amber for podlet"
    assert "cookie" not in seen.headers


async def test_stream_ends_with_the_session(origin: Origin, settings: Any) -> None:
    settings.SESSION_COOKIE_NAME, settings.PLAYER_COOKIE_NAME = "session", "player"
    async with shell(origin) as proxied:
        headers = signed_in(proxied)
        proxied.revocations.covers = lambda identity: bool(origin.seen)
        answer = proxied.begin("GET", "api/x", headers=headers)
        assert answer.task is not None
        with pytest.raises(BodyCut, match="session"):
            await answer.task
        assert answer.body == b""


async def test_visitor_holds_only_so_many_open(origin: Origin) -> None:
    """One more waits for a moment and is then refused; other visitors are not affected."""
    await origin.fail("silence")
    few = ProxyPolicy(visitor_open_max=2, visitor_wait_ms=50, head_ms=400)
    async with shell(origin, few) as proxied:
        held = [proxied.begin("GET", "api/x") for _ in range(2)]
        await asyncio.sleep(0.05)
        answer = await proxied.ask("GET", "api/x")
        assert (answer.status, answer.problem) == (429, "busy")
        for each in held:
            assert each.task is not None
            await each.task
            assert each.status == 502
        proxied.path._limits = type(proxied.path._limits)(replace(few, open_max=0))
        assert (await proxied.ask("GET", "api/x")).status == 429


async def test_small_body_that_never_ends_costs_the_fragment_nothing(origin: Origin) -> None:
    async with shell(origin, ProxyPolicy(small_body_ms=50)) as proxied:
        slow = proxied.begin("POST", "api/x", headers={"content-length": "9"}, body=None)
        assert slow.task is not None
        await slow.task
        assert slow.status == 408
        gone = proxied.begin("POST", "api/x", headers={"content-length": "9"}, body=None)
        gone.leave()
        assert gone.task is not None
        await gone.task
        assert gone.status == 0
    assert not origin.seen


async def test_browser_that_leaves_during_an_upload_counts_as_no_failure(origin: Origin) -> None:
    chunked = {"transfer-encoding": "chunked"}
    async with shell(origin) as proxied:
        for _ in range(6):
            answer = proxied.begin("POST", "api/x", headers=chunked, body=None)
            answer.send(b"x")
            answer.leave()
            assert answer.task is not None
            await answer.task
        assert proxied.upstreams.api_of(proxied.release, upload=True).refusal() is None


async def test_browser_that_reads_no_more_is_left(origin: Origin) -> None:
    async with shell(origin, ProxyPolicy(idle_ms=50)) as proxied:
        answer = proxied.begin("GET", "api/x")

        async def stuck(message: Any) -> None:
            await asyncio.sleep(60 if message["type"] == "http.response.body" else 0)

        answer.receive = stuck  # type: ignore[method-assign]
        assert answer.task is not None
        with pytest.raises(BodyCut, match="reads no more"):
            await answer.task


async def test_stream_that_says_nothing_ends(origin: Origin) -> None:
    """An idle stream is cut, so that the browser sees it as incomplete."""
    await origin.fail("body-stalled")
    async with shell(origin, ProxyPolicy(idle_ms=100)) as proxied:
        answer = proxied.begin("GET", "api/x")
        assert answer.task is not None
        with pytest.raises(BodyCut):
            await asyncio.wait_for(answer.task, 30)
        assert (answer.status, answer.whole) == (200, False)


async def test_stream_ends_at_its_origin_when_the_browser_leaves(origin: Origin) -> None:
    """The connection to the origin is closed then; an open stream holds no place in the bulkhead."""
    await origin.fail("body-stalled")
    async with shell(origin) as proxied:
        answer = proxied.begin("GET", "api/x")
        await asyncio.wait_for(answer.began.wait(), 30)
        assert proxied.upstreams.api_of(proxied.release).bulkhead.in_flight == 0
        answer.leave()
        assert answer.task is not None
        await asyncio.wait_for(answer.task, 30)
        async with asyncio.timeout(30):
            while origin.connections:  # noqa: ASYNC110  nothing says when it is gone
                await asyncio.sleep(0.01)


async def test_download_of_a_link_passes_and_the_same_address_is_no_page(origin: Origin) -> None:
    """With Chromium's headers: a link with `download` passes, a navigation is refused."""
    link = {"sec-fetch-mode": "navigate", "sec-fetch-site": "same-origin"}
    async with shell(origin) as proxied:
        assert (await proxied.ask("GET", "api/x", headers={**link, "sec-fetch-dest": "empty"})).status == 200
        assert (await proxied.ask("GET", "api/x", headers={**link, "sec-fetch-dest": "document"})).status == 403
