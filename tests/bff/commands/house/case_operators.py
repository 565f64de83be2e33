"""Operators' commands on the command database, and their output."""

import io
import secrets
from datetime import UTC, datetime, timedelta

import pytest
from django.core.management import CommandError, call_command

from bff.commands.engine.identifiers import next_epoch
from bff.commands.engine.progress_bar import Bar
from bff.commands.handlers.deposit import begin
from bff.commands.ledger import audit
from bff.commands.ledger.command_request import CommandRequest
from bff.commands.ledger.models import Account, Charge, OutboxRow, Player, Receipt, RelayState
from bff.commands.management.commands.seed_demo import open_balance
from bff.commands.payments.charges import settle
from bff.commands.payments.outcome import ChargeOutcome
from bff.commands.relay import epochs, restating, steps
from bff.contracts.wallet import Deposit

# The lines of one partition.
ALL = frozenset({0})


def someone(amount=4000, currency="GBP"):
    player = f"pl_{secrets.token_hex(5)}"
    if amount:
        open_balance(player, currency, amount)
    return player


def output_of(name, *arguments):
    out = io.StringIO()
    call_command(name, *arguments, stdout=out, stderr=io.StringIO())
    return out.getvalue()


def set_partitions_at_once(partitions):
    """Bring this number into force as if everybody had been restated in it, and all had gone out."""
    now = datetime.now(UTC)
    epochs.set_partitions(partitions, now)
    Player.objects.update(epoch=RelayState.objects.get(pk=1).epoch)
    OutboxRow.objects.filter(published_at__isnull=True).update(published_at=now)


def test_bonuses_and_withdrawals_say_what_they_did():
    """Each counts once, and what can not be done is a sentence."""
    player = someone()
    assert "bonus given" in output_of("grant_bonus", player, "500", "--reference", "sorry")
    assert "given before" in output_of("grant_bonus", player, "500", "--reference", "sorry")
    assert Account.objects.get(player_id=player, kind="bonus").balance_minor == 500
    for arguments, sentence in {
        ("grant_bonus", "pl_nobody", "5", "--reference", "x"): "There is no player pl_nobody.",
        ("grant_bonus", player, "-5", "--reference", "x"): "Enter an amount above zero.",
        ("grant_bonus", player, "5", "--reference", "x", "--wagering", "-3"): "A bonus is staked 0 to 1000 times.",
        ("grant_bonus", player, "5", "--reference", ""): "A reference has 1 to 92 characters.",
        ("grant_bonus", player, "5", "--reference", "x" * 93): "A reference has 1 to 92 characters.",
        ("withdrawals", "--pay", "rc_x"): "There is no withdrawal rc_x.",
        ("charges", "--approve", "rc_x"): "There is no charge rc_x that waits to be decided.",
    }.items():
        with pytest.raises(CommandError, match=sentence):
            call_command(*arguments)
    assert output_of("withdrawals").endswith("held.\n")
    for last in "ab":
        assert "bonus given" in output_of("grant_bonus", player, "5", "--reference", "r" * 91 + last)


def test_charges_that_differ_wait_for_people():
    """Another amount or currency moves nothing, is a finding, is asked about no more, and is decided once."""
    player, at = someone(0, "EUR"), datetime.now(UTC)
    wrong = {"amount": ChargeOutcome("approved", "ch_1", amount_minor=500, currency="EUR"),
             "currency": ChargeOutcome("approved", "ch_2", amount_minor=300, currency="GBP")}  # fmt: skip
    receipts = {name: deposited(player, 300, verdict, at).receipt_id for name, verdict in wrong.items()}
    assert {Receipt.objects.get(pk=each).state for each in receipts.values()} == {"pending"}
    found = {each.about: each.detail for each in audit.findings()}
    assert found[receipts["amount"]].startswith("300 EUR was asked for, 500 EUR was charged")
    assert found[receipts["currency"]].startswith("300 EUR was asked for, 300 GBP was charged")
    assert not Charge.objects.filter(pk__in=receipts.values(), check_at__isnull=False).exists()
    assert settle(receipts["amount"], wrong["amount"], at).state == "pending"
    assert "asked 300 EUR, charged 500 EUR" in output_of("charges")
    assert "300 credited" in output_of("charges", "--approve", receipts["amount"])
    assert "declined" in output_of("charges", "--decline", receipts["currency"], "--reason", "Sent back.")
    assert Receipt.objects.get(pk=receipts["currency"]).reason == "Sent back."
    with pytest.raises(CommandError, match="waits to be decided"):
        output_of("charges", "--approve", receipts["currency"])
    assert Account.objects.get(player_id=player, kind="real").balance_minor == 300
    assert output_of("charges") == "0 to decide.\n"
    assert audit.findings() == []


def test_a_provider_that_corrects_itself_settles_what_differed():
    """Its next word about the amount that was asked for counts, as any word of its."""
    player, at = someone(0, "EUR"), datetime.now(UTC)
    receipt = deposited(player, 300, ChargeOutcome("approved", "ch_1", amount_minor=30_000, currency="EUR"), at)
    assert (receipt.state, receipt.in_flight_until) == ("pending", None)
    right = ChargeOutcome("approved", "ch_1", amount_minor=300, currency="EUR")
    assert settle(receipt.receipt_id, right, at).state == "done"
    assert Account.objects.get(player_id=player, kind="real").balance_minor == 300


def deposited(player, amount, verdict, at):
    """The receipt of a deposit that the provider answers with `verdict`."""
    body = Deposit(amount, "EUR")
    receipt, _ = begin(CommandRequest.of(player, "EUR", "deposit", secrets.token_hex(8), body), body, at)
    return settle(receipt.receipt_id, verdict, at)


def test_relay_gives_positions_without_gaps_and_once():
    """Rows get their place when they are taken, in order; what went out is not taken again."""
    now = datetime.now(UTC)
    player = someone()
    batch, seen = None, []
    while batch is None or batch.rows:
        batch = steps.next_batch(ALL, batch, now)
        seen += batch.events
    positions = [event.position[1] for event in seen]
    assert positions == list(range(positions[0], positions[0] + len(seen)))
    assert f"player:{player}" in {event.aggregate for event in seen}
    assert [event.previous_id for event in seen[1:]] == [event.id for event in seen[:-1]], "each names the one before"
    [end] = batch.ends
    assert (end.epoch, end.position, end.event_id) == (*seen[-1].position, seen[-1].id)
    assert batch.drained


def test_a_new_epoch_tells_every_player_again_from_position_one():
    """After a loss the whole state is told under a later epoch, a change during it included."""
    player, now = someone(), datetime.now(UTC) + timedelta(minutes=1)
    before = RelayState.objects.get(pk=1)
    RelayState.objects.filter(pk=1).update(position=5)
    assert epochs.begin_epoch("another", now) is None
    epoch = epochs.begin_epoch(before.epoch, now)
    assert epoch > before.epoch
    assert epochs.begin_epoch(before.epoch, now) is None
    output_of("grant_bonus", player, "7", "--reference", "during")
    while restating.restate_some(now):
        pass
    outbox_rows = OutboxRow.objects.filter(aggregate=f"player:{player}", epoch=epoch).order_by("pk")
    assert [row.type for row in outbox_rows] == ["HistoryRestated", "PlayerRestated"]
    batch = steps.next_batch(ALL, None, now)
    assert batch.events[0].position == (epoch, 1)


def test_a_ledger_that_was_set_back_begins_an_epoch_after_the_one_its_reader_knows():
    """It has never heard of that epoch; what it begins sorts after both, and counts events from nothing."""
    now = datetime.now(UTC) + timedelta(hours=1)
    before = RelayState.objects.get(pk=1)
    later = next_epoch(next_epoch(before.epoch))
    assert epochs.begin_epoch("zzz", now) is None, "no ledger has such an epoch"
    epoch = epochs.begin_epoch(later, now)
    assert epoch > later > before.epoch
    state = RelayState.objects.get(pk=1)
    assert (state.epoch, state.position, state.event_id) == (epoch, 0, "")
    while restating.restate_some(now):
        pass
    batch = steps.next_batch(ALL, None, now)
    assert (batch.events[0].position, batch.events[0].previous_id) == ((epoch, 1), "")


def test_forgetting_a_key_leaves_the_receipt_and_its_money():
    """What is forgotten is only that it can be asked for again."""
    receipt = Receipt.objects.get(player_id=someone())
    Receipt.objects.filter(pk=receipt.pk).update(command="deposit", at=receipt.at - timedelta(days=200))
    while steps.prune(datetime.now(UTC)):
        pass
    receipt.refresh_from_db()
    assert (receipt.key, receipt.fingerprint, receipt.amount_minor) == (None, "", 4000)
    Receipt.objects.filter(pk=receipt.pk).update(command="opening")


def test_a_bar_tells_each_tenth_where_nobody_watches():
    """In a log, long work says where it is ten times, not ten thousand."""
    out = io.StringIO()
    bar = Bar("work", 1000, out)
    for _ in range(1000):
        bar.advance()
    bar.close()
    assert out.getvalue().splitlines()[-1] == "work 100 % (1000/1000)"
    assert len(out.getvalue().splitlines()) == 11


def test_demo_balances_are_refused_in_production(settings):
    """Nobody paid that money in."""
    settings.LOCAL = False
    before = Receipt.objects.count()
    with pytest.raises(CommandError, match="given only with DEBUG=1"):
        call_command("seed_demo")
    assert Receipt.objects.count() == before
