"""Answers of a shell that turns a visitor away: a page that reloads itself, or a notice beside a form whose input
stays.
"""

import json
import re
from typing import Any

import pytest

from shell import asgi
from shell.pages.busy import busy
from shell.wiring import parts


def busy_answer(path: str = "/", *, method: str = "GET", htmx: bool = False) -> tuple[dict[bytes, bytes], str]:
    headers = [(b"hx-request", b"true")] if htmx else []
    fields, body = busy({"type": "http", "method": method, "path": path, "headers": headers}, 5)
    return dict(fields), body.decode()


def test_a_page_comes_back_by_itself_without_javascript() -> None:
    """The page names the seconds until it reloads; it has the shell's styles and security headers and is not cached."""
    headers, page = busy_answer()
    assert '<meta http-equiv="refresh" content="5">' in page
    assert "in 5 seconds" in page
    assert re.search(r'href="/static/shell\.[0-9a-f]{16}\.css"', page)
    assert "<script" not in page
    assert headers[b"content-type"] == b"text/html; charset=utf-8"
    assert headers[b"cache-control"] == b"private, no-store"
    assert b"content-security-policy" in headers
    assert len(page) < 4096


def test_a_form_is_not_sent_again_by_itself() -> None:
    """A reload would lose the form's fields, so the answer says that nothing was sent."""
    _, page = busy_answer(method="POST")
    assert "refresh" not in page
    assert "Nothing was sent" in page
    headers, words = busy_answer(method="POST", htmx=True)
    assert headers[b"hx-reswap"] == b"none"
    assert json.loads(headers[b"hx-trigger"])["mullion:notice"]["words"] == words


@pytest.mark.parametrize("path", ["/slots/lobby/wallet", "/live/ticket", "/registry/releases"])
def test_what_a_program_asks_for_is_a_sentence(path: str) -> None:
    """A refused script's request gets a sentence in plain text; it retries by itself."""
    headers, words = busy_answer(path)
    assert headers[b"content-type"] == b"text/plain; charset=utf-8"
    assert words == "Very many people are here just now. Ask again in 5 s.\n"


async def test_the_shell_turns_visitors_away_before_anything_is_looked_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages are answered with 503 and Retry-After; health checks and static files are served as always."""
    limiter = parts().limiter
    monkeypatch.setattr(limiter, "crowded", lambda now: True)
    monkeypatch.setattr(limiter, "admits", lambda load_class, now: False)
    statuses = {}
    for path in ("/", "/slots/lobby/wallet", "/sign-in/", "/healthz", "/static/no.css"):
        sent: list[Any] = []

        async def send(message: Any, sent: list[Any] = sent) -> None:
            sent.append(message)

        headers = [(b"host", b"localhost")]
        scope = {"type": "http", "method": "GET", "path": path, "query_string": b"", "headers": headers}
        await asgi.application(scope, None, send)
        statuses[path] = sent[0]["status"]
        if statuses[path] == 503:
            assert 2 <= int(dict(sent[0]["headers"])[b"retry-after"]) <= 8
    assert statuses == {"/": 503, "/slots/lobby/wallet": 503, "/sign-in/": 503, "/healthz": 200, "/static/no.css": 404}
