"""What is true, asked of the BFF: typed values or a typed failure, never an exception.

Calls go through `bff.resilience.Guard`: deadline, bulkhead and breaker are its business, words and types are ours.

Public: `view`, `command`, `Unknown`, `close_clients`.
"""

import os
import time
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypeVar
from urllib.parse import quote, urlencode

import msgspec

from bff.contracts import headers
from bff.contracts.problem import PROBLEM_TYPE, Problem
from bff.contracts.view import View
from bff.contracts.wallet import Receipt
from bff.resilience.deadline import Deadline
from bff.resilience.guard import Guard
from bff.resilience.outcome import Failure
from bff.resilience.policy import Policy
from bff.resilience.reason import Reason
from bff.resilience.transport import Request, Response
from fragments.kit.context import Context
from fragments.kit.metrics import CALLS
from fragments.kit.policy import POLICY

T = TypeVar("T")

QUERIES, COMMANDS = "bff-queries", "bff-commands"
_POLICIES = {
    QUERIES: Policy(deadline_ms=POLICY.view_ms, connect_ms=POLICY.connect_ms, decoded_bytes_max=POLICY.view_bytes_max),
    COMMANDS: Policy(deadline_ms=POLICY.command_ms, connect_ms=POLICY.connect_ms),
}
_DEFAULT_URLS = {QUERIES: "http://127.0.0.1:8010", COMMANDS: "http://127.0.0.1:8011"}

# After these the command never reached the engine; after any other failure it may have, and only the engine knows.
_NEVER_SENT = frozenset(
    {Reason.CONNECT, Reason.CONNECT_TIMEOUT, Reason.DNS, Reason.TLS, Reason.BREAKER_OPEN, Reason.BULKHEAD_FULL}
)


@dataclass(frozen=True, slots=True)
class Unknown:
    """A command that may have been carried out. Asking again with the same key can not repeat it."""

    failure: Failure


async def view(path: str, kind: type[View[T]], context: Context, **query: str) -> View[T] | Failure:
    """`GET <queries>/views/<path>` as `kind`; empty query values are left out. 404 is `Failure(not_found)`."""
    given = {name: value for name, value in query.items() if value}
    target = f"/views/{quote(path)}" + (f"?{urlencode(given)}" if given else "")
    request = Request("GET", _url(QUERIES) + target, _headers(context))
    answer = await _call(QUERIES, request, _deadline(context, POLICY.view_ms))
    if isinstance(answer, Failure):
        return answer
    if answer.status != 200:
        return _refused(answer)
    return _decoded(answer, kind)


async def command(name: str, body: msgspec.Struct, context: Context, key: str) -> Receipt | Problem | Unknown | Failure:
    """`POST <commands>/commands/<name>` under the idempotency key `key`.

    A `Receipt` is the engine's word, a `Problem` its refusal, `Failure` means that nothing was done, `Unknown` that
    nobody here can tell.
    """
    own = (("content-type", "application/json"), (headers.IDEMPOTENCY_KEY, key))
    request = Request("POST", f"{_url(COMMANDS)}/commands/{name}", _headers(context) + own, msgspec.json.encode(body))
    answer = await _call(COMMANDS, request, _deadline(context, POLICY.command_ms))
    if isinstance(answer, Failure):
        refused = answer.reason in _NEVER_SENT or answer.status in {429, 503}
        return answer if refused else Unknown(answer)
    if answer.status in {200, 202}:
        receipt = _decoded(answer, Receipt)
        return Unknown(receipt) if isinstance(receipt, Failure) else receipt
    if answer.status in {401, 403}:
        return _refused(answer)
    problem = _problem(answer)
    return problem if problem is not None else _refused(answer)


async def close_clients() -> None:
    """Close the connections of this process."""
    for upstream in (QUERIES, COMMANDS):
        await _guard(upstream).aclose()
    _guard.cache_clear()


async def _call(upstream: str, request: Request, deadline: Deadline) -> Response | Failure:
    answer = await _guard(upstream).call(request, deadline)
    CALLS.labels(upstream, answer.reason.value if isinstance(answer, Failure) else "").inc()
    return answer


@lru_cache(maxsize=4)
def _guard(upstream: str) -> Guard:
    return Guard(upstream, _POLICIES[upstream])


def _url(upstream: str) -> str:
    return os.environ.get(upstream.upper().replace("-", "_") + "_URL", _DEFAULT_URLS[upstream]).rstrip("/")


def _deadline(context: Context, ms: int) -> Deadline:
    left = Deadline(context.deadline.expires_at - POLICY.render_ms / 1000)
    return left.within(time.monotonic(), ms)


def _headers(context: Context) -> tuple[tuple[str, str], ...]:
    sent = [("accept", "application/json")]
    if context.authorization:
        sent.append(("authorization", context.authorization))
    if context.traceparent:
        sent.append(("traceparent", context.traceparent))
    return tuple(sent)


def _decoded(answer: Response, kind: Any) -> Any:
    content_type = (answer.headers.get("content-type") or "").partition(";")[0].strip()
    if content_type != "application/json":
        return Failure(
            Reason.CONTENT_TYPE, f"expected application/json, got {content_type[:64]!r}", status=answer.status
        )
    try:
        return msgspec.json.decode(answer.body, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        return Failure(Reason.ENCODING, f"not a {kind}: {error}", status=answer.status)


def _problem(answer: Response) -> Problem | None:
    if not (answer.headers.get("content-type") or "").startswith(PROBLEM_TYPE):
        return None
    try:
        return msgspec.json.decode(answer.body, type=Problem)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def _refused(answer: Response) -> Failure:
    problem = _problem(answer)
    detail = problem.code if problem else f"status {answer.status}"
    words = {401: Reason.UNAUTHORISED, 403: Reason.UNAUTHORISED, 404: Reason.NOT_FOUND, 410: Reason.NOT_FOUND}
    return Failure(words.get(answer.status, Reason.REJECTED), detail, status=answer.status)
