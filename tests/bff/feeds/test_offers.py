"""The promotions adapter without a network."""

import asyncio
from datetime import UTC, datetime

import msgspec
import pytest

from bff.broker import BrokerUnavailable
from bff.contracts.promotions import OfferAmounts
from bff.feeds.health import FeedHealth
from bff.feeds.policy import FeedsPolicy, PromotionsPolicy
from bff.feeds.promotions import publishing
from bff.feeds.promotions.offers import parse
from bff.feeds.promotions.publishing import OfferPublisher
from bff.feeds.reading import BadMessage, ProviderRefused
from bff.sandbox.promotions.offers import offers_at

pytestmark = pytest.mark.quick

START = 1_900_000_000.0


def read(raw_offers, health=None):
    raw = raw_offers if isinstance(raw_offers, bytes) else msgspec.json.encode(raw_offers)
    return parse(
        raw,
        currencies=frozenset({"EUR", "JPY"}),
        policy=PromotionsPolicy(offers_max=50),
        health=health or FeedHealth("promotions", FeedsPolicy()),
        now=datetime.fromtimestamp(START, UTC),
    )


def test_offers_are_read_with_everything_a_player_must_know():
    """Requirement, contribution, largest bet, time and grants come through, in each currency."""
    offers = {offer.promotion_id.rsplit("-", 1)[0]: offer for offer in read({"offers": offers_at(START)})}
    assert len(offers) >= 6
    gift = offers["loyalty-gift"]
    assert (gift.kind, gift.wagering, gift.days, gift.grants_max) == ("no_deposit", 15, 5, 2)
    assert gift.amounts == {"EUR": OfferAmounts(500, 200), "JPY": OfferAmounts(750, 300)}
    assert gift.contribution["roulette"] == 100
    assert gift.ends_at > datetime.fromtimestamp(START, UTC)


@pytest.mark.parametrize(
    ("field", "wrong"),
    [
        ("offerCode", "a b"),
        ("validUntil", "soon"),
        ("validUntil", None),
        ("validUntil", "9999-12-31T23:59:59Z"),
        ("validUntil", "2099-12-31T00:00:00Z"),
        ("validUntil", 9_999_999_999_999),
        ("validUntil", "2030-12-31T00:00:00"),
        ("validUntil", "Dec 31, 2030 12:00:00 AM"),
        ("validUntil", "2001-01-01T00:00:00Z"),
        ("validUntil", "0001-01-01T00:00:00+14:00"),
        ("validFrom", "2033-01-01T00:00:00Z"),
        ("validFrom", "2030-01-01T00:00:00"),
        ("validFrom", "soon"),
        ("wageringRequirement", "many"),
        ("wageringRequirement", 99999),
        ("award", [{"currency": "EUR", "amount": "0.001"}]),
        ("award", [{"amount": "1"}]),
        ("maxBetWhileWagering", None),
        ("contribution", {"slots": 101}),
        ("timeLimitDays", -1),
        ("termsAndConditions", None),
    ],
)
def test_a_spoilt_offer_is_kept_for_inspection_and_left_out(field, wrong):
    """One bad offer costs itself, and who looks sees which field it was."""
    health, offers = FeedHealth("promotions", FeedsPolicy()), offers_at(START)
    offers[0][field] = wrong
    assert len(read({"offers": offers}, health)) == len(offers) - 1
    [bad] = health.report()["bad"]
    assert field in bad["why"]


def test_a_spoilt_offer_is_told_once(capsys):
    """Who reads the log learns the offer and the field, not with every poll."""
    health, offers = FeedHealth("promotions", FeedsPolicy()), offers_at(START)
    offers[0]["validUntil"] = "9999-12-31T23:59:59Z"
    for _ in range(3):
        read({"offers": offers}, health)
    [line] = [line for line in capsys.readouterr().out.splitlines() if "offer_refused" in line]
    assert offers[0]["offerCode"] in line
    assert "validUntil" in line
    assert health.report()["messages"] == {"bad": 3}


def test_an_offer_that_has_ended_or_does_not_say_when_it_began_is_an_offer():
    """The past is no mistake: the view hides what is over by the store's clock."""
    [ended, timeless, *_] = offers = offers_at(START)
    ended["validFrom"], ended["validUntil"] = "2001-01-01T00:00:00Z", "2002-01-01T00:00:00Z"
    del timeless["validFrom"]
    assert len(read({"offers": offers})) == len(offers)


@pytest.mark.parametrize(
    "raw_offers", [b"<html>", b"[]", b'{"offers": {}}', b'{"offers": null}', {"offers": [{}] * 51}]
)
def test_an_answer_without_a_list_is_refused_as_a_whole(raw_offers):
    """No list is not an empty list: offers are not withdrawn because a provider is confused."""
    with pytest.raises(BadMessage):
        read(raw_offers)


def test_a_failure_inside_a_200_is_a_failure():
    """The provider's own error is told apart from its offers."""
    with pytest.raises(ProviderRefused, match="unavailable"):
        read({"status": "ERROR", "errorCode": 4003, "message": "campaign engine unavailable"})


class FakeBroker:
    def __init__(self):
        self.events = []
        self.down = False

    async def publish(self, stream, events):
        if self.down:
            raise BrokerUnavailable("refused")
        assert stream == "offers"
        self.events += events


async def publish_for(publisher, seconds=0.05):
    task = asyncio.create_task(publisher.run())
    await asyncio.sleep(seconds)
    task.cancel()


def facts(broker):
    return [(event.type, event.data["promotion_id"]) for event in broker.events]


async def test_only_what_came_changed_or_went_is_told():
    """The broker hears of each offer once, and of its end."""
    broker = FakeBroker()
    publisher = OfferPublisher(broker)
    one, two, *_ = read({"offers": offers_at(START)})
    publisher.publish([one, two])
    publisher.publish([one, two])
    await publish_for(publisher)
    assert facts(broker) == [("OfferPublished", one.promotion_id), ("OfferPublished", two.promotion_id)]
    broker.events.clear()
    publisher.publish([msgspec.structs.replace(two, title="Other")])
    await publish_for(publisher)
    assert facts(broker) == [("OfferPublished", two.promotion_id), ("OfferWithdrawn", one.promotion_id)]


async def test_the_same_word_has_the_same_id():
    """Telling everything again is harmless to who remembers ids."""
    one, *_ = read({"offers": offers_at(START)})
    brokers = FakeBroker(), FakeBroker()
    for broker in brokers:
        publisher = OfferPublisher(broker)
        publisher.publish([one])
        publisher.publish([one], everything=True)
        await publish_for(publisher)
    assert brokers[0].events[0].id == brokers[1].events[0].id


async def test_what_the_broker_did_not_take_is_told_later_in_its_latest_form(monkeypatch):
    """An outage of the broker delays update, and merges it."""
    monkeypatch.setattr(publishing, "RETRY_S", 0.02)
    broker = FakeBroker()
    broker.down = True
    publisher = OfferPublisher(broker)
    one, *_ = read({"offers": offers_at(START)})
    publisher.publish([one])
    await publish_for(publisher)
    publisher.publish([])
    broker.down = False
    await publish_for(publisher)
    assert facts(broker) == [("OfferWithdrawn", one.promotion_id)]


async def test_an_offer_of_a_predecessor_that_has_gone_is_withdrawn():
    """What ended while nobody read is told by the next reader."""
    broker = FakeBroker()
    publisher = OfferPublisher(broker)
    one, two, *_ = read({"offers": offers_at(START)})
    publisher.begin_with([one, two])
    publisher.publish([two])
    await publish_for(publisher)
    assert facts(broker) == [("OfferWithdrawn", one.promotion_id)]
