"""The operations on pages that are data. What each may do is decided by its `auth`, as for fragments.

Public: `router`.
"""

from datetime import UTC, datetime
from typing import Annotated

import msgspec
from django.http import HttpRequest
from ninja import Query, Router, Schema
from pydantic import Field

from shell.operations import page_changes
from shell.operations.registry_api.access import LINES, TokenBearer, actor_of, in_registry
from shell.operations.registry_api.problem import Problem
from shell.pages.document import PageDocument
from shell.registry import history, page_revisions, tokens
from shell.registry.page_revisions import subject_of
from shell.registry.tokens import Purpose
from shell.wiring import parts

Number = Annotated[int, Field(ge=0, le=1_000_000_000)]

router = Router(tags=["pages"])
_publish, _operate = TokenBearer(Purpose.PUBLISH), TokenBearer(Purpose.OPERATE)


class PageRollbackBody(Schema):
    to: Number | None = None
    expect: Number | None = None
    reason: Annotated[str, Field(max_length=page_revisions.REASON_CHARS_MAX)] = ""


class PageTokenBody(Schema):
    name: Annotated[str, Field(max_length=64)]
    purpose: Purpose
    days: int = tokens.DAYS_DEFAULT


def _components() -> dict[str, object]:
    (schema,), definitions = msgspec.json.schema_components([PageDocument], ref_template="#/$defs/{name}")
    # With an id of its own its references are read within itself, wherever the schema stands.
    return {"$id": "page-document", "$defs": definitions, **schema}


# The document is read by the rules of the pages table itself, so that file and API can not differ.
_BODY = {"requestBody": {"required": True, "content": {"application/json": {"schema": _components()}}}}


@router.get("/pages", response=list[page_changes.PageView])
async def list_pages(request: HttpRequest) -> list[page_changes.PageView]:
    """The token's own page, where it is live."""
    only = str(request.auth.fragment)  # type: ignore[attr-defined]
    name = only.removeprefix(subject_of(""))
    if name == only:
        return []
    return await in_registry(lambda: page_changes.list_pages(parts().pages.file, name))


@router.get("/pages/{page}", response=page_revisions.PageDetail)
async def show_page(request: HttpRequest, page: str) -> page_revisions.PageDetail:
    """What is live, as its document, and the newest revisions."""
    return await in_registry(lambda: page_revisions.show_page(page))


@router.get("/pages/{page}/diff", response=page_revisions.PageDifference)
async def diff_page(
    request: HttpRequest, page: str, before: Query[Number], after: Query[Number]
) -> page_revisions.PageDifference:
    """From one revision to another."""
    return await in_registry(lambda: page_revisions.compare_pages(page, before, after))


@router.get("/pages/{page}/audit", response=list[history.AuditView])
async def audit_page(request: HttpRequest, page: str, limit: int = LINES) -> list[history.AuditView]:
    """Who changed what, newest first; what was refused, too."""
    return await in_registry(lambda: history.read_audit(subject_of(page), limit))


@router.post("/pages/{page}/revisions", auth=_publish, response=page_revisions.PageMoved, openapi_extra=_BODY)
async def publish_page(request: HttpRequest, page: str) -> page_revisions.PageMoved:
    """Check the document that is the body, and make it the page."""
    return await in_registry(
        lambda: page_changes.publish(
            page,
            request.body,
            file=parts().pages.file,
            operator=_operates(request),
            actor=actor_of(request),
            now=_now(),
        )
    )


@router.post("/pages/{page}/rollback", auth=_publish, response=page_revisions.PageMoved)
async def roll_back_page(request: HttpRequest, page: str, body: PageRollbackBody) -> page_revisions.PageMoved:
    """Make an earlier revision the page: the one before, or the one that is named; 0 is what the pages table has."""
    return await in_registry(
        lambda: page_changes.roll_back(
            page,
            to=body.to,
            expect=body.expect,
            reason=body.reason,
            file=parts().pages.file,
            operator=_operates(request),
            actor=actor_of(request),
            now=_now(),
        )
    )


@router.get("/pages/{page}/tokens", auth=_operate, response=list[tokens.TokenView])
async def list_page_tokens(request: HttpRequest, page: str) -> list[tokens.TokenView]:
    """The page's tokens, without their secrets."""
    return await in_registry(lambda: tokens.list_tokens(subject_of(page), now=_now()))


@router.post("/pages/{page}/tokens", auth=_operate, response=tokens.MadeToken)
async def make_page_token(request: HttpRequest, page: str, body: PageTokenBody) -> tokens.MadeToken:
    """A token to read or to publish; one that operates is made on the shell's own machine."""
    if body.purpose is Purpose.OPERATE:
        raise Problem(403, "A token that operates is made on the shell's own machine; no token was made.")
    return await in_registry(
        lambda: tokens.make_token(
            subject_of(page), body.purpose, name=body.name, days=body.days, actor=actor_of(request), now=_now()
        )
    )


@router.delete("/pages/{page}/tokens/{prefix}", auth=_operate, response=tokens.TokenView)
async def revoke_page_token(request: HttpRequest, page: str, prefix: str) -> tokens.TokenView:
    """End a token at once."""
    return await in_registry(lambda: tokens.revoke_token(subject_of(page), prefix, actor=actor_of(request), now=_now()))


def _operates(request: HttpRequest) -> bool:
    held: tokens.TokenView = request.auth  # type: ignore[attr-defined]
    return Purpose(held.purpose) is Purpose.OPERATE


def _now() -> datetime:
    return datetime.now(UTC)
