"""Compares the read side's records with the ledger's statement.

Public: `compare`, `topics_of`, `StoredRecords`, `WINDOW`.

Of a history that is longer than a window of pages, the last two pages and one window are looked at, so a comparison
costs the same however long a history is.
"""

from collections.abc import Iterator, Mapping
from typing import TypeVar

import msgspec

from bff.contracts.ledger import (
    HISTORY_PAGE,
    BalancesCompared,
    BalancesStated,
    HistoryMonthState,
    HistoryPage,
    MovementLine,
    PlayerStatement,
    history_topic,
    month_topic,
)
from bff.contracts.promotions import ClaimsState, claims_topic
from bff.contracts.view import Sequence
from bff.contracts.wallet import LimitsState, PendingState, WalletState, limits_topic, pending_topic, wallet_topic
from bff.queries.projections.months import by_kind, months_in, totals_of
from bff.queries.projections.wallets import RECENT_MAX, movement

T = TypeVar("T")

# The number of pages of a history that are compared.
WINDOW = 25

StoredRecords = Mapping[str, tuple[Sequence, bytes] | None]


def topics_of(player: PlayerStatement, window: float = 0.0) -> list[str]:
    """The records that are compared with a statement of `player`; `window`, from 0 to 1, selects the pages."""
    own, pages = player.player, _pages(player)
    months = [month_topic(own, month) for month in player.months]
    begin = int(window * max(0, pages - WINDOW + 1))
    looked_at = dict.fromkeys([*range(begin, min(pages, begin + WINDOW)), *range(max(0, pages - 2), pages)])
    history = [history_topic(own, page) for page in looked_at]
    return [wallet_topic(own), pending_topic(own), limits_topic(own), claims_topic(own), *months, *history]


def compare(stated: BalancesStated, standing: StoredRecords) -> BalancesCompared:
    """Each player's records (topic to sequence and JSON) against the ledger's word, where both speak of one moment."""
    equal, moved_on, wrong = 0, 0, dict[str, str]()
    for player in stated.players:
        record = standing.get(wallet_topic(player.player))
        if record is None:
            wrong[player.player] = f"{player.player} is not there"
        elif record[0] > player.sequence:
            moved_on += 1
        elif record[0] < player.sequence:
            wrong[player.player] = f"{player.player} is at {record[0][1]} instead of {player.sequence[1]}"
        elif differences := [*_differences(player, standing), *_differences_of_pages(player, standing)]:
            wrong[player.player] = f"{player.player}: {', '.join(differences)}"
        else:
            equal += 1
    return BalancesCompared(stated.run, stated.part, equal, moved_on, list(wrong.values()), list(wrong))


def _differences(player: PlayerStatement, standing: StoredRecords) -> Iterator[str]:
    balances = _read(standing, wallet_topic(player.player), WalletState).balances  # type: ignore[union-attr]  # `compare` saw it
    for name in ("real_minor", "bonus_minor", "held_minor"):
        found, wanted = getattr(balances, name), getattr(player, name)
        if found != wanted:
            yield f"{name} is {found} instead of {wanted}"
    waiting = _read(standing, pending_topic(player.player), PendingState)
    found = [movement.reference for movement in waiting.movements] if waiting else []
    if found != player.pending:
        yield f"pending is {found} instead of {player.pending}"
    nothing = LimitsState(player.currency, [])
    limits = _read(standing, limits_topic(player.player), LimitsState) or nothing
    if limits != player.limits:
        yield f"limits are {limits} instead of {player.limits}"
    if player.claimed is not None:
        claims = _read(standing, claims_topic(player.player), ClaimsState)
        if (claimed := claims.claimed if claims else {}) != player.claimed:
            yield f"claimed is {claimed} instead of {player.claimed}"
    for month, wanted in player.months.items():
        state = _read(standing, month_topic(player.player, month), HistoryMonthState)
        totals = by_kind(state.pages) if state else {}
        for kind in sorted(totals.keys() | wanted.keys()):
            if totals.get(kind) != wanted.get(kind):
                yield f"{kind} in {month} is {_highest(totals.get(kind))} instead of {_highest(wanted.get(kind))}"


def _differences_of_pages(player: PlayerStatement, standing: StoredRecords) -> Iterator[str]:
    """The pages that were looked at hold their lines, the months count these, and the wallet shows the last of them."""
    own, pages, last = player.player, _pages(player), list[MovementLine]()
    months = {month: _read(standing, month_topic(own, month), HistoryMonthState) for month in player.months}
    for number in (number for number in range(pages) if history_topic(own, number) in standing):
        page = _read(standing, history_topic(own, number), HistoryPage)
        lines = page.lines if page else []
        wanted = range(number * HISTORY_PAGE, min(player.lines, (number + 1) * HISTORY_PAGE))
        if [line.ordinal for line in lines] != list(wanted):
            yield f"page {number} holds {len(lines)} lines instead of {len(wanted)}"
        for month in months_in(lines):
            state = months.get(month)
            if state is not None and state.pages.get(number) != totals_of(lines, month):
                yield f"{month} counts page {number} otherwise than it is"
        last = [*last[-HISTORY_PAGE:], *lines]
    wallet = _read(standing, wallet_topic(own), WalletState)
    recent = [movement(line) for line in reversed(last)][:RECENT_MAX]
    if wallet is not None and player.lines >= 0 and wallet.recent != recent:
        yield "the wallet's last lines are not those of the history"


def _pages(player: PlayerStatement) -> int:
    return -(-max(0, player.lines) // HISTORY_PAGE)


def _read(standing: StoredRecords, topic: str, kind: type[T]) -> T | None:
    record = standing.get(topic)
    return msgspec.json.decode(record[1], type=kind) if record else None


def _highest(totals: object) -> str:
    return str(msgspec.to_builtins(totals)) if totals is not None else "nothing"
