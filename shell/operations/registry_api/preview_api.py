"""A link that shows a release to one browser of its team, over HTTP.

Public: `router`.
"""

from datetime import UTC, datetime
from typing import Annotated

from django.conf import settings
from django.http import HttpRequest
from ninja import Router, Schema
from pydantic import Field

from shell.operations.machine_preview import preview_machine
from shell.operations.registry_api.access import TokenBearer, actor_of, in_registry
from shell.registry import previews
from shell.registry.tokens import Purpose
from shell.wiring import parts

router = Router(tags=["previews"])


class PreviewBody(Schema):
    release: Annotated[str, Field(max_length=128)] = ""
    machine: Annotated[str, Field(max_length=2048)] = ""
    hours: float = previews.HOURS_DEFAULT


@router.post("/fragments/{fragment}/preview", auth=TokenBearer(Purpose.PUBLISH), response=previews.PreviewLink)
async def preview(request: HttpRequest, fragment: str, body: PreviewBody) -> previews.PreviewLink:
    """Make a link to a release that was published, live or not; the first of the team who opens it sees it, alone.

    Outside production `machine` may be the manifest on a machine of the team instead.
    """
    if body.machine:
        return await preview_machine(
            fragment, body.machine, hours=body.hours, actor=actor_of(request), pages=parts().pages
        )
    return await in_registry(
        lambda: previews.make_preview(
            fragment,
            body.release,
            hours=body.hours,
            origin=settings.PUBLIC_URL,
            actor=actor_of(request),
            now=datetime.now(UTC),
        )
    )
