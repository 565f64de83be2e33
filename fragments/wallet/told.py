"""What became of the command that a page's query names: by its receipt, or by its key where the answer got lost.

Public: `Told`, `told`.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from bff.contracts.problem import Problem
from bff.contracts.view import View
from bff.contracts.wallet import Receipt, ReceiptData
from bff.resilience.outcome import Failure
from fragments.kit import bff
from fragments.kit.context import Context
from fragments.kit.lost import CLOSED, Lost, became, read_lost
from fragments.wallet import receipts
from fragments.wallet.receipts import ReceiptCard
from fragments.wallet.words import TOKEN


@dataclass(frozen=True, slots=True)
class Told:
    """`card` says it; `receipt` is there where figures must know of it. `checking` is what is not known yet."""

    card: ReceiptCard | None = None
    receipt: Receipt | None = None
    checking: Lost | None = None


async def told(query: Mapping[str, str], context: Context) -> Told:
    """What `?receipt=` asks for; nothing where it asks for nothing."""
    receipt_id = query.get("receipt", "")
    if lost := read_lost(receipt_id):
        return _told(lost, await became(lost, context), context)
    if not TOKEN.fullmatch(receipt_id):
        return Told()
    answer = await bff.view(f"receipts/{receipt_id}", View[ReceiptData], context)
    if isinstance(answer, Failure) or answer.data is None:
        return Told(receipts.receipt_out_of_reach(receipt_id))
    return Told(receipts.receipt_card(answer.data.receipt, context.formats))


def _told(lost: Lost, known: Receipt | Problem | None, context: Context) -> Told:
    match known:
        case Receipt(command=command) if command == CLOSED:
            return Told(receipts.not_done_card(lost))
        case Receipt():
            return Told(receipts.receipt_card(known, context.formats), known)
        case Problem():
            return Told(receipts.forgotten_card(lost))
        case _:
            return Told(receipts.unknown_card(lost, context.link(receipt=lost.receipt_id)), checking=lost)
