"""Operations on the gate: the check of a release, the rules, and waivers.

Public: `router`.
"""

from typing import Annotated

from django.http import HttpRequest
from ninja import Router, Schema
from pydantic import Field

from shell.operations.registry_api.access import TokenBearer, actor_of, in_registry
from shell.registry import history, waivers
from shell.registry.tokens import Purpose

router = Router()
_operate = TokenBearer(Purpose.OPERATE)


class WaiverBody(Schema):
    rule: Annotated[str, Field(max_length=64)]
    reason: Annotated[str, Field(min_length=1, max_length=waivers.REASON_CHARS_MAX)]


class RuleChanged(Schema):
    rule: str
    changed: bool


@router.get("/fragments/{fragment}/releases/{release}/check", response=waivers.CheckView)
async def check(request: HttpRequest, fragment: str, release: str) -> waivers.CheckView:
    """The gate's findings about a release, named by its version or the beginning of its digest."""
    return await in_registry(lambda: history.show_check(fragment, release))


@router.get("/fragments/{fragment}/rules", response=list[waivers.RuleView])
async def rules(request: HttpRequest, fragment: str) -> list[waivers.RuleView]:
    """Every rule that releases are held to, and whether it is waived for this fragment."""
    return await in_registry(lambda: waivers.list_rules(fragment))


@router.post("/fragments/{fragment}/waivers", auth=_operate, response=RuleChanged)
async def waive(request: HttpRequest, fragment: str, body: WaiverBody) -> dict[str, object]:
    """Make a rule a warning for this fragment."""
    changed = await in_registry(lambda: waivers.waive(fragment, body.rule, reason=body.reason, actor=actor_of(request)))
    return {"rule": body.rule, "changed": changed}


@router.delete("/fragments/{fragment}/waivers/{rule}", auth=_operate, response=RuleChanged)
async def enforce(request: HttpRequest, fragment: str, rule: str) -> dict[str, object]:
    """Hold this fragment to a rule again."""
    changed = await in_registry(lambda: waivers.enforce(fragment, rule, actor=actor_of(request)))
    return {"rule": rule, "changed": changed}
