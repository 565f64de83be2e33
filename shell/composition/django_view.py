"""The same page from a Django view: one compiler and one composition behind both doors.

Public: `composed`.
"""

from collections.abc import AsyncIterator

from django.http import StreamingHttpResponse

from shell.composition.ladder import Included
from shell.composition.page import Visit
from shell.composition.release import Snapshot
from shell.composition.stream import Composer, Composition


async def composed(
    composer: Composer, visit: Visit, snapshot: Snapshot, *, answered: Included | None = None
) -> StreamingHttpResponse:
    """The page of `visit`, streamed. Django closes the stream when the browser leaves, and so the includes end."""
    composition = composer.compose(visit, snapshot, answered=answered)
    opening = await composition.open()
    response = StreamingHttpResponse(_chunks(composition, opening.head), status=opening.status)
    response.headers["Cache-Control"] = "private, no-store"
    for name, value in opening.headers:
        response.headers[name] = value
    return response


async def _chunks(composition: Composition, head: bytes) -> AsyncIterator[bytes]:
    try:
        yield head
        async for chunk, _more in composition.remaining():
            yield chunk
    finally:
        await composition.close()
