"""Statements of each player's state in the ledger, which the read side is compared with.

Public: `state_part`, `statements_of`.
"""

from collections import defaultdict
from datetime import UTC, datetime

import msgspec
from django.db import connection, transaction
from django.db.models import Count, OuterRef, Q, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce, TruncMonth

from bff.commands.engine.identifiers import fresh_id
from bff.commands.ledger import player_state
from bff.commands.ledger.models import Account, Grant, OutboxRow, Player, Receipt
from bff.contracts.history import KindTotals, month_of
from bff.contracts.ledger import BALANCES_STATED, BalancesStated, PlayerStatement
from bff.contracts.ledger_partition import aggregate_of_partition, partition_key, partition_of, players_by_partition

PART = 200


def state_part(
    run: str, part: int, after: str, now: datetime, partitions: int, only: int | None = None
) -> tuple[str, int]:
    """Put the players that sort after `after`, those of the partition `only` where it is given, into the outbox; the
    last that was looked at, and in how many parts, from `part` on.

    All of it is read in one snapshot, so it speaks of one moment; the outbox comes after that moment. Each player is
    stated in the player's partition, behind what happened there.
    """
    with transaction.atomic():
        if connection.vendor == "postgresql":  # SQLite has one snapshot a transaction anyhow
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        names = list(Player.objects.filter(pk__gt=after).order_by("pk").values_list("pk", flat=True)[:PART])
        wanted = [each for each in names if only in (None, partition_of(f"player:{each}", partitions))]
        found = statements_of(Player.objects.filter(pk__in=wanted).order_by("pk"))
        places = players_by_partition(((each.player, each) for each in found), partitions)
        for sequence, (place, stands) in enumerate(places.items(), start=part):
            aggregate = aggregate_of_partition(place)
            OutboxRow.objects.create(
                event_id=fresh_id("ev"),
                type=BALANCES_STATED,
                aggregate=aggregate,
                partition_key=partition_key(aggregate),
                epoch=run,
                sequence=sequence,
                at=now,
                data=msgspec.json.encode(BalancesStated(run, sequence, stands)).decode(),
            )
    return (names[-1] if names else after), len(places)


def statements_of(players: QuerySet[Player]) -> list[PlayerStatement]:
    """Where each of `players` stands, added up from accounts and lines and not from events."""

    def balance(kind: str) -> Subquery:
        return Subquery(Account.objects.filter(player=OuterRef("pk"), kind=kind).values("balance_minor")[:1])

    rows = list(players.annotate(real=balance("real"), bonus=balance("bonus"), held=balance("held")))
    names = [player.pk for player in rows]
    months, pending, claimed = _months(names), _pending(names), _claimed(names)
    return [
        PlayerStatement(
            player=player.pk,
            sequence=(player.epoch, player.sequence),
            real_minor=player.real or 0,
            bonus_minor=player.bonus or 0,
            held_minor=player.held or 0,
            currency=player.currency,
            months=months[player.pk],
            pending=pending[player.pk],
            limits=player_state.limits_of(player),
            lines=player.lines,
            claimed=claimed[player.pk],
        )
        for player in rows
    ]


def _months(players: list[str]) -> dict[str, dict[str, dict[str, KindTotals]]]:
    lines = Receipt.objects.filter(player__in=players, ordinal__isnull=False)
    grouped = lines.values("player_id", "kind", month=TruncMonth("at", tzinfo=UTC)).annotate(
        lines=Count("pk"),
        came=Coalesce(Sum("amount_minor", filter=Q(state="done", amount_minor__gt=0)), 0),
        went=Coalesce(Sum("amount_minor", filter=Q(state="done", amount_minor__lt=0)), 0),
    )
    found: dict[str, dict[str, dict[str, KindTotals]]] = defaultdict(lambda: defaultdict(dict))
    for row in grouped.order_by():
        totals = KindTotals(row["lines"], row["came"], row["went"])
        found[row["player_id"]][month_of(row["month"])][row["kind"]] = totals
    return found


def _claimed(players: list[str]) -> dict[str, dict[str, int]]:
    grants = Grant.objects.filter(player__in=players).values("player_id", "promotion_id").annotate(count=Count("pk"))
    found: dict[str, dict[str, int]] = defaultdict(dict)
    for row in grants.order_by():
        found[row["player_id"]][row["promotion_id"]] = row["count"]
    return found


def _pending(players: list[str]) -> dict[str, list[str]]:
    waiting = Receipt.objects.filter(player__in=players, state="pending", ordinal__isnull=False)
    found: dict[str, list[str]] = defaultdict(list)
    for player, receipt in waiting.order_by("-ordinal").values_list("player_id", "receipt_id"):
        found[player].append(receipt)
    return found
