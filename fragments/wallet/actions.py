"""The wallet's actions: each form becomes one command, and the answer is the whole slot.

Public: `deposit`, `withdraw`, `cancel`, `limit`, `take_break`.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

import msgspec
from django.http import HttpRequest

from bff.contracts import codes, command_names, headers
from bff.contracts.idempotency import FORM_KEY_FIELD, is_form_key
from bff.contracts.own_write import is_receipt_id
from bff.contracts.problem import Problem
from bff.contracts.wallet import CancelWithdrawal, Deposit, Receipt, SelfExclude, SetDepositLimit, Withdraw
from bff.resilience.outcome import Failure
from bff.resilience.reason import Reason
from fragments.kit import bff
from fragments.kit.answer import Rendered, fragment_view
from fragments.kit.context import Context
from fragments.kit.unanswered import UnansweredCommand
from fragments.wallet import receipts
from fragments.wallet.amount import AMOUNT_CHARS_MAX, AmountRefused, read_amount
from fragments.wallet.limits import BREAKS, PERIODS
from fragments.wallet.pages import FormResult, cashier_page, limits_page, signed_out
from fragments.wallet.policy import CAP_LIMITS, WITHDRAWAL_LIMITS, AmountLimits, limits_for

_EXPIRED = "This form had expired and nothing was sent. Please press the button again."
_UNSURE = "Tick the box to say that you are sure; nothing was sent."

Page = Callable[[Mapping[str, str], Context, FormResult], Awaitable[Rendered]]


class FormRefused(Exception):
    """The form can not become a command; the message is a sentence for the player."""


@dataclass(frozen=True, slots=True)
class Form:
    """One of the fragment's forms: `about` is its name, `fields` are kept when it has to be sent again.

    Only a form with a `field` can say beside it why it was refused.
    """

    about: str
    command: str
    fields: tuple[str, ...]
    page: Page
    field: str = ""


DEPOSIT = Form("deposit", command_names.DEPOSIT, ("amount",), cashier_page, "amount")
WITHDRAW = Form("withdraw", command_names.WITHDRAW, ("amount",), cashier_page, "amount")
CANCEL = Form("cancel", command_names.CANCEL_WITHDRAWAL, ("receipt_id",), cashier_page)
LIMIT = Form("limit", command_names.SET_DEPOSIT_LIMIT, ("period", "amount", "lifted"), limits_page, "amount")
BREAK = Form("break", command_names.SELF_EXCLUDE, ("days", "sure"), limits_page, "days")


@fragment_view("POST")
async def deposit(request: HttpRequest, context: Context) -> Rendered:
    """Money in."""

    def command(typed: Mapping[str, str]) -> Deposit:
        return Deposit(_amount(typed, context, limits_for(context.currency)), context.currency)

    return await _act(DEPOSIT, request, context, command)


@fragment_view("POST")
async def withdraw(request: HttpRequest, context: Context) -> Rendered:
    """Money out: held at once, paid later."""

    def command(typed: Mapping[str, str]) -> Withdraw:
        return Withdraw(_amount(typed, context, WITHDRAWAL_LIMITS), context.currency)

    return await _act(WITHDRAW, request, context, command)


@fragment_view("POST")
async def cancel(request: HttpRequest, context: Context) -> Rendered:
    """Take back a withdrawal that is still held."""

    def command(typed: Mapping[str, str]) -> CancelWithdrawal:
        if not is_receipt_id(typed["receipt_id"]):
            raise FormRefused(_EXPIRED)
        return CancelWithdrawal(typed["receipt_id"])

    return await _act(CANCEL, request, context, command)


@fragment_view("POST")
async def limit(request: HttpRequest, context: Context) -> Rendered:
    """Set a deposit limit, or take one away."""

    def command(typed: Mapping[str, str]) -> SetDepositLimit:
        if typed["period"] not in PERIODS:
            raise FormRefused("Choose a day, a week or a month.")
        amount = None if typed["lifted"] else _amount(typed, context, CAP_LIMITS)
        return SetDepositLimit(typed["period"], amount, context.currency)  # type: ignore[arg-type]  # the form has checked it

    return await _act(LIMIT, request, context, command)


@fragment_view("POST")
async def take_break(request: HttpRequest, context: Context) -> Rendered:
    """Shut oneself out for some days, or for good."""

    def command(typed: Mapping[str, str]) -> SelfExclude:
        if typed["days"] not in BREAKS:
            raise FormRefused("Choose how long the break is to be.")
        if not typed["sure"]:
            raise FormRefused(_UNSURE)
        return SelfExclude(BREAKS[typed["days"]][1])

    return await _act(BREAK, request, context, command)


def _amount(typed: Mapping[str, str], context: Context, limits: AmountLimits) -> int:
    try:
        return read_amount(typed["amount"], context.currency, limits, context.formats)
    except AmountRefused as refused:
        raise FormRefused(str(refused)) from refused


async def _act(
    form: Form, request: HttpRequest, context: Context, command: Callable[[Mapping[str, str]], msgspec.Struct]
) -> Rendered:
    if context.player is None:
        return signed_out(context, wide=True, status=401)
    typed = {name: request.POST.get(name, "")[: _chars_max(name)] for name in form.fields}
    key = request.headers.get(headers.IDEMPOTENCY_KEY) or request.POST.get(FORM_KEY_FIELD, "")
    try:
        if not is_form_key(key):
            raise FormRefused(_EXPIRED)
        body = command(typed)
    except FormRefused as refused:
        return await form.page({}, context, _beside(form, 422, str(refused), typed))
    outcome = await bff.command(form.command, body, context, key)
    if isinstance(outcome, Failure) and outcome.reason is Reason.UNAUTHORISED:
        return signed_out(context, wide=True, status=401)
    return await form.page({}, context, _result_of(form, outcome, context, typed, key))


def _result_of(
    form: Form,
    outcome: Receipt | Problem | bff.Unknown | Failure,
    context: Context,
    typed: Mapping[str, str],
    key: str,
) -> FormResult:
    match outcome:
        case Receipt():
            left = typed if outcome.state == "declined" else {}
            return FormResult(form.about, 200, receipts.receipt_card(outcome, context.formats), left, receipt=outcome)
        case bff.Unknown() | Problem(code=codes.COMMAND_IN_FLIGHT):
            unanswered = UnansweredCommand.sent_now(form.about, key)
            card = receipts.unknown_card(unanswered, context.link(receipt=unanswered.receipt_id))
            return FormResult(form.about, 202, card, unanswered=unanswered)
        case Problem():
            words = next(iter(outcome.fields.values()), "") or outcome.detail or "This was refused. Nothing was done."
            return _beside(form, 422, words, typed)
        case _:
            # The same key again: should an answer have been lost after all, pressing twice is still one command.
            return FormResult(form.about, 200, receipts.not_sent_card(form.about), typed, key=key)


def _beside(form: Form, status: int, words: str, typed: Mapping[str, str]) -> FormResult:
    if form.field:
        return FormResult(form.about, status, typed=typed, error=words)
    return FormResult(form.about, status, receipts.refused_card(form.about, words))


def _chars_max(name: str) -> int:
    # One more than an amount may have, so that a longer one is refused and not cut into another.
    return AMOUNT_CHARS_MAX + 1 if name == "amount" else 128
