"""An answer of the promotions provider, read.

Public: `parse`.
"""

import re
from datetime import datetime, timedelta
from typing import Any

import msgspec

from bff.contracts import text
from bff.contracts.promotions import OfferAmounts, OfferState
from bff.feeds.health import FeedHealth
from bff.feeds.policy import PromotionsPolicy
from bff.feeds.reading import BadMessage, ProviderRefused, minor_of, text_of, when_of, whole_of
from bff.resilience import log

WAGERING_MAX, DAYS_MAX, GRANTS_MAX, PERCENT_MAX = 1000, 366, 100, 100
_CODE = re.compile(r"[A-Za-z0-9_-]{1,64}")
_logger = log.get("feeds")
_TIMES = re.compile(r"\s*(\d{1,4})\s*x?\s*", re.IGNORECASE)


def parse(
    raw: bytes, *, currencies: frozenset[str], policy: PromotionsPolicy, health: FeedHealth, now: datetime
) -> list[OfferState]:
    """The offers in `raw`. One that is spoilt is counted, kept, logged once and left out.

    Raises `BadMessage` when there is no list of offers at all, `ProviderRefused` for the provider's own error.
    """
    try:
        answer: Any = text.decode(raw, object, free_text=True)
    except msgspec.DecodeError as error:
        raise BadMessage(f"not JSON: {error}") from error
    if isinstance(answer, dict) and (answer.get("status") == "ERROR" or "errorCode" in answer):
        raise ProviderRefused(str(answer.get("message") or answer.get("errorCode") or "no message")[:200])
    listed = answer.get("offers") if isinstance(answer, dict) else None
    if not isinstance(listed, list) or len(listed) > policy.offers_max:
        raise BadMessage(f"offers is not a list of at most {policy.offers_max}")
    offers: dict[str, OfferState] = {}
    for each in listed:
        try:
            offer = _offer(each, currencies, latest=now + timedelta(days=policy.ends_days_max))
        except BadMessage as bad:
            if health.bad(msgspec.json.encode(each), str(bad)):
                code = str(each.get("offerCode"))[:64] if isinstance(each, dict) else ""
                _logger.warning("offer_refused", feed=health.feed, offer=code, why=str(bad))
            continue
        offers[offer.promotion_id] = offer
    return list(offers.values())


def _offer(offer: Any, currencies: frozenset[str], *, latest: datetime) -> OfferState:
    if not isinstance(offer, dict):
        raise BadMessage("an offer is not an object")
    code = text_of(offer.get("offerCode"), "offerCode", chars_max=64)
    if not _CODE.fullmatch(code):
        raise BadMessage("offerCode is no code")
    awards = _amounts(offer.get("award"), "award", currencies)
    stakes = _amounts(offer.get("maxBetWhileWagering"), "maxBetWhileWagering", currencies)
    return OfferState(
        promotion_id=code,
        title=text_of(offer.get("name"), "name", chars_max=120),
        summary=text_of(offer.get("description"), "description", chars_max=500),
        kind=text_of(offer.get("offerType"), "offerType", chars_max=40).lower(),
        terms=text_of(offer.get("termsAndConditions"), "termsAndConditions", chars_max=4000),
        amounts={
            currency: OfferAmounts(awards[currency], stakes[currency]) for currency in awards if currency in stakes
        },
        wagering=_times(offer.get("wageringRequirement")),
        contribution=_contribution(offer.get("contribution")),
        days=whole_of(offer.get("timeLimitDays"), "timeLimitDays", most=DAYS_MAX),
        grants_max=whole_of(offer.get("grantsPerPlayer", 1), "grantsPerPlayer", most=GRANTS_MAX),
        ends_at=_ends_at(offer, latest),
    )


def _ends_at(offer: dict[str, Any], latest: datetime) -> datetime:
    begins_at, ends_at = when_of(offer.get("validFrom"), "validFrom"), when_of(offer.get("validUntil"), "validUntil")
    if ends_at is None:
        raise BadMessage("validUntil is missing")
    if ends_at > latest:
        raise BadMessage("validUntil is further away than any offer runs")
    if begins_at is not None and ends_at <= begins_at:
        raise BadMessage("validUntil is not after validFrom")
    return ends_at


def _times(value: Any) -> int:
    """`35`, `"35"` and `"35x"` are thirty-five times."""
    match = _TIMES.fullmatch(str(value)) if isinstance(value, str | int) and not isinstance(value, bool) else None
    if match is None or int(match[1]) > WAGERING_MAX:
        raise BadMessage("wageringRequirement is not a number of times")
    return int(match[1])


def _contribution(value: Any) -> dict[str, int]:
    if not isinstance(value, dict) or len(value) > 32:
        raise BadMessage("contribution is not an object")
    return {
        text_of(kind, "contribution", chars_max=40): whole_of(percent, "contribution", most=PERCENT_MAX)
        for kind, percent in value.items()
    }


def _amounts(value: Any, field: str, currencies: frozenset[str]) -> dict[str, int]:
    if not isinstance(value, list):
        raise BadMessage(f"{field} is not a list")
    amounts = {}
    for each in value:
        currency = each.get("currency") if isinstance(each, dict) else None
        if not isinstance(currency, str):
            raise BadMessage(f"{field} holds something without a currency")
        if currency in currencies:
            amounts[currency] = minor_of(each.get("amount"), currency, field)
    return amounts
