"""A command whose answer was lost is looked up by its key: its result is returned, or if it never came, its key is
closed."""

import secrets
from datetime import UTC, datetime, timedelta

import pytest

from bff.commands.engine.policy import POLICY
from bff.commands.handlers import deposit, limits
from bff.commands.handlers.close_key import close
from bff.commands.ledger import audit
from bff.commands.ledger.command_request import CommandRejected, CommandRequest
from bff.commands.ledger.models import Charge, OutboxRow, Receipt
from bff.commands.payments import charges
from bff.commands.payments.outcome import ChargeOutcome
from bff.contracts.wallet import CloseKey, Deposit, SetDepositLimit

LONG_AGO = timedelta(seconds=POLICY.key_open_s + 1)


def now():
    return datetime.now(UTC)


class Sender:
    """A player whose commands all have one key."""

    def __init__(self):
        self.player, self.key = f"pl_{secrets.token_hex(5)}", secrets.token_hex(16)

    def made_request(self, command, body):
        return CommandRequest.of(self.player, "EUR", command, self.key, body)

    def deposit(self):
        body = Deposit(700, "EUR")
        return deposit.begin(self.made_request("deposit", body), body, now())

    def close(self, ago=LONG_AGO):
        body = CloseKey(now() - ago)
        return close(self.made_request("close-key", body), body, now())

    def refusal(self, act):
        with pytest.raises(CommandRejected) as caught:
            act()
        return caught.value.status, caught.value.code

    def receipts(self):
        return Receipt.objects.filter(player_id=self.player).count()


def test_what_was_done_is_said_as_it_stands():
    """Pending while it is, then done; asking changes nothing."""
    sender = Sender()
    receipt, _ = sender.deposit()
    assert [sender.close(ago).receipt_id for ago in (timedelta(0), LONG_AGO)] == [receipt.receipt_id] * 2
    assert sender.close().state == "pending"
    charges.settle(receipt.receipt_id, ChargeOutcome("approved", "ch_1"), now())
    assert (sender.close().state, sender.close().command, sender.receipts()) == ("done", "deposit", 1)


def test_key_stays_open_while_its_command_may_be_on_its_way():
    """Nothing is written, and the command is carried out when it comes."""
    sender = Sender()
    for ago in (timedelta(0), timedelta(seconds=POLICY.key_open_s - 1), timedelta(seconds=1 - POLICY.key_open_s)):
        assert sender.refusal(lambda ago=ago: sender.close(ago)) == (404, "key_unknown")
    assert sender.deposit()[1]


def test_closed_key_carries_nothing_out():
    """What comes too late is refused, before anybody is charged; asking again gives the same receipt."""
    sender = Sender()
    closed = sender.close()
    assert (closed.state, closed.command, closed.amount_minor, closed.ordinal) == ("declined", "close-key", 0, None)
    assert sender.refusal(sender.deposit) == (409, "key_closed")
    body = SetDepositLimit("day", 5, "EUR")
    late = sender.made_request("set-deposit-limit", body)
    assert sender.refusal(lambda: limits.set_deposit_limit(late, body, now())) == (409, "key_closed")
    assert sender.close(timedelta(0)).receipt_id == closed.receipt_id
    assert sender.receipts() == 1
    assert not Charge.objects.filter(receipt__player_id=sender.player).exists()


def test_wrong_clock_makes_no_lie():
    """A moment far in the future closes the key too: what it says holds because the key is closed."""
    sender = Sender()
    assert sender.close(-timedelta(hours=1)).command == "close-key"
    assert sender.refusal(sender.deposit) == (409, "key_closed")


def test_forgotten_key_is_not_called_unused():
    """Keys are dropped after some months: of an older one nobody can say that nothing was done."""
    sender = Sender()
    long_ago = timedelta(days=POLICY.receipt_keys_retained_days)
    assert sender.refusal(lambda: sender.close(long_ago)) == (410, "key_forgotten")
    assert sender.receipts() == 0


def test_closing_is_told_to_the_read_side_and_is_no_line():
    """The player's sequence has no gap, and the history no line that nobody made."""
    sender = Sender()
    closed = sender.close()
    row = OutboxRow.objects.get(aggregate=f"player:{sender.player}")
    assert (row.type, row.sequence) == ("KeyClosed", closed.sequence)


def test_the_books_are_sound_after_all_this():
    """A closed key moves no money."""
    assert audit.findings() == []


def test_a_key_says_one_thing_only():
    """While its command is carried out it waits, and another command under it is refused for good."""
    sender = Sender()
    sender.deposit()
    assert sender.refusal(sender.deposit) == (409, "command_in_flight")
    body = SetDepositLimit("day", 5, "EUR")
    other = sender.made_request("set-deposit-limit", body)
    assert sender.refusal(lambda: limits.set_deposit_limit(other, body, now())) == (422, "idempotency_key_reused")
    assert sender.receipts() == 1
