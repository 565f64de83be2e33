"""Wins without a bet: jackpots, tournaments and promotions of a provider that may give some.

Public: `give`, `release_day_limit`.

No bet says what such a win may be, so that a provider whose key is stolen could pay anybody anything. It is declared
as what it is, only named providers may (`providers.py`), one has a largest amount and all of a day have one
together (`currencies.py`), and the money comes out of the house's account `prizes`, which the audit holds against what
the providers were told.
"""

from datetime import UTC, date, datetime

from django.db import transaction

from bff.commands.engine import statements
from bff.commands.ledger.currencies import CurrencyLimits
from bff.commands.ledger.models import GameTransaction, PrizeDay
from bff.commands.ledger.movement import Movement
from bff.commands.seamless import debts, providers, requests
from bff.commands.seamless.movements import accepted, check_money, move
from bff.commands.seamless.requests import Denied, ProviderCall
from bff.contracts.seamless import PrizeRequest, Status, WalletAnswer


@transaction.atomic(savepoint=False)
def give(call: ProviderCall, prize: PrizeRequest, now: datetime) -> WalletAnswer:
    """Pay the prize as real money, once. A prize is owed, so a self-excluded player gets it too."""
    accounts, _ = requests.open_request(call, prize, now)
    found = requests.find(call, prize.transaction_uuid)
    if requests.already_applied(found, accounts, prize, "prize", prize.amount_minor):
        return accepted(accounts, prize.request_uuid)
    if not providers.find(call.provider).prizes:
        raise Denied(Status.PRIZE_FORBIDDEN)
    limits = check_money(accounts, prize.currency, prize.amount_minor, least=1)
    if found.rolled_back_first:
        raise Denied(Status.TRANSACTION_ROLLED_BACK)
    _use_day_limit(call.provider, prize, limits, now.astimezone(UTC).date())
    movement = debts.split_credit(accounts, Movement(prize.amount_minor, 0))
    move(call, accounts, prize, "prize", "PrizeWon", movement)
    return accepted(accounts, prize.request_uuid)


def release_day_limit(provider: str, undone: GameTransaction, currency: str) -> None:
    """A prize that is rolled back no longer counts for the day on which it was given."""
    day = _lock_day(provider, currency, undone.at.astimezone(UTC).date())
    day.paid_minor -= undone.amount_minor
    statements.update(day, "paid_minor")


def _use_day_limit(provider: str, prize: PrizeRequest, limits: CurrencyLimits, today: date) -> None:
    if prize.amount_minor > limits.prize_minor_max:
        raise Denied(Status.LIMIT_EXCEEDED)
    day = _lock_day(provider, prize.currency, today)
    if day.paid_minor + prize.amount_minor > limits.prizes_day_minor_max:
        raise Denied(Status.LIMIT_EXCEEDED)
    day.paid_minor += prize.amount_minor
    statements.update(day, "paid_minor")


def _lock_day(provider: str, currency: str, day: date) -> PrizeDay:
    """The day's row, locked until the end: two prizes at once must not both find the last of the limit."""
    key = {"provider": provider, "currency": currency, "day": day}
    statements.insert_new(PrizeDay, **key, paid_minor=0)
    return statements.find(PrizeDay, lock=True, **key)[0]
