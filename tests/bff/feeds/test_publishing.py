"""The broker's events for offers that appeared and ended."""

import asyncio
import contextlib
from datetime import UTC, datetime, timedelta

import pytest

from bff.contracts.promotions import OfferAmounts, OfferState
from bff.feeds.promotions.publishing import OfferPublisher

pytestmark = pytest.mark.quick

SOON = datetime.now(UTC) + timedelta(hours=1)


class FakeBroker:
    """Records what is published."""

    def __init__(self):
        self.published = []

    async def publish(self, _stream, events):
        self.published += [(event.type, event.data["promotion_id"]) for event in events]


def offer(promotion_id, ends_at=SOON):
    amounts = {"EUR": OfferAmounts(2000, 500)}
    return OfferState(promotion_id, "Reload", "Half again", "reload", "18+", amounts, 35, {}, 7, 1, ends_at)


async def publish_offers(publisher, broker, offers, **more):
    """The events for this message."""
    broker.published.clear()
    publisher.publish(offers, **more)
    task = asyncio.create_task(publisher.run())
    await asyncio.sleep(0.01)
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    return sorted(broker.published)


async def test_withdrawals_are_told_again_like_publications_so_a_lost_one_heals():
    """Everything told again is everything: what runs, and what was taken back before its end."""
    broker = FakeBroker()
    publisher = OfferPublisher(broker)
    ended = offer("ended", datetime.now(UTC) - timedelta(seconds=1))
    await publish_offers(publisher, broker, [offer("kept"), offer("gone"), ended])
    gone = ("OfferWithdrawn", "gone")
    assert await publish_offers(publisher, broker, [offer("kept")]) == [("OfferWithdrawn", "ended"), gone]
    assert await publish_offers(publisher, broker, [offer("kept")]) == []
    for _ in range(2):
        again = await publish_offers(publisher, broker, [offer("kept")], everything=True)
        assert again == [("OfferPublished", "kept"), gone]


async def test_an_offer_that_comes_back_is_not_withdrawn_again():
    """The last word about an offer is the only one that is repeated."""
    broker = FakeBroker()
    publisher = OfferPublisher(broker)
    for offers in ([offer("a")], [], [offer("a")]):
        await publish_offers(publisher, broker, offers)
    assert await publish_offers(publisher, broker, [offer("a")], everything=True) == [("OfferPublished", "a")]
