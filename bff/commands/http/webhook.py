"""The address that the payments provider posts to.

Public: `webhook_view`.
"""

import time
from datetime import UTC, datetime

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from bff.commands.engine.policy import POLICY
from bff.commands.http.endpoint import endpoint
from bff.commands.http.requests import read_body
from bff.commands.http.runtime import runtime
from bff.commands.ledger.command_request import CommandRejected
from bff.commands.ledger.models import Charge, Receipt
from bff.commands.payments import charges
from bff.commands.payments.webhook import WebhookRejected, WebhookUnreadable, read_webhook
from bff.resilience import log

logger = log.get("bff-commands")


@endpoint("webhook")
async def webhook_view(request: HttpRequest) -> HttpResponse:
    """`POST /webhooks/payments`: 204 when it is written down, late and repeated ones too."""
    body = read_body(request)
    try:
        reference, outcome = read_webhook(
            body,
            request.headers.get("Payments-Signature", ""),
            settings.PAYMENTS_WEBHOOK_SECRET,
            now=time.time(),
            age_s_max=POLICY.webhook_age_s_max,
        )
    except WebhookRejected as rejected:
        raise CommandRejected(401, "webhook_refused", str(rejected)) from rejected
    except WebhookUnreadable as unreadable:
        raise CommandRejected(400, "webhook_unreadable", str(unreadable)) from unreadable
    try:
        receipt = await runtime().engine.run(charges.settle, reference, outcome, datetime.now(UTC))
    except (Receipt.DoesNotExist, Charge.DoesNotExist) as error:
        raise CommandRejected(404, "reference_unknown", "There is no deposit with this reference.") from error
    logger.info("webhook_settled", receipt=reference, state=receipt.state)
    return HttpResponse(status=204)
