"""Client of the payments provider's HTTP API, translated to the engine's types.

Public: `PaymentsProvider`.
"""

import time
from typing import Any
from urllib.parse import quote

import msgspec

from bff.commands.payments.messages import ChargeMessage, ChargesMessage, outcome_of
from bff.commands.payments.outcome import ChargeOutcome
from bff.contracts import text
from bff.contracts.headers import IDEMPOTENCY_KEY
from bff.contracts.paths import HEALTH_PATH
from bff.resilience.deadline import Deadline
from bff.resilience.guard import Guard, Judge
from bff.resilience.message import Request, Response
from bff.resilience.outcome import Failure
from bff.resilience.policy import Policy
from bff.resilience.reason import Reason

_NOT_REACHED = "The payment provider could not be reached, so nothing was charged. Please try again in a moment."
_REFUSED = "The payment provider did not accept this deposit, so nothing was charged."
_NEVER_ARRIVED = "The payment never reached the payment provider, so nothing was charged."


class PaymentsProvider:
    """Calls never raise; an outcome that can not be determined is `unknown`."""

    def __init__(self, url: str, policy: Policy, guard: Guard | None = None) -> None:
        self._url = url.rstrip("/")
        self._policy = policy
        self._guard = guard or Guard("payments", policy)

    async def charge(self, reference: str, amount_minor: int, currency: str) -> ChargeOutcome:
        """Ask for money. The reference is the idempotency key too, so the provider charges it once at most."""
        body = msgspec.json.encode({"reference": reference, "amount_minor": amount_minor, "currency": currency})
        headers = (("content-type", "application/json"), (IDEMPOTENCY_KEY, reference))
        reader = _Reader(ChargeMessage)
        answer = await self._call(Request("POST", f"{self._url}/v1/charges", headers, body), reader.judge)
        if isinstance(answer, Failure):
            # It did not reach the provider, or the provider said that it would not look at it: nothing was charged.
            if answer.without_effect:
                return ChargeOutcome("lost", reason=_NOT_REACHED)
            return ChargeOutcome("unknown")
        if answer.status == 409:
            return ChargeOutcome("unknown")
        if answer.status >= 300:
            return ChargeOutcome("declined", reason=_REFUSED)
        return outcome_of(reader.decoded)

    async def look_up(self, reference: str) -> ChargeOutcome:
        """The outcome of a charge: `lost` only when the provider says that it has none with this reference."""
        reader = _Reader(ChargesMessage)
        request = Request("GET", f"{self._url}/v1/charges?reference={quote(reference)}")
        answer = await self._call(request, reader.judge)
        if isinstance(answer, Failure) or answer.status != 200:
            return ChargeOutcome("unknown")
        mine = [charge for charge in reader.decoded.charges if charge.reference == reference]
        return outcome_of(mine[0]) if mine else ChargeOutcome("lost", reason=_NEVER_ARRIVED)

    async def healthy(self) -> bool:
        """Whether the provider says that it takes charges."""
        answer = await self._call(Request("GET", f"{self._url}{HEALTH_PATH}"))
        return isinstance(answer, Response) and answer.status == 200

    async def aclose(self) -> None:
        await self._guard.aclose()

    async def _call(self, request: Request, judge: Judge | None = None) -> Response | Failure:
        deadline = Deadline.after_ms(time.monotonic(), self._policy.deadline_ms)
        return await self._guard.call(request, deadline, judge=judge)


class _Reader:
    """Reads the answer inside the guard, so that a 200 without a valid charge counts as a failure of the path. For one
    call.
    """

    def __init__(self, kind: Any) -> None:
        self._kind = kind
        self.decoded: Any = None

    def judge(self, answer: Response) -> Failure | None:
        if not 200 <= answer.status < 300:
            return None
        try:
            self.decoded = text.decode(answer.body, self._kind, free_text=True)
        except msgspec.DecodeError as error:
            return Failure(Reason.ENCODING, str(error))
        return None
