"""The operations of the registry's API. What each may do is decided by its `auth`, before it is reached.

Public: `api`.
Each operation calls one function of `shell.registry`; answers are its dataclasses, as JSON.
"""

from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated, Any

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse
from ninja import NinjaAPI, Query, Schema
from ninja.errors import HttpError, ValidationError
from pydantic import Field

from bff.contracts.problem import PROBLEM_TYPE
from shell.composition.page import PagesBroken
from shell.operations.registry_api import gate_api, outcomes_api, page_api, preview_api
from shell.operations.registry_api.access import LINES, TokenBearer, actor_of, in_registry
from shell.operations.registry_api.border import PlainParser
from shell.operations.registry_api.problem import Problem
from shell.registry import history, holds, page_revisions, previews, rollback, rollout, tokens, waivers
from shell.registry.content import ContentDiffers
from shell.registry.origins import Origins
from shell.registry.publish import Published, Trial, VersionTaken, publish
from shell.registry.release_folder import PublishRefused
from shell.registry.tokens import Purpose
from shell.wiring import parts

Reason = Annotated[str, Field(max_length=holds.REASON_CHARS_MAX)]
Named = Annotated[str, Field(max_length=128)]

# No HTML documentation: its page would need script from another origin. The OpenAPI document is served.
api = NinjaAPI(
    title="Mullion's registry",
    version="1",
    urls_namespace="registry-api",
    docs_url=None,
    auth=TokenBearer(Purpose.READ),
    parser=PlainParser(),
    description="Ship one fragment. Send `Authorization: Bearer mullion_…`; errors are RFC 9457 problems.",
)
_publish, _operate = TokenBearer(Purpose.PUBLISH), TokenBearer(Purpose.OPERATE)


Steps = Annotated[str, Field(max_length=300)]


class TrialBody(Schema):
    percent: float = 0
    promotes: bool = False
    steps: Steps = ""


class PublishBody(Schema):
    manifest_url: Annotated[str, Field(max_length=2048)]
    move: bool = False
    candidate: bool = False
    canary: TrialBody | None = None
    expect: Annotated[str, Field(max_length=64)] = ""


class CheckBody(Schema):
    manifest_url: Annotated[str, Field(max_length=2048)]


class CanaryBody(Schema):
    percent: float = 0
    release: Named = ""
    promotes: bool = False
    steps: Steps = ""


class HoldBody(Schema):
    reason: Annotated[str, Field(min_length=1, max_length=holds.REASON_CHARS_MAX)]


class RollbackBody(Schema):
    to: Named = ""
    expect: Named = ""
    reason: Reason = ""


class PromoteBody(Schema):
    expect: Named = ""


class TokenBody(Schema):
    name: Annotated[str, Field(max_length=64)]
    purpose: Purpose
    days: int = tokens.DAYS_DEFAULT


class Held(Schema):
    changed: bool


class Resumed(Schema):
    changed: bool
    was: holds.FragmentHold | None


@api.exception_handler(Problem)
def _problem(request: HttpRequest, problem: Problem | type[Problem]) -> HttpResponse:
    assert isinstance(problem, Problem)
    body: dict[str, Any] = {"type": "about:blank", "status": problem.status, "detail": problem.detail}
    if problem.findings:
        body["findings"] = [asdict(each) for each in problem.findings]
    response = api.create_response(request, body, status=problem.status)
    response.headers["Content-Type"] = PROBLEM_TYPE
    response.headers["Cache-Control"] = "no-store"
    if problem.retry_after_s:
        response.headers["Retry-After"] = str(problem.retry_after_s)
    if problem.status == 401:
        response.headers["WWW-Authenticate"] = "Bearer"
    return response


@api.exception_handler(ValidationError)
def _invalid(request: HttpRequest, error: ValidationError | type[ValidationError]) -> HttpResponse:
    assert isinstance(error, ValidationError)
    fields = "; ".join(f"{'.'.join(map(str, each['loc'][1:]))}: {each['msg']}" for each in error.errors)
    return _problem(request, Problem(422, f"{fields}. Nothing was done."))


@api.exception_handler(HttpError)
def _unread(request: HttpRequest, error: HttpError | type[HttpError]) -> HttpResponse:
    """The parser's message, which is the cause of ninja's own error."""
    assert isinstance(error, HttpError)
    cause = error.__cause__
    return _problem(request, cause if isinstance(cause, Problem) else Problem(error.status_code, str(error)))


@api.exception_handler(RequestDataTooBig)
def _too_big(request: HttpRequest, error: RequestDataTooBig | type[RequestDataTooBig]) -> HttpResponse:
    return _problem(
        request, Problem(413, f"A body has at most {settings.DATA_UPLOAD_MAX_MEMORY_SIZE} bytes; nothing was done.")
    )


def _on(error: type[Exception], status: int) -> None:
    def handle(request: HttpRequest, raised: Any) -> HttpResponse:
        return _problem(request, Problem(status, str(raised)))

    api.add_exception_handler(error, handle)


def _refused_publish(request: HttpRequest, refused: PublishRefused | type[PublishRefused]) -> HttpResponse:
    assert isinstance(refused, PublishRefused)
    status = 409 if isinstance(refused, VersionTaken | ContentDiffers) else 422
    return _problem(request, Problem(status, str(refused), findings=waivers.views_of(refused.findings, {})))


api.add_exception_handler(PublishRefused, _refused_publish)
for _error, _status in (
    (history.NotFound, 404),
    (rollback.RollbackRefused, 409),
    (rollout.RolloutRefused, 409),
    (PagesBroken, 422),
    (page_revisions.PageRefused, 422),
    (waivers.WaiverRefused, 422),
    (previews.PreviewRefused, 422),
    (holds.HoldRefused, 422),
    (tokens.TokenRefused, 422),
):
    _on(_error, _status)


def _now() -> datetime:
    return datetime.now(UTC)


@api.get("/token", response=tokens.TokenView)
async def token(request: HttpRequest) -> tokens.TokenView:
    """The token that was sent: its fragment, its purpose, and until when it is valid."""
    shown: tokens.TokenView = request.auth  # type: ignore[attr-defined]
    return shown


@api.get("/fragments", response=list[history.FragmentView])
async def list_fragments(request: HttpRequest) -> list[history.FragmentView]:
    """What is live of the token's own fragment."""
    only = request.auth.fragment  # type: ignore[attr-defined]
    return await in_registry(lambda: history.list_fragments(only))


@api.get("/fragments/{fragment}", response=history.FragmentDetail)
async def show(request: HttpRequest, fragment: str) -> history.FragmentDetail:
    """What is live, and the newest releases."""
    return await in_registry(lambda: history.show_fragment(fragment))


@api.get("/fragments/{fragment}/diff", response=history.Difference)
async def diff(request: HttpRequest, fragment: str, before: Query[Named], after: Query[Named]) -> history.Difference:
    """From one release to another, each named by its version or the beginning of its digest."""
    return await in_registry(lambda: history.compare(fragment, before, after))


@api.get("/fragments/{fragment}/audit", response=list[history.AuditView])
async def audit(request: HttpRequest, fragment: str, limit: int = LINES) -> list[history.AuditView]:
    """Who changed what, newest first; what was refused, too."""
    return await in_registry(lambda: history.read_audit(fragment, limit))


@api.post("/fragments/{fragment}/releases", auth=_publish, response=Published)
async def publish_release(request: HttpRequest, fragment: str, body: PublishBody) -> Published:
    """Fetch, check and copy what the manifest at `manifest_url` describes, and make it live.

    A `candidate` stands in no page until it is previewed, tried or live.
    """
    origins = Origins(settings.FRAGMENT_ORIGINS, loopback=settings.LOCAL)
    return await publish(
        body.manifest_url,
        origins=origins,
        actor=actor_of(request),
        move=body.move,
        candidate=body.candidate,
        expect=body.expect,
        pages=parts().pages,
        bearer=parts().bearer,
        only=fragment,
        trial=Trial(body.canary.percent, body.canary.promotes, body.canary.steps) if body.canary else None,
    )


@api.post("/fragments/{fragment}/checks", auth=_publish, response=Published)
async def check_release(request: HttpRequest, fragment: str, body: CheckBody) -> Published:
    """All that a publish would do, but that nothing is stored and no page changes."""
    return await publish(
        body.manifest_url,
        origins=Origins(settings.FRAGMENT_ORIGINS, loopback=settings.LOCAL),
        actor=actor_of(request),
        move=True,
        pages=parts().pages,
        bearer=parts().bearer,
        only=fragment,
        check_only=True,
    )


@api.post("/fragments/{fragment}/canary", auth=_publish, response=rollout.RolloutView)
async def canary(request: HttpRequest, fragment: str, body: CanaryBody) -> rollout.RolloutView:
    """Give a share of visitors a release that was published, or change the share of the one on trial."""
    return await in_registry(
        lambda: rollout.start_canary(
            fragment,
            percent=body.percent,
            release=body.release,
            promotes=body.promotes,
            steps=body.steps,
            actor=actor_of(request),
            now=_now(),
        )
    )


@api.post("/fragments/{fragment}/promote", auth=_publish, response=rollout.RolloutView)
async def promote(request: HttpRequest, fragment: str, body: PromoteBody | None = None) -> rollout.RolloutView:
    """Make the release on trial live for everybody; only the one that is expected, where one is."""
    expect = body.expect if body else ""
    return await in_registry(lambda: rollout.promote(fragment, actor=actor_of(request), now=_now(), expect=expect))


@api.post("/fragments/{fragment}/pause", auth=_publish, response=rollout.RolloutView)
async def pause(request: HttpRequest, fragment: str) -> rollout.RolloutView:
    """Leave the trial at its share: it is not promoted by itself."""
    return await in_registry(lambda: rollout.pause(fragment, actor=actor_of(request)))


@api.post("/fragments/{fragment}/rollback", auth=_publish, response=rollback.Moved)
async def roll_back(request: HttpRequest, fragment: str, body: RollbackBody) -> rollback.Moved:
    """Make an earlier release live: the one before, or the one that is named; only from the one that is expected."""
    given = body.dict()
    return await in_registry(lambda: rollback.roll_back(fragment, actor=actor_of(request), now=_now(), **given))


@api.post("/fragments/{fragment}/hold", auth=_operate, response=Held)
async def hold(request: HttpRequest, fragment: str, body: HoldBody) -> dict[str, bool]:
    """Keep the fragment out of every page until it is resumed."""
    changed = await in_registry(lambda: holds.hold(fragment, reason=body.reason, actor=actor_of(request)))
    return {"changed": changed}


@api.post("/fragments/{fragment}/resume", auth=_operate, response=Resumed)
async def resume(request: HttpRequest, fragment: str) -> dict[str, object]:
    """Let go of a fragment that is held; `was` is the hold that it was."""
    was = await in_registry(lambda: holds.resume(fragment, actor=actor_of(request)))
    return {"changed": was is not None, "was": was}


@api.get("/fragments/{fragment}/tokens", auth=_operate, response=list[tokens.TokenView])
async def list_tokens(request: HttpRequest, fragment: str) -> list[tokens.TokenView]:
    """The fragment's tokens, without their secrets."""
    return await in_registry(lambda: tokens.list_tokens(fragment, now=_now()))


@api.post("/fragments/{fragment}/tokens", auth=_operate, response=tokens.MadeToken)
async def make_token(request: HttpRequest, fragment: str, body: TokenBody) -> tokens.MadeToken:
    """A token to read or to publish; one that operates is made on the shell's own machine."""
    if body.purpose is Purpose.OPERATE:
        raise Problem(403, "A token that operates is made on the shell's own machine; no token was made.")
    making: Callable[[], tokens.MadeToken] = lambda: tokens.make_token(  # noqa: E731
        fragment, body.purpose, name=body.name, days=body.days, actor=actor_of(request), now=_now()
    )
    return await in_registry(making)


@api.delete("/fragments/{fragment}/tokens/{prefix}", auth=_operate, response=tokens.TokenView)
async def revoke_token(request: HttpRequest, fragment: str, prefix: str) -> tokens.TokenView:
    """End a token at once."""
    return await in_registry(lambda: tokens.revoke_token(fragment, prefix, actor=actor_of(request), now=_now()))


api.add_router("", gate_api.router)
api.add_router("", outcomes_api.router)
api.add_router("", page_api.router)
api.add_router("", preview_api.router)
