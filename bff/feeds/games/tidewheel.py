"""Tidewheel's stream: a snapshot in pages, then each change with its number.

Public: `TidewheelSource`, `WORDS`.
"""

import asyncio
from datetime import UTC, datetime
from typing import Any

import msgspec

from bff.contracts import text
from bff.contracts.games import GameState
from bff.feeds.feed_socket import FeedSocket, SocketFailed
from bff.feeds.games.fields import Rows, Words, code_of, read_game
from bff.feeds.games.source import Intake, SourceFailed
from bff.feeds.health import FeedHealth
from bff.feeds.policy import GamesPolicy
from bff.feeds.reading import BadMessage, decimal_of, when_of, whole_of
from bff.resilience.reason import Reason

_NUMBER_MAX = 2**53
_STATUS = {"open": True, "closed": False}
WORDS = Words(
    categories={
        "slot": "slots",
        "progressive": "jackpots",
        "table": "table-games",
        "poker": "video-poker",
        "instant": "instant-win",
        "crash": "crash",
        "bingo": "bingo",
    },
    volatilities={"1": "low", "2": "low", "3": "medium", "4": "high", "5": "high"},
)


class TidewheelSource:
    """One connection at a time. A number that is left out, or a page, ends it: the next begins with everything."""

    poll_s = 0.0

    def __init__(self, url: str, health: FeedHealth, policy: GamesPolicy) -> None:
        self._url = url
        self._health = health
        self._policy = policy

    async def read(self, intake: Intake) -> None:
        policy = self._policy
        reader = _Reader(intake, self._health, policy)
        try:
            async with FeedSocket(
                self._url, connect_s=policy.connect_s, frame_bytes_max=policy.frame_bytes_max
            ) as socket:
                messages = aiter(socket.messages())
                while True:
                    async with asyncio.timeout(policy.silence_s):
                        raw = await anext(messages)
                    reader.take(raw)
                    # A message that was there already does not suspend; the other feeds have their turn all the same.
                    await asyncio.sleep(0)
        except TimeoutError as error:
            raise SourceFailed(Reason.TIMEOUT, "connected, but nothing is said") from error
        except SocketFailed as failed:
            raise SourceFailed(failed.reason, failed.detail) from failed

    async def aclose(self) -> None:
        """A connection ends with its `read`."""


class _Reader:
    """The messages of one connection, in order."""

    def __init__(self, intake: Intake, health: FeedHealth, policy: GamesPolicy) -> None:
        self._intake = intake
        self._health = health
        self._policy = policy
        self._rows: Rows | None = Rows(self._game, "id", health)
        self._pages = 0
        self._listed = 0
        self._number = 0

    def take(self, raw: str | bytes) -> None:
        try:
            message = text.decode(raw, object, free_text=True)
            if not isinstance(message, dict):
                raise BadMessage("a message is not an object")
            self._take(message)
        except (BadMessage, msgspec.DecodeError) as bad:
            # One that can not be read may have been any: what is known is not vouched for until all is told again.
            self._health.bad(raw, str(bad))
            raise SourceFailed(Reason.CONTENT_TYPE, str(bad)) from bad

    def _take(self, message: dict[str, Any]) -> None:
        number = whole_of(message.get("seq"), "seq", most=_NUMBER_MAX)
        kind = message.get("type")
        if self._rows is not None:
            if kind != "snapshot":
                raise BadMessage("something was told before the whole snapshot")
            self._page(self._rows, message, number)
            return
        if kind == "heartbeat":
            if number != self._number:
                raise BadMessage(f"is at {number}, and {self._number} was the last that came")
            self._intake.alive()
            return
        if number != self._number + 1:
            raise BadMessage(f"{number} came after {self._number}")
        self._number = number
        self._change(kind, message)

    def _page(self, rows: Rows, message: dict[str, Any], number: int) -> None:
        pages = whole_of(message.get("pages"), "pages", most=self._policy.pages_max)
        items = message.get("items")
        if message.get("page") != self._pages + 1 or not isinstance(items, list):
            raise BadMessage("a page of the snapshot is missing")
        self._pages, self._number = self._pages + 1, number
        self._listed += len(items)
        if self._listed > self._policy.rows_max:
            raise BadMessage(f"the snapshot has more than {self._policy.rows_max} rows")
        for each in items:
            rows.add(each)
        if self._pages >= pages:
            self._rows = None
            self._intake.take_all(rows.batch())

    def _change(self, kind: Any, message: dict[str, Any]) -> None:
        if kind == "removed":
            self._intake.remove(code_of(message.get("id")))
            return
        if kind != "upsert":
            raise BadMessage("type is none that is known")
        item = message.get("item")
        try:
            game = self._game(item, datetime.now(UTC))
        except BadMessage as bad:
            # The game stays as it was; the others are not concerned.
            self._health.bad(msgspec.json.encode(item), str(bad))
            return
        self._intake.take_one(game)

    def _game(self, item: Any, now: datetime) -> GameState:
        if not isinstance(item, dict):
            raise BadMessage("an item is not an object")
        rtp, status = item.get("rtp"), _STATUS.get(str(item.get("status")))
        if status is None:
            raise BadMessage("status is neither open nor closed")
        return read_game(
            WORDS,
            self._policy,
            code=item.get("id"),
            name=item.get("title"),
            category=item.get("type"),
            rtp=None if rtp is None else decimal_of(rtp, "rtp") * 100,
            volatility=item.get("variance"),
            released_at=when_of(item.get("liveSince"), "liveSince"),
            playable=status,
            now=now,
        )
