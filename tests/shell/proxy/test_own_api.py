"""A real podlet's own API through the shell: what its author wrote for a Podium layout works here, and can harm no
page.
"""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from structlog.testing import capture_logs

from shell.composition.proxy_policy import ProxyPolicy
from tests.support.podium.rig import Podium, Started
from tests.support.proxied import Proxied

API = {"/api{/*rest}": "echo", "/events": "events", "/file": "file", "/answer": "answer"}
PROXIES = {"api": "/api", "more": "/"}
MANIFEST = {"name": "podlet", "proxy": PROXIES, "mullion": {"visitors": ["api", "more"]}}


@pytest.fixture(scope="module")
def podlet(podium: Podium) -> Iterator[Started]:
    """One podlet for all tests; each reads only its own request."""
    proxy = [{"name": name, "target": target} for name, target in PROXIES.items()]
    [started] = podium.start({"name": "podlet", "proxy": proxy, "api": API})
    yield started
    podium.stop(started)


def shell(podlet: Started, policy: ProxyPolicy | None = None, **more: Any) -> Proxied:
    return Proxied({**MANIFEST, **more}, podlet.manifest_url, policy)


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE"])
async def test_every_method_reaches_the_podlet_with_path_query_and_body(podlet: Started, method: str) -> None:
    body = b'{"a": 1}' if method not in ("GET", "DELETE") else b""
    async with shell(podlet) as proxied:
        answer = await proxied.ask(
            method,
            "api/v1.2/rows.json/",
            query="q=a%20b&q=%D0%B1",
            body=body,
            headers={"content-type": "application/json", "x-trace": "mine", "cookie": "odd=1"},
        )
    assert answer.status == 200
    seen = answer.json()
    assert (seen["method"], seen["url"]) == (method, "/api/v1.2/rows.json/?q=a%20b&q=%D0%B1")
    assert (seen["body"], seen["headers"]["x-trace"]) == (body.decode(), "mine")
    assert seen["headers"]["podium-public-pathname"] == "/slots/lobby/podlet"
    assert seen["headers"]["podium-mount-pathname"] == "/"
    assert "cookie" not in seen["headers"]


async def test_head_answers_without_a_body(podlet: Started) -> None:
    async with shell(podlet) as proxied:
        answer = await proxied.ask("HEAD", "api")
    assert (answer.status, answer.body, answer.headers["content-type"]) == (200, b"", "application/json; charset=utf-8")


async def test_answer_is_data_and_nothing_that_a_browser_would_open(podlet: Started) -> None:
    """It is not cached, not sniffed and sandboxed if opened by itself; its cookies are dropped."""
    evil = '{"set-cookie":"a=b","clear-site-data":"*","refresh":"0","x-total":"7","content-type":"text/html"}'
    async with shell(podlet) as proxied:
        answer = await proxied.ask("GET", "more/answer", query="headers=" + evil.replace('"', "%22"))
    assert answer.status == 200
    assert not {"set-cookie", "clear-site-data", "refresh"} & set(answer.headers)
    assert answer.headers["x-total"] == "7"
    assert answer.headers["cache-control"] == "private, no-store"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-security-policy"].startswith("sandbox;")


async def test_podlets_own_refusal_is_passed_on_unchanged(podlet: Started) -> None:
    """A 4xx and a 5xx keep their body, which the fragment's script reads."""
    async with shell(podlet) as proxied:
        for status in (201, 204, 400, 404, 409, 422, 429, 500, 503):
            answer = await proxied.ask("POST", "more/answer", query=f"status={status}&body=said")
            assert (answer.status, answer.body) == (status, b"" if status == 204 else b"said")


async def test_5xx_of_an_api_is_a_line_of_the_log_that_names_its_fragment(podlet: Started) -> None:
    async with shell(podlet) as proxied:
        with capture_logs() as lines:
            for status in (404, 503):
                await proxied.ask("POST", "more/answer", query=f"status={status}")
    [line] = [line for line in lines if line["event"] == "proxy_failed"]
    assert (line["fragment"], line["version"]) == ("podlet", proxied.release.manifest.version)
    assert (line["reason"], line["detail"]) == ("upstream_error", "it answered 503, which is passed on")


async def test_visitor_is_asked_to_sign_in_unless_the_manifest_opens_the_proxy(podlet: Started) -> None:
    async with shell(podlet, mullion={"visitors": ["more"]}) as proxied:
        refused = await proxied.ask("GET", "api")
        assert (refused.status, refused.problem) == (401, "unauthorised")
        assert (await proxied.ask("GET", "more/api")).status == 200


async def test_outage_of_an_api_is_not_its_slots(podlet: Started) -> None:
    """After a few failures the API's breaker answers at once; the guard of the content counts none of them."""
    async with Proxied({**MANIFEST, "proxy": {"api": "http://127.0.0.1:9/"}}, podlet.manifest_url) as proxied:
        for _ in range(6):
            answer = await proxied.ask("POST", "api/x", body=b"{}")
            assert answer.status == 503
            assert "nothing was sent" in answer.body.decode()
        assert answer.problem == "breaker_open"
        assert proxied.upstreams.of(proxied.release).refusal() is None


async def test_visitor_whose_requests_fail_does_not_break_the_api_for_others(podlet: Started) -> None:
    """However many requests fail, and even with Retry-After in each answer, others are served."""
    async with shell(podlet) as proxied:
        for number in range(30):
            query = f"status={(500, 503, 429)[number % 3]}&headers=%7B%22retry-after%22:%228%22%7D"
            assert (await proxied.ask("GET", "more/answer", query=query)).status >= 429
        assert (await proxied.ask("GET", "api/rows")).status == 200


async def test_javascript_and_style_are_not_passed_on(podlet: Started) -> None:
    async with shell(podlet) as proxied:
        for kind in ("text/javascript", "application/javascript; charset=utf-8", "TEXT/CSS", "application/wasm"):
            quoted = f"headers=%7B%22content-type%22:%22{kind.replace(' ', '%20')}%22%7D"
            answer = await proxied.ask("GET", "more/answer", query=quoted + "&body=alert(1)")
            assert (answer.status, answer.problem) == (502, "content_type")
            assert b"alert" not in answer.body


async def test_events_come_one_by_one_and_end_when_the_browser_leaves(podlet: Started, podium: Podium) -> None:
    podium.requests(podlet)
    async with shell(podlet) as proxied:
        answer = proxied.begin("GET", "more/events", headers={"accept": "text/event-stream"})
        while answer.pieces < 3:
            answer.piece.clear()
            await asyncio.wait_for(answer.piece.wait(), 30)
        assert answer.headers["content-type"] == "text/event-stream"
        assert answer.body.startswith(b"id: 1\ndata: event 1\n\n")
        guard = proxied.upstreams.api_of(proxied.release)
        assert guard.bulkhead.in_flight == 0, "the guard has settled it at its head"
        answer.leave()
        assert answer.task is not None
        await asyncio.wait_for(answer.task, 30)
    async with asyncio.timeout(30):
        seen: list[Any] = []
        while not any(each["method"] == "closed" for each in seen):
            await asyncio.sleep(0.02)
            seen += podium.requests(podlet)


async def test_download_streams_with_ranges(podlet: Started) -> None:
    async with shell(podlet) as proxied:
        whole = await proxied.ask("GET", "more/file")
        part = await proxied.ask("GET", "more/file", headers={"range": "bytes=10-19"})
    assert (whole.status, len(whole.body), whole.headers["content-length"]) == (200, 1_000_000, "1000000")
    assert whole.pieces > 3
    assert whole.headers["content-disposition"] == 'attachment; filename="a.pdf"'
    assert (part.status, part.body, part.headers["content-range"]) == (206, b"0123456789", "bytes 10-19/1000000")


async def test_upload_is_passed_on_as_it_comes_and_capped(podlet: Started) -> None:
    multipart = {"content-type": "multipart/form-data; boundary=b", "transfer-encoding": "chunked"}
    async with shell(podlet, ProxyPolicy(upload_bytes_max=1_000_000)) as proxied:
        answer = proxied.begin("POST", "api/files", headers=multipart, body=None)
        for _ in range(9):
            answer.send(b"x" * 100_000)
        answer.send(b"", more=False)
        assert answer.task is not None
        await asyncio.wait_for(answer.task, 30)
        assert answer.json()["bytes"] == 900_000
        assert answer.json()["headers"]["content-type"] == multipart["content-type"]
        refused = await proxied.ask("POST", "api/files", headers={"content-length": "1000001"}, body=b"x")
        assert (refused.status, refused.problem) == (413, "oversize")
        untold = proxied.begin("POST", "api/files", headers=multipart, body=None)
        for _ in range(11):
            untold.send(b"x" * 100_000)
        assert untold.task is not None
        await asyncio.wait_for(untold.task, 30)
        assert (untold.status, untold.problem) == (413, "oversize")
