"""Client of a shell's registry over HTTP: one address, one token, and one error for every failed request.

Public: `RemoteSubjects`, `RequestFailed`.
httpx is imported where a shell is called: commands on the shell's own machine share the verbs and call none, and it
takes as long to import as Django.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from fragments.cli.gate_verbs import finding_lines

if TYPE_CHECKING:
    import httpx

# Publishing fetches what the manifest names, each within five seconds.
ANSWER_S_MAX = 60.0
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


class RequestFailed(Exception):
    """The shell's error message, or why the shell could not be called."""


class Connection:
    """The API of one shell. Redirects are not followed: the token goes to the address that was named, nowhere else."""

    def __init__(self, url: str, token: str, transport: "httpx.BaseTransport | None" = None) -> None:
        import httpx

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
        import httpx

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


class RemoteSubjects(Connection):
    """The requests that fragments and pages share, below their own `room` (path) of the API."""

    room = ""

    def list(self) -> Any:
        return self._ask("GET", self.room)

    def show(self, name: str) -> Any:
        return self._ask("GET", self._of(name))

    def diff(self, name: str, before: object, after: object) -> Any:
        return self._ask("GET", f"{self._of(name)}/diff", query={"before": str(before), "after": str(after)})

    def audit(self, name: str, limit: int) -> Any:
        return self._ask("GET", f"{self._of(name)}/audit", query={"limit": str(limit)})

    def token_make(self, name: str, purpose: str, label: str, days: int) -> Any:
        return self._ask("POST", f"{self._of(name)}/tokens", {"name": label, "purpose": purpose, "days": days})

    def token_list(self, name: str) -> Any:
        return self._ask("GET", f"{self._of(name)}/tokens")

    def token_revoke(self, name: str, prefix: str) -> Any:
        return self._ask("DELETE", f"{self._of(name)}/tokens/{quote(prefix, safe='')}")

    def _of(self, name: str) -> str:
        return f"{self.room}/{quote(name, safe='')}"


def _json(response: "httpx.Response") -> Any:
    try:
        return response.json()
    except ValueError as error:
        raise RequestFailed(f"{response.url} answered {response.status_code} without JSON; is it a Mullion?") from error


def _detail(response: "httpx.Response") -> str:
    """The problem's own sentence with what was found, or what stands there instead of one, on one line."""
    try:
        problem = response.json()
        return "\n".join([str(problem["detail"]), *finding_lines(problem.get("findings", []))])
    except (ValueError, KeyError, TypeError):
        return " ".join(response.text.split())[:300] or response.reason_phrase
