"""The payments provider, in our words: the border to its HTTP API and its webhooks.

Public: `Payments`, `read_webhook`, `WebhookRefused`.
"""

import hashlib
import hmac
import time
from typing import Any
from urllib.parse import quote

import msgspec

from bff.commands.deposit import Verdict
from bff.contracts import text
from bff.contracts.text import Plain
from bff.resilience.deadline import Deadline
from bff.resilience.guard import Guard, Judge
from bff.resilience.message import Request, Response
from bff.resilience.outcome import Failure
from bff.resilience.policy import Policy
from bff.resilience.reason import Reason

_NOT_REACHED = "The payment provider could not be reached, so nothing was charged. Please try again in a moment."
_REFUSED = "The payment provider did not accept this deposit, so nothing was charged."
_UNHEARD = "The payment never reached the payment provider, so nothing was charged."


class _Charge(msgspec.Struct, frozen=True):
    charge_id: Plain
    reference: Plain
    status: Plain
    decline_reason: str | None = None
    amount_minor: int | None = None
    currency: Plain | None = None


class _Charges(msgspec.Struct, frozen=True):
    charges: list[_Charge]


class WebhookRefused(Exception):
    """The webhook is not from the provider, or too old; the message says which."""


class WebhookUnreadable(Exception):
    """The webhook is from the provider and says nothing that can be read; the message says why."""


class Payments:
    """Calls never raise; what can not be known comes back as `unknown`."""

    def __init__(self, url: str, policy: Policy, guard: Guard | None = None) -> None:
        self._url = url.rstrip("/")
        self._policy = policy
        self._guard = guard or Guard("payments", policy)

    async def charge(self, reference: str, amount_minor: int, currency: str) -> Verdict:
        """Ask for money. The reference is the idempotency key too, so the provider charges it once at most."""
        body = msgspec.json.encode({"reference": reference, "amount_minor": amount_minor, "currency": currency})
        headers = (("content-type", "application/json"), ("idempotency-key", reference))
        reader = _Reader(_Charge)
        answer = await self._call(Request("POST", f"{self._url}/v1/charges", headers, body), reader.judge)
        if isinstance(answer, Failure):
            # It did not reach the provider, or the provider said that it would not look at it: nothing was charged.
            if not answer.sent or answer.reason is Reason.THROTTLED:
                return Verdict("lost", reason=_NOT_REACHED)
            return Verdict("unknown")
        if answer.status == 409:
            return Verdict("unknown")
        if answer.status >= 300:
            return Verdict("declined", reason=_REFUSED)
        return _verdict(reader.said)

    async def look_up(self, reference: str) -> Verdict:
        """What became of a charge: `lost` only when the provider says that it knows none."""
        reader = _Reader(_Charges)
        asked = Request("GET", f"{self._url}/v1/charges?reference={quote(reference)}")
        answer = await self._call(asked, reader.judge)
        if isinstance(answer, Failure) or answer.status != 200:
            return Verdict("unknown")
        mine = [charge for charge in reader.said.charges if charge.reference == reference]
        return _verdict(mine[0]) if mine else Verdict("lost", reason=_UNHEARD)

    async def healthy(self) -> bool:
        """Whether the provider says that it takes charges."""
        answer = await self._call(Request("GET", f"{self._url}/healthz"))
        return isinstance(answer, Response) and answer.status == 200

    async def aclose(self) -> None:
        await self._guard.aclose()

    async def _call(self, request: Request, judge: Judge | None = None) -> Response | Failure:
        deadline = Deadline.after_ms(time.monotonic(), self._policy.deadline_ms)
        return await self._guard.call(request, deadline, judge=judge)


class _Reader:
    """Reads inside the guard: what says 200 and is no charge counts against what was asked for. For one call."""

    def __init__(self, kind: Any) -> None:
        self._kind = kind
        self.said: Any = None

    def judge(self, answer: Response) -> Failure | None:
        if not 200 <= answer.status < 300:
            return None
        try:
            self.said = text.decode(answer.body, self._kind, free_text=True)
        except msgspec.DecodeError as error:
            return Failure(Reason.ENCODING, str(error))
        return None


def read_webhook(body: bytes, signature: str, secret: str, *, now: float, age_s_max: int) -> tuple[str, Verdict]:
    """The reference and what the provider says about it; raises `WebhookRefused`, `WebhookUnreadable`.

    `signature` is `t=<unix seconds>,v1=<hex of HMAC-SHA256 over "t.body">`, as many providers sign.
    """
    parts = dict(part.strip().partition("=")[::2] for part in signature.split(","))
    stamp, given = parts.get("t", ""), parts.get("v1", "")
    if not stamp.isdigit() or len(stamp) > 12 or not given.isascii():
        raise WebhookRefused("the signature is malformed")
    expected = hmac.new(secret.encode(), f"{stamp}.".encode() + body, hashlib.sha256).hexdigest()
    if not hmac.compare_digest(expected, given):
        raise WebhookRefused("the signature does not match")
    if abs(now - int(stamp)) > age_s_max:
        raise WebhookRefused("the signature is too old")
    try:
        charge = text.decode(body, _Charge, free_text=True)
    except msgspec.DecodeError as error:
        raise WebhookUnreadable(f"the body is not a charge: {error}") from error
    return charge.reference, _verdict(charge)


def _verdict(charge: _Charge) -> Verdict:
    if charge.status == "approved":
        return Verdict("approved", charge.charge_id, amount_minor=charge.amount_minor, currency=charge.currency)
    if charge.status == "declined":
        return Verdict("declined", charge.charge_id, _declined(charge.decline_reason or ""))
    if charge.status == "processing":
        return Verdict("processing", charge.charge_id)
    return Verdict("unknown", charge.charge_id)


def _declined(reason: str) -> str:
    said = text.cleaned(reason.replace("_", " "), chars_max=120).rstrip(".")
    return f"The payment was declined ({said}). Nothing was charged." if said else "The payment was declined."
