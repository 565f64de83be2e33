"""A form on a page that was rendered by an earlier release: sent to that release, or refused once that is gone."""

from datetime import UTC, datetime
from io import BytesIO

import pytest
from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpResponse

from shell.actions import act
from shell.registry.origins import Origins
from shell.registry.publish import Trial, publish
from shell.registry.rollback import roll_back
from shell.registry.snapshot_poller import SnapshotPoller
from shell.wiring import parts
from tests.origin import publishing
from tests.origin.server import Origin

pytestmark = pytest.mark.django_db(transaction=True)


def posted(path: str) -> ASGIRequest:
    """The page's form, as a browser without scripts posts it."""
    form = b"application/x-www-form-urlencoded"
    headers = [(b"host", b"localhost"), (b"content-type", form), (b"accept", b"text/html")]
    scope = {"type": "http", "method": "POST", "path": path, "query_string": b"", "headers": headers}
    return ASGIRequest(scope, BytesIO(b"id=1"))


async def test_form_of_a_rolled_back_release_is_not_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the withdrawn release nor the live one gets it; the page says that nothing was sent."""
    poller = SnapshotPoller()

    async def follow() -> None:
        await poller.refresh()
        monkeypatch.setattr(parts().registry, "current", poller.current)

    async with Origin(name="promotions") as origin:
        manifest, origins = f"{origin.url}/manifest.json", Origins([origin.url], loopback=True)
        await publish(manifest, origins=origins, actor="ci")
        monkeypatch.setattr(publishing, "FALLBACK", b"<p>Another</p>")
        await publish(manifest, origins=origins, actor="ci", trial=Trial(percent=50))
        await follow()
        tag = parts().registry.current.canaries["promotions"].release.tag
        await sync_to_async(roll_back)("promotions", to="", reason="", actor="ci", now=datetime.now(UTC))
        await follow()
        requests = origin.requests
        form = await act(posted(f"/slots/lobby/promotions~{tag}/claim/"))
        assert origin.requests == requests
    assert isinstance(form, HttpResponse)
    assert form.status_code == 409
    assert "so nothing was sent" in form.content.decode()
