"""The promotions provider as a server.

Public: `PromotionsProvider`. The protocol stands in the package's docstring.
"""

import asyncio
import hashlib
import random
import time
from email.utils import formatdate

import msgspec

from bff.sandbox.clock import SandboxClock
from bff.sandbox.http import HttpRequest, HttpResponse, Provider, json_response
from bff.sandbox.promotions.offers import offers_at

ALLOWED_PER_S = 2.0
BURST = 6.0
RETRY_AFTER_S = 2
SILENCE_S = 30.0
OVERSIZE_BYTES = 4 * 1024 * 1024


class Throttle:
    """A bucket of `BURST` requests, refilled `ALLOWED_PER_S`. Pure: time is passed in."""

    def __init__(self, now: float) -> None:
        self._left = BURST
        self._at = now

    def allows(self, now: float) -> bool:
        self._left = min(BURST, self._left + (now - self._at) * ALLOWED_PER_S)
        self._at = now
        if self._left < 1:
            return False
        self._left -= 1
        return True


class PromotionsProvider(Provider):
    fault_kinds = ("error", "throttle", "business_error", "malformed", "oversize", "silence")

    def __init__(self, seed: str, clock: SandboxClock) -> None:
        super().__init__("sandbox-promotions", clock)
        self._rng = random.Random(f"{seed}:promotions")  # noqa: S311 (spelling of Retry-After, not a secret)
        self._throttle = Throttle(time.monotonic())

    async def answer(self, request: HttpRequest) -> HttpResponse:
        if request.path != "/v1/offers":
            return json_response(404, {"error": "not_found"})
        kind = self.switch.fault.kind
        if kind == "silence":
            await asyncio.sleep(SILENCE_S)
        if kind == "error":
            return json_response(500, {"error": "internal"})
        if kind == "throttle" or not self._throttle.allows(time.monotonic()):
            return self._throttled()
        if kind == "business_error":
            return json_response(200, {"status": "ERROR", "errorCode": 4003, "message": "campaign engine unavailable"})
        return self._offers(request, kind)

    def _throttled(self) -> HttpResponse:
        when = formatdate(time.time() + RETRY_AFTER_S, usegmt=True)
        retry_after = self._rng.choice((str(RETRY_AFTER_S), when))
        return json_response(429, {"error": "too_many_requests"}, Retry_After=retry_after)

    def _offers(self, request: HttpRequest, kind: str) -> HttpResponse:
        body = msgspec.json.encode({"offers": offers_at(self.clock.now())})
        etag = f'"{hashlib.sha256(body).hexdigest()[:24]}"'
        if kind == "malformed":
            body = self._rng.choice((body[: len(body) // 2], b"<html>maintenance</html>", b'{"offers": {"a": 1}}'))
            return HttpResponse(200, body, {"content-type": "application/json"})
        if kind == "oversize":
            return HttpResponse(200, body[:-1] + b" " * OVERSIZE_BYTES + b"}", {"content-type": "application/json"})
        validators = {part.strip().removeprefix("W/") for part in request.headers.get("if-none-match", "").split(",")}
        if etag in validators:
            return HttpResponse(304, b"", {"etag": etag})
        return HttpResponse(200, body, {"content-type": "application/json", "etag": etag, "cache-control": "no-cache"})
