"""BFF live as a real process for tests, and pages that talk to it.

Use: `with LiveHouse(valkey.url) as house: async with house.page("pl_amber") as page: await page.follow("tables")`.
"""

import asyncio
import json
import os
import secrets
import signal
import time
import urllib.request
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

import websockets
from websockets.asyncio.client import ClientConnection

from bff.contracts.player_context import LIVE_AUDIENCE, PlayerContext, mint, new_key_pair
from bff.live.subprotocol import PROTOCOL, TICKET_PREFIX
from tests.support import preloaded
from tests.support.free_ports import free_port
from tests.support.preloaded import PreloadedProcess

ROOT = Path(__file__).parents[2]
# How long to wait for a message that has no promised time: the machine may be busy.
PATIENT_S = 30.0
ORIGIN = "http://localhost:8000"


class Page:
    """One open socket that records all messages."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection
        self.received: list[dict[str, Any]] = []

    async def say(self, **message: Any) -> None:
        await self.connection.send(json.dumps(message))

    async def follow(self, *topics: str) -> None:
        await self.say(subscribe=topics)

    async def hear(self, wanted: Callable[[dict[str, Any]], bool], within_s: float = PATIENT_S) -> dict[str, Any]:
        """The next message that matches; raises TimeoutError, or ConnectionClosed, if none comes."""
        async with asyncio.timeout(within_s):
            while True:
                message = json.loads(await self.connection.recv())
                self.received.append(message)
                if wanted(message):
                    return message

    async def topic(self, topic: str, within_s: float = PATIENT_S) -> dict[str, Any]:
        """The next message about `topic`."""
        return await self.hear(lambda message: message.get("topic") == topic, within_s)

    async def data(self, topic: str, data: Any, within_s: float = PATIENT_S) -> dict[str, Any]:
        """The next message about `topic` with `data`."""
        return await self.hear(lambda m: m.get("topic") == topic and m["data"] == data, within_s)

    async def notice(self, word: str, within_s: float = PATIENT_S) -> None:
        await self.hear(lambda message: message.get("notice") == word, within_s)

    async def closed(self, within_s: float = PATIENT_S) -> int:
        """The close code of the socket, after reading to its end."""
        async with asyncio.timeout(within_s):
            try:
                while True:
                    self.received.append(json.loads(await self.connection.recv()))
            except websockets.ConnectionClosed as closed:
                return closed.rcvd.code if closed.rcvd else 1006


class LiveHouse:
    """The process; `policy` changes numbers of its LivePolicy."""

    def __init__(self, redis_url: str, *, server: Literal["uvicorn", "daphne"] = "uvicorn", **policy: float) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        inner_port = free_port()
        self.inner_url = f"http://127.0.0.1:{inner_port}"
        self._server = server
        self._private_key, public_key = new_key_pair()
        self._environ = {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "bff.live.settings",
            "DEBUG": "1",
            "REDIS_URL": redis_url,
            "PORT": str(self.port),
            "INNER_PORT": str(inner_port),
            "PUBLIC_URL": ORIGIN,
            "PLAYER_CONTEXT_PUBLIC_KEY": public_key,
            # All pages of a test have this machine's address, so the limit for one address must allow them.
            "HOUSE_POLICIES": json.dumps({"live": {"address_sockets_max": 20_000} | policy}),
        }
        self.process: PreloadedProcess | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self, *, listening: bool = True, **environ: str) -> None:
        """Start the process and wait until it answers, and by default until it has subscribed to the store."""
        inner = f"tcp:{self._environ['INNER_PORT']}:interface=127.0.0.1"
        daphne = ["daphne", "-v", "0", "-p", str(self.port), "-e", inner, "bff.live.asgi:application"]
        words = daphne if self._server == "daphne" else ["bff.live.serve"]
        self.process = preloaded.start(*words, env=self._environ | environ)
        end = time.monotonic() + 60
        while True:
            try:
                if self.health()["listening"] or not listening:
                    return
            except OSError:
                assert self.process.poll() is None, "bff-live ended at start"
            assert time.monotonic() < end, "bff-live is not ready"
            time.sleep(0.05)

    def stop(self, number: signal.Signals = signal.SIGTERM) -> float:
        """End the process; returns how many seconds that took."""
        began = time.monotonic()
        if self.process is not None:
            self.process.send_signal(number)
            self.process.wait(30)
            self.process = None
        return time.monotonic() - began

    def health(self) -> dict[str, Any]:
        with urllib.request.urlopen(self.inner_url + "/readyz", timeout=30) as answer:
            return json.load(answer)

    def metric(self, name: str) -> float:
        """The value of the metric line that starts with `name`, 0 when there is none."""
        with urllib.request.urlopen(self.inner_url + "/metrics", timeout=30) as answer:
            lines = answer.read().decode().splitlines()
        return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith(name))

    def memory_bytes(self) -> int:
        """Resident memory of the process."""
        assert self.process is not None
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.split("VmRSS:")[1].split()[0]) * 1024

    def ticket(
        self,
        player: str = "",
        *,
        life_s: int = 60,
        audience: str = LIVE_AUDIENCE,
        key: str = "",
        session: str = "m0.0",
    ) -> str:
        now = int(time.time())
        once, session = secrets.token_urlsafe(16), session if player else ""
        context = PlayerContext(player, audience, "EUR", "en-GB", frozenset(), now + life_s, once, session)
        return mint(context, key or self._private_key, now=now)

    @asynccontextmanager
    async def page(
        self, player: str = "", *, ticket: str | None = None, origin: str | None = ORIGIN, path: str = "/live"
    ) -> AsyncIterator[Page]:
        ticket = self.ticket(player) if ticket is None else ticket
        url, words = f"ws://127.0.0.1:{self.port}{path}", [PROTOCOL, *([TICKET_PREFIX + ticket] if ticket else [])]
        async with websockets.connect(
            url,
            origin=origin,  # type: ignore[arg-type]
            subprotocols=words,  # type: ignore[arg-type]
            compression=None,
        ) as connection:
            yield Page(connection)

    async def refusal(self, **page: Any) -> int:
        """The HTTP status with which a handshake is refused."""
        try:
            async with self.page(**page):
                return 101
        except websockets.InvalidStatus as refused:
            return refused.response.status_code
