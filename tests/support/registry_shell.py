"""A shell in this process, which a team's command calls over HTTP.

Public: `Shell`.
"""

import httpx
from django.test import Client
from structlog.testing import capture_logs


class Shell(httpx.BaseTransport):
    """A shell in this process, called by an HTTP client."""

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        with capture_logs():  # which a shell writes elsewhere
            answer = Client().generic(
                request.method,
                request.url.raw_path.decode(),
                request.content,
                content_type=request.headers.get("content-type", ""),
                headers={name: value for name, value in request.headers.items() if name in ("authorization", "accept")},
            )
        return httpx.Response(answer.status_code, headers=dict(answer.headers), content=answer.content)
