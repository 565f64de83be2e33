"""The shell's front door as a server meets it: raw ASGI in, answers out, without a fragment in reach."""

import asyncio
from typing import Any

import pytest

from shell.body_limit import BODY_BYTES_MAX, within_limit
from shell.page_path import PagePath
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
    status, headers, body = await answered("/")
    assert status == 200
    assert headers[b"cache-control"] == b"private, no-store"
    assert body.count(b'data-state="placeholder" data-reason="not_published"') == 3
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
    "path", ["/assets/x", "/assets/" + "0" * 63, "/static/0000000000000000/slots.js", "/static/../x"]
)
async def test_unknown_file_is_404(path: str) -> None:
    """Nothing outside the tree can be asked for, and another tree's files are not these."""
    status, _, _ = await answered(path)
    assert status == 404


async def test_request_that_says_it_is_too_long_is_refused_unread() -> None:
    """413 before a byte of it is kept."""
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        raise AssertionError("nothing of the body is read")

    length = str(BODY_BYTES_MAX + 1).encode()
    assert await within_limit({"headers": [(b"content-length", length)]}, receive, send) is None
    assert sent[0]["status"] == 413


async def test_request_that_grows_past_the_limit_ends() -> None:
    """A body without a length is cut where the limit is."""

    async def receive() -> Any:
        return {"type": "http.request", "body": b"x" * 30_000, "more_body": True}

    limited = await within_limit({"headers": []}, receive, receive)
    assert limited is not None
    kinds = [(await limited())["type"] for _ in range(4)]
    assert kinds == ["http.request", "http.request", "http.disconnect", "http.disconnect"]
