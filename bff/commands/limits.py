"""Safer gambling: what players have forbidden themselves. The engine decides it, so nothing on the way can forget it.

Public: `set_deposit_limit`, `self_exclude`, `check_deposit`, `check_excluded`, `excluded`.
"""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from django.db import transaction
from django.db.models import Sum

from bff.commands.engine.policy import POLICY
from bff.commands.ledger import outbox, receipts
from bff.commands.ledger.accounts import Book
from bff.commands.ledger.currencies import limits_of
from bff.commands.ledger.models import DepositLimit, Receipt
from bff.commands.ledger.receipts import Asked, Refused
from bff.contracts.money import minor_digits
from bff.contracts.wallet import MovementState, SelfExclude, SetDepositLimit

PERIODS = {"day": timedelta(days=1), "week": timedelta(days=7), "month": timedelta(days=30)}
FOR_GOOD = datetime(9999, 12, 31, tzinfo=UTC)
DAYS_MAX = 3650


@transaction.atomic
def set_deposit_limit(asked: Asked, wanted: SetDepositLimit, now: datetime) -> Receipt:
    """Less counts at once; more, or none, after a day in which the player may think again."""
    book = Book.open(asked.player, wanted.currency, now)
    if (before := receipts.answered_before(asked, book)) is not None:
        return before
    if wanted.currency != book.player.currency:
        wrong = f"Your account is kept in {book.player.currency}."
        raise Refused(422, "currency_differs", "Nothing was changed.", {"currency": wrong})
    allowed = limits_of(book.player.currency)
    most = allowed.amount_minor_max if allowed else 0
    if wanted.amount_minor is not None and not 0 <= wanted.amount_minor <= most:
        fields = {"amount_minor": "Enter an amount from zero on."}
        raise Refused(422, "amount_out_of_range", "Nothing was changed.", fields)
    limit, _ = DepositLimit.objects.get_or_create(player=book.player, period=wanted.period)
    limit.amount_minor = _effective(limit, now)
    state: MovementState
    if _stricter(wanted.amount_minor, limit.amount_minor):
        limit.amount_minor, limit.next_minor, limit.next_at = wanted.amount_minor, None, None
        state, reason = "done", ""
    else:
        limit.next_minor = wanted.amount_minor
        limit.next_at = now + timedelta(hours=POLICY.limit_raise_h)
        state, reason = "pending", f"A higher limit counts {POLICY.limit_raise_h} hours from now."
    limit.save()
    amount = wanted.amount_minor or 0
    receipt = receipts.write(
        book, asked, kind="limit", state=state, amount_minor=amount, reason=reason, in_history=False
    )
    outbox.tell(book, "DepositLimitSet", [receipt], limits_changed=True)
    return receipt


@transaction.atomic
def self_exclude(asked: Asked, wanted: SelfExclude, now: datetime) -> Receipt:
    """From this moment on: no stake, no deposit, no bonus. What is in the account can be withdrawn."""
    if wanted.days is not None and not 1 <= wanted.days <= DAYS_MAX:
        fields = {"days": f"Enter 1 to {DAYS_MAX} days, or leave it open for good."}
        raise Refused(422, "days_out_of_range", "Nothing was changed.", fields)
    book = Book.open(asked.player, asked.currency, now)
    if (before := receipts.answered_before(asked, book)) is not None:
        return before
    until = FOR_GOOD if wanted.days is None else now + timedelta(days=wanted.days)
    book.player.excluded_until = max(until, book.player.excluded_until or until)
    book.player.save(update_fields=["excluded_until"])
    receipt = receipts.write(book, asked, kind="exclusion", state="done", amount_minor=0, in_history=False)
    outbox.tell(book, "PlayerExcluded", [receipt], limits_changed=True)
    return receipt


def excluded(book: Book) -> bool:
    """Whether the player has shut themselves out at this moment."""
    until = book.player.excluded_until
    return until is not None and until > book.now


def check_excluded(book: Book) -> None:
    """Raises `Refused` for a player who has shut themselves out."""
    if excluded(book):
        detail = "You are on a break, so nothing was taken. You can still withdraw your money."
        raise Refused(403, "player_excluded", detail)


def check_deposit(book: Book, amount_minor: int) -> None:
    """Raises `Refused` when this deposit would go over one of the player's limits; pending ones count."""
    for limit in DepositLimit.objects.filter(player=book.player):
        most = _effective(limit, book.now)
        if most is None:
            continue
        within = Receipt.objects.filter(
            player=book.player,
            command="deposit",
            state__in=("done", "pending"),
            at__gt=book.now - PERIODS[limit.period],
        )
        used = within.aggregate(total=Sum("amount_minor"))["total"] or 0
        if used + amount_minor > most:
            left = _written(max(0, most - used), book.player.currency)
            fields = {"amount_minor": f"Within your deposit limit for a {limit.period}, {left} is left."}
            detail = (
                f"This would go over the deposit limit that you have set for a {limit.period}. Nothing was charged."
            )
            raise Refused(409, "deposit_limit_reached", detail, fields)


def _effective(limit: DepositLimit, now: datetime) -> int | None:
    if limit.next_at is not None and limit.next_at <= now:
        return limit.next_minor
    return limit.amount_minor


def _written(amount_minor: int, currency: str) -> str:
    """`12.50 EUR`: the engine does not know the player's locale."""
    return f"{Decimal(amount_minor).scaleb(-minor_digits(currency))} {currency}"


def _stricter(wanted: int | None, standing: int | None) -> bool:
    if wanted is None:
        return standing is None
    return standing is None or wanted <= standing
