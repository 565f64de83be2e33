"""Which failures count against the payment provider: a 200 that is not a charge counts only against that charge, a
decline against nobody."""

import pytest

from bff.commands.engine.policy import PAYMENTS
from bff.commands.payments.provider import PaymentsProvider
from bff.resilience.breaker import Position
from bff.resilience.guard import Guard
from bff.resilience.message import Headers, Response
from tests.support.resilience_fakes import FakeUpstream

DECLINED = b'{"charge_id": "ch_1", "reference": "rc_1", "status": "declined", "decline_reason": "no"}'


async def outcome_and_breaker(status, body, ask):
    """(the last result of `ask`, the breaker's state) after as many such answers as would open it if they were
    failures."""
    payments, guard, _ = provider(status, body)
    verdicts = [await ask(payments) for _ in range(PAYMENTS.consecutive_max)]
    await payments.aclose()
    return verdicts[-1].state, guard.breaker.position


def provider(status, body):
    upstream = FakeUpstream(lambda: Response(status, Headers(), body), took_ms=1)
    guard = Guard("payments", PAYMENTS, upstream)
    return PaymentsProvider("http://payments.test", PAYMENTS, guard), guard, upstream


def charge(payments):
    return payments.charge("rc_1", 100, "EUR")


def look_up(payments):
    return payments.look_up("rc_1")


@pytest.mark.parametrize("body", [b"<html>", b"{}", b'"\xff"', b"null"])
@pytest.mark.parametrize("ask", [charge, look_up])
async def test_garbage_in_a_200_counts_against_what_was_asked_for(ask, body):
    """Nobody knows what it did, and it is not asked for again and again; the provider's other answers go on."""
    payments, guard, upstream = provider(200, body)
    for _ in range(PAYMENTS.consecutive_max):
        assert (await ask(payments)).state == "unknown"
    sent = len(upstream.requests)
    assert (await ask(payments)).state == ("lost" if ask is charge else "unknown")
    assert len(upstream.requests) == sent
    upstream.says = lambda: Response(200, Headers(), b'{"charges": []}')
    assert (await payments.look_up("rc_2")).state == "lost"
    assert guard.breaker.position is Position.CLOSED
    await payments.aclose()


@pytest.mark.parametrize(
    ("status", "body", "ask", "state"),
    [
        (200, DECLINED, charge, "declined"),
        (422, b'{"error": "no"}', charge, "declined"),
        (200, b'{"charges": []}', look_up, "lost"),
        (200, b'{"charges": [' + DECLINED + b"]}", look_up, "declined"),
    ],
)
async def test_provider_that_says_no_is_well(status, body, ask, state):
    """A decline, a refusal and a charge that it does not know are answers."""
    assert await outcome_and_breaker(status, body, ask) == (state, Position.CLOSED)
