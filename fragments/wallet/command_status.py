"""The status of the command that a page's query names: by its receipt, or by its key where the answer was lost.

Public: `CommandStatus`, `read_command_status`.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from bff.contracts.command_names import CLOSE_KEY
from bff.contracts.own_write import RECEIPT_QUERY, is_receipt_id
from bff.contracts.paths import RECEIPTS_VIEW
from bff.contracts.problem import Problem
from bff.contracts.view import View
from bff.contracts.wallet import Receipt, ReceiptData
from bff.resilience.outcome import Failure
from fragments.kit import bff
from fragments.kit.context import Context
from fragments.kit.unanswered import UnansweredCommand, parse_unanswered, settle_unanswered
from fragments.wallet import receipts
from fragments.wallet.receipts import ReceiptCard


@dataclass(frozen=True, slots=True)
class CommandStatus:
    """`card` shows the status; `receipt` is set where the balances must include it. `checking` is the command whose
    status is still unknown.
    """

    card: ReceiptCard | None = None
    receipt: Receipt | None = None
    checking: UnansweredCommand | None = None


async def read_command_status(query: Mapping[str, str], context: Context) -> CommandStatus:
    """The status of the command in `?receipt=`; an empty one without it."""
    receipt_id = query.get(RECEIPT_QUERY, "")
    if unanswered := parse_unanswered(receipt_id):
        return _status_of(unanswered, await settle_unanswered(unanswered, context), context)
    if not is_receipt_id(receipt_id):
        return CommandStatus()
    answer = await bff.view(f"{RECEIPTS_VIEW}/{receipt_id}", View[ReceiptData], context)
    if isinstance(answer, Failure) or answer.data is None:
        return CommandStatus(receipts.receipt_out_of_reach(receipt_id))
    return CommandStatus(receipts.receipt_card(answer.data.receipt, context.formats))


def _status_of(unanswered: UnansweredCommand, outcome: Receipt | Problem | None, context: Context) -> CommandStatus:
    match outcome:
        case Receipt(command=command) if command == CLOSE_KEY:
            return CommandStatus(receipts.not_done_card(unanswered))
        case Receipt():
            return CommandStatus(receipts.receipt_card(outcome, context.formats), outcome)
        case Problem():
            return CommandStatus(receipts.forgotten_card(unanswered))
        case _:
            return CommandStatus(
                receipts.unknown_card(unanswered, context.link(receipt=unanswered.receipt_id)), checking=unanswered
            )
