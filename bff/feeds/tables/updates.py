"""One message of the live-table provider, read.

Public: `TableUpdate`, `News`, `parse`.
A field that is missing is None and changes nothing; a field that is wrong refuses the whole message, because what
stands beside it can not be trusted either.
"""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from bff.contracts import text
from bff.contracts.tables import RESULTS_MAX, Limits, TableKind, is_table_id
from bff.feeds.reading import BadMessage, ProviderRefused, flag_of, minor_of, seconds_of, text_of, when_of, whole_of

SEATS_MAX = 100_000
BETTING_S_MAX = 600
_CURRENCY = re.compile(r"[A-Z]{3}")
_COLORS = {"red", "black", "green", "blue"}
_KINDS: dict[str, TableKind] = {
    "ROULETTE": "roulette",
    "BLACKJACK": "blackjack",
    "BACCARAT": "baccarat",
    "GAMESHOW": "gameshow",
}


@dataclass(frozen=True, slots=True)
class ResultUpdate:
    """`time` is as the provider wrote it: twenty come with every message, and nineteen are known already.

    That of the newest is read with every message (`TableUpdate.newest_at`), because it tells how old the content is.
    """

    value: str
    color: str
    round_id: str
    time: Any


@dataclass(frozen=True, slots=True)
class TableUpdate:
    """What one message says about one table, in one currency. A `paused` table is open and plays no rounds."""

    table_id: str
    currency: str
    name: str | None
    kind: TableKind | None
    open: bool | None
    opens_at: datetime | None
    dealer: str | None
    limits: Limits | None
    seats_taken: int | None
    seats_max: int | None
    results: list[ResultUpdate] | None
    bets_left_s: float | None = None  # 0 while no bets are taken
    newest_at: datetime | None = None
    paused: bool | None = None


@dataclass(frozen=True, slots=True)
class Keys:
    """The provider's list of tables."""

    table_ids: list[str]


Change = TableUpdate | Keys


def parse(raw: bytes | str, *, currencies: frozenset[str], tables_max: int) -> Change:
    """What `raw` says; raises `BadMessage` or, for an error of the provider's own, `ProviderRefused`."""
    try:
        message: Any = text.decode(raw, object, free_text=True)
    except msgspec.DecodeError as error:
        raise BadMessage(f"not JSON: {error}") from error
    if not isinstance(message, dict):
        raise BadMessage("not an object")
    if "error" in message:
        if message.get("key") is not None:
            raise BadMessage(f"one subscription was refused: {str(message['error'])[:200]}")
        raise ProviderRefused(str(message["error"])[:200])
    if "tableKey" in message:
        return _keys(message["tableKey"], tables_max)
    return _table(message, currencies)


def _keys(listed: Any, tables_max: int) -> Keys:
    if not isinstance(listed, list) or len(listed) > tables_max:
        raise BadMessage(f"tableKey is not a list of at most {tables_max}")
    return Keys(list(dict.fromkeys(_table_id(key, "tableKey") for key in listed)))


def _table_id(value: Any, field: str) -> str:
    text = text_of(value, field, chars_max=64)
    if not is_table_id(text):
        raise BadMessage(f"{field} is no table's id")
    return text


def _table(message: dict[str, Any], currencies: frozenset[str]) -> TableUpdate:
    table_id = _table_id(message.get("tableId"), "tableId")
    currency = message.get("currency")
    if not isinstance(currency, str) or not _CURRENCY.fullmatch(currency) or currency not in currencies:
        raise BadMessage("currency is none that was asked for")
    name, is_open, seats = message.get("tableName"), message.get("tableOpen"), message.get("totalSeatedPlayers")
    paused, results = message.get("tablePaused"), _results(message.get("last20Results"))
    limits, most = _limits(message.get("tableLimits"), currency)
    return TableUpdate(
        table_id=table_id,
        currency=currency,
        name=None if name is None else text_of(name, "tableName", chars_max=80),
        kind=_kind(message.get("tableType")),
        open=None if is_open is None else flag_of(is_open, "tableOpen"),
        opens_at=when_of(message.get("tableOpensAt"), "tableOpensAt"),
        dealer=_dealer(message.get("dealer")),
        limits=limits,
        seats_taken=None if seats is None else whole_of(seats, "totalSeatedPlayers", most=SEATS_MAX),
        seats_max=most,
        results=results,
        bets_left_s=_betting(message.get("betting")),
        newest_at=when_of(results[0].time, "last20Results.time") if results else None,
        paused=None if paused is None else flag_of(paused, "tablePaused"),
    )


def _kind(value: Any) -> TableKind | None:
    if value is None:
        return None
    folded = re.sub(r"[^A-Z]", "", text_of(value, "tableType", chars_max=40).upper())
    if folded not in _KINDS:
        raise BadMessage("tableType is no kind that is known")
    return _KINDS[folded]


def _dealer(value: Any) -> str | None:
    name = value.get("name") if isinstance(value, dict) else value
    return None if name in (None, "") else text_of(name, "dealer.name", chars_max=40)


def _limits(value: Any, currency: str) -> tuple[Limits | None, int | None]:
    if value is None:
        return None, None
    if not isinstance(value, dict):
        raise BadMessage("tableLimits is not an object")
    players = value.get("maxPlayers")
    most = None if players is None else whole_of(players, "tableLimits.maxPlayers", most=SEATS_MAX)
    if value.get("minBet") is None or value.get("maxBet") is None:
        return None, most
    least_bet = minor_of(value["minBet"], currency, "tableLimits.minBet")
    most_bet = minor_of(value["maxBet"], currency, "tableLimits.maxBet")
    if least_bet > most_bet:
        raise BadMessage("tableLimits.minBet is above maxBet")
    return Limits(least_bet, most_bet, currency), most


def _betting(value: Any) -> float | None:
    if value is None:
        return None
    if not isinstance(value, dict):
        raise BadMessage("betting is not an object")
    if not flag_of(value.get("open"), "betting.open"):
        return 0.0
    return seconds_of(value.get("secondsLeft"), "betting.secondsLeft", most=BETTING_S_MAX)


def _results(value: Any) -> list[ResultUpdate] | None:
    if value is None:
        return None
    if not isinstance(value, list):
        raise BadMessage("last20Results is not a list")
    return [_result(each) for each in value[:RESULTS_MAX]]


def _result(value: Any) -> ResultUpdate:
    if not isinstance(value, dict):
        raise BadMessage("last20Results holds something that is not an object")
    color = str(value.get("color") or "").strip().lower()
    return ResultUpdate(
        value=text_of(value.get("result"), "last20Results.result", chars_max=24),
        color=color if color in _COLORS else "",
        round_id=text_of(value.get("gameId"), "last20Results.gameId", chars_max=64),
        time=value.get("time"),
    )
