"""Client of the BFF: returns typed values or a typed failure, never raises. Calls go through `bff.resilience.Guard`,
which has the deadline, bulkhead and breaker.

Public: `view`, `command`, `Unknown`, `close_clients`.
"""

import os
import time
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypeVar
from urllib.parse import quote, urlencode

import msgspec
from msgspec import structs

from bff.contracts import codes, headers
from bff.contracts.paths import COMMANDS_PREFIX, VIEWS_PREFIX
from bff.contracts.problem import Problem, read_problem
from bff.contracts.view import View
from bff.contracts.wallet import Receipt
from bff.resilience.deadline import Deadline
from bff.resilience.guard import Guard, Request, Response
from bff.resilience.judgement import reason_of_status
from bff.resilience.outcome import Failure
from bff.resilience.partition import PerPartition, current
from bff.resilience.policy import Policy
from bff.resilience.reason import Reason
from fragments.kit.context import Context
from fragments.kit.failing import Failing
from fragments.kit.policy import POLICY

T = TypeVar("T")

QUERIES, COMMANDS = "bff-queries", "bff-commands"
_POLICIES = {
    QUERIES: Policy(
        deadline_ms=POLICY.view_ms,
        patience_ms=POLICY.view_patience_ms,
        decoded_bytes_max=POLICY.view_bytes_max,
        open_ms_max=POLICY.bff_open_ms_max,
    ),
    COMMANDS: Policy(deadline_ms=POLICY.command_ms, open_ms_max=POLICY.bff_open_ms_max),
}
_DEFAULT_URLS = {QUERIES: "http://127.0.0.1:8010", COMMANDS: "http://127.0.0.1:8011"}

# The engine's own statement that nothing was done. A 503 without it proves nothing: a proxy that lost the answer sends
# one too.
_NOTHING_DONE = codes.ENGINE_DOWN
# Failures in a partition say nothing about calls outside of it.
_FAILING, _FAILINGS_APART = Failing(), PerPartition(lambda _: Failing())


@dataclass(frozen=True, slots=True)
class Unknown:
    """The command may or may not have been carried out. Sending it again with the same key can not repeat it."""

    failure: Failure


async def view(path: str, kind: type[View[T]], context: Context, /, **query: str) -> View[T] | Failure:
    """`GET <queries>/views/<path>` as `kind`; empty query values are left out. 404 is `Failure(not_found)`."""
    given = {name: value for name, value in query.items() if value}
    target = f"{VIEWS_PREFIX}{quote(path)}" + (f"?{urlencode(given)}" if given else "")
    request = Request("GET", _url(QUERIES) + target, _headers(context))
    reader = _Reader(kind, frozenset({200}))
    answer = await _guard(QUERIES).call(
        request,
        _within(context, POLICY.view_ms + POLICY.view_patience_ms),
        judge=reader.judge,
        resource=(_player(context), target),
        steady=bool(_player(context)),
    )
    if isinstance(answer, Failure):
        failure = _failing().named(QUERIES, answer)
        # What is not asked because it was late is late, to whoever is shown it: the word stays the same.
        return structs.replace(failure, reason=Reason.TIMEOUT) if failure.late else failure
    _failing().answered(QUERIES)
    return reader.value if isinstance(reader.value, View) else _failing().named(QUERIES, _refused(answer))


async def command(name: str, body: msgspec.Struct, context: Context, key: str) -> Receipt | Problem | Unknown | Failure:
    """`POST <commands>/commands/<name>` under the idempotency key `key`.

    A `Receipt` is the engine's answer, a `Problem` its refusal; `Failure` means that nothing was done, `Unknown` that
    it may have been done.
    """
    own = (("content-type", "application/json"), (headers.IDEMPOTENCY_KEY, key))
    request = Request(
        "POST", f"{_url(COMMANDS)}{COMMANDS_PREFIX}{name}", _headers(context) + own, msgspec.json.encode(body)
    )
    reader = _Reader(Receipt, frozenset({200, 202}))
    # After a command its result is read from a view, so the command leaves time for that.
    answer = await _guard(COMMANDS).call(
        request,
        _within(context, POLICY.command_ms, reserve_ms=POLICY.view_ms),
        judge=reader.judge,
        resource=(_player(context), name),
    )
    if isinstance(answer, Failure):
        answer = _failing().named(COMMANDS, answer)
        return answer if _nothing_done(answer) else Unknown(answer)
    if isinstance(reader.value, Receipt):
        return reader.value
    problem = _problem(answer)
    # A bearer that is not accepted is about the sign-in; any other refusal is about the command.
    if answer.status == 401 or (problem is not None and problem.code == codes.SCOPE_MISSING):
        return _refused(answer)
    # An answer that is neither a receipt nor a problem does not come from the engine.
    return problem or Unknown(_refused(answer))


async def close_clients() -> None:
    """Close the connections of this process."""
    for upstream in (QUERIES, COMMANDS):
        await _guard(upstream).aclose()
    _guard.cache_clear()


class _Reader:
    """Decodes inside the guard, so that an invalid answer counts as a failure of the requested path. For one call."""

    def __init__(self, kind: Any, statuses: frozenset[int]) -> None:
        self.kind = kind
        self.statuses = statuses
        self.value: Any = None

    def judge(self, answer: Response) -> Failure | None:
        if answer.status not in self.statuses:
            return None
        content_type = (answer.headers.get("content-type") or "").partition(";")[0].strip()
        if content_type != "application/json":
            return Failure(Reason.CONTENT_TYPE, f"not application/json but {content_type[:64]!r}")
        try:
            self.value = msgspec.json.decode(answer.body, type=self.kind)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            return Failure(Reason.ENCODING, f"not a {self.kind}: {error}")
        return None


def _failing() -> Failing:
    partition = current()
    return _FAILING if partition is None else _FAILINGS_APART.of(partition)


@lru_cache(maxsize=4)
def _guard(upstream: str) -> Guard:
    return Guard(upstream, _POLICIES[upstream])


def _url(upstream: str) -> str:
    return os.environ.get(upstream.upper().replace("-", "_") + "_URL", _DEFAULT_URLS[upstream]).rstrip("/")


def _within(context: Context, ms: int, *, reserve_ms: int = 0) -> Deadline:
    now = time.monotonic()
    left_ms = context.deadline.remaining_ms(now) - POLICY.render_ms
    return Deadline.after_ms(now, min(ms, max(left_ms - reserve_ms, left_ms / 2)))


def _player(context: Context) -> str:
    # An invalid answer for one player must not affect other players.
    return context.player.player if context.player else ""


def _headers(context: Context) -> tuple[tuple[str, str], ...]:
    sent = [("accept", "application/json")]
    if context.authorization:
        sent.append(("authorization", context.authorization))
    if context.traceparent:
        sent.append(("traceparent", context.traceparent))
    if context.load_class:
        sent.append((headers.LOAD_CLASS, context.load_class))
    return tuple(sent)


def _nothing_done(failure: Failure) -> bool:
    # It never reached the engine, or was turned away before any work; after any other failure only the engine knows.
    if failure.without_effect:
        return True
    return failure.status == 503 and failure.code == _NOTHING_DONE


def _problem(answer: Response) -> Problem | None:
    return read_problem(answer.headers.get("content-type"), answer.body)


def _refused(answer: Response) -> Failure:
    problem = _problem(answer)
    detail = problem.code if problem else f"status {answer.status}"
    return Failure(reason_of_status(answer.status), detail, status=answer.status)
