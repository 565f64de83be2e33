"""The engine's report on the payment provider: one lost answer is no outage, two in a row are, and one answer
heals it."""

import asyncio

import pytest

from bff.commands.engine.policy import EnginePolicy
from bff.commands.http.heartbeat import Heartbeat

pytestmark = pytest.mark.quick

POLICY = EnginePolicy(heartbeat_s=60, payments_poll_s=0.02, payments_recheck_s=0.01)


class Nobody:
    """A broker that accepts everything."""

    async def publish(self, stream: str, events: list) -> None: ...


async def reports_after(*answers: bool) -> list[bool]:
    """The reports on the provider after each of its answers, in this order."""
    seen: list[bool] = []
    left = iter(answers)
    reported = asyncio.Event()

    async def healthy() -> bool:
        seen.append(heartbeat.payments_up)
        if len(seen) > len(answers):
            reported.set()
        return next(left, True)

    heartbeat = Heartbeat(Nobody(), healthy, POLICY)
    beating = asyncio.create_task(heartbeat.run())
    await reported.wait()
    beating.cancel()
    return seen[1 : len(answers) + 1]


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        ((True, True), [True, True]),
        ((True, False, True), [True, True, True]),
        ((False, True), [True, True]),
        ((True, False, False, False), [True, True, False, False]),
        ((False, False, True, True), [True, False, True, True]),
    ],
)
async def test_payments_are_down_after_two_lost_answers_in_a_row(answers, expected):
    """One lost or late answer closes no cashier; one good answer opens it again."""
    assert await reports_after(*answers) == expected


async def test_that_payments_are_back_is_told_at_once():
    """Nobody waits for the next beat, which is a minute away here."""
    reports = []

    class Broker:
        async def publish(self, stream: str, events: list) -> None:
            reports.extend(event.data["payments"] for event in events)
            if reports[-2:] == ["down", "up"]:
                back.set()

    back, answers = asyncio.Event(), iter([False, False])

    async def healthy() -> bool:
        return next(answers, True)

    beating = asyncio.create_task(Heartbeat(Broker(), healthy, POLICY).run())
    await asyncio.wait_for(back.wait(), 30)
    beating.cancel()
    assert reports == ["up", "down", "up"]
