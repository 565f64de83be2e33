"""Whether the books are sound: every sum added up again from the entries, a part of the books at a time.

Public: `Finding`, `findings`, `size`.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, F, Model, OuterRef, Q, Subquery, Sum
from django.db.models.functions import Coalesce

from bff.commands.ledger.models import (
    Account,
    Charge,
    Entry,
    GameTransaction,
    Grant,
    Player,
    PrizeDay,
    Receipt,
    Transaction,
    Withdrawal,
)
from bff.contracts.command_names import DEPOSIT

CHUNK = 500


@dataclass(frozen=True, slots=True)
class Finding:
    """One inconsistency. `about` names the row."""

    check: str
    about: str
    detail: str


def _sums(chunk: list[Any]) -> Iterator[Finding]:
    """Transactions whose entries do not sum to zero in each currency, or have one side only."""
    sums = Entry.objects.filter(transaction__in=chunk).values("transaction_id", "currency")
    for row in sums.annotate(total=Sum("amount_minor")).exclude(total=0).order_by():
        yield Finding("sums", row["transaction_id"], f"its entries sum to {row['total']} {row['currency']}")
    for lone in Transaction.objects.filter(pk__in=chunk).annotate(sides=Count("entries")).filter(sides__lt=2):
        yield Finding("sums", lone.transaction_id, f"it has {lone.sides} entries")


def _currencies(chunk: list[Any]) -> Iterator[Finding]:
    """Entries in another currency than their account's."""
    for entry in Entry.objects.filter(transaction__in=chunk).exclude(currency=F("account__currency")):
        yield Finding("currencies", str(entry.pk), f"{entry.currency} in an account of another currency")


def _balances(chunk: list[Any]) -> Iterator[Finding]:
    """Balances that differ from the sum of their entries."""
    entries = Entry.objects.filter(account=OuterRef("pk")).values("account").annotate(total=Sum("amount_minor"))
    accounts = Account.objects.filter(player__in=chunk).annotate(total=Coalesce(Subquery(entries.values("total")), 0))
    for row in accounts.exclude(balance_minor=F("total")).values("player_id", "kind", "balance_minor", "total"):
        detail = f"{row['kind']} is kept as {row['balance_minor']}, its entries say {row['total']}"
        yield Finding("balances", row["player_id"], detail)


def _holds(chunk: list[Any]) -> Iterator[Finding]:
    """Held money without a withdrawal that holds it, and the other way round."""
    held = Withdrawal.objects.filter(state="held", receipt__player=OuterRef("player")).values("receipt__player")
    withdrawing = -Coalesce(Subquery(held.annotate(total=Sum("receipt__amount_minor")).values("total")), 0)
    accounts = Account.objects.filter(kind="held", player__in=chunk).annotate(withdrawing=withdrawing)
    for row in accounts.exclude(balance_minor=F("withdrawing")).values("player_id", "balance_minor", "withdrawing"):
        detail = f"{row['balance_minor']} is held, withdrawals hold {row['withdrawing']}"
        yield Finding("holds", row["player_id"], detail)


def _deposits(chunk: list[Any]) -> Iterator[Finding]:
    """Deposits that are done without money, or have money without being done."""
    moved = Count("transactions", filter=Q(transactions__kind="deposit"))
    deposits = Receipt.objects.filter(command=DEPOSIT, player__in=chunk).annotate(moved=moved)
    wrong = deposits.exclude(Q(state="done", moved=1) | (~Q(state="done") & Q(moved=0)))
    for row in wrong.values("receipt_id", "state", "moved"):
        yield Finding("deposits", row["receipt_id"], f"{row['state']} with {row['moved']} movements")


def _charges(chunk: list[Any]) -> Iterator[Finding]:
    """Charges of another amount or currency than requested, until an operator has decided them."""
    differing = Charge.objects.filter(state="differs", receipt__player__in=chunk).select_related("receipt")
    for charge in differing:
        requested = f"{charge.receipt.amount_minor} {charge.receipt.currency}"
        yield Finding(
            "charges", charge.pk, f"{requested} was asked for, {charge.charged} was charged: decide it with `charges`"
        )


def _history_lengths(chunk: list[Any]) -> Iterator[Finding]:
    """Histories that are longer or shorter than they are counted."""
    counted = Count("receipts", filter=Q(receipts__ordinal__isnull=False))
    players = Player.objects.filter(pk__in=chunk).annotate(counted=counted)
    for row in players.exclude(lines=F("counted")).values("player_id", "lines", "counted"):
        yield Finding("lines", row["player_id"], f"{row['lines']} lines are counted, {row['counted']} are there")


def _grants(chunk: list[Any]) -> Iterator[Finding]:
    """Bonuses whose counted stake differs from their bets, or that should be done or ended and are not."""
    counted = Coalesce(Sum("bets__wagered_minor"), 0)
    grants = Grant.objects.filter(player__in=chunk).annotate(counted=counted)
    wrong = grants.exclude(wagered_minor=F("counted")) | grants.filter(
        state="running", wagered_minor__gte=F("wagering_minor")
    )
    for row in wrong.values("pk", "state", "wagered_minor", "counted", "wagering_minor"):
        detail = f"{row['state']} at {row['wagered_minor']} of {row['wagering_minor']}, its bets say {row['counted']}"
        yield Finding("grants", str(row["pk"]), detail)


def _bonuses(chunk: list[Any]) -> Iterator[Finding]:
    """Bonus money that belongs to no running bonus: more than was granted, and more than their bets have left of it."""
    given = Grant.objects.filter(state="running", player=OuterRef("player")).values("player")
    played = GameTransaction.objects.filter(grant__state="running", player=OuterRef("player")).values("player")
    held = Coalesce(Subquery(given.annotate(total=Sum("amount_minor")).values("total")), 0) + Coalesce(
        Subquery(played.annotate(total=Sum("bonus_minor")).values("total")), 0
    )
    accounts = Account.objects.filter(kind="bonus", player__in=chunk).annotate(held=held)
    for row in accounts.filter(balance_minor__gt=F("held")).values("player_id", "balance_minor", "held"):
        detail = f"{row['balance_minor']} stands as bonus, the bonuses that run hold {row['held']}"
        yield Finding("bonuses", row["player_id"], detail)


def _prize_days(chunk: list[Any]) -> Iterator[Finding]:
    """Days on which a provider gave other prizes than are counted for its limit."""
    for day in PrizeDay.objects.filter(pk__in=chunk):
        given = GameTransaction.objects.filter(kind="prize", rolled_back=False, provider=day.provider, at__date=day.day)
        total = given.filter(player__currency=day.currency).aggregate(total=Sum("amount_minor"))["total"] or 0
        if total != day.paid_minor:
            detail = f"{day.paid_minor} {day.currency} are counted for {day.day}, its prizes say {total}"
            yield Finding("prizes", day.provider, detail)


def _prizes(chunk: list[Any]) -> Iterator[Finding]:
    """The house's account of prizes, where it has paid something else than the providers' prizes."""
    for account in Account.objects.filter(pk__in=chunk, player=None, kind="prizes"):
        paid = -(Entry.objects.filter(account=account).aggregate(total=Sum("amount_minor"))["total"] or 0)
        given = PrizeDay.objects.filter(currency=account.currency).aggregate(total=Sum("paid_minor"))["total"] or 0
        if paid != given:
            yield Finding("prizes", account.currency, f"{paid} was paid, the providers gave {given}")


Check = Callable[[list[Any]], Iterator[Finding]]

CHECKS: list[tuple[type[Model], list[Check]]] = [
    (PrizeDay, [_prize_days]),
    (Account, [_prizes]),
    (Transaction, [_sums, _currencies]),
    (Player, [_balances, _holds, _deposits, _charges, _history_lengths, _grants, _bonuses]),
]


def size() -> int:
    """How many rows `findings` will go through."""
    return sum(model._default_manager.count() for model, _ in CHECKS)


def findings(advance: Callable[[int], None] = lambda _: None) -> list[Finding]:
    """Everything that is wrong; empty when the books are sound. `advance` gets how many rows were gone through."""
    found: list[Finding] = []
    for model, checks in CHECKS:
        rows = model._default_manager.order_by("pk").values_list("pk", flat=True)
        chunk = list(rows[:CHUNK])
        while chunk:
            for check in checks:
                found += check(chunk)
            advance(len(chunk))
            chunk = list(rows.filter(pk__gt=chunk[-1])[:CHUNK])
    return found
