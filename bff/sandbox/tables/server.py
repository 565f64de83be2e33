"""The live-table provider as a server.

Public: `TablesProvider`.
WebSocket at `/ws`: `{"type": "available", "casinoId": …}` → `{"tableKey": […]}`;
`{"type": "subscribe", "key": …, "casinoId": …, "currency": …}` → whole-table messages from now on. What is wrong is
answered with `{"error": …}` on the same socket. Faults: `silence`, `flood` (`rate` messages a second), `malformed`,
`oversize` (one in twenty), `close` (and refuse), `business_error`, `replay` (yesterday's messages), `frozen` (the same
moment over and over), `skewed` (moments five minutes ahead); of the video alone: `video_missing` (segments 404),
`video_frozen` (the playlist stands still), `video_stalled` (segments are not answered); of bets alone: `bets_down`
(503, nothing is done), `bets_unanswered` (the bet is placed, its answer never comes).
"""

import asyncio
import contextlib
import random
import time
from typing import Any

import msgspec

from bff.contracts.text import decode
from bff.sandbox.clock import SandboxClock
from bff.sandbox.fault import Fault
from bff.sandbox.http import HttpRequest, HttpResponse, Provider, Receive, Scope, Send, json_response
from bff.sandbox.tables import time_faults
from bff.sandbox.tables.bets_api import bets_answer
from bff.sandbox.tables.betting import Betting
from bff.sandbox.tables.book import BetBook
from bff.sandbox.tables.catalogue import CURRENCY_FACTORS
from bff.sandbox.tables.messages import Messages, broken
from bff.sandbox.tables.picture import picture
from bff.sandbox.tables.video import Video
from bff.sandbox.tables.wallet import SeamlessWallet
from bff.sandbox.tables.world import World

TICK_S = 0.1
REPEAT_S = 4.0  # a table that does not change is sent again this often
FLOOD_RATE = 2000.0
STALL_S = 30.0
OVERSIZE_SHARE = 0.05
OUTGOING_MAX = 5000
OVERSIZE_BYTES = 2 * 1024 * 1024


class Socket:
    """One subscriber: what it follows, what waits to be sent, and the one task that sends it."""

    def __init__(self, provider: "TablesProvider", send: Send) -> None:
        self._provider = provider
        self._send = send
        self.subscriptions: dict[tuple[str, str], float] = {}
        self._due: dict[tuple[str, str], None] = {}
        self._outgoing: list[bytes] = []
        self._wake = asyncio.Event()

    def say(self, message: bytes) -> None:
        """Tell it this, before anything about tables; a reader too slow for a flood misses part of it."""
        if len(self._outgoing) < OUTGOING_MAX:
            self._outgoing.append(message)
        self._wake.set()

    def subscribe(self, key: tuple[str, str]) -> None:
        self.subscriptions[key] = 0.0
        self.mark([key])

    def mark(self, keys: list[tuple[str, str]]) -> None:
        """These are due; one that is due twice is sent once."""
        self._due.update(dict.fromkeys(keys))
        if keys:
            self._wake.set()

    async def close(self, code: int) -> None:
        with contextlib.suppress(RuntimeError, OSError):
            await self._send({"type": "websocket.close", "code": code})

    async def write(self) -> None:
        """Until cancelled. A reader that is slow makes this wait, and what is due meanwhile is sent once."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            outgoing, self._outgoing = self._outgoing, []
            for message in outgoing:
                await self._send({"type": "websocket.send", "text": message.decode()})
            while self._due:
                key = next(iter(self._due))
                del self._due[key]
                self.subscriptions[key] = time.monotonic()
                await self._provider.send_update(key, self._send)


class TablesProvider(Provider):
    fault_kinds = (
        "silence",
        "flood",
        "malformed",
        "oversize",
        "close",
        "business_error",
        *time_faults.KINDS,
        "video_missing",
        "video_frozen",
        "video_stalled",
        "bets_down",
        "bets_unanswered",
    )

    def __init__(
        self,
        seed: str,
        casino_id: str,
        clock: SandboxClock,
        public_url: str,
        wallet: SeamlessWallet | None = None,
        book: BetBook | None = None,
    ) -> None:
        """Without a `wallet` no bets are taken; without a `book` they are forgotten with the process."""
        super().__init__("sandbox-tables", clock)
        self.world = World(seed, clock.now())
        self.betting = Betting(self.world, clock, wallet, BetBook() if book is None else book) if wallet else None
        self._casino_id = casino_id
        self._messages = Messages(seed, public_url, clock.real)
        self._time_fault = time_faults.TimeFault(seed, self._messages, self.world, clock)
        self._rng = random.Random(f"{seed}:faults")  # noqa: S311
        self._sockets: set[Socket] = set()
        self._video = Video()

    async def answer(self, request: HttpRequest) -> HttpResponse:
        if request.path == "/control/result" and request.method == "POST":
            return self._set_result(request.json())
        if request.path.startswith("/video/"):
            return await self._play(request.path)
        if request.path == "/v1/bets" and self.betting is not None:
            kind = self.switch.fault.kind
            if kind == "bets_down":
                return json_response(503, {"error": "unavailable"})
            return await bets_answer(self.betting, request, answer_lost=kind == "bets_unanswered")
        if request.path.startswith("/images/") and request.path.endswith(".svg"):
            table = self.world.tables.get(request.path[len("/images/") : -len(".svg")])
            if table is not None:
                return HttpResponse(200, picture(table.spec), {"content-type": "image/svg+xml"})
        return json_response(404, {"error": "not_found"})

    def _set_result(self, body: dict[str, Any]) -> HttpResponse:
        table = self.world.tables.get(str(body.get("table")))
        if table is None:
            raise ValueError(f"table must be one of {', '.join(self.world.tables)}")
        if body.get("result") is None:
            table.clear_results()
        else:
            table.set_result(str(body["result"]))
        self.logger.info("control", path="/control/result", table=table.spec.table_id, result=body.get("result"))
        return json_response(200, {"table": table.spec.table_id, "result": body.get("result")})

    async def _play(self, path: str) -> HttpResponse:
        _, _, table_id, *rest = path.split("/")
        table = self.world.tables.get(table_id)
        if table is None or len(rest) != 1:
            return self._video.missing()
        kind, now = self.switch.fault.kind, time.time()
        is_segment = rest[0].endswith(".m4s")
        if kind == "video_missing" and is_segment:
            return self._video.missing()
        if kind == "video_stalled" and is_segment:
            await asyncio.sleep(STALL_S)
        if kind == "video_frozen":
            now -= self.switch.since_s
        return self._video.answer(table.spec.kind, rest[0], now)

    async def stopped(self) -> None:
        if self.betting is not None:
            await self.betting.stop()

    async def websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        if scope["path"] != "/ws" or self.switch.fault.kind == "close":
            await send({"type": "websocket.close", "code": 1013})
            return
        await send({"type": "websocket.accept"})
        socket = Socket(self, send)
        self._sockets.add(socket)
        self.logger.info("subscriber_came", sockets=len(self._sockets))
        writing = asyncio.create_task(socket.write())
        try:
            while (message := await receive())["type"] == "websocket.receive":
                self._on_text(socket, message.get("text") or (message.get("bytes") or b"").decode("utf-8", "replace"))
        finally:
            self._sockets.discard(socket)
            writing.cancel()
            # A write to a socket that has gone ends in the server's own error, which is news to nobody.
            await asyncio.gather(writing, return_exceptions=True)
            self.logger.info("subscriber_left", sockets=len(self._sockets))

    def _on_text(self, socket: Socket, text: str) -> None:
        try:
            request = decode(text, object)
            answer = self._answer_request(socket, request) if isinstance(request, dict) else {"error": "not an object"}
        except msgspec.DecodeError:
            answer = {"error": "not JSON"}
        if answer is not None:
            socket.say(msgspec.json.encode(answer))

    def _answer_request(self, socket: Socket, request: dict[str, Any]) -> dict[str, Any] | None:
        if request.get("casinoId") != self._casino_id:
            return {"error": "unknown casinoId"}
        if self.switch.fault.kind == "business_error":
            return {"error": "casino suspended", "code": 1040}
        if request.get("type") == "available":
            # Keys are numbers to one release of such a provider and text to the next.
            return {"tableKey": [int(key) if self._rng.random() < 0.5 else key for key in self.world.tables]}
        if request.get("type") == "subscribe":
            table_id, currency = str(request.get("key")), request.get("currency")
            if table_id not in self.world.tables or currency not in CURRENCY_FACTORS:
                return {"error": "unknown key or currency", "key": request.get("key"), "currency": currency}
            socket.subscribe((table_id, str(currency)))
            return None
        return {"error": "unknown type"}

    async def send_update(self, key: tuple[str, str], send: Send) -> None:
        """One message about one table, unless a fault has it otherwise."""
        fault = self.switch.fault
        kind = fault.kind
        if kind == "silence":
            return
        message = self._message(key, fault)
        if kind == "business_error":
            message = b'{"error": "casino suspended", "code": 1040}'
        if kind == "malformed" and self._rng.random() < 0.5:
            message = broken(message, self._rng)
        if kind == "oversize" and self._rng.random() < OVERSIZE_SHARE:
            message = message[:-1] + b', "filler": "' + b"x" * OVERSIZE_BYTES + b'"}'
        await send({"type": "websocket.send", "text": message.decode("utf-8", "replace")})

    async def work(self) -> None:
        """Plays the world, and marks what each socket is to be sent."""
        if self.betting is not None:
            self.betting.resume()
        while True:
            changed = set(self.world.advance(self.clock.now()))
            if self.betting is not None:
                self.betting.settle()
            now = time.monotonic()
            for socket in list(self._sockets):
                due = [k for k, sent_at in socket.subscriptions.items() if k[0] in changed or now - sent_at >= REPEAT_S]
                socket.mark(due)
            fault = self.switch.fault
            if fault.kind == "close":
                await asyncio.gather(*(socket.close(1011) for socket in list(self._sockets)))
            if fault.kind == "flood":
                await self._flood(fault.rate or FLOOD_RATE)
            else:
                await asyncio.sleep(TICK_S)

    async def _flood(self, rate: float) -> None:
        """One tick of far too much: the same tables sent over and over."""
        began = time.monotonic()
        for _ in range(int(rate * TICK_S)):
            for socket in list(self._sockets):
                if socket.subscriptions:
                    socket.say(self._message(self._rng.choice(list(socket.subscriptions)), self.switch.fault))
        await asyncio.sleep(max(0.0, TICK_S - (time.monotonic() - began)))

    def _message(self, key: tuple[str, str], fault: Fault) -> bytes:
        if fault.kind in time_faults.KINDS:
            return self._time_fault.message(key, fault)
        return self._messages.table(self.world.tables[key[0]], key[1], self.clock.now(), held=self.clock.held)
