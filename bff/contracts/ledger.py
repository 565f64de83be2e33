"""The contract between write side and read side: events on the stream `ledger`, and requests in the other direction.

Public: `LEDGER_STREAM`, `LEDGER_READER`, `ROLLING`, `REQUESTS_STREAM`, `OFFERS_STREAM`, `HISTORY_PAGE`, `HEARTBEAT`,
`ENGINE_HEARTBEAT`,
`PLAYER_RESTATED`, `HISTORY_RESTATED`, `REPLAY_REQUESTED`, `BALANCES_STATED`, `BALANCES_COMPARED`, `PLAYERS_REBUILT`,
`MovementLine`, `PlayerChanged`, `HistoryPage`, `HistoryMonthState`, `LedgerHeartbeat`, `EngineHealth`,
`ReplayRequested`, `PlayerStatement`, `BalancesStated`, `BalancesCompared`, `PlayerRebuilt`, `PlayersRebuilt`,
`history_topic`, `month_topic`.

An event about a player has the aggregate `player:<id>` and the player's own sequence, without gaps; its data is a
`PlayerChanged`, which holds the state after the event, so that a reader needs no rule of the ledger.
"""

from typing import Literal

import msgspec

from bff.contracts.games import PlayerGames
from bff.contracts.history import KindTotals
from bff.contracts.money import Currency
from bff.contracts.promotions import GrantProgress
from bff.contracts.view import Sequence
from bff.contracts.wallet import Balances, LimitsState, Receipt

LEDGER_STREAM = "ledger"
# The group that reads it for the query store: the writer goes no faster than this one can follow.
LEDGER_READER = "projector"
REQUESTS_STREAM = "ledger-requests"
OFFERS_STREAM = "offers"

HEARTBEAT = "Heartbeat"
ENGINE_HEARTBEAT = "EngineHeartbeat"
PLAYER_RESTATED = "PlayerRestated"
HISTORY_RESTATED = "HistoryRestated"
REPLAY_REQUESTED = "ReplayRequested"
BALANCES_STATED = "BalancesStated"
BALANCES_COMPARED = "BalancesCompared"
PLAYERS_REBUILT = "PlayersRebuilt"

# The run of the comparison that never ends.
ROLLING = "rolling"

# Lines of a player's history are numbered from 0 for ever and kept by the page, so a change rewrites one page.
HISTORY_PAGE = 20


def history_topic(player: str, page: int) -> str:
    """Where the query store holds one page of a player's history as a `HistoryPage`; nobody may follow it."""
    return f"history.{player}.{page}"


def month_topic(player: str, month: str) -> str:
    """Where the query store holds the pages of a month's lines, as a `HistoryMonthState`."""
    return f"month.{player}.{month}"


class MovementLine(msgspec.Struct, frozen=True):
    """One line of a player's history, in full. `ordinal` counts the player's lines from 0; `kind` is what they see."""

    ordinal: int
    kind: str
    receipt: Receipt


class HistoryPage(msgspec.Struct, frozen=True, omit_defaults=True):
    """Lines `page * HISTORY_PAGE` and on, in order; also the data of `HistoryRestated`.

    With a `rebuild` it is told for the shadow of that rebuild and for nothing else. `part` counts the events of one
    restatement from 1: all of them have the player's one sequence, and a record that several of them add to is ordered
    by the part. 0 where the writer does not count; then the pages come one event each.
    """

    player: str
    page: int
    lines: list[MovementLine]
    rebuild: str = ""
    part: int = 0


class HistoryMonthState(msgspec.Struct, frozen=True):
    """Which pages hold lines of a month (`2026-11`), and by kind how many and how much.

    Each page's part is taken from the page whole, so making it again can not count anything twice.
    """

    player: str
    month: str
    pages: dict[int, dict[str, KindTotals]]


class PlayerStatement(msgspec.Struct, frozen=True, array_like=True):
    """A player's balances in the ledger at this sequence of the player's. Minor units.

    `months` maps month and kind to what the history holds; `pending` are the receipts that wait for somebody. `lines`
    is how long the history is and `claimed` maps promotions to numbers of grants; -1 and None where that is not said.
    """

    player: str
    sequence: Sequence
    real_minor: int
    bonus_minor: int
    held_minor: int
    currency: Currency
    months: dict[str, dict[str, KindTotals]]
    pending: list[str]
    limits: LimitsState
    lines: int = -1
    claimed: dict[str, int] | None = None


class PlayerChanged(msgspec.Struct, frozen=True):
    """Where a player stands after the event. `lines` holds what the event made or changed.

    `lines_total` is how long the history is. `claimed` (promotion id to number of grants) is complete when given,
    None when the event did not touch it, and so are `limits`, `games` and `pending` (the lines that wait for somebody,
    newest first); `PlayerRestated` always gives all four. `grants` go with `claimed`. `answers` are receipts that are
    no line of the history. With a `rebuild` it ends what was told of the player for that rebuild's shadow, and `stands`
    is what the shadow must amount to before anybody may see it.
    """

    player: str
    currency: Currency
    balances: Balances
    lines_total: int
    lines: list[MovementLine]
    claimed: dict[str, int] | None = None
    limits: LimitsState | None = None
    pending: list[MovementLine] | None = None
    answers: list[Receipt] = []
    grants: list[GrantProgress] = []
    games: PlayerGames | None = None
    rebuild: str = ""
    stands: PlayerStatement | None = None


class LedgerHeartbeat(msgspec.Struct, frozen=True, omit_defaults=True):
    """Everything that was committed before this stands in the stream.

    `position` is the last one that was given and `event_id` what it was given to ("" before the first of an epoch): a
    reader that is elsewhere, or that had another event there, has not read this ledger. Both speak of the partition
    that the heartbeat stands in; there is one in each of the `partitions`.
    """

    position: Sequence
    event_id: str = ""
    partitions: int = 1


class EngineHealth(msgspec.Struct, frozen=True):
    """The engine takes commands; whether it can reach the payments provider."""

    payments: Literal["up", "down"]


class ReplayRequested(msgspec.Struct, frozen=True):
    """A reader has lost events of `epoch` ("" when it knows none) and asks for all of it under another epoch.

    It is about the players of `partition`; about everybody where the reader names none, as the release before does.
    """

    epoch: str
    why: str
    partition: int | None = None


class BalancesStated(msgspec.Struct, frozen=True):
    """Part `part` of a comparison `run`: the ledger's word, for the reader to hold its own against.

    In the run `ROLLING` it is stated all the time, a few players at once, and answered only when somebody differs.
    """

    run: str
    part: int
    players: list[PlayerStatement]


class BalancesCompared(msgspec.Struct, frozen=True):
    """The answer: how many agree, how many have moved on since, and who differs (a sentence each, and in the same
    order the players)."""

    run: str
    part: int
    equal: int
    moved_on: int
    wrong: list[str]
    players: list[str] = []


class PlayerRebuilt(msgspec.Struct, frozen=True, array_like=True):
    """How a player's part of a rebuild ended.

    `swapped`: the shadow agreed with the ledger and is what everybody sees. `standing`: what everybody sees is as new
    as the shadow or newer. `refused`: the shadow differs from the ledger (`why` says in what) and nobody will see it.
    """

    player: str
    outcome: Literal["swapped", "standing", "refused"]
    why: str = ""


class PlayersRebuilt(msgspec.Struct, frozen=True):
    """The answer to the statements of the rebuild `run`."""

    run: str
    players: list[PlayerRebuilt]
