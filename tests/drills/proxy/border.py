"""Who may use the HTTP API: programs on this machine, and no page that a browser shows.

Public: `refusal`, `loopback_hosts`.
"""

from collections.abc import Iterable

from tests.drills.proxy.problems import ApiProblem

# A browser sends these with every request to a loopback address. Node's fetch, which is no browser, sends
# Sec-Fetch-Mode alone.
_BROWSERS = (b"origin", b"sec-fetch-site", b"sec-fetch-dest", b"sec-fetch-user")


def loopback_hosts(port: int) -> frozenset[bytes]:
    """The allowed Host headers: a public name that somebody points at this machine is not among them."""
    return frozenset(f"{host}:{port}".encode() for host in ("127.0.0.1", "localhost", "[::1]"))


def refusal(headers: Iterable[tuple[bytes, bytes]], hosts: frozenset[bytes]) -> ApiProblem | None:
    """Why a request with these headers is refused; `headers` have lower-case names. Empty if it is not."""
    named: list[bytes] = []
    for name, value in headers:
        if name in _BROWSERS or (name == b"user-agent" and value.startswith(b"Mozilla/")):
            return ApiProblem("browsers are not allowed: use a program on this machine, such as manage.py drill", 403)
        if name == b"host":
            named.append(value.lower())
    if len(named) != 1 or named[0] not in hosts:
        return ApiProblem("host not allowed: this answers to 127.0.0.1 and localhost, at its own port", 403)
    return None
