"""Posts events of trials to the operator's webhook. A failed delivery has no effect on the trial.

Public: `TrialEvent`, `TrialWebhook`, `sign`.

The body is JSON; `mullion-signature` is `t=<seconds since 1970>,v1=<hex>`, where v1 is the HMAC-SHA-256 of `<t>.<body>`
under the operator's secret. It is sent up to `attempts` times, with the same `id`.
"""

import asyncio
import hashlib
import hmac
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from uuid import uuid4

from bff.resilience import log
from bff.resilience.backoff import BackoffPolicy, backoff_s
from bff.resilience.deadline import Deadline
from bff.resilience.message import CallFailed, Request
from bff.resilience.policy import Policy
from bff.resilience.transport import Sender, Transport

logger = log.get("registry")
# An address that never answers must not fill the memory.
_PENDING_MAX = 100


@dataclass(frozen=True, slots=True)
class TrialEvent:
    """What the analysis did with a trial, and the figures that it was done for."""

    event: str
    fragment: str
    version: str
    digest: str
    reason: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookPolicy:
    """Changed by `HOUSE_POLICIES` under `trial-webhook`. Each wait is twice the one before."""

    deadline_ms: int = 5000
    attempts: int = 4
    wait_ms: int = 2000
    wait_ms_max: int = 60_000


def sign(secret: str, moment: int, body: bytes) -> str:
    """The value of `mullion-signature`."""
    mac = hmac.new(secret.encode(), f"{moment}.".encode() + body, hashlib.sha256)
    return f"t={moment},v1={mac.hexdigest()}"


class TrialWebhook:
    """`notify` returns at once. Without a `url` nothing is sent."""

    def __init__(
        self,
        url: str,
        secret: str,
        policy: WebhookPolicy,
        *,
        transport: Sender | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._url = url
        self._secret = secret
        self._policy = policy
        self._transport = transport or Transport(Policy(deadline_ms=policy.deadline_ms))
        self._now = now
        self._tasks: set[asyncio.Task[None]] = set()

    def notify(self, event: TrialEvent) -> None:
        if not self._url or len(self._tasks) >= _PENDING_MAX:
            return
        task = asyncio.create_task(self._deliver(event), name=f"trial-webhook-{event.fragment}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def settle(self) -> None:
        """Wait for what is under way."""
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def aclose(self) -> None:
        """End what is under way."""
        for task in self._tasks:
            task.cancel()
        await self.settle()
        await self._transport.aclose()

    async def _deliver(self, event: TrialEvent) -> None:
        content = {
            "id": uuid4().hex,
            "event": event.event,
            "fragment": event.fragment,
            "version": event.version,
            "digest": event.digest,
            "reason": event.reason,
            "at": event.at.isoformat(),
        }
        body = json.dumps(content).encode()
        failure = ""
        waits = BackoffPolicy(initial_s=self._policy.wait_ms / 1000, max_s=self._policy.wait_ms_max / 1000, jitter=0.0)
        for attempt in range(self._policy.attempts):
            if attempt:
                await asyncio.sleep(backoff_s(waits, attempt - 1))
            failure = await self._attempt(body)
            if not failure:
                return
        logger.warning("trial_webhook_undelivered", fragment=event.fragment, trial_event=event.event, detail=failure)

    async def _attempt(self, body: bytes) -> str:
        """Why the delivery failed; empty where it succeeded."""
        headers = (
            ("content-type", "application/json"),
            ("mullion-signature", sign(self._secret, int(self._now()), body)),
        )
        try:
            deadline = Deadline.after_ms(time.monotonic(), self._policy.deadline_ms)
            answer = await self._transport.send(Request("POST", self._url, headers, body), deadline)
        except CallFailed as failed:
            return f"{failed.detail} ({failed.reason})"
        return "" if 200 <= answer.status < 300 else f"it answered {answer.status}"
