"""Oakmill's export: a CSV that takes seconds, with German words, a decimal comma and its own character set.

Public: `OakmillSource`, `WORDS`, `HEAD`.
"""

import asyncio
import csv
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from bff.contracts.games import GameState
from bff.feeds.games.fields import Rows, Words, read_game
from bff.feeds.games.http import GamesHttp
from bff.feeds.games.source import Intake, SourceFailed
from bff.feeds.health import FeedHealth
from bff.feeds.policy import GamesPolicy
from bff.feeds.reading import BadMessage, decimal_of, flag_of
from bff.resilience.message import Request, Response
from bff.resilience.reason import Reason

HEAD = ("Artikelnr", "Spielname", "Gattung", "Auszahlung", "Schwankung", "Erschienen", "Aktiv")
# What a table of a spreadsheet is saved in; nothing else is guessed.
_CHARSETS = {"utf-8": "utf-8-sig", "windows-1252": "windows-1252", "iso-8859-1": "iso-8859-1"}
_FLAGS = {"ja": "true", "nein": "false"}
WORDS = Words(
    categories={
        "automatenspiel": "slots",
        "jackpot-automat": "jackpots",
        "tischspiel": "table-games",
        "videopoker": "video-poker",
        "rubbellos": "instant-win",
        "crash-spiel": "crash",
        "bingo": "bingo",
    },
    volatilities={"niedrig": "low", "mittel": "medium", "hoch": "high"},
)


class OakmillSource:
    """The whole file, once in `csv_poll_s`."""

    def __init__(self, url: str, health: FeedHealth, policy: GamesPolicy) -> None:
        self.poll_s = policy.csv_poll_s
        self._request = Request("GET", url, (("accept", "text/csv"),))
        self._http = GamesHttp("games-csv", policy.csv_deadline_ms, policy)
        self._health = health
        self._policy = policy

    async def read(self, intake: Intake) -> None:
        lines = iter(_text(await self._http.get(self._request)).splitlines())
        rows, began = Rows(self._game, HEAD[0], self._health), time.perf_counter()
        for row in self._rows(lines):
            rows.add(row)
            if time.perf_counter() - began >= self._policy.slice_ms / 1000:
                await asyncio.sleep(0)  # the other feeds of this process have their turn
                began = time.perf_counter()
        intake.take_all(rows.batch())

    async def aclose(self) -> None:
        await self._http.aclose()

    def _rows(self, lines: Iterator[str]) -> Iterator[dict[str, str]]:
        head = next(csv.reader(lines, delimiter=";"), [])
        if tuple(head) != HEAD:
            raise SourceFailed(Reason.CONTENT_TYPE, f"the first line is not {';'.join(HEAD)}")
        reader = csv.reader(lines, delimiter=";")
        for _ in range(self._policy.rows_max):
            try:
                cells = next(reader)
            except StopIteration:
                return
            except csv.Error as error:  # a field without end, which would swallow the rest
                raise SourceFailed(Reason.ENCODING, f"no CSV: {error}") from error
            yield dict(zip(HEAD, cells, strict=False))

    def _game(self, row: Any, now: datetime) -> GameState:
        if len(row) != len(HEAD):
            raise BadMessage(f"a row has {len(row)} columns, not {len(HEAD)}")
        code, name, category, rtp, volatility, released, playable = (row[column].strip() for column in HEAD)
        return read_game(
            WORDS,
            self._policy,
            code=code,
            name=name,
            category=category,
            rtp=decimal_of(rtp.replace(",", "."), "Auszahlung") if rtp else None,
            volatility=volatility,
            released_at=_day(released),
            playable=flag_of(_FLAGS.get(playable, playable), "Aktiv"),
            now=now,
        )


def _text(answer: Response) -> str:
    kind, _, rest = (answer.headers.get("content-type") or "").lower().partition(";")
    charset = rest.partition("charset=")[2].strip(' "') or "utf-8"
    if kind.strip() != "text/csv" or charset not in _CHARSETS:
        raise SourceFailed(Reason.CONTENT_TYPE, f"not a CSV in {', '.join(_CHARSETS)}")
    try:
        return answer.body.decode(_CHARSETS[charset])
    except UnicodeDecodeError as error:
        raise SourceFailed(Reason.ENCODING, f"not {charset}: {error.reason}") from error


def _day(value: str) -> datetime | None:
    if not value:
        return None
    try:
        return datetime.strptime(value, "%d.%m.%Y").replace(tzinfo=UTC)
    except ValueError as error:
        raise BadMessage("Erschienen is no day") from error
