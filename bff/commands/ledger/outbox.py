"""Events, written in the transaction of what they are about.

Public: `append`, `restate`, `append_rebuild`, `new_row`, `reset_positions`.
"""

import msgspec
from django.db.models import F

from bff.commands.engine import statements
from bff.commands.engine.identifiers import fresh_id
from bff.commands.ledger import player_state, receipts
from bff.commands.ledger.accounts import PlayerAccounts
from bff.commands.ledger.models import OutboxRow, Receipt
from bff.contracts.ledger import HISTORY_RESTATED, PLAYER_RESTATED, HistoryPage, MovementLine, PlayerStatement
from bff.contracts.ledger_partition import partition_key

# Rows of a restatement that are in memory together: a page of the history each.
_ROWS_AT_ONCE = 100


def append(
    accounts: PlayerAccounts,
    event_type: str,
    changed: list[Receipt],
    *,
    claims_changed: bool = False,
    limits_changed: bool = False,
    games_changed: bool = False,
) -> None:
    """One event about the player, the next of its sequence, and the player's row that counts it.

    Where a new epoch has begun since the player's last event, everything about the player is restated instead.
    """
    player = accounts.player
    player.sequence += 1
    if player.epoch != accounts.epoch:
        _append_restatement(accounts)
    else:
        answers = [receipts.on_the_wire(receipt) for receipt in changed if receipt.ordinal is None]
        lines = [receipts.history_line(receipt) for receipt in changed if receipt.ordinal is not None]
        waiting = any(line.receipt.command in player_state.MAY_WAIT for line in lines)
        data = player_state.changed(
            accounts,
            lines,
            answers,
            claims=claims_changed,
            limits=limits_changed,
            pending=waiting,
            games=games_changed,
        )
        statements.insert(new_row(accounts, event_type, data))
    statements.update(player, "sequence", "epoch", "lines")


def restate(accounts: PlayerAccounts) -> int:
    """Write everything about the player in the present epoch, without anything having happened; in how many rows."""
    count = _append_restatement(accounts)
    accounts.player.save(update_fields=["epoch"])
    return count


def append_rebuild(accounts: PlayerAccounts, run: str, stands: PlayerStatement) -> None:
    """Write everything about the player for the shadow of the rebuild `run`, at the player's present sequence."""
    _append_restatement(accounts, run, stands)


def new_row(accounts: PlayerAccounts, event_type: str, data: msgspec.Struct) -> OutboxRow:
    """A row of the outbox about the player, at the player's present sequence."""
    aggregate = f"player:{accounts.player.player_id}"
    return OutboxRow(
        event_id=fresh_id("ev"),
        type=event_type,
        aggregate=aggregate,
        partition_key=partition_key(aggregate),
        epoch=accounts.epoch,
        sequence=accounts.player.sequence,
        at=accounts.now,
        data=msgspec.json.encode(data).decode(),
    )


def reset_positions(partition: int = 0, partitions: int = 1) -> None:
    """Unpublished events of one partition of so many lose their positions: an epoch begins there, and counts from 1.

    What has no key has no position.
    """
    rows = OutboxRow.objects.filter(published_at__isnull=True)
    if partitions > 1:
        rows = rows.alias(partition=F("partition_key") % partitions).filter(partition=partition)
    rows.update(position=None, position_epoch="", previous_id="")


def _append_restatement(accounts: PlayerAccounts, run: str = "", stands: PlayerStatement | None = None) -> int:
    player = accounts.player
    player.epoch = accounts.epoch
    part, last = 0, list[MovementLine]()
    waiting: list[OutboxRow] = []
    # The pages come first: once the player's state is there, so is all that it rests on.
    for part, (page, last) in enumerate(player_state.history_pages(player), start=1):
        data = HistoryPage(player.player_id, page, last, run, part)
        waiting.append(new_row(accounts, HISTORY_RESTATED, data))
        if len(waiting) == _ROWS_AT_ONCE:
            OutboxRow.objects.bulk_create(waiting)
            waiting.clear()
    state = player_state.changed(
        accounts, last[-1:], player_state.latest_answers(accounts), claims=True, limits=True, pending=True, games=True
    )
    state = msgspec.structs.replace(state, rebuild=run, stands=stands)
    OutboxRow.objects.bulk_create([*waiting, new_row(accounts, PLAYER_RESTATED, state)])
    return part + 1
