"""Posts the outcome of a charge until the receiver acknowledges it.

Public: `Webhook`, `sign`.
"""

import asyncio
import hashlib
import hmac
import time

import httpx
import msgspec

from bff.resilience import log
from bff.sandbox.fault import FaultSwitch
from bff.sandbox.payments.charges import Charge

TIMEOUT_S = 3.0
RETRY_S = 0.5
RETRY_S_MAX = 20.0
ATTEMPTS_MAX = 200


def sign(body: bytes, secret: str, *, now: int) -> str:
    """The value of `Payments-Signature`."""
    digest = hmac.new(secret.encode(), f"{now}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={now},v1={digest}"


class Webhook:
    def __init__(self, url: str, secret: str, switch: FaultSwitch) -> None:
        self._url = url
        self._secret = secret
        self._switch = switch
        self._logger = log.get("sandbox-payments")
        # Proxies of the environment are for the machine's own errands, not for neighbours.
        self._client = httpx.AsyncClient(timeout=TIMEOUT_S, trust_env=False)

    async def deliver(self, charge: Charge, *, times: int) -> None:
        """Deliver `charge`, the same event each time. Gives up after `ATTEMPTS_MAX`."""
        event = {"event_id": f"ev_{charge.charge_id}", "type": "charge.updated", **charge.public()}
        body = msgspec.json.encode(event)
        delivered = attempts = 0
        wait_s = RETRY_S
        while delivered < times and attempts < ATTEMPTS_MAX:
            if self._switch.fault.kind == "webhook_held":
                await asyncio.sleep(RETRY_S)
                continue
            attempts += 1
            problem = await self._post(body)
            if problem is None:
                delivered += 1
                continue
            self._logger.warning("webhook_refused", charge_id=charge.charge_id, problem=problem, again_s=wait_s)
            await asyncio.sleep(wait_s)
            wait_s = min(wait_s * 2, RETRY_S_MAX)

    async def _post(self, body: bytes) -> str | None:
        """None when it was acknowledged, else the error."""
        signature = sign(body, self._secret, now=int(time.time()))
        headers = {"Content-Type": "application/json", "Payments-Signature": signature}
        try:
            answer = await self._client.post(self._url, content=body, headers=headers)
        except httpx.HTTPError as error:
            return type(error).__name__
        return None if answer.is_success else f"status {answer.status_code}"

    async def aclose(self) -> None:
        await self._client.aclose()
