"""The wallet's addresses: summary, cashier, and the deposit action."""

import asyncio
import re
import uuid

from django.http import HttpRequest

from bff.contracts import headers
from bff.contracts.problem import Problem
from bff.contracts.view import View
from bff.contracts.wallet import Deposit, Receipt, ReceiptData, WalletData
from bff.resilience.outcome import Failure
from bff.resilience.reason import Reason
from fragments.kit import bff
from fragments.kit.answer import Degraded, Rendered, fragment_view
from fragments.kit.context import Context
from fragments.wallet import display
from fragments.wallet.amount import AMOUNT_CHARS_MAX, AmountRefused, read_amount
from fragments.wallet.invitation import invitation
from fragments.wallet.policy import limits_for

_TOKEN = re.compile(r"[A-Za-z0-9._~-]{1,128}", re.ASCII)
_SEQUENCE = re.compile(r"[A-Za-z0-9._~-]{1,64}:[0-9]{1,18}", re.ASCII)


@fragment_view()
async def summary(request: HttpRequest, context: Context) -> Rendered:
    """The balance in the lobby."""
    if context.player is None:
        return Rendered("wallet/anonymous.html", invitation(context, wide=False))
    answer = await _wallet(request, context)
    return _page("wallet/summary.html", answer, context)


@fragment_view()
async def cashier(request: HttpRequest, context: Context) -> Rendered:
    """Balance, deposit form, last movements; with `?receipt=` also what became of a command."""
    if context.player is None:
        return Rendered("wallet/anonymous.html", invitation(context, wide=True))
    answer, card = await asyncio.gather(_wallet(request, context), _receipt(request, context))
    return _page("wallet/cashier.html", answer, context, card)


@fragment_view("POST")
async def deposit(request: HttpRequest, context: Context) -> Rendered:
    """Take a deposit to the engine and answer with the whole cashier panel."""
    if context.player is None:
        return Rendered("wallet/anonymous.html", invitation(context, wide=True), status=401)
    typed = request.POST.get("amount", "")[: AMOUNT_CHARS_MAX + 1]
    key = request.headers.get(headers.IDEMPOTENCY_KEY) or request.POST.get("idempotency_key", "")
    if not _TOKEN.fullmatch(key):
        return await _refused(context, typed, "This form had expired and nothing was sent. Please press Deposit again.")
    try:
        amount_minor = read_amount(typed, context.currency, limits_for(context.currency), context.formats)
    except AmountRefused as refused:
        return await _refused(context, typed, str(refused))
    outcome = await bff.command("deposit", Deposit(amount_minor, context.currency), context, key)
    return await _after(outcome, context, typed, key)


async def _after(
    outcome: Receipt | Problem | bff.Unknown | Failure, context: Context, typed: str, key: str
) -> Rendered:
    match outcome:
        case Receipt():
            return await _answered(outcome, context, typed)
        case Problem(code="command_in_flight"):
            return await _cashier(context, 409, card=display.unknown_card(typed, key))
        case Problem():
            words = (
                outcome.fields.get("amount_minor") or outcome.detail or "The deposit was refused. Nothing was taken."
            )
            return await _refused(context, typed, words)
        case bff.Unknown():
            return await _cashier(context, 200, card=display.unknown_card(typed, key))
        case Failure(reason=Reason.UNAUTHORISED):
            return Rendered("wallet/anonymous.html", invitation(context, wide=True), status=401)
        case Failure():
            # The same key again: should an answer have been lost after all, pressing twice is still one deposit.
            return await _cashier(context, 200, card=display.not_sent_card(), typed=typed, key=key)


async def _answered(receipt: Receipt, context: Context, typed: str) -> Rendered:
    epoch, n = receipt.sequence
    return await _cashier(
        context,
        200,
        card=display.receipt_card(receipt, context.formats),
        typed=typed if receipt.state == "declined" else "",
        min_sequence=f"{epoch}:{n}",
        receipt=receipt,
    )


async def _refused(context: Context, typed: str, words: str) -> Rendered:
    return await _cashier(context, 422, typed=typed, error=words)


async def _cashier(
    context: Context,
    status: int,
    *,
    card: display.ReceiptCard | None = None,
    typed: str = "",
    error: str = "",
    key: str = "",
    min_sequence: str = "",
    receipt: Receipt | None = None,
) -> Rendered:
    answer = await bff.view("wallet", View[WalletData], context, min_sequence=min_sequence)
    form = display.form_for(
        answer, context.currency, context.formats, key=key or _new_key(), typed=typed[:AMOUNT_CHARS_MAX], error=error
    )
    page = display.panel(answer, form, context.formats, card)
    not_sent = card is not None and card.state == "failed"
    return Rendered(
        "wallet/cashier.html",
        page,
        status,
        page.degraded or (Degraded(Reason.ENGINE_DOWN) if not_sent else None),
        changed=("wallet",) if receipt else (),
        sequence=receipt.sequence if receipt else None,
        receipt_id=receipt.receipt_id if receipt else "",
    )


def _page(
    template: str, answer: View[WalletData] | Failure, context: Context, card: display.ReceiptCard | None = None
) -> Rendered:
    if isinstance(answer, Failure) and answer.reason is Reason.UNAUTHORISED:
        return Rendered("wallet/anonymous.html", invitation(context, wide=False), status=401)
    form = display.form_for(answer, context.currency, context.formats, key=_new_key())
    page = display.panel(answer, form, context.formats, card)
    return Rendered(template, page, degraded=page.degraded)


async def _wallet(request: HttpRequest, context: Context) -> View[WalletData] | Failure:
    sequence = request.GET.get("min_sequence", "")
    wanted = sequence if _SEQUENCE.fullmatch(sequence) else ""
    return await bff.view("wallet", View[WalletData], context, min_sequence=wanted)


async def _receipt(request: HttpRequest, context: Context) -> display.ReceiptCard | None:
    receipt_id = request.GET.get("receipt", "")
    if not _TOKEN.fullmatch(receipt_id):
        return None
    answer = await bff.view(f"receipts/{receipt_id}", View[ReceiptData], context)
    if isinstance(answer, Failure) or answer.data is None:
        return display.receipt_out_of_reach(receipt_id)
    return display.receipt_card(answer.data.receipt, context.formats)


def _new_key() -> str:
    return uuid.uuid4().hex
