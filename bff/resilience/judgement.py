"""Judges a finished attempt: whether it counts as a success or a failure of the upstream. Decides; does no I/O.

Public: `Judge`, `judged`, `reason_of_status`, `settle`.
"""

from collections.abc import Callable, Hashable
from datetime import UTC, datetime

from bff.contracts.load_class import SHED
from bff.contracts.problem import read_problem
from bff.resilience.adaptive_timeout import AdaptiveTimeout
from bff.resilience.breaker import Permit
from bff.resilience.callers import Callers
from bff.resilience.message import Response
from bff.resilience.outcome import Failure
from bff.resilience.policy import Policy
from bff.resilience.reason import Reason
from bff.resilience.reason_properties import PROPERTIES, Party, party
from bff.resilience.retry_after import retry_after_ms

# A caller's own view of an answer: a business error inside a 200, say, or the wrong content type. None: it is good.
Judge = Callable[[Response], Failure | None]

# Statuses that are about the request and not about the upstream.
_STATUSES = {401: Reason.UNAUTHORISED, 403: Reason.UNAUTHORISED, 404: Reason.NOT_FOUND, 410: Reason.NOT_FOUND}


def reason_of_status(status: int) -> Reason:
    """Why an answer with a status below 500, other than 429, can not be used."""
    return _STATUSES.get(status, Reason.REDIRECT if 300 <= status < 400 else Reason.REJECTED)


def judged(response: Response, policy: Policy, judge: Judge | None) -> Response | Failure:
    """`response`, or the `Failure` that it is: 429, 5xx, or what `judge` says of any other."""
    status = response.status
    if status < 500 and status != 429:
        return (judge(response) if judge else None) or response
    wait_ms = retry_after_ms(response.headers, now=datetime.now(UTC), ms_max=policy.retry_after_ms_max)
    problem = read_problem(response.headers.get("content-type"), response.body)
    reason = Reason.THROTTLED if status == 429 else Reason.UPSTREAM_ERROR
    if status == 503 and problem is not None and problem.code == SHED:
        reason = Reason.SHED
    return Failure(reason, f"status {status}", wait_ms, status, problem.code if problem else "")


def settle(
    permit: Permit,
    ended: Response | Failure,
    *,
    policy: Policy,
    pace: AdaptiveTimeout,
    callers: Callers,
    caller: Hashable,
    now: float,
    given_ms: float,
    took_ms: float,
) -> None:
    """End `permit` by the attempt's outcome; `given_ms` is the time that the attempt had, `took_ms` the time that it
    took. `caller` is the outside party that chose the resource, if any; connect failures count whoever chose it.
    """
    party_blamed = Party.NOBODY if isinstance(ended, Response) else party(ended.reason)
    if isinstance(ended, Response) or party_blamed in (Party.NOBODY, Party.RESOURCE):
        pace.took(took_ms, now)
        permit.success(now)
        return
    unfair = PROPERTIES[ended.reason].needs_time and given_ms < policy.deadline_ms * policy.fair_ratio_min
    if unfair or party_blamed is Party.UNPROVED:
        permit.release(now)
        return
    chosen = caller is not None and PROPERTIES[ended.reason].sent
    if chosen and not callers.counts(caller, now):
        permit.release(now)
        return
    # A 503 with Retry-After is the upstream's own word on all calls; a 429 may be about one player.
    at_once = ended.status == 503 and ended.retry_after_ms is not None and not chosen
    if ended.reason is Reason.TIMEOUT:
        pace.took(given_ms, now)
    permit.failure(now, cause=ended.reason, retry_after_ms=ended.retry_after_ms, at_once=at_once)
