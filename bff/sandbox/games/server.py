"""The three game providers as one server.

Public: `GamesProvider`. The protocols stand in the package's docstring. Faults, each of one provider: `list_error`
(500), `list_silence`, `list_half` (half of the games are gone), `list_lying` (codes twice, rows that are none, a giant
name, another provider's names); `push_silence` (connected, says nothing), `push_gap` (leaves numbers out), `push_purge`
(takes one game after another away), `push_close` (and refuse); `csv_error` (500), `csv_cut` (ends in the middle of a
row, as if it were whole), `csv_half`, `csv_empty`.
"""

import asyncio
import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from bff.sandbox.clock import SandboxClock
from bff.sandbox.games import lantern, oakmill
from bff.sandbox.games.catalogue import COUNTS, catalogue_of
from bff.sandbox.games.tidewheel import Stream
from bff.sandbox.http import HttpRequest, HttpResponse, Provider, Receive, Scope, Send, json_response

LIST_PATH = "/lantern/operator/generic/v2/game/list"
PUSH_PATH = "/tidewheel/changes"
CSV_PATH = "/oakmill/export.csv"
SILENCE_S = 30.0
CSV_S = 3.0
GIANT_CHARS = 20_000


class GamesProvider(Provider):
    fault_kinds = (
        "list_error", "list_silence", "list_half", "list_lying",
        "push_silence", "push_gap", "push_purge", "push_close",
        "csv_error", "csv_cut", "csv_half", "csv_empty",
    )  # fmt: skip

    def __init__(
        self,
        seed: str,
        secret: str,
        clock: SandboxClock,
        counts: Mapping[str, int] = COUNTS,
        csv_s: float = CSV_S,
    ) -> None:
        """`secret` is what lists are asked for with, `counts` games by provider, `csv_s` how long the export takes."""
        super().__init__("sandbox-games", clock)
        today = datetime.fromtimestamp(clock.now(), UTC).date()
        self.games = {each: catalogue_of(seed, each, today, count) for each, count in counts.items()}
        self._secret = secret
        self._csv_s = csv_s
        self._stream = Stream(self.games["tidewheel"], seed, clock, self.switch)

    async def answer(self, request: HttpRequest) -> HttpResponse:
        kind = self.switch.fault.kind
        if request.path == LIST_PATH and request.method == "POST":
            return await self._list(request, kind)
        if request.path == CSV_PATH:
            return self._export(kind)
        return json_response(404, {"error": "not_found"})

    async def _list(self, request: HttpRequest, kind: str) -> HttpResponse:
        if not lantern.is_signed(request, self._secret):
            return json_response(401, {"error": "RS_ERROR_INVALID_SIGNATURE"})
        if kind == "list_silence":
            await asyncio.sleep(SILENCE_S)
        if kind == "list_error":
            return json_response(500, {"error": "internal"})
        games: list[Any] = lantern.rows(self.games["lantern"])
        if kind == "list_half":
            games = games[: len(games) // 2]
        if kind == "list_lying":
            games = self._faulty_rows(games)
        body = msgspec.json.encode(games)
        etag = f'"{hashlib.sha256(body).hexdigest()[:24]}"'
        return HttpResponse(200, body, {"content-type": "application/json", "etag": etag})

    def _faulty_rows(self, games: list[dict[str, Any]]) -> list[Any]:
        """Its own first games twice and otherwise, rows that are none, and what belongs to another provider."""
        foreign = self.games["tidewheel"][0]
        return [
            games[0] | {"name": "x" * GIANT_CHARS},
            None,
            {"game_code": 7},
            games[1] | {"game_code": f"tidewheel:{foreign.number}", "name": foreign.name},
            *games[1:],
            *(game | {"name": "The same code again"} for game in games[2:50]),
        ]

    def _export(self, kind: str) -> HttpResponse:
        if kind == "csv_error":
            return HttpResponse(500, b"error", {"content-type": "text/plain"})
        games = self.games["oakmill"]
        if kind in ("csv_half", "csv_empty"):
            games = games[: len(games) // 2] if kind == "csv_half" else []
        body = oakmill.export(games)
        if kind == "csv_cut":
            body = body[: len(body) // 2 + 7]
        return HttpResponse(200, body, {"content-type": "text/csv; charset=windows-1252"}, spread_s=self._csv_s)

    async def websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        if scope["path"] != PUSH_PATH or self.switch.fault.kind == "push_close":
            await send({"type": "websocket.close", "code": 1013})
            return
        await send({"type": "websocket.accept"})
        streaming = asyncio.create_task(self._stream.tell(send))
        try:
            while (await receive())["type"] == "websocket.receive":
                pass  # whoever listens has nothing to say
        finally:
            streaming.cancel()
            # A write to a socket that has gone ends in the server's own error, which is news to nobody.
            await asyncio.gather(streaming, return_exceptions=True)
