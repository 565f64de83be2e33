"""The wallet's pages: the BFF view that each reads, and its template.

Public: `FormResult`, `cashier_page`, `summary_page`, `history_page`, `limits_page`, `signed_out`.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from bff.contracts.history import HistoryData
from bff.contracts.own_write import MIN_SEQUENCE_QUERY, RECEIPT_QUERY, is_receipt_id, is_sequence
from bff.contracts.paths import HISTORY_VIEW, LIMITS_VIEW, RECEIPTS_VIEW, WALLET_VIEW
from bff.contracts.view import View
from bff.contracts.wallet import LimitsData, Receipt, ReceiptData, WalletData
from bff.resilience.outcome import Failure
from bff.resilience.reason import Reason
from fragments.kit import bff
from fragments.kit.answer import Degraded, Rendered
from fragments.kit.context import Context
from fragments.kit.unanswered import UnansweredCommand, parse_unanswered
from fragments.wallet import display, history, limits, receipts
from fragments.wallet.amount import AMOUNT_CHARS_MAX
from fragments.wallet.command_status import CommandStatus, read_command_status
from fragments.wallet.invitation import invitation

T = TypeVar("T")
Query = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class FormResult:
    """The result of an action for the page that answers it. `about` names the form that the rest belongs to. `key` is
    set where the same form is to be sent again under it; `lost` is a command whose answer was lost.
    """

    about: str = ""
    status: int = 200
    card: receipts.ReceiptCard | None = None
    typed: Mapping[str, str] = field(default_factory=dict)
    error: str = ""
    key: str = ""
    receipt: Receipt | None = None
    unanswered: UnansweredCommand | None = None

    def key_of(self, form: str, context: Context) -> str:
        """The key for one of the page's forms, a fresh one unless this is the form to send again."""
        return self.key if self.key and form == self.about else context.form_key()

    def cancel_key_of(self, reference: str, context: Context) -> str:
        """The key to take back one withdrawal: two of them are two commands, one of them pressed again is one."""
        return self.key_of("cancel", context) if self.typed.get("receipt_id") == reference else context.form_key()


NOTHING = FormResult()


async def summary_page(query: Query, context: Context) -> Rendered:
    """The balance, as a narrow card."""
    answer = await _read(WALLET_VIEW, WalletData, context, query)
    return _refused(answer, context, wide=False) or _wallet("wallet/summary.html", answer, context, NOTHING)


async def cashier_page(query: Query, context: Context, result: FormResult = NOTHING) -> Rendered:
    """Balance, forms, what is pending and the last movements."""
    answer, command = await _read_with_status(WALLET_VIEW, WalletData, context, query, result)
    refused = _refused(answer, context, wide=True)
    return refused or _wallet("wallet/cashier.html", answer, context, result, command)


async def history_page(query: Query, context: Context) -> Rendered:
    """The history as the query asks for it; with `line` also one transaction in full."""
    wanted = history.wanted_from(query)
    answer, found = await asyncio.gather(
        _read(HISTORY_VIEW, HistoryData, context, query, **wanted.for_bff()), _line(query, context)
    )
    if isinstance(answer, Failure) and answer.status == 400:
        # A link from another month: its window can not be reached any more, the newest one can.
        wanted = history.Wanted(kind=wanted.kind)
        answer = await _read(HISTORY_VIEW, HistoryData, context, query, **wanted.for_bff())
    if refused := _refused(answer, context, wide=True):
        return refused
    detail, missing = found
    page = history.history(answer, wanted, context.link, context.formats, detail=detail, missing=missing)
    return Rendered("wallet/history.html", page, degraded=page.degraded)


async def limits_page(query: Query, context: Context, result: FormResult = NOTHING) -> Rendered:
    """Deposit limits and breaks."""
    answer, command = await _read_with_status(LIMITS_VIEW, LimitsData, context, query, result)
    if refused := _refused(answer, context, wide=True):
        return refused
    keys = {form: result.key_of(form, context) for form in ("limit", "break", *limits.PERIODS)}
    left = limits.FormState(result.about, result.error, result.typed, result.card or command.card)
    page = limits.limits(answer, context.currency, context.formats, keys, left)
    return _acted("wallet/limits.html", page, page.degraded, result, command)


def signed_out(context: Context, *, wide: bool, status: int = 200) -> Rendered:
    """The invitation to sign in."""
    return Rendered("wallet/anonymous.html", invitation(context, wide=wide), status)


def _wallet(
    template: str,
    answer: View[WalletData] | Failure,
    context: Context,
    result: FormResult,
    command: CommandStatus = CommandStatus(),  # noqa: B008 (frozen)
) -> Rendered:
    forms, checking = {}, result.unanswered or command.checking
    for name, build in display.AMOUNT_FORMS.items():
        own = result if result.about == name else NOTHING
        typed = own.typed.get("amount", "")[:AMOUNT_CHARS_MAX]
        forms[name] = build(
            answer,
            context.currency,
            context.formats,
            key=result.key_of(name, context),
            typed=typed,
            error=own.error,
            checking=checking is not None and checking.about == name,
        )
    page = display.panel(
        answer,
        forms,
        context.formats,
        receipt=result.card or command.card,
        cancel_key=lambda reference: result.cancel_key_of(reference, context),
    )
    return _acted(template, page, page.degraded, result, command)


def _acted(
    template: str, page: object, degraded: Degraded | None, result: FormResult, command: CommandStatus
) -> Rendered:
    receipt = result.receipt
    not_sent = result.card is not None and result.card.state == "failed" and result.status == 200
    # What is not known yet is asked for again as long as the slot is not fresh.
    checking = result.unanswered or command.checking
    return Rendered(
        template,
        page,
        result.status,
        degraded or (Degraded(Reason.ENGINE_DOWN) if not_sent or checking else None),
        changed=("wallet",) if receipt else (),
        sequence=receipt.sequence if receipt else None,
        receipt_id=receipt.receipt_id if receipt else result.unanswered.receipt_id if result.unanswered else "",
    )


def _refused(answer: object, context: Context, *, wide: bool) -> Rendered | None:
    if isinstance(answer, Failure) and answer.reason is Reason.UNAUTHORISED:
        return signed_out(context, wide=wide, status=401)
    return None


async def _read_with_status(
    name: str, kind: type[T], context: Context, query: Query, result: FormResult
) -> tuple[View[T] | Failure, CommandStatus]:
    """A view, and the status of the command that the query names. The view is read at least as far as that command's
    receipt.
    """
    if parse_unanswered(query.get(RECEIPT_QUERY, "")) is None:
        return await asyncio.gather(
            _read(name, kind, context, query, result.receipt), read_command_status(query, context)
        )
    command = await read_command_status(query, context)
    return await _read(name, kind, context, query, command.receipt), command


async def _read(
    name: str, kind: type[T], context: Context, query: Query, receipt: Receipt | None = None, /, **parameters: str
) -> View[T] | Failure:
    """A view, at least as far as what was just done, or as the query says."""
    sequence = ":".join(map(str, receipt.sequence)) if receipt else query.get(MIN_SEQUENCE_QUERY, "")
    wanted = sequence if is_sequence(sequence) else ""
    return await bff.view(name, View[kind], context, min_sequence=wanted, **parameters)  # type: ignore[valid-type]  # a type known at run time


async def _line(query: Query, context: Context) -> tuple[receipts.Detail | None, receipts.ReceiptCard | None]:
    """(the transaction that is asked for, what stands in its place when it can not be read)."""
    receipt_id = query.get("line", "")
    if not is_receipt_id(receipt_id):
        return None, None
    answer = await bff.view(f"{RECEIPTS_VIEW}/{receipt_id}", View[ReceiptData], context)
    if isinstance(answer, Failure) or answer.data is None:
        return None, receipts.receipt_out_of_reach(receipt_id)
    return receipts.detail(answer.data.receipt, context.formats), None
