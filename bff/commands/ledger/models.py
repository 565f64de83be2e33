"""The command database.

Entries are appended only: triggers refuse to change or delete one (see the first migration). A player's balances are
kept beside them, never instead: the audit adds the entries up again.
"""

from django.db import models
from django.db.models import Q

# Amounts are minor units of the row's currency; both are decided by the command that writes the row.


class Player(models.Model):
    """Whoever has money here. Its row is locked by every command, so a player's commands happen one after another.

    `sequence` counts what happened to the player, without gaps and for ever; `epoch` is the one in which the read side
    got everything about the player last; `lines` is how long the history is.
    """

    player_id = models.CharField(primary_key=True, max_length=64)
    currency = models.CharField(max_length=3)
    sequence = models.BigIntegerField(default=0)
    epoch = models.CharField(max_length=64)
    lines = models.BigIntegerField(default=0)
    created_at = models.DateTimeField()
    excluded_until = models.DateTimeField(null=True)

    class Meta:
        indexes = [models.Index(fields=["epoch"], name="player_epoch")]


class Account(models.Model):
    """Where money stands. A player's account keeps its balance; a house's is the sum of its entries.

    Kinds of a player: real, bonus, held, and debt, the one that holds less than nothing: what a win that was taken back
    has left open. Kinds of the house: see `bff.commands.ledger.accounts`.
    """

    player = models.ForeignKey(Player, null=True, on_delete=models.PROTECT, related_name="accounts")
    kind = models.CharField(max_length=16)
    currency = models.CharField(max_length=3)
    balance_minor = models.BigIntegerField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["player", "kind"], name="account_player_kind"),
            models.UniqueConstraint(
                fields=["kind", "currency"], condition=Q(player__isnull=True), name="account_house_kind"
            ),
            models.CheckConstraint(
                condition=Q(player__isnull=True, balance_minor__isnull=True)
                | Q(player__isnull=False, kind="debt", balance_minor__lte=0)
                | (Q(player__isnull=False, balance_minor__gte=0) & ~Q(kind="debt")),
                name="account_balance",
            ),
        ]


class Receipt(models.Model):
    """What a command answered, written in the command's transaction. A line of the history when it has an `ordinal`.

    `key` is the idempotency key, unique a player; `fingerprint` says what was asked under it. `in_flight_until` is
    set while a command waits for somebody else; until then nobody else may answer for its key.
    """

    receipt_id = models.CharField(primary_key=True, max_length=40)
    player = models.ForeignKey(Player, on_delete=models.PROTECT, related_name="receipts")
    ordinal = models.BigIntegerField(null=True)
    command = models.CharField(max_length=32)
    kind = models.CharField(max_length=16)
    state = models.CharField(max_length=16)
    amount_minor = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    at = models.DateTimeField()
    epoch = models.CharField(max_length=64)
    sequence = models.BigIntegerField()
    reason = models.CharField(max_length=300, blank=True)
    key = models.CharField(max_length=200, null=True)
    fingerprint = models.CharField(max_length=64, blank=True)
    in_flight_until = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["player", "key"], name="receipt_key"),
            models.UniqueConstraint(fields=["player", "ordinal"], name="receipt_ordinal"),
        ]
        indexes = [
            models.Index(fields=["player", "command"], condition=Q(state="pending"), name="receipt_pending"),
            models.Index(fields=["at"], name="receipt_at"),
        ]


class Transaction(models.Model):
    """One movement of money: its entries sum to zero in each currency."""

    transaction_id = models.CharField(primary_key=True, max_length=40)
    kind = models.CharField(max_length=32)
    receipt = models.ForeignKey(Receipt, on_delete=models.PROTECT, related_name="transactions")
    at = models.DateTimeField()


class Entry(models.Model):
    """One side of a movement: positive is money into the account."""

    transaction = models.ForeignKey(Transaction, on_delete=models.PROTECT, related_name="entries")
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="entries")
    amount_minor = models.BigIntegerField()
    currency = models.CharField(max_length=3)

    class Meta:
        constraints = [models.CheckConstraint(condition=~Q(amount_minor=0), name="entry_not_zero")]


class Charge(models.Model):
    """What the payments provider was asked for. The reference is the receipt's id.

    States: `sent` (whether it arrived is not known), `processing`, `approved`, `declined`, `lost` (the provider never
    heard of it, or it never left), `differs` (the provider says that it charged something else, `said`: for people to
    decide).
    """

    receipt = models.OneToOneField(Receipt, primary_key=True, on_delete=models.PROTECT, related_name="charge")
    state = models.CharField(max_length=16)
    charge_id = models.CharField(max_length=100, blank=True)
    sent_at = models.DateTimeField()
    check_at = models.DateTimeField(null=True)
    checks = models.IntegerField(default=0)
    said = models.CharField(max_length=40, blank=True)

    class Meta:
        indexes = [
            models.Index(fields=["check_at"], condition=Q(check_at__isnull=False), name="charge_check"),
            models.Index(fields=["receipt"], condition=Q(state="differs"), name="charge_differs"),
        ]


class Offer(models.Model):
    """A promotion as the feeds published it last; `data` is its `OfferState`."""

    promotion_id = models.CharField(primary_key=True, max_length=100)
    data = models.JSONField()
    withdrawn = models.BooleanField(default=False)
    heard_at = models.DateTimeField()


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


class DepositLimit(models.Model):
    """What a player lets themselves pay in. A higher one, or none, waits in `next_minor` until `next_at`."""

    player = models.ForeignKey(Player, on_delete=models.PROTECT, related_name="deposit_limits")
    period = models.CharField(max_length=8)
    amount_minor = models.BigIntegerField(null=True)
    next_minor = models.BigIntegerField(null=True)
    next_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["player", "period"], name="deposit_limit_period")]


class Withdrawal(models.Model):
    """Money that a player asked back: `held`, then `paid`, `released` by the house or `cancelled` by the player."""

    receipt = models.OneToOneField(Receipt, primary_key=True, on_delete=models.PROTECT, related_name="withdrawal")
    state = models.CharField(max_length=16)
    decided_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [models.Index(fields=["receipt"], condition=Q(state="held"), name="withdrawal_held")]


class GameTransaction(models.Model):
    """What a game provider asked for, once by its `transaction_uuid`.

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


class OutboxRow(models.Model):
    """An event on its way out. The relay gives `position` when it takes the row, so order of commit does not matter.

    `previous_id` is the event that got the position before, in the same epoch.
    """

    event_id = models.CharField(max_length=40, unique=True)
    type = models.CharField(max_length=64)
    aggregate = models.CharField(max_length=80)
    epoch = models.CharField(max_length=64)
    sequence = models.BigIntegerField()
    at = models.DateTimeField()
    data = models.TextField()
    position_epoch = models.CharField(max_length=64, blank=True)
    position = models.BigIntegerField(null=True)
    # A process of the release before, which knows no such column, may write beside one that does.
    previous_id = models.CharField(max_length=40, blank=True, default="", db_default="")
    published_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            models.Index(fields=["id"], condition=Q(position__isnull=True), name="outbox_waiting"),
            models.Index(
                fields=["position"],
                condition=Q(position__isnull=False, published_at__isnull=True),
                name="outbox_unpublished",
            ),
            models.Index(fields=["published_at"], condition=Q(published_at__isnull=False), name="outbox_published"),
        ]


class RelayState(models.Model):
    """The one row that says which epoch it is, the last position given in it and to which event, and which relay is at
    work."""

    id = models.IntegerField(primary_key=True, default=1)
    epoch = models.CharField(max_length=64)
    position = models.BigIntegerField(default=0)
    event_id = models.CharField(max_length=40, blank=True, default="", db_default="")
    began_at = models.DateTimeField()
    holder = models.CharField(max_length=80, blank=True)
    held_until = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(id=1), name="relay_state_single")]


class Rebuild(models.Model):
    """The rebuild of the query store that is under way, in the one row; none when there is none.

    Every player up to `after` was restated and answered for. `refused` counts those whose shadow was not swapped in.
    """

    id = models.IntegerField(primary_key=True, default=1)
    run = models.CharField(max_length=40)
    began_at = models.DateTimeField()
    after = models.CharField(max_length=64, blank=True)
    swapped = models.BigIntegerField(default=0)
    refused = models.BigIntegerField(default=0)

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(id=1), name="rebuild_single")]
