"""Money that a bet returns after its bonus is decided: real money if the bonus was completed, none of it if
it ended."""

from datetime import timedelta
from importlib import import_module

from django.apps import apps
from django.db import transaction
from django.db.models import Sum

from bff.commands.bonuses import expiry
from bff.commands.engine import statements
from bff.commands.ledger import audit, receipts
from bff.commands.ledger.accounts import PlayerAccounts
from bff.commands.ledger.command_request import CommandRequest
from bff.commands.ledger.models import Account, Entry, GameTransaction, Grant, Receipt
from bff.contracts.seamless import Status
from tests.bff.commands.house.case_wagering import Player, now


def house(kind):
    """The balance of an account of the house."""
    return Entry.objects.filter(account__player=None, account__kind=kind).aggregate(total=Sum("amount_minor"))["total"]


def run_out(promotion_id):
    Grant.objects.filter(promotion_id=promotion_id).update(ends_at=now() - timedelta(seconds=1))


def end(promotion_id):
    run_out(promotion_id)
    while expiry.expire_batch(now()):
        pass


def complete_a_tiny_bonus(player):
    """Claims a bonus of ten and stakes it once, so that the bonus's remaining money becomes real."""
    player.claim(amount=10, wagering=1, stake_max=0)
    player.bet(10)


def test_win_of_a_bonus_that_has_ended_is_not_the_players():
    """Its part goes from the games to the promotions, and the next bonus that is done releases none of it."""
    player = Player(opening=100)
    offer = player.claim()
    bet = player.bet(500)
    end(offer)
    before = house("games"), house("promotions")
    player.win(2500, bet)
    assert player.accounts() == (500, 0), "a fifth of the stake was real"
    assert (house("games"), house("promotions")) == (before[0] - 2500, before[1] + 2000)
    complete_a_tiny_bonus(player)
    assert player.accounts() == (500, 0), "ten were staked, ten became real, and no more"
    assert player.grant(offer).state == "ended"
    line = Receipt.objects.get(player_id=player.player, kind="win")
    assert (line.amount_minor, "had ended" in line.reason) == (500, True)


def test_stake_of_a_bonus_that_has_ended_is_not_given_back():
    """A bet that is undone after the end brings its real part back, once, and nothing of the bonus."""
    player = Player(opening=100)
    offer = player.claim()
    bet = player.bet(500)
    end(offer)
    before = house("promotions")
    for _ in range(2):
        player.roll_back(bet)
    assert player.accounts() == (100, 0)
    assert house("promotions") == before + 400


def test_win_without_any_real_part_leaves_no_line_of_the_history():
    """Nothing reached the player, so there is nothing to show; the provider's amount is known all the same."""
    player = Player()
    offer = player.claim()
    bet = player.bet(500)
    end(offer)
    win = player.win(900, bet)
    assert player.accounts() == (0, 0)
    stored = GameTransaction.objects.get(transaction_uuid=win)
    assert (stored.amount_minor, stored.real_minor, stored.bonus_minor) == (900, 0, 0)
    assert stored.receipt.ordinal is None
    player.roll_back(win)
    assert player.accounts() == (0, 0)


def test_win_of_a_running_bonus_is_undone_after_the_end_at_the_houses_cost():
    """What the end took back is taken from there, so that the rollback is possible and other bonuses stay whole."""
    player = Player()
    offer, other = player.claim(), player.claim(amount=300)
    bet = player.bet(500)
    win = player.win(800, bet)
    end(offer)
    assert player.accounts() == (0, 300)
    before = house("promotions")
    player.roll_back(win)
    assert player.accounts() == (0, 300)
    assert house("promotions") == before - 800
    assert player.grant(other).state == "running"


def test_win_that_became_real_can_be_undone():
    """The bonus was done after the win, so the win's bonus part stands in the real account, and is taken from there."""
    player = Player()
    offer = player.claim(wagering=1)
    bets = [player.bet(500)]
    win = player.win(600, bets[0])
    player.bet(500)
    assert (player.grant(offer).state, player.accounts()) == ("done", (600, 0))
    player.roll_back(win)
    assert player.accounts() == (0, 0)
    again = player.win(200, bets[0])
    assert player.accounts() == (200, 0)
    player.bet(150)
    player.roll_back(again)
    assert player.accounts() == (0, 0)
    player.win(160, bets[0])
    assert player.accounts() == (10, 0)


def test_bonus_whose_time_is_over_is_ended_by_the_next_bet():
    """However late the loop is: its money can not be staked, nor on behalf of a bonus that still runs."""
    player = Player(opening=50)
    late, other = player.claim(), player.claim(amount=300)
    run_out(late)
    assert player.bet(400) is Status.NOT_ENOUGH_MONEY
    bet = player.bet(150)
    assert (player.accounts(), player.grant(late).state) == ((0, 200), "ended")
    assert GameTransaction.objects.get(transaction_uuid=bet).grant == player.grant(other)
    run_out(other)
    assert player.bet(1) is Status.NOT_ENOUGH_MONEY


def test_of_several_bonuses_a_bet_belongs_to_the_first():
    """Its end costs the first bonus's bets their win; those of the second, made later, are its own."""
    player = Player()
    first, second = player.claim(), player.claim(amount=300)
    of_first = player.bet(500)
    end(first)
    of_second = player.bet(100)
    assert player.accounts() == (0, 200)
    player.win(700, of_first)
    assert player.accounts() == (0, 200)
    player.win(250, of_second)
    assert player.accounts() == (0, 450)
    for _ in range(2):
        player.bet(200)
    player.win(60, of_second)
    player.bet(100)
    assert (player.grant(second).state, player.accounts()) == ("done", (10, 0))


def test_money_of_no_bonus_is_found_and_never_released():
    """Put there by hand, it is a finding; a claim takes it back, and a bonus releases what its bets have left of it."""
    player = Player()
    with transaction.atomic():
        _put(player, 5000)
        assert [(each.check, each.about, each.detail) for each in audit.findings()] == [
            ("bonuses", player.player, "5000 stands as bonus, the bonuses that run hold 0")
        ]
        assert player.bet(1) is Status.NOT_ENOUGH_MONEY
        offer = player.claim(amount=10, wagering=1, stake_max=0)
        assert player.accounts() == (0, 10)
        assert audit.findings() == []
        _put(player, 5000)
        bet = player.bet(10)
        assert (player.grant(offer).state, player.accounts()) == ("done", (0, 5000))
        player.win(30, bet)
        assert player.accounts() == (30, 5000)
        transaction.set_rollback(True)


def test_migration_names_the_bonus_of_older_transactions():
    """Wins and rollbacks get that of their bet, a bet that named none the one it was staked from."""
    player = Player()
    offer, _ = player.claim(), player.claim(amount=300)
    bet, undone = player.bet(500), player.bet(100)
    win = player.win(700, bet)
    player.roll_back(undone)
    rows = GameTransaction.objects.filter(player_id=player.player)
    rows.exclude(transaction_uuid=undone).update(grant=None)
    import_module("bff.commands.migrations.0005_grants_of_wins").name_grants(apps, None)
    assert {row.grant for row in rows} == {player.grant(offer)}
    assert rows.get(transaction_uuid=win).bonus_minor == 700


def _put(player, amount):
    accounts = PlayerAccounts.open(player.player, "EUR", now())
    receipt = receipts.write(
        accounts,
        CommandRequest(player.player, "EUR", "mistake", now().isoformat(), ""),
        kind="bonus",
        state="done",
        amount_minor=amount,
    )
    accounts.post("bonus", receipt, {"bonus": amount}, "promotions")
    statements.update(accounts.player, "lines")


def test_the_books_are_sound_after_all_this():
    """No bonus stands where none runs, and every sum is zero."""
    assert audit.findings() == []
    assert (
        Account.objects.filter(kind="bonus", balance_minor__gt=0).exclude(player__grants__state="running").count() == 0
    )
