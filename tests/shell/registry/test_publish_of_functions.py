"""A sleeping function is published: the publish itself starts it and waits for it."""

import json
import time

import pytest

from bff.resilience.deadline import Deadline
from bff.resilience.message import CallFailed, Headers, Request, Response
from bff.resilience.reason import Reason
from shell.composition.release import Trust
from shell.registry.fetch import Fetcher
from shell.registry.origins import Origins
from shell.registry.release_folder import PublishRefused
from tests.origin.publishing import FALLBACK, STYLE, manifest

pytestmark = pytest.mark.quick

ORIGIN = "http://origin.test"
# A start on a busy machine: longer than a service may take, within what platforms allow a function.
START_MS = 9000


class Sleeping:
    """An origin where every request, or only that for the manifest, waits for an environment to start."""

    def __init__(self, kind: str, *, always: bool) -> None:
        self._manifest = json.dumps(manifest(kind=kind)).encode()
        self._always = always

    async def send(self, request: Request, deadline: Deadline) -> Response:
        path = request.url.removeprefix(ORIGIN)
        starts = self._always or path == "/manifest.json"
        if starts and deadline.remaining_ms(time.monotonic()) < START_MS:
            raise CallFailed(Reason.TIMEOUT, "no answer in time")
        found = {
            "/manifest.json": ("application/json", self._manifest),
            "/fallback": ("text/html", FALLBACK),
            "/style.css": ("text/css", STYLE),
        }
        kind, body = found.get(path, ("text/html", b"<p>Here.</p>"))
        return Response(200, Headers((("content-type", kind), ("podlet-version", "1.0.0"))), body)

    async def aclose(self) -> None:
        """Does nothing."""


def fetcher(sender: Sleeping) -> Fetcher:
    async def trust_of(name: str) -> Trust:
        return Trust.FIRST_PARTY

    return Fetcher(sender, Origins([ORIGIN], loopback=False), trust_of)


@pytest.mark.parametrize(("kind", "always"), [("function", True), ("service", False)])
async def test_release_of_what_has_to_start_first_is_fetched(kind: str, always: bool) -> None:
    """Each file of a function, and the manifest of a service, may take as long as a cold start."""
    copy = await fetcher(Sleeping(kind, always=always)).copy(f"{ORIGIN}/manifest.json")
    assert (copy.fallback, len(copy.css)) == (FALLBACK, 1)


async def test_service_that_is_slow_with_its_files_is_refused() -> None:
    """A fragment that declares no function gets no time for a cold start."""
    with pytest.raises(PublishRefused, match=r"fallback: .* no answer in time"):
        await fetcher(Sleeping("service", always=True)).copy(f"{ORIGIN}/manifest.json")
