"""The ledger's word on every player, for the read side to hold its own against.

Public: `state_part`.
"""

from datetime import datetime

import msgspec
from django.db import transaction
from django.db.models import OuterRef, Subquery

from bff.commands.epoch import fresh_id
from bff.commands.models import Account, OutboxRow, Player
from bff.contracts.ledger import BALANCES_STATED, BalancesStated, PlayerStands

PART = 200


def state_part(run: str, part: int, after: str, now: datetime) -> tuple[str, int]:
    """Put one part, the players that sort after `after`, into the outbox; the last of them and how many they are.

    Sequence and balances come from one statement, so they speak of one moment; the outbox comes after that moment.
    """

    def balance(kind: str) -> Subquery:
        return Subquery(Account.objects.filter(player=OuterRef("pk"), kind=kind).values("balance_minor")[:1])

    with transaction.atomic():
        rows = Player.objects.filter(pk__gt=after).order_by("pk")
        rows = rows.annotate(real=balance("real"), bonus=balance("bonus"), held=balance("held"))
        fields = ("pk", "epoch", "sequence", "real", "bonus", "held")
        found = [
            PlayerStands(player, (epoch, sequence), real or 0, bonus or 0, held or 0)
            for player, epoch, sequence, real, bonus, held in rows.values_list(*fields)[:PART]
        ]
        if found:
            data = BalancesStated(run, part, found)
            OutboxRow.objects.create(
                event_id=fresh_id("ev"),
                type=BALANCES_STATED,
                aggregate="ledger",
                epoch=run,
                sequence=part,
                at=now,
                data=msgspec.json.encode(data).decode(),
            )
    return (found[-1].player if found else after), len(found)
