"""The result of a trial is posted to an operator's webhook: signed, with a few retries, and in the background."""

import asyncio
import hashlib
import hmac
import json
import time
from datetime import UTC, datetime

from structlog.testing import capture_logs

from shell.registry.trial_webhook import TrialEvent, TrialWebhook, WebhookPolicy, sign
from tests.origin.server import Origin

SECRET = "s" * 40
EVENT = TrialEvent(
    "trial_rolled_back", "poll", "2", "2" * 64, "3.0% of 1000 outcomes failed", datetime(2026, 3, 4, tzinfo=UTC)
)
SOON = WebhookPolicy(deadline_ms=1000, attempts=3, wait_ms=1)


async def test_result_of_a_trial_is_posted_once_and_signed() -> None:
    """The signature covers the body and the time."""
    async with Origin() as origin:
        webhook = TrialWebhook(f"{origin.url}/hook", SECRET, SOON, now=lambda: 1_700_000_000.5)
        webhook.notify(EVENT)
        await webhook.settle()
        [call] = origin.seen
        await webhook.aclose()
    assert (call.method, call.path) == ("POST", "/hook")
    content = json.loads(call.body)
    assert content.pop("id")
    assert content == {
        "event": "trial_rolled_back",
        "fragment": "poll",
        "version": "2",
        "digest": "2" * 64,
        "reason": "3.0% of 1000 outcomes failed",
        "at": "2026-03-04T00:00:00+00:00",
    }
    mac = hmac.new(SECRET.encode(), b"1700000000." + call.body, hashlib.sha256).hexdigest()
    assert call.headers["mullion-signature"] == f"t=1700000000,v1={mac}" == sign(SECRET, 1_700_000_000, call.body)


async def test_failing_webhook_is_retried_a_few_times_with_the_same_id() -> None:
    """After the last retry there is one line in the log."""
    async with Origin() as origin:
        await origin.fail("status=500")
        webhook = TrialWebhook(f"{origin.url}/hook", SECRET, SOON)
        with capture_logs() as logs:
            webhook.notify(EVENT)
            await webhook.settle()
        assert origin.requests == 3
        assert len({json.loads(call.body)["id"] for call in origin.seen}) == 1
        await origin.fail("refused")
        webhook.notify(EVENT)
        await webhook.settle()
        await webhook.aclose()
    assert [(line["event"], line["detail"]) for line in logs] == [("trial_webhook_undelivered", "it answered 500")]


async def test_hanging_webhook_delays_nothing() -> None:
    """Posting returns at once, the queue is bounded, and the shell ends without waiting."""
    async with Origin() as origin:
        await origin.fail("silence")
        webhook = TrialWebhook(f"{origin.url}/hook", SECRET, WebhookPolicy())
        began = time.monotonic()
        for _ in range(500):
            webhook.notify(EVENT)
        assert time.monotonic() - began < 2
        await asyncio.sleep(0)
        assert len(webhook._tasks) == 100
        await asyncio.wait_for(webhook.aclose(), 30)
    nobody = TrialWebhook("", "", SOON)
    nobody.notify(EVENT)
    assert not nobody._tasks
    await nobody.aclose()
