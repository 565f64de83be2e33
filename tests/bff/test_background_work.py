"""Background work that a first request starts belongs to no partition, even if that request was a tester's."""

import asyncio
from typing import Any

import pytest

from bff.contracts.partition import Partition
from bff.contracts.player_context import new_key_pair
from bff.live.hub import Hub
from bff.live.policy import LivePolicy
from bff.queries.app import Queries
from bff.resilience.partition import current, within
from bff.sandbox.clock import SandboxClock
from bff.sandbox.http import HttpRequest, HttpResponse, Provider

pytestmark = pytest.mark.quick

ANNA = Partition("anna", "anna.1.x")
HEALTH = {"type": "http", "method": "GET", "path": "/healthz", "headers": [], "query_string": b""}


class Noted:
    """Records the partition in which background work runs."""

    def __init__(self) -> None:
        self.found: asyncio.Future[Partition | None] = asyncio.get_running_loop().create_future()

    async def note(self, *_: object) -> None:
        if not self.found.done():
            self.found.set_result(current())
        await asyncio.sleep(3600)


async def receive() -> Any:
    return {"type": "http.request", "body": b"", "more_body": False}


async def send(message: Any) -> None:
    assert current() == ANNA, "the request itself is hers"


async def test_sandbox_works_for_nobody() -> None:
    noted = Noted()

    class Quiet(Provider):
        async def answer(self, request: HttpRequest) -> HttpResponse:
            return HttpResponse(204)

        async def work(self) -> None:
            await noted.note()

    provider = Quiet("quiet", SandboxClock())
    with within(ANNA):
        await provider(HEALTH, receive, send)
    assert await noted.found is None
    assert provider._working is not None
    provider._working.cancel()


async def test_read_side_announces_for_nobody() -> None:
    noted = Noted()

    class Store:
        announce = staticmethod(noted.note)

    queries = Queries(Store(), new_key_pair()[1])  # type: ignore[arg-type]
    with within(ANNA):
        await queries(HEALTH, receive, send)
    assert await noted.found is None
    assert queries._announcing is not None
    queries._announcing.cancel()


async def test_live_house_follows_its_store_for_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    noted = Noted()
    for part in ("_follow_store", "_read_wanted", "_heartbeat", "_reconcile"):
        monkeypatch.setattr(Hub, part, noted.note)
    hub = Hub("redis://127.0.0.1:1/0", LivePolicy())
    with within(ANNA):
        hub.ensure_started()
    assert await noted.found is None
    await hub.aclose()
