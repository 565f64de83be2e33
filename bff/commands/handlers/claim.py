"""ClaimPromotion: a bonus, as often as its offer allows and never more.

Public: `claim`.
"""

from datetime import datetime, timedelta

import msgspec
from django.db import transaction

from bff.commands.bonuses import grants
from bff.commands.ledger import outbox, player_limits, receipts
from bff.commands.ledger.accounts import PlayerAccounts
from bff.commands.ledger.command_request import CommandRejected, CommandRequest
from bff.commands.ledger.models import Grant, Offer, Receipt
from bff.contracts.promotions import OfferState
from bff.contracts.text import built
from bff.contracts.wallet import ClaimPromotion


@transaction.atomic
def claim(request: CommandRequest, body: ClaimPromotion, now: datetime) -> Receipt:
    """The receipt of the grant; raises `CommandRejected` for an offer that is unknown, over or claimed already."""
    accounts = PlayerAccounts.open(request.player, request.currency, now)
    if (existing := receipts.find_existing(request, accounts)) is not None:
        return existing
    player_limits.check_excluded(accounts)
    offer = _running(body.promotion_id, now)
    amounts = offer.amounts.get(accounts.player.currency)
    if amounts is None:
        detail = f"This promotion is not offered in {accounts.player.currency}, the currency of your account."
        raise CommandRejected(409, "promotion_not_in_currency", detail)
    granted = Grant.objects.filter(player=accounts.player, promotion_id=offer.promotion_id).count()
    if granted >= offer.grants_max:
        raise CommandRejected(409, "promotion_already_claimed", "You have claimed this promotion already. It is yours.")
    receipt = receipts.write(accounts, request, kind="bonus", state="done", amount_minor=amounts.amount_minor)
    grants.give(
        accounts,
        receipt,
        grants.Terms(
            promotion_id=offer.promotion_id,
            number=granted + 1,
            title=offer.title,
            wagering=offer.wagering,
            stake_max_minor=amounts.stake_max_minor,
            contribution=offer.contribution,
            ends_at=now + timedelta(days=offer.days),
        ),
    )
    outbox.append(accounts, "PromotionClaimed", [receipt], claims_changed=True)
    return receipt


def _running(promotion_id: str, now: datetime) -> OfferState:
    row = Offer.objects.filter(pk=promotion_id).first()
    if row is None:
        raise CommandRejected(404, "promotion_unknown", "There is no such promotion, or we have not heard of it yet.")
    offer = msgspec.convert(row.data, built(OfferState))
    if row.withdrawn or offer.ends_at <= now:
        raise CommandRejected(409, "promotion_ended", "This promotion has ended, so it can not be claimed any more.")
    return offer
