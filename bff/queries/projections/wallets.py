"""Applies events about players to the records in the query store.

Public: `Wallets`, `Parked`, `FEED`, `movement`.

Every event of a player is applied once and in order; the wallet's own sequence says how far. A line of the history
is replaced only by a later state of the same line, so records that a kill left half written come out right.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import msgspec

from bff.contracts.event import Event
from bff.contracts.games import PlayerGames, player_games_topic
from bff.contracts.history import month_of
from bff.contracts.ledger import (
    HISTORY_PAGE,
    HISTORY_RESTATED,
    PLAYER_RESTATED,
    HistoryMonthState,
    HistoryPage,
    MovementLine,
    PlayerChanged,
    history_topic,
    month_topic,
)
from bff.contracts.promotions import ClaimsState, claims_topic
from bff.contracts.view import Sequence
from bff.contracts.wallet import (
    LimitsState,
    Movement,
    PendingState,
    ReceiptState,
    WalletState,
    limits_topic,
    pending_topic,
    receipt_topic,
    wallet_topic,
)
from bff.queries.projections.months import months_in, totals_of
from bff.store import Put

FEED = "ledger"
RECENT_MAX = 10
# As long as the history can be paged back, and a month more: every line of it leads to its receipt.
RECEIPT_RETAINED_S = 400 * 24 * 3600
# `PlayerRestated` ends a restatement, however many pages came before it.
_LAST_PART = 2**40


class Parked(Exception):
    """An earlier event of the same player has not come yet."""


@dataclass(slots=True)
class Wallets:
    """Records as they stood in the store, changed by `apply`, to be written back by `changes`.

    `known` holds what `topics` asked for: topic to (sequence, JSON), None for a record that is not there.
    """

    records: Mapping[str, tuple[Sequence, bytes] | None] = field(default_factory=dict)
    _wallets: dict[str, tuple[Sequence, WalletState | None]] = field(default_factory=dict)
    _pages: dict[tuple[str, int], tuple[Sequence, HistoryPage]] = field(default_factory=dict)
    _months: dict[tuple[str, str], tuple[Sequence, HistoryMonthState]] = field(default_factory=dict)
    _others: dict[str, tuple[Sequence, int, msgspec.Struct]] = field(default_factory=dict)
    _part: int = 0  # of the event that is being applied, among those of its sequence
    _changed: dict[str, None] = field(default_factory=dict)

    @staticmethod
    def topics(events: Iterable[Event]) -> list[str]:
        """The records that `apply` will look at for these events."""
        wanted: dict[str, None] = {}
        for event in events:
            if event.type == HISTORY_RESTATED:
                page = msgspec.convert(event.data, HistoryPage)
                wanted |= dict.fromkeys((wallet_topic(page.player), history_topic(page.player, page.page)))
                wanted |= dict.fromkeys(month_topic(page.player, month) for month in months_in(page.lines))
                continue
            change = msgspec.convert(event.data, PlayerChanged)
            wanted[wallet_topic(change.player)] = None
            for number in _pages_of(change):
                wanted[history_topic(change.player, number)] = None
            wanted |= dict.fromkeys(month_topic(change.player, month) for month in months_in(change.lines))
        return list(wanted)

    def apply(self, event: Event) -> bool:
        """Whether the event was news. Raises `Parked` when an earlier one is missing."""
        if event.type == HISTORY_RESTATED:
            return self._apply_page(event)
        change = msgspec.convert(event.data, PlayerChanged)
        standing = self._wallet(change.player)
        if not _is_next(standing, event):
            return False
        self._part = _LAST_PART if event.type == PLAYER_RESTATED else 0
        if standing is not None and standing[0] < event.sequence[0]:
            change = _all_of_it(change)
        for line in change.lines:
            self._put_line(change.player, line, event.sequence)
        for receipt in change.answers:
            self._put(receipt_topic(receipt.receipt_id), event.sequence, ReceiptState(change.player, receipt))
        if change.claimed is not None:
            self._put(claims_topic(change.player), event.sequence, ClaimsState(change.claimed, change.grants))
        if change.limits is not None:
            self._put(limits_topic(change.player), event.sequence, change.limits)
        if change.games is not None:
            self._put(player_games_topic(change.player), event.sequence, change.games)
        if change.pending is not None:
            waiting = PendingState([movement(line) for line in change.pending])
            self._put(pending_topic(change.player), event.sequence, waiting)
        state = WalletState(balances=change.balances, recent=self._recent(change, event.sequence[0]))
        self._wallets[change.player] = (event.sequence, state)
        # Written last of all the player's records: what it counts is there when it counts it.
        topic = wallet_topic(change.player)
        self._changed.pop(topic, None)
        self._put(topic, event.sequence, state)
        return True

    def changes(self) -> list[Put]:
        """What is to be written, in order."""
        puts = []
        for topic in self._changed:
            sequence, part, state = self._others[topic]
            keep_s = RECEIPT_RETAINED_S if isinstance(state, ReceiptState) else 0
            puts.append(Put(topic, state, FEED, sequence, keep_s, part=part))
        return puts

    def _apply_page(self, event: Event) -> bool:
        page = msgspec.convert(event.data, HistoryPage)
        standing = self._wallet(page.player)
        since, _ = self._page(page.player, page.page)
        if max(since, standing or ("", 0))[0] > event.sequence[0]:
            return False  # the player has been told again since
        self._part = page.part or page.page + 1
        for line in page.lines:
            self._put_line(page.player, line, event.sequence)
        return True

    def _put(self, topic: str, sequence: Sequence, state: msgspec.Struct) -> None:
        self._others[topic] = (sequence, self._part, state)
        self._changed[topic] = None

    def _put_line(self, player: str, line: MovementLine, sequence: Sequence) -> None:
        receipt = line.receipt
        # Under the event's sequence, as all that is told again: an earlier epoch may have known a later state of it.
        self._put(receipt_topic(receipt.receipt_id), sequence, ReceiptState(player, receipt))
        number = line.ordinal // HISTORY_PAGE
        since, page = self._page(player, number)
        # What an earlier epoch knew and this one does not has not happened: the ledger was restored.
        lines = {each.ordinal: each for each in page.lines} if since[0] >= sequence[0] else {}
        before = lines.get(line.ordinal)
        if before is None or before.receipt.sequence < receipt.sequence:
            lines[line.ordinal] = line
        page = HistoryPage(player, number, [lines[ordinal] for ordinal in sorted(lines)])
        self._pages[player, number] = (max(since, sequence), page)
        self._put(history_topic(player, number), *self._pages[player, number])
        self._count(page, month_of(receipt.at), sequence)

    def _count(self, page: HistoryPage, month: str, sequence: Sequence) -> None:
        since, state = self._month(page.player, month)
        # An earlier epoch's count would keep pages that a restored ledger does not have.
        pages = state.pages if since[0] == sequence[0] else {}
        state = HistoryMonthState(page.player, month, pages | {page.page: totals_of(page.lines, month)})
        self._months[page.player, month] = (max(since, sequence), state)
        self._put(month_topic(page.player, month), *self._months[page.player, month])

    def _recent(self, change: PlayerChanged, epoch: str) -> list[Movement]:
        last = (change.lines_total - 1) // HISTORY_PAGE
        pages = [self._page(change.player, number) for number in (last, last - 1) if number >= 0]
        lines = [line for since, page in pages if since[0] >= epoch for line in page.lines]
        lines.sort(key=lambda line: line.ordinal, reverse=True)
        return [movement(line) for line in lines[:RECENT_MAX]]

    def _wallet(self, player: str) -> Sequence | None:
        if player in self._wallets:
            return self._wallets[player][0]
        record = self.records.get(wallet_topic(player))
        return record[0] if record else None

    def _page(self, player: str, number: int) -> tuple[Sequence, HistoryPage]:
        key = (player, number)
        if key not in self._pages:
            record = self.records.get(history_topic(player, number))
            found = (record[0], msgspec.json.decode(record[1], type=HistoryPage)) if record else None
            self._pages[key] = found or (("", 0), HistoryPage(player, number, []))
        return self._pages[key]

    def _month(self, player: str, month: str) -> tuple[Sequence, HistoryMonthState]:
        key = (player, month)
        if key not in self._months:
            record = self.records.get(month_topic(player, month))
            found = (record[0], msgspec.json.decode(record[1], type=HistoryMonthState)) if record else None
            self._months[key] = found or (("", 0), HistoryMonthState(player, month, {}))
        return self._months[key]


def _is_next(standing: Sequence | None, event: Event) -> bool:
    epoch, n = event.sequence
    if event.type == PLAYER_RESTATED:
        return standing is None or standing < event.sequence
    if standing is None:
        if n == 1:
            return True
        raise Parked
    if standing[0] == epoch:
        if n > standing[1] + 1:
            raise Parked
        return n == standing[1] + 1
    if standing[0] < epoch:
        if n == 1:
            return True  # nothing comes before it: a restored ledger has met the player for the first time
        raise Parked  # everything is told again at the beginning of an epoch; that has not come yet
    return False


def _all_of_it(change: PlayerChanged) -> PlayerChanged:
    """Take the event as the player's whole state: what it leaves out becomes empty, and nothing of an earlier epoch is
    left.
    """
    return msgspec.structs.replace(
        change,
        claimed=change.claimed or {},
        limits=change.limits or LimitsState(change.currency, []),
        pending=change.pending or [],
        games=change.games or PlayerGames([], []),
    )


def _pages_of(change: PlayerChanged) -> set[int]:
    last = (change.lines_total - 1) // HISTORY_PAGE
    numbers = {last, last - 1} | {line.ordinal // HISTORY_PAGE for line in change.lines}
    return {number for number in numbers if number >= 0}


def movement(line: MovementLine) -> Movement:
    """The line as views show it."""
    receipt = line.receipt
    return Movement(
        reference=receipt.receipt_id,
        kind=line.kind,
        state=receipt.state,
        amount_minor=receipt.amount_minor,
        currency=receipt.currency,
        at=receipt.at,
    )
