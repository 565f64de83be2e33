"""Authorization over HTTP: a bearer token, for its own fragment and up to its purpose. Cookies are not read.

Public: `TokenBearer`, `actor_of`, `in_registry`, `LINES`.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, TypeVar

from django.db import Error
from django.http import HttpRequest
from ninja.params.functions import Query
from ninja.security import HttpBearer

from bff.resilience import log
from shell.operations.registry_api.border import check_address
from shell.operations.registry_api.problem import Problem
from shell.players.threads import Threads, ThreadsBusy
from shell.players.throttle import AttemptCounter, network_of
from shell.registry.history import AUDIT_MAX, record_refusal
from shell.registry.page_revisions import subject_of
from shell.registry.tokens import ForeignToken, Purpose, TokenView, authenticate
from shell.wiring import parts

T = TypeVar("T")

REGISTRY_MS = 5000
# The most lines of an audit in one answer.
LINES: Any = Query(50, ge=1, le=AUDIT_MAX)

logger = log.get("registry")
_threads = Threads("registry", 4, 16)


async def in_registry(call: Callable[[], T]) -> T:
    """What `call` returns, in a thread; a database that does not answer in time is a 503."""
    try:
        return await _threads.run(call, deadline_ms=REGISTRY_MS)
    except (Error, ThreadsBusy) as error:
        logger.warning("registry_unanswered", detail=str(error))
        raise Problem(
            503, "The registry's database does not answer. Look at what is live before you repeat it."
        ) from error


def actor_of(request: HttpRequest) -> str:
    """The audit's actor for this request: the token's label and prefix."""
    token: TokenView = request.auth  # type: ignore[attr-defined]  # the operation was not reached without one
    return f"{token.name} [{token.prefix}]"


class TokenBearer(HttpBearer):
    """Accepts a valid token of the fragment in the address, for `purpose` or a higher one."""

    def __init__(self, purpose: Purpose) -> None:
        super().__init__()
        self._purpose = purpose

    async def __call__(self, request: HttpRequest) -> TokenView:  # ninja awaits it
        await _take("registry-address", network_of(request.META.get("REMOTE_ADDR", "")))
        check_address(request)
        scheme, _, text = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            raise Problem(401, "Send a token: Authorization: Bearer mullion_…; `fragment token make` makes one.")
        return await self.authenticate(request, text.strip())

    async def authenticate(self, request: HttpRequest, token: str) -> TokenView:
        """The token; raises `Problem`. What a genuine token may not do is audited, with the name that it tried."""
        try:
            held = await in_registry(lambda: authenticate(token, now=datetime.now(UTC)))
        except ForeignToken as foreign:
            logger.warning("token_of_another_environment", environment=foreign.environment, path=request.path[:200])
            raise Problem(401, str(foreign)) from foreign
        if held is None:
            logger.warning("token_unknown", path=request.path[:200])
            raise Problem(401, "Nobody has this token. It may be cut off, or of another shell.")
        await _take("registry-token", held.prefix)
        fragment = _named(request) or held.fragment
        if refused := self._refused(held, fragment):
            status, detail = refused
            tried = f"{request.method} {request.path}: {detail}"
            await in_registry(lambda: record_refusal(fragment, actor=f"{held.name} [{held.prefix}]", detail=tried))
            raise Problem(status, detail)
        return held

    def _refused(self, held: TokenView, fragment: str) -> tuple[int, str] | None:
        if held.state != "valid":
            return 401, f"This token is {held.state}; ask who operates the shell for another."
        if held.fragment != fragment:
            return 403, f"This token is {held.fragment}'s; {fragment} is not its to see or to change."
        if not Purpose(held.purpose).covers(self._purpose):
            return 403, f"This token is for {held.purpose}, and this takes one for {self._purpose}."
        return None


def _named(request: HttpRequest) -> str:
    """The fragment or page that the address names; empty where the operation is about the token itself."""
    kwargs = request.resolver_match.kwargs if request.resolver_match else {}
    if "page" in kwargs:
        return subject_of(str(kwargs["page"]))
    fragment = str(kwargs.get("fragment", ""))
    if fragment.startswith(subject_of("")):
        raise Problem(404, f"{fragment} is a page, and this is an address of fragments; nothing was done.")
    return fragment


async def _take(kind: str, key: str) -> None:
    throttle = parts().registry_throttle
    policy = throttle.policy
    tries_max = policy.address_tries_max if kind == "registry-address" else policy.account_tries_max
    if wait_s := await throttle.take([AttemptCounter(kind, key, tries_max)]):
        raise Problem(429, f"Too many requests; nothing was done. Ask again in {wait_s} s.", retry_after_s=wait_s)
