"""Offers, bonuses, transactions of game providers, and players' favourite and recent games. Amounts are minor units.

Public: `Offer`, `Grant`, `GameTransaction`, `PrizeDay`, `ProviderRequest`, `PlayerGame`.
"""

from django.db import models
from django.db.models import Q

from bff.commands.ledger.models.money import Player, Receipt


class Offer(models.Model):
    """A promotion as the feeds published it last; `data` is its `OfferState`."""

    promotion_id = models.CharField(primary_key=True, max_length=100)
    data = models.JSONField()
    withdrawn = models.BooleanField(default=False)
    # The column has the name that releases before know it by.
    published_at = models.DateTimeField(db_column="heard_at")


class Grant(models.Model):
    """One claim of an offer. `number` counts from 1, so an offer can not be claimed once more than it may.

    The offer's terms are kept as they were. States: `running` while `wagered_minor` is on its way to `wagering_minor`,
    then `done` (the bonus became real money) or `ended` (its time was over first, and it was taken back).
    """

    player = models.ForeignKey(Player, on_delete=models.PROTECT, related_name="grants")
    promotion_id = models.CharField(max_length=100)
    number = models.IntegerField()
    receipt = models.OneToOneField(Receipt, on_delete=models.PROTECT, related_name="grant")
    amount_minor = models.BigIntegerField()
    wagering_minor = models.BigIntegerField()
    ends_at = models.DateTimeField()
    title = models.CharField(max_length=120, blank=True)
    state = models.CharField(max_length=8, default="running")
    wagered_minor = models.BigIntegerField(default=0)
    stake_max_minor = models.BigIntegerField(default=0)
    contribution = models.JSONField(default=dict)
    decided_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["player", "promotion_id", "number"], name="grant_number")]
        indexes = [
            models.Index(fields=["player", "state"], name="grant_running"),
            models.Index(fields=["ends_at"], condition=Q(state="running"), name="grant_overdue"),
        ]


class GameTransaction(models.Model):
    """One transaction of a game provider, stored once by its `transaction_uuid`.

    Kinds: bet, win, prize (a win without a bet; `prize` says of what kind), rollback. A rollback whose reference is not
    known is the tombstone that keeps it from ever counting. `real_minor`, `bonus_minor` and `owed_minor` (debt) say
    what it moved in the player's accounts; what `amount_minor` is beyond them moved in the house's alone. `grant` is
    the bonus whose money it moved, `wagered_minor` what a bet counted towards that.
    """

    provider = models.CharField(max_length=32)
    transaction_uuid = models.CharField(max_length=64)
    kind = models.CharField(max_length=8)
    player = models.ForeignKey(Player, on_delete=models.PROTECT, related_name="game_transactions")
    reference_uuid = models.CharField(max_length=64, blank=True)
    game_code = models.CharField(max_length=64)
    round = models.CharField(max_length=64)
    amount_minor = models.BigIntegerField()
    real_minor = models.BigIntegerField(default=0)
    bonus_minor = models.BigIntegerField(default=0)
    owed_minor = models.BigIntegerField(default=0)
    prize = models.CharField(max_length=10, blank=True)
    rolled_back = models.BooleanField(default=False)
    grant = models.ForeignKey(Grant, null=True, on_delete=models.PROTECT, related_name="bets")
    wagered_minor = models.BigIntegerField(default=0)
    receipt = models.OneToOneField(Receipt, null=True, on_delete=models.PROTECT, related_name="game_transaction")
    at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["provider", "transaction_uuid"], name="game_transaction_uuid")]
        indexes = [models.Index(fields=["provider", "reference_uuid"], name="game_transaction_reference")]


class PlayerGame(models.Model):
    """A game of the catalogue that the player has marked, has launched lately, or both."""

    player = models.ForeignKey(Player, on_delete=models.PROTECT, related_name="games")
    game_id = models.CharField(max_length=100)
    favourite_at = models.DateTimeField(null=True)
    launched_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["player", "game_id"], name="player_game")]


class PrizeDay(models.Model):
    """What a provider has given in prizes on one day (UTC), less what was rolled back of it. Locked by every prize."""

    provider = models.CharField(max_length=32)
    currency = models.CharField(max_length=3)
    day = models.DateField()
    paid_minor = models.BigIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["provider", "currency", "day"], name="prize_day")]


class ProviderRequest(models.Model):
    """A signed request that was answered, so that its `request_uuid` can not carry anything else.

    `status` is why a bet was denied and `balance_minor` what the player could stake then; the same request again is
    denied in the same words, whatever has come since.
    """

    provider = models.CharField(max_length=32)
    request_uuid = models.CharField(max_length=64)
    fingerprint = models.CharField(max_length=64)
    status = models.CharField(max_length=48, blank=True)
    balance_minor = models.BigIntegerField(null=True)
    at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["provider", "request_uuid"], name="provider_request_uuid")]
        indexes = [models.Index(fields=["at"], name="provider_request_at")]
