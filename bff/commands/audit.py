"""Whether the books are sound: every sum added up again from the entries.

Public: `Finding`, `findings`, `CHECKS`.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from django.db.models import Count, F, OuterRef, Q, Subquery, Sum
from django.db.models.functions import Coalesce

from bff.commands.models import Account, Entry, Player, Receipt, Transaction, Withdrawal


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that must not be. `about` names the row."""

    check: str
    about: str
    detail: str


def _unbalanced() -> Iterator[Finding]:
    """Entries of a transaction that do not sum to zero in a currency, or stand alone."""
    sums = Entry.objects.values("transaction_id", "currency").annotate(total=Sum("amount_minor"))
    for row in sums.exclude(total=0):
        detail = f"entries sum to {row['total']} {row['currency']}"
        yield Finding("sums", row["transaction_id"], detail)
    for empty in Transaction.objects.annotate(sides=Count("entries")).filter(sides__lt=2):
        yield Finding("sums", empty.transaction_id, f"it has {empty.sides} entries")


def _balances() -> Iterator[Finding]:
    """Balances that are not what their entries say, and entries in another currency than their account's."""
    entries = Entry.objects.filter(account=OuterRef("pk")).values("account").annotate(total=Sum("amount_minor"))
    players = Account.objects.filter(player__isnull=False)
    for account in players.annotate(total=Coalesce(Subquery(entries.values("total")), 0)).exclude(
        balance_minor=F("total")
    ):
        detail = f"{account.kind} is kept as {account.balance_minor}, its entries say {account.total}"  # type: ignore[attr-defined]
        yield Finding("balances", str(account.player_id), detail)
    for entry in Entry.objects.exclude(currency=F("account__currency")):
        yield Finding("balances", str(entry.pk), "an entry in another currency than its account")


def _holds() -> Iterator[Finding]:
    """Held money without a withdrawal that holds it."""
    held = (
        Withdrawal.objects.filter(state="held", receipt__player=OuterRef("player"))
        .values("receipt__player")
        .annotate(total=Sum("receipt__amount_minor"))
    )
    accounts = Account.objects.filter(kind="held", player__isnull=False)
    for account in accounts.annotate(asked=-Coalesce(Subquery(held.values("total")), 0)).exclude(
        balance_minor=F("asked")
    ):
        detail = f"{account.balance_minor} held, withdrawals hold {account.asked}"  # type: ignore[attr-defined]
        yield Finding("holds", str(account.player_id), detail)


def _receipts() -> Iterator[Finding]:
    """Deposits that are done without money, or have money without being done."""
    moved = Count("transactions", filter=Q(transactions__kind="deposit"))
    deposits = Receipt.objects.filter(command="deposit").annotate(moved=moved)
    for receipt in deposits.exclude(Q(state="done", moved=1) | (~Q(state="done") & Q(moved=0))):
        yield Finding("receipts", receipt.receipt_id, f"{receipt.state} with {receipt.moved} movements")  # type: ignore[attr-defined]


def _lines() -> Iterator[Finding]:
    """Histories that are longer or shorter than they are counted."""
    known = Count("receipts", filter=Q(receipts__ordinal__isnull=False))
    for player in Player.objects.annotate(known=known).exclude(lines=F("known")):
        yield Finding("lines", player.player_id, f"{player.lines} lines counted, {player.known} there")  # type: ignore[attr-defined]


CHECKS: dict[str, Callable[[], Iterator[Finding]]] = {
    "sums": _unbalanced,
    "balances": _balances,
    "holds": _holds,
    "receipts": _receipts,
    "lines": _lines,
}


def findings() -> list[Finding]:
    """Everything that is wrong; empty when the books are sound."""
    return [finding for check in CHECKS.values() for finding in check()]
