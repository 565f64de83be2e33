"""A table as live-table providers say it: whole, unnumbered, and never twice with the same types.

Public: `Messages`, `broken`.
"""

import random
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import msgspec

from bff.sandbox.tables.catalogue import CURRENCY_FACTORS
from bff.sandbox.tables.world import LiveTable, Result

_TYPES = {"roulette": "ROULETTE", "blackjack": "BLACKJACK", "baccarat": "BACCARAT", "gameshow": "GAME_SHOW"}


class Messages:
    """Writes messages. What varies is how a value is written, or that it is left out; never what it is.

    `real` tells the real moment of one in the world: a world that was stepped ahead must not speak from the future.
    """

    def __init__(self, seed: str, image_url: str, real: Callable[[float], float] = float) -> None:
        self._rng = random.Random(f"{seed}:messages")  # noqa: S311 (spelling, not a secret)
        self._image_url = image_url
        self._real = real

    def table(self, table: LiveTable, currency: str, now: float, *, held: bool = False, ahead_s: float = 0.0) -> bytes:
        """The whole table with limits in `currency`, its moments `ahead_s` too late.

        A `held` clock plays no rounds and takes no bets.
        """
        spec = table.spec
        message: dict[str, Any] = {
            "tableId": spec.table_id,
            "tableName": spec.name,
            "tableOpen": self._boolean(table.open),
            "tablePaused": self._boolean(held),
            "tableType": self._rng.choice((_TYPES[spec.kind], _TYPES[spec.kind].lower())),
            "dealer": {"name": table.dealer},
            "tableLimits": self._limits(table, currency),
            "totalSeatedPlayers": self._number(table.seats),
            "last20Results": [self._result(result, ahead_s) for result in table.results],
            "tableImage": f"{self._image_url}/images/{spec.table_id}.svg",
            "currency": currency,
            "betting": self._betting(None if held else table.bets_close_at(now), now),
        }
        opens_at = table.opens_at(now)
        if opens_at is not None:
            message["tableOpensAt"] = self._time(opens_at + ahead_s)
        self._leave_out(message)
        return msgspec.json.encode(message)

    def _leave_out(self, message: dict[str, Any]) -> None:
        for name in ("dealer", "tableImage", "tableType"):
            if self._rng.random() < 0.04:
                del message[name]
        if self._rng.random() < 0.04:
            message["dealer"] = None

    def _betting(self, closes_at: float | None, now: float) -> dict[str, Any]:
        """Seconds from now, as providers tell them who give no time of their own."""
        if closes_at is None:
            return {"open": self._boolean(False)}
        return {"open": self._boolean(True), "secondsLeft": self._number(round(closes_at - now, 1))}

    def _limits(self, table: LiveTable, currency: str) -> dict[str, Any]:
        factor = CURRENCY_FACTORS[currency]
        least, most = table.spec.bet_min * factor, table.spec.bet_max * factor
        limits: dict[str, Any] = {
            "ranges": [self._number(least), self._number(least * 10), self._number(most)],
            "minBet": self._number(least),
            "maxBet": self._number(most),
        }
        if table.spec.seats_max or self._rng.random() < 0.5:
            limits["maxPlayers"] = self._number(table.spec.seats_max)
        return limits

    def _result(self, result: Result, ahead_s: float) -> dict[str, Any]:
        value: Any = result.value
        if value.isdigit() and self._rng.random() < 0.5:
            value = int(value)
        message = {"time": self._time(result.at + ahead_s), "result": value, "gameId": result.round_id}
        if result.color:
            message["color"] = self._rng.choice((result.color, result.color.upper(), result.color.title()))
        return message

    def _number(self, value: float) -> Any:
        whole = int(value) if value == int(value) else value
        return self._rng.choice((whole, str(whole), float(value), f"{value:.2f}"))

    def _boolean(self, value: bool) -> Any:
        return self._rng.choice((value, str(value).lower(), str(value).upper(), int(value), str(int(value))))

    def _time(self, shown: float) -> Any:
        at = self._real(shown)
        moment = datetime.fromtimestamp(at, UTC)
        written = (int(at * 1000), str(int(at * 1000)), moment.isoformat(timespec="milliseconds"))
        return self._rng.choice((*written, moment.strftime("%b %d, %Y %I:%M:%S %p UTC")))


def broken(message: bytes, rng: random.Random) -> bytes:
    """`message` spoilt in one of the ways that are met: cut, not JSON, not a table, absurd values."""
    return rng.choice(
        (
            message[: len(message) // 2],
            b"<html><body>502 Bad Gateway</body></html>",
            b"[]",
            b"{}",
            b'{"tableId": null, "tableOpen": true}',
            b'{"tableId": {"a": 1}, "totalSeatedPlayers": "many"}',
            b'{"tableId": "../../etc", "tableName": 7}',
            b'{"tableId": "201", "tableLimits": {"minBet": "-5", "maxBet": "1e400"}, "currency": "EUR"}',
            b'{"tableId": "201", "totalSeatedPlayers": -3, "last20Results": "none"}',
            b"\xff\xfe{\x00}\x00",
        )
    )
