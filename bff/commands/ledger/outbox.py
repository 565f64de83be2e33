"""Events, written in the transaction of what they tell.

Public: `tell`, `restate`, `rebuild`, `new_row`, `limits_of`, `take_back_positions`.
"""

from collections.abc import Iterator
from itertools import groupby

import msgspec

from bff.commands import wagering
from bff.commands.engine import statements
from bff.commands.engine.identifiers import fresh_id
from bff.commands.ledger import receipts
from bff.commands.ledger.accounts import Book
from bff.commands.ledger.models import DepositLimit, Grant, OutboxRow, Player, Receipt
from bff.contracts.ledger import (
    HISTORY_PAGE,
    HISTORY_RESTATED,
    PLAYER_RESTATED,
    HistoryPage,
    MovementLine,
    PlayerChanged,
    PlayerStands,
)
from bff.contracts.wallet import DepositLimit as LimitOnWire
from bff.contracts.wallet import LimitsState
from bff.contracts.wallet import Receipt as ReceiptOnWire

# Commands whose line of the history may be pending.
_MAY_WAIT = ("deposit", "withdraw")
# More answers that are no line of the history than anybody can still be waiting for.
_ANSWERS_RESTATED = 20
# Rows of a restatement that are in memory together: a page of the history each.
_ROWS_AT_ONCE = 100


def tell(
    book: Book,
    event_type: str,
    changed: list[Receipt],
    *,
    claims_changed: bool = False,
    limits_changed: bool = False,
) -> None:
    """One event about the player, the next of its sequence, and the player's row that counts it.

    Where a new epoch has begun since the player was last heard of, everything about the player is told instead.
    """
    player = book.player
    player.sequence += 1
    if player.epoch != book.epoch:
        _restated(book)
    else:
        answers = [receipts.on_the_wire(receipt) for receipt in changed if receipt.ordinal is None]
        lines = [receipts.line(receipt) for receipt in changed if receipt.ordinal is not None]
        waiting = any(line.receipt.command in _MAY_WAIT for line in lines)
        data = _changed(book, lines, answers, claims=claims_changed, limits=limits_changed, pending=waiting)
        statements.insert(new_row(book, event_type, data))
    statements.update(player, "sequence", "epoch", "lines")


def restate(book: Book) -> int:
    """Tell everything about the player in the epoch that is, without anything having happened; in how many rows."""
    count = _restated(book)
    book.player.save(update_fields=["epoch"])
    return count


def rebuild(book: Book, run: str, stands: PlayerStands) -> None:
    """Tell everything about the player for the shadow of the rebuild `run`, at the player's present sequence."""
    _restated(book, run, stands)


def new_row(book: Book, event_type: str, data: msgspec.Struct) -> OutboxRow:
    """A row of the outbox about the player, at the player's present sequence."""
    return OutboxRow(
        event_id=fresh_id("ev"),
        type=event_type,
        aggregate=f"player:{book.player.player_id}",
        epoch=book.epoch,
        sequence=book.player.sequence,
        at=book.now,
        data=msgspec.json.encode(data).decode(),
    )


def take_back_positions() -> None:
    """What has not gone out waits for a position once more: an epoch begins, and counts from 1."""
    OutboxRow.objects.filter(published_at__isnull=True).update(position=None, position_epoch="", previous_id="")


def _restated(book: Book, run: str = "", stands: PlayerStands | None = None) -> int:
    player = book.player
    player.epoch = book.epoch
    part, last = 0, list[MovementLine]()
    waiting: list[OutboxRow] = []
    # The pages come first: once the player's state is there, so is all that it rests on.
    for part, (page, last) in enumerate(_pages(player), start=1):
        data = HistoryPage(player.player_id, page, last, run, part)
        waiting.append(new_row(book, HISTORY_RESTATED, data))
        if len(waiting) == _ROWS_AT_ONCE:
            OutboxRow.objects.bulk_create(waiting)
            waiting.clear()
    state = _changed(book, last[-1:], _answers(book), claims=True, limits=True, pending=True)
    state = msgspec.structs.replace(state, rebuild=run, stands=stands)
    OutboxRow.objects.bulk_create([*waiting, new_row(book, PLAYER_RESTATED, state)])
    return part + 1


def _pages(player: Player) -> Iterator[tuple[int, list[MovementLine]]]:
    """The pages of the player's history that hold lines, in order, one at a time."""
    history = Receipt.objects.filter(player=player, ordinal__isnull=False).order_by("ordinal")
    lines = (receipts.line(receipt) for receipt in history.iterator(chunk_size=500))
    for page, its_lines in groupby(lines, key=lambda line: line.ordinal // HISTORY_PAGE):
        yield page, list(its_lines)


def _changed(
    book: Book,
    lines: list[MovementLine],
    answers: list[ReceiptOnWire],
    *,
    claims: bool,
    limits: bool,
    pending: bool,
) -> PlayerChanged:
    return PlayerChanged(
        player=book.player.player_id,
        currency=book.player.currency,
        balances=book.balances(),
        lines_total=book.player.lines,
        lines=lines,
        claimed=_claimed(book) if claims else None,
        grants=wagering.progress(book) if claims else [],
        limits=limits_of(book.player) if limits else None,
        pending=_pending(book) if pending else None,
        answers=answers,
    )


def _answers(book: Book) -> list[ReceiptOnWire]:
    answers = Receipt.objects.filter(player=book.player, ordinal__isnull=True).order_by("-pk")
    return [receipts.on_the_wire(receipt) for receipt in answers[:_ANSWERS_RESTATED]]


def _pending(book: Book) -> list[MovementLine]:
    waiting = Receipt.objects.filter(player=book.player, state="pending", command__in=_MAY_WAIT)
    return [receipts.line(receipt) for receipt in waiting.order_by("-ordinal")]


def _claimed(book: Book) -> dict[str, int]:
    claimed: dict[str, int] = {}
    for promotion_id in Grant.objects.filter(player=book.player).values_list("promotion_id", flat=True):
        claimed[promotion_id] = claimed.get(promotion_id, 0) + 1
    return claimed


def limits_of(player: Player) -> LimitsState:
    """The player's limits as they were set; whoever reads them knows the time."""
    rows = {limit.period: limit for limit in DepositLimit.objects.filter(player=player)}
    deposit = [
        LimitOnWire(period, rows[period].amount_minor, rows[period].next_minor, rows[period].next_at)
        for period in ("day", "week", "month")
        if period in rows
    ]
    return LimitsState(player.currency, deposit, player.excluded_until)
