"""The shell's side of the table of podlets: publishes a podlet, shows it in a slot and calls it, without a database.

Public: `published`, `shown`, `called`.
"""

import time
from dataclasses import replace

from msgspec import structs

from bff.resilience.deadline import Deadline
from bff.resilience.message import Request, Response
from bff.resilience.policy import Policy
from bff.resilience.transport import Transport
from shell.composition.include import Include
from shell.composition.includer import Includer
from shell.composition.ladder import Included
from shell.composition.page import Page, Slot, Visit
from shell.composition.page_head import rendered_elements, rendered_title
from shell.composition.proxy_policy import ProxyPolicy
from shell.composition.release import Release, Trust
from shell.composition.upstreams import Upstreams
from shell.composition.wrap import Wrapper
from shell.registry.fetch import Fetcher
from shell.registry.gate.assess import release_of
from shell.registry.origins import Origins
from tests.support.podium.rig import Started
from tests.support.podium.table import BROWSER, Answer, Call, PageAround
from tests.support.proxied import Proxied

_ORIGIN = "http://localhost"
# Results are compared, not speed: a busy machine gets all the time it needs.
_ROOM_MS = 30_000
_PATIENT_PROXY = ProxyPolicy(head_ms=_ROOM_MS, connect_ms=_ROOM_MS, small_body_ms=_ROOM_MS)


class _Patient:
    """Fetches by `transport` without a short time limit."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def send(self, request: Request, deadline: Deadline) -> Response:
        return await self._transport.send(request, Deadline.after_ms(time.monotonic(), _ROOM_MS))

    async def aclose(self) -> None:
        await self._transport.aclose()


async def published(started: Started, *, trusted: bool) -> tuple[Release, tuple[str, ...]]:
    """The release as publishing would store it, and the notes of publishing."""

    async def trust_of(name: str) -> Trust:
        return Trust.FIRST_PARTY if trusted else Trust.SANDBOXED

    transport = Transport(Policy(deadline_ms=_ROOM_MS, connect_ms=_ROOM_MS))
    try:
        copy = await Fetcher(_Patient(transport), Origins([], loopback=True), trust_of).copy(started.manifest_url)
    finally:
        await transport.aclose()
    return release_of(copy, copy.trust), copy.notes


async def shown(release: Release, pathname: str, around: PageAround) -> str:
    """The page's head, and the slot's element in the page."""
    extension = structs.replace(release.manifest.mullion, deadline_ms=_ROOM_MS)
    release = replace(release, manifest=structs.replace(release.manifest, mullion=extension))
    slot = Slot("slot", release.fragment, pathname, primary=around.primary, query=tuple(around.query))
    inner = [Slot(around.inside, release.fragment, f"/{around.inside}", inside="slot")] if around.inside else []
    route = "/" + "".join(f"{{{name}}}/" for name in around.params)
    page, queries = Page("page", route, "", (slot, *inner)), {"slot": around.query}
    visit = Visit(page, around.params, "en", "en-GB", "EUR", _ORIGIN, queries=queries)
    policy = Policy(connect_ms=_ROOM_MS)
    upstreams = Upstreams(policy=policy, page_deadline_ms=_ROOM_MS)
    includer = Includer(upstreams, lambda *_: "")
    try:
        elements = {each.name: await _element(includer, Include(each, visit, release)) for each in inner}
        include = Include(slot, visit, release)
        included = await _included(includer, include)
    finally:
        await upstreams.aclose()
    return _head(included) + Wrapper().wrap(included, include, inner=elements).decode()


async def _element(includer: Includer, include: Include) -> bytes:
    return Wrapper().wrap(await _included(includer, include), include)


async def _included(includer: Includer, include: Include) -> Included:
    return await includer.include(include, Deadline.after_ms(time.monotonic(), _ROOM_MS))


def _head(included: Included) -> str:
    page_head = included.page_head
    if page_head is None:
        return ""
    return f"<head><title>{rendered_title(page_head)}</title>{rendered_elements(page_head, _ORIGIN)}</head>"


async def called(release: Release, call: Call) -> Answer:
    """The answer of the podlet's own API to a page's script."""
    async with Proxied({}, "", _PATIENT_PROXY, release=release) as proxied:
        request = await proxied.ask(call.method, call.rest, query=call.query, body=call.body, headers=BROWSER)
    return Answer(request.status, request.headers, request.body)
