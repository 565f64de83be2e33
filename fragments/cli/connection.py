"""A shell's registry over HTTP: one address, one token, and what is said where an answer is none.

Public: `Connection`, `RequestFailed`.
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import httpx

from fragments.cli.gate_verbs import finding_lines

# Publishing fetches what the manifest names, each within five seconds.
ANSWER_S_MAX = 60.0
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


class RequestFailed(Exception):
    """What the shell says, or why it could not be asked."""


class Connection:
    """The API of one shell. Redirects are not followed: the token goes to the address that was named, nowhere else."""

    def __init__(self, url: str, token: str, transport: httpx.BaseTransport | None = None) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise RequestFailed(f"MULLION_URL is {url!r}, which is no address; write https://shell.example")
        if parts.scheme == "http" and parts.hostname not in _LOOPBACK:
            raise RequestFailed("MULLION_URL is http://, so the token would be read on the way; write https://")
        if not token:
            raise RequestFailed("MULLION_TOKEN is not set; `fragment token make` on the shell's machine makes one.")
        self._http = httpx.Client(
            base_url=f"{url.rstrip('/')}/registry/v1",
            headers={"authorization": f"Bearer {token}", "accept": "application/json"},
            timeout=ANSWER_S_MAX,
            transport=transport,
        )

    def _ask(
        self, method: str, path: str, body: Mapping[str, Any] | None = None, query: Mapping[str, str] | None = None
    ) -> Any:
        try:
            response = self._http.request(method, path, json=body, params=query)
        except httpx.HTTPError as error:
            base = self._http.base_url
            raise RequestFailed(
                f"{base} did not answer ({type(error).__name__}: {error}). It may have been done or not: look with "
                "`fragment audit`."
            ) from error
        if response.is_success:
            return _json(response)
        raise RequestFailed(f"{response.status_code}: {_detail(response)}")


def _json(response: httpx.Response) -> Any:
    try:
        return response.json()
    except ValueError as error:
        raise RequestFailed(f"{response.url} answered {response.status_code} without JSON; is it a Mullion?") from error


def _detail(response: httpx.Response) -> str:
    """The problem's own sentence with what was found, or what stands there instead of one, on one line."""
    try:
        problem = response.json()
        return "\n".join([str(problem["detail"]), *finding_lines(problem.get("findings", []))])
    except (ValueError, KeyError, TypeError):
        return " ".join(response.text.split())[:300] or response.reason_phrase
