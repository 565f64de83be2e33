"""ClaimPromotion: a bonus, as often as its offer allows and never more.

Public: `claim`.
"""

from datetime import datetime, timedelta

import msgspec
from django.db import transaction

from bff.commands import limits, wagering
from bff.commands.ledger import outbox, receipts
from bff.commands.ledger.accounts import Book
from bff.commands.ledger.models import Grant, Offer, Receipt
from bff.commands.ledger.receipts import Asked, Refused
from bff.contracts.promotions import OfferState
from bff.contracts.wallet import ClaimPromotion


@transaction.atomic
def claim(asked: Asked, wanted: ClaimPromotion, now: datetime) -> Receipt:
    """The receipt of the grant; raises `Refused` when the offer is unknown, over, or has been claimed already."""
    book = Book.open(asked.player, asked.currency, now)
    if (before := receipts.answered_before(asked, book)) is not None:
        return before
    limits.check_excluded(book)
    offer = _running(wanted.promotion_id, now)
    amounts = offer.amounts.get(book.player.currency)
    if amounts is None:
        detail = f"This promotion is not offered in {book.player.currency}, the currency of your account."
        raise Refused(409, "promotion_not_in_currency", detail)
    granted = Grant.objects.filter(player=book.player, promotion_id=offer.promotion_id).count()
    if granted >= offer.grants_max:
        raise Refused(409, "promotion_already_claimed", "You have claimed this promotion already. It is yours.")
    receipt = receipts.write(book, asked, kind="bonus", state="done", amount_minor=amounts.amount_minor)
    wagering.grant(
        book,
        receipt,
        wagering.Terms(
            promotion_id=offer.promotion_id,
            number=granted + 1,
            title=offer.title,
            wagering=offer.wagering,
            stake_max_minor=amounts.stake_max_minor,
            contribution=offer.contribution,
            ends_at=now + timedelta(days=offer.days),
        ),
    )
    outbox.tell(book, "PromotionClaimed", [receipt], claims_changed=True)
    return receipt


def _running(promotion_id: str, now: datetime) -> OfferState:
    row = Offer.objects.filter(pk=promotion_id).first()
    if row is None:
        raise Refused(404, "promotion_unknown", "There is no such promotion, or we have not heard of it yet.")
    offer = msgspec.convert(row.data, OfferState)
    if row.withdrawn or offer.ends_at <= now:
        raise Refused(409, "promotion_ended", "This promotion has ended, so it can not be claimed any more.")
    return offer
