"""The engine's HTTP answers.

Public: `deposit_view`, `claim_view`, `withdraw_view`, `cancel_withdrawal_view`, `deposit_limit_view`,
`self_exclude_view`, `webhook_view`, `healthz`, `metrics`, `unknown_path`. Commands answer 200 when they are done or
declined, 202 while they are pending; 503 `engine_down` when nothing was done, 504 `outcome_unknown` when nobody knows.
"""

import time
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from typing import Any

import msgspec
from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from prometheus_client import CONTENT_TYPE_LATEST, Counter, Histogram, generate_latest

from bff.commands import asked, claim, deposit, limits, withdraw
from bff.commands.engine.policy import POLICY
from bff.commands.engine.threads import EngineUnavailable
from bff.commands.ledger.models import Charge, Receipt
from bff.commands.ledger.receipts import Asked, Refused, on_the_wire
from bff.commands.payments import WebhookRefused, WebhookUnreadable, read_webhook
from bff.commands.runtime import runtime
from bff.contracts.wallet import (
    SCOPE_CLAIM,
    SCOPE_DEPOSIT,
    SCOPE_LIMITS,
    SCOPE_WITHDRAW,
    CancelWithdrawal,
    ClaimPromotion,
    Deposit,
    SelfExclude,
    SetDepositLimit,
    Withdraw,
)
from bff.resilience import log

logger = log.get("bff-commands")

COMMANDS = Counter("commands_total", "Commands by how they ended", ["command", "outcome"])
SECONDS = Histogram("command_seconds", "From request to answer", ["command"])

Act = Callable[[Asked, Any, datetime], Receipt]
View = Callable[[HttpRequest], Coroutine[Any, Any, HttpResponse]]


def command_view(command: str) -> Callable[[View], View]:
    """Turns what a command raises into problems, and counts how commands end."""

    def decorate(view: View) -> View:
        async def answered(request: HttpRequest) -> HttpResponse:
            began = time.perf_counter()
            try:
                if request.method != "POST":
                    raise Refused(405, "method_not_allowed", "Commands are posted.")
                response = await runtime().finish(view(request))
                outcome = str(response.status_code)
            except Refused as error:
                response, outcome = asked.problem(error), error.code
            except EngineUnavailable as error:
                logger.warning("command_unavailable", command=command, detail=str(error))
                refused = _UNKNOWN if error.begun else _UNAVAILABLE
                response, outcome = asked.problem(refused), refused.code
            COMMANDS.labels(command, outcome).inc()
            SECONDS.labels(command).observe(time.perf_counter() - began)
            return response

        return answered

    return decorate


_UNAVAILABLE = Refused(
    503,
    "engine_down",
    "Money can not be moved at this moment, and nothing was done. Your balance is safe; try again with the same key.",
)
_UNKNOWN = Refused(
    504,
    "outcome_unknown",
    "We do not know yet whether this was done. Your balance is safe; ask again with the same key, and it counts once.",
)


@command_view("deposit")
async def deposit_view(request: HttpRequest) -> HttpResponse:
    """`POST /commands/deposit`: 200 done or declined, 202 pending."""
    who, body = asked.read(request, "deposit", SCOPE_DEPOSIT, Deposit)
    return _receipt(await _deposit(who, body))


async def _deposit(who: Asked, body: Deposit) -> Receipt:
    engine, payments = runtime().engine, runtime().payments
    receipt, fresh = await engine.run(deposit.begin, who, body, datetime.now(UTC))
    if not fresh:
        return receipt
    verdict = await payments.charge(receipt.receipt_id, receipt.amount_minor, receipt.currency)
    try:
        return await engine.run(deposit.settle, receipt.receipt_id, verdict, datetime.now(UTC))
    except EngineUnavailable as error:
        # The provider has answered and we can not write it down: pending is the truth, and the resolver asks again.
        logger.warning("deposit_unsettled", receipt=receipt.receipt_id, detail=str(error))
        return receipt


def _plain(command: str, scope: str, body_type: type[Any], act: Act) -> View:
    """A view over a command that is one transaction."""

    @command_view(command)
    async def view(request: HttpRequest) -> HttpResponse:
        who, body = asked.read(request, command, scope, body_type)
        return _receipt(await runtime().engine.run(act, who, body, datetime.now(UTC)))

    return view


claim_view = _plain("claim-promotion", SCOPE_CLAIM, ClaimPromotion, claim.claim)
withdraw_view = _plain("withdraw", SCOPE_WITHDRAW, Withdraw, withdraw.withdraw)
cancel_withdrawal_view = _plain("cancel-withdrawal", SCOPE_WITHDRAW, CancelWithdrawal, withdraw.cancel)
deposit_limit_view = _plain("set-deposit-limit", SCOPE_LIMITS, SetDepositLimit, limits.set_deposit_limit)
self_exclude_view = _plain("self-exclude", SCOPE_LIMITS, SelfExclude, limits.self_exclude)


@command_view("webhook")
async def webhook_view(request: HttpRequest) -> HttpResponse:
    """`POST /webhooks/payments`: 204 when it is written down, late and repeated ones too."""
    body = asked.whole_body(request)
    try:
        reference, verdict = read_webhook(
            body,
            request.headers.get("Payments-Signature", ""),
            settings.PAYMENTS_WEBHOOK_SECRET,
            now=time.time(),
            age_s_max=POLICY.webhook_age_s_max,
        )
    except WebhookRefused as refused:
        raise Refused(401, "webhook_refused", str(refused)) from refused
    except WebhookUnreadable as unreadable:
        raise Refused(400, "webhook_unreadable", str(unreadable)) from unreadable
    try:
        receipt = await runtime().engine.run(deposit.settle, reference, verdict, datetime.now(UTC))
    except (Receipt.DoesNotExist, Charge.DoesNotExist) as error:
        raise Refused(404, "reference_unknown", "There is no deposit with this reference.") from error
    logger.info("webhook_settled", receipt=reference, state=receipt.state)
    return HttpResponse(status=204)


async def healthz(_request: HttpRequest) -> HttpResponse:
    """Ready as soon as it answers; whether the provider can be reached is told, not required."""
    return JsonResponse({"status": "ok", "payments": "up" if runtime().heartbeat.payments_up else "down"})


async def metrics(_request: HttpRequest) -> HttpResponse:
    """Prometheus' text format."""
    return HttpResponse(generate_latest(), content_type=CONTENT_TYPE_LATEST)


async def unknown_path(_request: HttpRequest) -> HttpResponse:
    """404 as a problem."""
    return asked.problem(Refused(404, "path_unknown", "There is nothing here."))


def _receipt(receipt: Receipt) -> HttpResponse:
    body: msgspec.Struct = on_the_wire(receipt)
    return asked.answer(body, 202 if receipt.state == "pending" else 200)
