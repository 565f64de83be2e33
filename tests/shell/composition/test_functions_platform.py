"""A page with a real function: AWS's own runtime client, on the platform that `up --functions` runs."""

import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator
from types import MappingProxyType

import httpx
import msgspec
import pytest

from bff.contracts.manifest import parse
from bff.resilience.breaker import Position
from bff.resilience.deadline import Deadline
from bff.resilience.policy import Policy
from shell.composition.include import Include
from shell.composition.includer import Includer
from shell.composition.ladder import Included
from shell.composition.page import Page, Slot, Visit
from shell.composition.release import Release, Snapshot, Trust
from shell.composition.upstreams import Upstreams
from tests.origin.publishing import FALLBACK
from tests.support import plain_http
from tests.support.fragments_fake_bff import FakeBff, reply, view
from tests.support.fragments_house import PUBLIC_KEY, bearer
from tests.support.fragments_samples import wallet_data
from tests.support.free_ports import free_port
from tests.support.mullion import ROOT

SLOT = Slot("wallet", "wallet", "/summary")
PAGE = Page("lobby", "/", "lobby.html", (SLOT,))
WARM = 60
# The least time that the platform's fault `cold` adds to a start.
START_MS = 1500


class Lobby:
    """A slot of a page with the wallet as a function; `control` is the platform's control address."""

    def __init__(self, url: str, release: Release) -> None:
        self.url, self._release = url, release
        self.snapshot = Snapshot(1, MappingProxyType({"wallet": release}))
        self.upstreams = Upstreams(policy=Policy())
        token = bearer("wallet").removeprefix("Bearer ")
        self.includer = Includer(self.upstreams, lambda *_: token)

    async def page(self) -> tuple[Included, float]:
        """(the slot's state and reason, milliseconds)."""
        visit = Visit(PAGE, {}, "en", "en-GB", "EUR", "http://shell.test", player="pl_amber")
        began = time.monotonic()
        included = await self.includer.include(Include(SLOT, visit, self._release), Deadline.after_ms(began, 1000))
        return included, (time.monotonic() - began) * 1000

    async def until(self, *, state: str, reason: str | None = "") -> Included:
        """Refetches the slot, as a browser does, until it is in this state; None stands for any reason."""
        async with asyncio.timeout(60):
            while True:
                included, _ = await self.page()
                if included.state == state and reason in (None, included.reason or ""):
                    return included
                await asyncio.sleep(0.2)

    async def fault(self, kind: str) -> None:
        async with plain_http.AsyncClient() as client:
            answer = await client.post(f"{self.url}/control/fault", json={"kind": kind, "for_s": 60})
            assert answer.status_code == 200

    @property
    def breaker(self) -> Position:
        return self.upstreams.of(self._release).breaker.position


@pytest.fixture
async def lobby() -> AsyncIterator[Lobby]:
    with FakeBff() as bff:
        bff.replies["/views/wallet"] = reply(view(wallet_data()))
        port = free_port()
        url = f"http://127.0.0.1:{port}"
        environ = {
            **{name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"},
            "FUNCTION_HANDLER": "fragments.wallet.function.handler",
            "PROCESS_NAME": "wallet",
            "HOUSE_POLICIES": '{"sandbox-functions": {"init_s_max": 60}}',
            "PORT": str(port),
            "PLAYER_CONTEXT_PUBLIC_KEY": PUBLIC_KEY,
            "BFF_QUERIES_URL": bff.url,
            "BFF_COMMANDS_URL": bff.url,
        }
        command = [sys.executable, "-m", "bff.resilience.serving", "bff.sandbox.functions.asgi:application"]
        process = await asyncio.create_subprocess_exec(*command, cwd=ROOT, env=environ)
        try:
            made = Lobby(url, await published(url))
            yield made
            await made.includer.aclose()
            await made.upstreams.aclose()
        finally:
            process.terminate()
            async with asyncio.timeout(30):
                await process.wait()


async def published(url: str) -> Release:
    """The release of the manifest, as the fragment serves it."""
    async with plain_http.AsyncClient(timeout=30) as client, asyncio.timeout(60):
        while True:
            try:
                body = (await client.get(f"{url}/manifest.json")).raise_for_status().content
                break
            except httpx.HTTPError:
                await asyncio.sleep(0.2)
    manifest = parse(body)
    assert manifest.mullion.kind == "function"
    described = msgspec.structs.replace(manifest, css=[], js=[])
    return Release("wallet", "f" * 64, described, f"{url}/manifest.json", FALLBACK, (), (), trust=Trust.FIRST_PARTY)


async def test_page_over_a_cold_function_is_as_fast_as_over_a_warm_one_and_heals(
    lobby: Lobby,
) -> None:
    """A start that takes a second and a half more costs a page what a warm answer may cost, and opens no breaker; so
    does a platform that throttles, with its own reason; what crashes heals when it lives again."""
    await lobby.until(state="fresh")
    warm = sorted([(await lobby.page())[1] for _ in range(WARM)])
    record = lobby.includer.functions.record("wallet")
    assert record is not None
    wait_ms, cold_before = record.wait_ms, record.cold
    await lobby.fault("cold")
    cold, took_ms = await lobby.page()
    assert (cold.state, cold.reason) == ("fallback", "cold"), "of a balance no copy may be kept"
    # No request is made meanwhile, so the call that has ended is that one.
    async with asyncio.timeout(60):
        while record.cold == cold_before:  # noqa: ASYNC110  a record is read, nothing signals
            await asyncio.sleep(0.05)
    assert wait_ms <= took_ms < record.cold_ms, "the page has waited as for a warm one, and went on before the start"
    assert record.cold_ms > START_MS
    healed = await lobby.until(state="fresh")
    assert (b"1,284" in healed.html, lobby.breaker) == (True, Position.CLOSED)
    print(f"warm p50 {warm[WARM // 2]:.1f} ms, slowest {warm[-1]:.1f} ms; a start of {record.cold_ms} ms")
    print(f"took its page {took_ms:.1f} ms")
    await lobby.fault("throttle")
    await lobby.until(state="fallback", reason="throttled")
    await lobby.fault("crash")
    # An answer that was under way before may still come.
    await lobby.until(state="fallback", reason=None)
    await lobby.fault("none")
    await lobby.until(state="fresh")
