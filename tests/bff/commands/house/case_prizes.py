"""Wins without a bet: declared, only for providers that may give them, capped, and audited separately."""

from datetime import UTC, datetime, timedelta

import pytest
from django.conf import settings

from bff.commands.ledger import audit
from bff.commands.ledger.currencies import LIMITS
from bff.commands.ledger.models import Account, Entry, GameTransaction, PrizeDay, Receipt
from bff.commands.seamless import play, prizes
from bff.commands.seamless.providers import GameProvider
from bff.contracts.seamless import PrizeRequest, RollbackRequest, Status
from tests.bff.commands.house.case_play import Table, uuid

DAY = datetime(2026, 5, 1, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def providers(monkeypatch):
    """Each test has an allowed provider of its own, so that tests share no daily cap; `sandbox` is not allowed."""
    name = f"prizes-{uuid()}"
    providers_by_name = {name: GameProvider(key="k", prizes=True), "sandbox": GameProvider(key="k")}
    monkeypatch.setattr(settings, "GAME_PROVIDERS", providers_by_name)
    return name


def give(table, provider, amount, *, transaction=None, kind="jackpot", currency=None, now=DAY, campaign="May jackpot"):
    request = PrizeRequest(
        uuid(), transaction or uuid(), "t", table.game, campaign, kind, currency or table.currency, amount
    )
    call = play.ProviderCall.of(provider, table.context, "/transaction/prize", request, Status.TOKEN_EXPIRED)
    try:
        return prizes.give(call, request, now)
    except play.Denied as denied:
        return denied


def take_back(table, provider, reference, *, now=DAY, campaign="May jackpot"):
    request = RollbackRequest(uuid(), uuid(), reference, "t", table.game, campaign)
    call = play.ProviderCall.of(provider, table.context, "/transaction/rollback", request)
    return play.roll_back(call, request, now)


def house_paid():
    account = Account.objects.filter(player=None, kind="prizes", currency="EUR").first()
    return -sum(Entry.objects.filter(account=account).values_list("amount_minor", flat=True)) if account else 0


@pytest.mark.parametrize("kind", ["jackpot", "tournament", "promotion"])
def test_a_prize_is_paid_once_and_stands_apart_in_the_books(kind, providers):
    """Real money, a line of the history, out of the house's prizes and not its games, though the token ran out."""
    table, name, before = Table(0), uuid(), house_paid()
    for _ in range(2):
        answer = give(table, providers, 5000, transaction=name, kind=kind)
        assert (answer.status, answer.balance) == (Status.OK, 5000)
    assert house_paid() - before == 5000
    assert GameTransaction.objects.get(transaction_uuid=name).prize == kind
    assert Receipt.objects.get(player_id=table.player, kind="prize").amount_minor == 5000


def test_who_may_not_give_prizes_gives_none():
    """Signed as it is: nothing moves."""
    table = Table(0)
    assert give(table, "sandbox", 5000).status is Status.PRIZE_FORBIDDEN
    assert table.balance() == 0


def test_a_prize_and_a_day_of_prizes_have_a_most(providers):
    """To the cent, for all players of a provider together, anew the next day and in each currency."""
    limits, table, other = LIMITS["EUR"], Table(0), Table(0)
    assert give(table, providers, limits.prize_minor_max + 1).status is Status.LIMIT_EXCEEDED
    times = limits.prizes_day_minor_max // limits.prize_minor_max
    names = [uuid() for _ in range(times)]
    for place, name in enumerate(names):
        answer = give((table, other)[place % 2], providers, limits.prize_minor_max, transaction=name)
        assert answer.status is Status.OK
    assert give(other, providers, 1).status is Status.LIMIT_EXCEEDED
    assert give(Table(0, currency="JPY"), providers, 1).status is Status.OK
    assert give(other, providers, 1, now=DAY + timedelta(days=1)).status is Status.OK
    # A prize that is taken back frees its amount in its own day's cap.
    take_back(table, providers, names[0], now=DAY + timedelta(days=1))
    assert give(other, providers, 1).status is Status.OK
    assert PrizeDay.objects.get(provider=providers, currency="EUR", day=DAY.date()).paid_minor == (
        limits.prizes_day_minor_max - limits.prize_minor_max + 1
    )


def test_a_prize_is_undone_and_forbidden_by_its_name(providers):
    """Its rollback names the campaign as the round; one that comes first forbids it."""
    table, name, never, before = Table(0), uuid(), uuid(), house_paid()
    give(table, providers, 700, transaction=name)
    assert take_back(table, providers, name).balance == 0
    assert house_paid() == before
    assert give(table, providers, 700, transaction=name).status is Status.TRANSACTION_ROLLED_BACK
    take_back(table, providers, never)
    assert give(table, providers, 700, transaction=never).status is Status.TRANSACTION_ROLLED_BACK


def test_a_prize_under_a_used_name_or_in_another_currency_is_refused(providers):
    """Another amount, kind or campaign is another prize; money is never converted, and nothing is no prize."""
    table, name = Table(0), uuid()
    give(table, providers, 700, transaction=name)
    for changed in ({"amount": 701}, {"kind": "promotion"}, {"campaign": "June jackpot"}):
        amount = changed.pop("amount", 700)
        assert give(table, providers, amount, transaction=name, **changed).status is Status.DUPLICATE_TRANSACTION
    assert give(table, providers, 700, currency="GBP").status is Status.WRONG_CURRENCY
    for amount in (0, -1):
        assert give(table, providers, amount).status is Status.WRONG_TYPES


def test_the_audit_finds_prizes_that_nobody_counted(providers):
    """A day that says less than was given, and a house account that paid more."""
    table = Table(0)
    give(table, providers, 700)
    PrizeDay.objects.filter(provider=providers).update(paid_minor=600)
    assert {finding.check for finding in audit.findings()} == {"prizes"}
    PrizeDay.objects.filter(provider=providers).update(paid_minor=700)
    assert audit.findings() == []
