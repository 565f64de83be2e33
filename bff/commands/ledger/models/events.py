"""Events on their way out, and how far the relay and a rebuild have come.

Public: `OutboxRow`, `RelayState`, `Rebuild`.
"""

from django.db import models
from django.db.models import Q


class OutboxRow(models.Model):
    """An event on its way out. The relay gives `position` when it takes the row, so order of commit does not matter.

    `previous_id` is the event that got the position before, in the same epoch. `partition_key` says in which partition
    that is (`bff.contracts.ledger_partition`); NULL where a process of the release before has written the row.
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
    partition_key = models.BigIntegerField(null=True)

    class Meta:
        indexes = [
            models.Index(
                fields=["id"],
                condition=Q(partition_key__isnull=True, published_at__isnull=True),
                name="outbox_unkeyed",
            ),
            models.Index(fields=["id"], condition=Q(position__isnull=True), name="outbox_waiting"),
            models.Index(
                fields=["position"],
                condition=Q(position__isnull=False, published_at__isnull=True),
                name="outbox_unpublished",
            ),
            models.Index(fields=["published_at"], condition=Q(published_at__isnull=False), name="outbox_published"),
        ]


class RelayState(models.Model):
    """The one row that says in which epoch each partition is and how far it has come in it.

    `epoch` is the one that began last, in one partition or in all; `epochs` holds each partition's as JSON, nothing
    where all are in that one. `position` and `event_id` are the last position given in the first partition and what it
    was given to; `others` holds the same of those that follow, as JSON. `sent` says up to which position everything has
    gone out. `holder` and `held_until` are those of a relay of the release before, which leads alone.
    """

    id = models.IntegerField(primary_key=True, default=1)
    epoch = models.CharField(max_length=64)
    position = models.BigIntegerField(default=0)
    event_id = models.CharField(max_length=40, blank=True, default="", db_default="")
    others = models.TextField(blank=True, default="[]", db_default="[]")
    epochs = models.TextField(blank=True, default="[]", db_default="[]")
    sent = models.TextField(blank=True, default="[]", db_default="[]")
    began_at = models.DateTimeField()
    holder = models.CharField(max_length=80, blank=True)
    held_until = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(id=1), name="relay_state_single")]


class Rebuild(models.Model):
    """The rebuild of the query store that is under way, in the one row; none when there is none.

    Of the players of `partition` (NULL: of all) everybody up to `after` was restated and answered for. `refused` counts
    those whose shadow was not swapped in.
    """

    id = models.IntegerField(primary_key=True, default=1)
    run = models.CharField(max_length=40)
    partition = models.IntegerField(null=True)
    began_at = models.DateTimeField()
    after = models.CharField(max_length=64, blank=True)
    swapped = models.BigIntegerField(default=0)
    refused = models.BigIntegerField(default=0)

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(id=1), name="rebuild_single")]
