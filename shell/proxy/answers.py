"""Answers in the place of a fragment's API, and the heads of those that are passed on.

Public: `Reply`.
"""

import json
from functools import cache
from http import HTTPStatus

import msgspec
from asgiref.typing import ASGISendCallable

from bff.contracts.problem import PROBLEM_TYPE, Problem
from bff.resilience.outcome import Failure
from shell.proxy.admission import UNSAFE, Rejection
from shell.proxy.header_rules import SHELL_HEADERS
from shell.responses import NOTICE_EVENT, Headers
from shell.security import header_list


class Reply:
    """What one request is answered; `cookies` are the shell's own, for the browser's session."""

    def __init__(self, send: ASGISendCallable, method: str, *, htmx: bool) -> None:
        self._send = send
        self._unsafe = method in UNSAFE
        self._head_only = method == "HEAD"
        self.htmx = htmx
        self.cookies: tuple[str, ...] = ()
        self.started = False

    async def problem(self, status: int, code: str, detail: str, headers: Headers = ()) -> None:
        """RFC 9457 for a program; beside what is there, where htmx asked."""
        if self.htmx:
            notice = {NOTICE_EVENT: {"words": detail, "link": "", "ends": "healed" if status == 503 else ""}}
            swap = (("hx-reswap", "none"), ("hx-trigger", json.dumps(notice)))
            await self.whole(status, "text/plain; charset=utf-8", detail.encode(), (*headers, *swap))
            return
        problem = Problem(status=status, title=HTTPStatus(status).phrase, code=code, detail=detail)
        await self.whole(status, PROBLEM_TYPE, msgspec.json.encode(problem), headers)

    async def refuse(self, rejection: Rejection) -> None:
        await self.problem(rejection.status, rejection.code, rejection.detail)

    async def failed(self, failure: Failure) -> None:
        """The reply when no answer came: it says only whether the request may have been carried out."""
        wait_s = max(1, round((failure.retry_after_ms or 1000) / 1000))
        if not failure.sent:
            words = "This part of the site can not be reached for the moment, so nothing was sent. Try again."
            await self.problem(503, failure.reason, words, (("retry-after", str(wait_s)),))
        elif self._unsafe:
            words = "No answer came, so this may or may not have gone through."
            await self.problem(504, failure.reason, words)
        else:
            words = "This part of the site gave no answer that could be read. Try again."
            await self.problem(502, failure.reason, words, (("retry-after", str(wait_s)),))

    async def whole(self, status: int, content_type: str, body: bytes, headers: Headers = ()) -> None:
        length = ("content-length", str(len(body)))
        await self.start(status, (("content-type", content_type), length, *headers))
        await self.piece(b"" if self._head_only else body, more=False)

    async def start(self, status: int, headers: Headers) -> None:
        cookies = (("set-cookie", cookie) for cookie in self.cookies)
        pairs = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in (*headers, *cookies)]
        self.started = True
        await self._send(
            {
                "type": "http.response.start",
                "status": status,
                "headers": [*pairs, *_shell_headers()],
                "trailers": False,
            }
        )

    async def piece(self, body: bytes, *, more: bool = True) -> None:
        await self._send({"type": "http.response.body", "body": body, "more_body": more})


@cache
def _shell_headers() -> list[tuple[bytes, bytes]]:
    """The proxy's own, and what every answer of the shell has besides."""
    own = dict(SHELL_HEADERS)
    rest = {name: value for name, value in header_list() if name not in own}
    return [(name.encode(), value.encode()) for name, value in {**rest, **own}.items()]
