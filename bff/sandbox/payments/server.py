"""The payments provider as a server.

Public: `PaymentsProvider`. The protocol stands in the package's docstring.
"""

import asyncio
from typing import Any

import msgspec

from bff.contracts.headers import IDEMPOTENCY_KEY
from bff.contracts.money import CURRENCIES
from bff.sandbox.clock import SandboxClock
from bff.sandbox.http import HttpRequest, HttpResponse, Provider, Receive, Scope, Send, json_response
from bff.sandbox.payments.charges import Charge, Charges, KeyReused
from bff.sandbox.payments.decision import SLOW_S, Decision, decide
from bff.sandbox.payments.webhook import Webhook

AMOUNT_MINOR_MAX = 100_000_000
LOST_S = 30.0
SETTLE_STEP_S = 0.1


class PaymentsProvider(Provider):
    fault_kinds = ("down", "error", "slow", "answer_lost", "decline", "webhook_held", "webhook_twice")

    def __init__(self, seed: str, charges: Charges, webhook_url: str, webhook_secret: str) -> None:
        super().__init__("sandbox-payments", SandboxClock())
        self._seed = seed
        self._charges = charges
        self._webhook = Webhook(webhook_url, webhook_secret, self.switch)
        self._interrupted = charges.unfinished()  # by the stop of the process before; taken before any charge is added
        self._settling: set[asyncio.Task[None]] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        # While it is down its health says so too; the control endpoints stay reachable.
        if self.switch.fault.kind == "down" and scope["type"] == "http" and not scope["path"].startswith("/control"):
            await send({"type": "http.response.start", "status": 503, "headers": [(b"content-length", b"0")]})
            await send({"type": "http.response.body", "body": b""})
            return
        await super().__call__(scope, receive, send)

    async def answer(self, request: HttpRequest) -> HttpResponse:
        if request.path != "/v1/charges":
            return json_response(404, {"error": "not_found"})
        if request.method == "GET":
            charges = self._charges.by_reference(request.query.get("reference", ""))
            return json_response(200, {"charges": [charge.public() for charge in charges]})
        if request.method == "POST":
            return await self._charge(request)
        return json_response(405, {"error": "method_not_allowed"}, Allow="GET, POST")

    async def work(self) -> None:
        """Takes up what a restart interrupted."""
        for charge in self._interrupted:
            self._settle(charge, decide(charge.amount_minor, charge.reference, self._seed))

    async def stopped(self) -> None:
        for task in self._settling:
            task.cancel()
        await asyncio.gather(*self._settling, return_exceptions=True)
        await self._webhook.aclose()
        self._charges.close()

    async def _charge(self, request: HttpRequest) -> HttpResponse:
        key = request.headers.get(IDEMPOTENCY_KEY, "")
        if not key or len(key) > 200:
            return json_response(400, {"error": "idempotency_key_missing"})
        fault = self.switch.fault.kind
        if fault == "error":
            return json_response(500, {"error": "internal"})
        try:
            if (found := self._charges.find(key, request.body)) is not None:
                return json_response(200, found.public())
        except KeyReused:
            return json_response(422, {"error": "idempotency_key_reused"})
        wanted = request.json()
        if problems := _problems(wanted):
            return json_response(422, {"error": "invalid_request", "fields": problems})
        decision = decide(wanted["amount_minor"], wanted["reference"], self._seed)
        if fault == "decline":
            decision = Decision("declined", reason="suspected_fraud")
        charge = Charge(
            self._charges.next_id(),
            wanted["reference"],
            wanted["amount_minor"],
            wanted["currency"],
            decision.status,
            decision.reason if decision.status == "declined" else "",
        )
        self._charges.add(key, request.body, charge)
        self.logger.info("charged", charge_id=charge.charge_id, status=charge.status, currency=charge.currency)
        self._settle(charge, decision)
        await asyncio.sleep({"slow": SLOW_S, "answer_lost": LOST_S}.get(fault, decision.answer_s))
        return json_response(201, charge.public())

    def _settle(self, charge: Charge, decision: Decision) -> None:
        task = asyncio.create_task(self._settled(charge, decision))
        self._settling.add(task)
        task.add_done_callback(self._settling.discard)

    async def _settled(self, charge: Charge, decision: Decision) -> None:
        """Wait, decide what was left open, and tell it. While the clock is held nothing is decided."""
        due = self.clock.now() + decision.settle_s
        while True:
            left_s = due - self.clock.now()
            if left_s <= 0:
                break
            await asyncio.sleep(min(left_s, SETTLE_STEP_S))
        if charge.status == "processing":
            reason = decision.reason if decision.finally_ == "declined" else ""
            charge = msgspec.structs.replace(charge, status=decision.finally_, decline_reason=reason)
            self._charges.change(charge)
        times = 2 if self.switch.fault.kind == "webhook_twice" else decision.webhooks
        await self._webhook.deliver(charge, times=times)
        self._charges.delivered(charge.charge_id)


def _problems(wanted: dict[str, Any]) -> dict[str, str]:
    problems = {}
    reference, amount, currency = wanted.get("reference"), wanted.get("amount_minor"), wanted.get("currency")
    if not isinstance(reference, str) or not 0 < len(reference) <= 128:
        problems["reference"] = "a text of 1 to 128 characters"
    if isinstance(amount, bool) or not isinstance(amount, int) or not 0 < amount <= AMOUNT_MINOR_MAX:
        problems["amount_minor"] = f"a whole number from 1 to {AMOUNT_MINOR_MAX}"
    if currency not in CURRENCIES:
        problems["currency"] = "a currency of ISO 4217"
    return problems
