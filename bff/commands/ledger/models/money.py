"""Players, their accounts, and what moves between those.

Entries are appended only: triggers refuse to change or delete one (see the first migration). A player's balances are
stored beside them, never instead: the audit adds the entries up again. Amounts are minor units of the row's currency;
both are decided by the command that writes the row.

Public: `Player`, `Account`, `Receipt`, `Transaction`, `Entry`, `Charge`, `DepositLimit`, `Withdrawal`.
"""

from django.db import models
from django.db.models import Q


class Player(models.Model):
    """The owner of accounts. Its row is locked by every command, so a player's commands happen one after another.

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
    """The answer of a command, written in the command's transaction. A line of the history when it has an `ordinal`.

    `key` is the idempotency key, unique a player; `fingerprint` says what was asked under it. `in_flight_until` is set
    while a command waits for a provider; until then no other process may answer for its key.
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
    """A charge requested from the payments provider. The reference is the receipt's id.

    States: `sent` (whether it arrived is not known), `processing`, `approved`, `declined`, `lost` (the provider never
    heard of it, or it never left), `differs` (the provider says that it charged something else, `charged`: for
    people to decide).
    """

    receipt = models.OneToOneField(Receipt, primary_key=True, on_delete=models.PROTECT, related_name="charge")
    state = models.CharField(max_length=16)
    charge_id = models.CharField(max_length=100, blank=True)
    sent_at = models.DateTimeField()
    check_at = models.DateTimeField(null=True)
    checks = models.IntegerField(default=0)
    # The column has the name that releases before know it by: they run beside this one while it is rolled out.
    charged = models.CharField(max_length=40, blank=True, db_column="said")

    class Meta:
        indexes = [
            models.Index(fields=["check_at"], condition=Q(check_at__isnull=False), name="charge_check"),
            models.Index(fields=["receipt"], condition=Q(state="differs"), name="charge_differs"),
        ]


class DepositLimit(models.Model):
    """A player's own deposit limit. A raised or removed limit waits in `next_minor` until `next_at`."""

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
