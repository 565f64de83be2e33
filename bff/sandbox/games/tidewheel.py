"""Tidewheel's stream: a snapshot in pages, then each change with its number, and a word every two seconds.

Public: `Stream`, `item`.
"""

import asyncio
import random
from datetime import UTC, datetime
from typing import Any

import msgspec

from bff.sandbox.clock import SandboxClock
from bff.sandbox.fault import FaultSwitch
from bff.sandbox.games.catalogue import SandboxGame
from bff.sandbox.http import Send

PAGE = 200
BEAT_S = 2.0
CHANGE_S = 5.0
SILENCE_S = 30.0
PURGED_AT_ONCE = 25
_TYPES = {
    "slots": "SLOT",
    "jackpots": "PROGRESSIVE",
    "tables": "TABLE",
    "poker": "POKER",
    "instant": "INSTANT",
    "crash": "CRASH",
    "bingo": "BINGO",
}


def item(game: SandboxGame) -> dict[str, Any]:
    """A game as the stream has it; `rtp` is a share of one and `liveSince` is Unix milliseconds."""
    released = datetime(game.released.year, game.released.month, game.released.day, tzinfo=UTC)
    return {
        "id": game.number,
        "title": game.name,
        "type": _TYPES[game.kind],
        "rtp": round(game.rtp / 100, 4),
        "variance": game.volatility,
        "liveSince": int(released.timestamp() * 1000),
        "status": "open" if game.open else "closed",
    }


class Stream:
    """What one subscriber is sent, until cancelled. The games change here, unless the clock is held."""

    def __init__(self, games: list[SandboxGame], seed: str, clock: SandboxClock, switch: FaultSwitch) -> None:
        self._games = games
        self._clock = clock
        self._switch = switch
        self._rng = random.Random(f"{seed}:tidewheel:changes")  # noqa: S311 (which game closes next, no secret)
        self._number = 0
        self._purged = 0

    async def tell(self, send: Send) -> None:
        """Everything, then changes."""
        if self._switch.fault.kind == "push_silence":
            await asyncio.sleep(SILENCE_S)
        pages = [self._games[start : start + PAGE] for start in range(0, len(self._games), PAGE)]
        for index, page in enumerate(pages, start=1):
            items = [item(game) for game in page]
            await _send_json(
                send, {"type": "snapshot", "page": index, "pages": len(pages), "seq": self._number, "items": items}
            )
        self._purged, since_s = 0, 0.0
        while True:
            await asyncio.sleep(BEAT_S / 2)
            since_s += BEAT_S / 2
            kind = self._switch.fault.kind
            if kind == "push_silence":
                continue
            if kind == "push_close":
                await send({"type": "websocket.close", "code": 1011})
                return
            if kind == "push_purge":
                await self._purge(send)
            elif since_s >= CHANGE_S and not self._clock.held:
                since_s = 0.0
                await self._change(send)
            await _send_json(send, {"type": "heartbeat", "seq": self._number})

    async def _change(self, send: Send) -> None:
        game = self._rng.choice(self._games)
        game.open = not game.open
        # A number that is left out is a change that its reader never sees.
        self._number += 2 if self._switch.fault.kind == "push_gap" else 1
        await _send_json(send, {"type": "upsert", "seq": self._number, "item": item(game)})

    async def _purge(self, send: Send) -> None:
        for game in self._games[self._purged : self._purged + PURGED_AT_ONCE]:
            self._number += 1
            await _send_json(send, {"type": "removed", "seq": self._number, "id": game.number})
        self._purged += PURGED_AT_ONCE


async def _send_json(send: Send, message: dict[str, Any]) -> None:
    await send({"type": "websocket.send", "text": msgspec.json.encode(message).decode()})
