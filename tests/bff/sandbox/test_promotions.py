"""The sandbox's promotions provider."""

import httpx
import pytest

from bff.sandbox.clock import SandboxClock
from bff.sandbox.promotions.offers import offers_at
from bff.sandbox.promotions.server import PromotionsProvider, Throttle

pytestmark = pytest.mark.quick

START = 1_900_000_000.0


def ask(provider):
    return httpx.AsyncClient(transport=httpx.ASGITransport(app=provider), base_url="http://promotions")


def test_at_any_time_six_offers_run_and_each_is_renewed_under_another_code():
    """There is always something to show, and an offer that came back is another offer."""
    codes = set()
    for hours in range(0, 24 * 30, 3):
        offers = offers_at(START + hours * 3600)
        assert len(offers) >= 6
        codes |= {offer["offerCode"] for offer in offers}
    assert len([code for code in codes if code.startswith("evening-reload-")]) >= 30


async def test_unchanged_offers_cost_a_304_and_a_step_of_the_clock_brings_others():
    """A validator holds exactly as long as the offers do."""
    provider = PromotionsProvider("seed", SandboxClock(START))
    async with ask(provider) as client:
        await client.post("/control/clock", json={"held": True})
        first = await client.get("/v1/offers")
        again = await client.get("/v1/offers", headers={"If-None-Match": first.headers["etag"]})
        assert (first.status_code, again.status_code, again.content) == (200, 304, b"")
        await client.post("/control/clock", json={"held": True, "step_s": 3600})
        changed = await client.get("/v1/offers", headers={"If-None-Match": first.headers["etag"]})
        assert changed.status_code == 200
        assert changed.json() != first.json()


async def test_who_asks_too_often_is_told_to_wait():
    """429 always says for how long, in seconds or as a date."""
    provider = PromotionsProvider("seed", SandboxClock(START))
    async with ask(provider) as client:
        answers = [await client.get("/v1/offers") for _ in range(20)]
    throttled = [answer for answer in answers if answer.status_code == 429]
    assert throttled
    assert all(answer.headers["retry-after"] for answer in throttled)


def test_throttle_refills():
    """A client that waits is served again."""
    throttle = Throttle(0.0)
    assert [throttle.allows(0.0) for _ in range(7)] == [True] * 6 + [False]
    assert throttle.allows(0.6)


async def test_failure_can_hide_inside_a_200():
    """What such a provider calls an error is not always one to HTTP."""
    provider = PromotionsProvider("seed", SandboxClock(START))
    async with ask(provider) as client:
        await client.post("/control/fault", json={"kind": "business_error", "for_s": 600})
        answer = await client.get("/v1/offers")
    assert (answer.status_code, answer.json()["status"]) == (200, "ERROR")


async def test_control_refuses_what_it_does_not_know():
    """A drill with a typing error is told so."""
    provider = PromotionsProvider("seed", SandboxClock(START))
    async with ask(provider) as client:
        for path, body in [
            ("/control/fault", b'{"kind": "flood"}'),
            ("/control/clock", b'{"step_s": "soon"}'),
            ("/control/clock", b"[]"),
            ("/control/clock", b"{"),
        ]:
            assert (await client.post(path, content=body)).status_code == 400
