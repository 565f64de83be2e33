"""A preview of a fragment that runs on a developer's machine, as it is at this moment. Outside production only.

Public: `preview_machine`.
"""

from datetime import UTC, datetime

from asgiref.sync import sync_to_async
from django.conf import settings

from shell.composition.page import PageTable
from shell.registry.history import record_refusal
from shell.registry.origins import Origins
from shell.registry.previews import PreviewLink, PreviewRefused, make_preview
from shell.registry.publish import publish

_PRODUCTION = (
    "A machine of a team is previewed outside production alone; publish a --candidate from an allowed origin, and "
    "preview that. Nothing was done."
)


async def preview_machine(
    fragment: str, manifest_url: str, *, hours: float, actor: str, pages: PageTable
) -> PreviewLink:
    """Copy and check the release that the manifest describes, and make a link to its preview. It is sandboxed whatever
    the fragment's trust, and gets no player context, when it is checked or shown. Raises `PreviewRefused` and
    `PublishRefused`.
    """
    if not settings.LOCAL:
        detail = f"preview of {manifest_url[:200]}: {_PRODUCTION}"
        await sync_to_async(record_refusal)(fragment, actor=actor, detail=detail)
        raise PreviewRefused(_PRODUCTION)
    origins = Origins(settings.FRAGMENT_ORIGINS, loopback=True)
    done = await publish(manifest_url, origins=origins, actor=actor, pages=pages, only=fragment, own_machine=True)
    return await sync_to_async(make_preview)(
        fragment,
        done.digest,
        hours=hours,
        origin=settings.PUBLIC_URL,
        actor=actor,
        now=datetime.now(UTC),
        own_machine=True,
    )
