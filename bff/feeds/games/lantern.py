"""Lantern's list: JSON over HTTP, asked for with a signature, as aggregators of games have it.

Public: `LanternSource`, `WORDS`.
Source of the protocol: https://docs.hub88.io/developer-docs/operator-api-reference/operator-api (`/game/list`).
"""

import asyncio
import hashlib
import hmac
import time
from datetime import datetime
from typing import Any

import msgspec

from bff.contracts import text
from bff.contracts.games import GameState
from bff.feeds.games.fields import Rows, Words, read_game
from bff.feeds.games.http import GamesHttp
from bff.feeds.games.source import Intake, SourceFailed
from bff.feeds.health import FeedHealth
from bff.feeds.policy import GamesPolicy
from bff.feeds.reading import BadMessage, decimal_of, flag_of, when_of
from bff.resilience.message import Request
from bff.resilience.reason import Reason

SIGNATURE = "x-hub88-signature"
WORDS = Words(
    categories={
        "video slots": "slots",
        "jackpot slots": "jackpots",
        "table games": "table-games",
        "video poker": "video-poker",
        "scratch cards": "instant-win",
        "crash games": "crash",
        "bingo": "bingo",
    },
    volatilities={"low": "low", "low-medium": "low", "medium": "medium", "medium-high": "high", "high": "high"},
)


class LanternSource:
    """The whole list, once in `list_poll_s`. A list that is the one before byte for byte is not read again."""

    def __init__(self, url: str, operator: str, secret: str, health: FeedHealth, policy: GamesPolicy) -> None:
        self.poll_s = policy.list_poll_s
        self._body = msgspec.json.encode({"operator_id": operator})
        signature = hmac.new(secret.encode(), self._body, hashlib.sha256).hexdigest()
        headers = (("accept", "application/json"), ("content-type", "application/json"), (SIGNATURE, signature))
        self._request = Request("POST", url, headers, self._body)
        self._http = GamesHttp("games-list", policy.list_deadline_ms, policy)
        self._health = health
        self._policy = policy
        self._taken = b""

    async def read(self, intake: Intake) -> None:
        body = (await self._http.get(self._request)).body
        digest = hashlib.sha256(body).digest()
        if digest == self._taken:
            intake.alive()
            return
        self._taken = b""
        rows = Rows(self._game, "game_code", self._health)
        began = time.perf_counter()
        for row in self._listed(body):
            rows.add(row)
            if time.perf_counter() - began >= self._policy.slice_ms / 1000:
                await asyncio.sleep(0)  # the other feeds of this process have their turn
                began = time.perf_counter()
        intake.take_all(rows.batch())
        self._taken = digest

    async def aclose(self) -> None:
        await self._http.aclose()

    def _listed(self, body: bytes) -> list[Any]:
        try:
            listed = text.decode(body, object, free_text=True)
        except msgspec.DecodeError as error:
            self._health.bad(body, f"not JSON: {error}")
            raise SourceFailed(Reason.CONTENT_TYPE, f"not JSON: {error}") from error
        if not isinstance(listed, list):
            self._health.bad(body, "not a list of games")
            raise SourceFailed(Reason.CONTENT_TYPE, "not a list of games")
        return listed[: self._policy.rows_max]

    def _game(self, row: Any, now: datetime) -> GameState:
        if not isinstance(row, dict):
            raise BadMessage("a game is not an object")
        rtp = row.get("rtp")
        return read_game(
            WORDS,
            self._policy,
            code=row.get("game_code"),
            name=row.get("name"),
            category=row.get("category"),
            rtp=None if rtp in (None, "") else decimal_of(rtp, "rtp"),
            volatility=row.get("volatility"),
            released_at=when_of(_dated(row.get("release_date")), "release_date"),
            playable=flag_of(row.get("enabled"), "enabled"),
            thumbnail=row.get("url_thumb"),
            now=now,
        )


def _dated(value: Any) -> Any:
    """A day alone begins at midnight, UTC."""
    return f"{value}T00:00:00+00:00" if isinstance(value, str) and len(value) == len("2026-11-29") else value
