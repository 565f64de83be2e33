"""The audit finds every tampered entry, and names it."""

import io
import secrets
from contextlib import contextmanager

import pytest
from django.core.management import call_command
from django.db import connection, transaction

from bff.commands.engine import statements
from bff.commands.ledger import audit
from bff.commands.ledger.models import Account, Entry, Grant, Player, Receipt, Transaction
from tests.bff.commands.house.case_play import Table, open_more
from tests.bff.commands.house.case_wagering import Player as Claimant


@contextmanager
def bending():
    """Within the block entries may be changed; after it everything is as before."""
    with transaction.atomic(), connection.cursor() as cursor:
        where = " ON commands_entry" if connection.vendor == "postgresql" else ""
        cursor.execute(f"DROP TRIGGER commands_entry_no_update{where}")
        yield cursor
        transaction.set_rollback(True)


def found():
    return {f"{each.check}: {each.detail}" for each in audit.findings()}


def test_bent_balances_entries_holds_and_histories_are_found():
    """Each gets a line, and the exit code is 1."""
    table = Table(4000, "GBP")
    assert found() == set()
    with bending() as cursor:
        account = Account.objects.get(player_id=table.player, kind="real")
        cursor.execute("UPDATE commands_entry SET amount_minor = amount_minor + 7 WHERE account_id = %s", [account.pk])
        Account.objects.filter(player_id=table.player, kind="held").update(balance_minor=5)
        Player.objects.filter(pk=table.player).update(lines=9)
        bent, out = found(), io.StringIO()
        with pytest.raises(SystemExit) as ended:
            call_command("audit_ledger", stdout=out, stderr=io.StringIO())
    assert bent == {
        "sums: its entries sum to 7 GBP",
        "balances: real is kept as 4000, its entries say 4007",
        "balances: held is kept as 5, its entries say 0",
        "holds: 5 is held, withdrawals hold 0",
        "lines: 9 lines are counted, 1 are there",
    }
    assert ended.value.code == 1
    assert table.player in out.getvalue()


def test_an_entry_in_another_currency_is_found():
    """Neither currency of its transaction sums to zero, and the account is named."""
    table = Table(4000, "GBP")
    with bending() as cursor:
        account = Account.objects.get(player_id=table.player, kind="real")
        cursor.execute("UPDATE commands_entry SET currency = 'JPY' WHERE account_id = %s", [account.pk])
        bent = found()
    assert bent == {
        "sums: its entries sum to 4000 JPY",
        "sums: its entries sum to -4000 GBP",
        "currencies: JPY in an account of another currency",
    }


def test_deposits_that_do_not_agree_with_their_money_are_found():
    """One that is pending though its money came, and one that is done without any."""
    table = Table(0)
    open_more(table, 500)
    [receipt] = Receipt.objects.filter(player_id=table.player)
    with bending():
        Receipt.objects.filter(pk=receipt.pk).update(state="pending")
        copy = Receipt.objects.get(pk=receipt.pk)
        copy.pk, copy.state, copy.ordinal, copy.key = f"rc_{secrets.token_hex(5)}", "done", 1, "other"
        copy.save(force_insert=True)
        Player.objects.filter(pk=table.player).update(lines=2)
        bent = found()
    assert bent == {"deposits: pending with 1 movements", "deposits: done with 0 movements"}


def test_bonuses_that_do_not_agree_with_their_bets_are_found():
    """One that counts what was never staked, one that should be done, and money of one that is over."""
    player, other = Claimant(), Claimant()
    offer, ended = player.claim(), other.claim(amount=70)
    player.bet(100)
    with bending():
        Grant.objects.filter(promotion_id=offer).update(wagered_minor=2100)
        Grant.objects.filter(promotion_id=ended).update(state="ended")
        bent = found()
    assert bent == {
        "grants: running at 2100 of 2000, its bets say 100",
        "bonuses: 70 stands as bonus, the bonuses that run hold 0",
    }


def test_a_transaction_of_one_side_is_found():
    """Money neither comes from nowhere nor goes there."""
    table = Table(4000, "GBP")
    with bending():
        account = Account.objects.get(player_id=table.player, kind="real")
        posted = Entry.objects.get(account=account).transaction
        lone = {"transaction_id": "tx_lone"}
        statements.insert_values(
            Transaction, {**lone, "kind": "opening", "receipt_id": posted.receipt_id, "at": posted.at}
        )
        statements.insert_values(Entry, {**lone, "currency": "GBP", "account_id": account.pk, "amount_minor": 5})
        bent = found()
    assert {"sums: it has 1 entries", "sums: its entries sum to 5 GBP"} <= bent
