"""Bonuses until they become the player's: which stakes count, how much, and how a bonus ends."""

import secrets
from datetime import UTC, datetime, timedelta

import msgspec

from bff.commands.bonuses import expiry
from bff.commands.handlers import claim
from bff.commands.ledger import audit
from bff.commands.ledger.command_request import CommandRequest
from bff.commands.ledger.models import Account, Grant, Offer, OutboxRow, Receipt
from bff.commands.management.commands.seed_demo import open_balance
from bff.commands.seamless import play
from bff.contracts.ledger import PlayerChanged
from bff.contracts.player_context import PlayerContext
from bff.contracts.promotions import OfferAmounts, OfferState
from bff.contracts.seamless import BetRequest, RollbackRequest, Status, WinRequest
from bff.contracts.wallet import ClaimPromotion


def uuid():
    return secrets.token_hex(8)


def now():
    return datetime.now(UTC)


class Player:
    """A player who claims and plays. A transaction returns its name; a denied bet its status."""

    def __init__(self, opening=0):
        self.player = f"pl_{uuid()}"
        self.context = PlayerContext(self.player, "game:g", "EUR", "en", frozenset({"games.play"}), 2**40)
        if opening:
            open_balance(self.player, "EUR", opening)

    def claim(self, *, amount=1000, wagering=2, stake_max=500, contribution=None, grants_max=1, at=None):
        """Claim an offer of the player's own; returns the promotion's id."""
        state = OfferState(
            f"of_{uuid()}", "Evening", "", "reload", "", {"EUR": OfferAmounts(amount, stake_max)}, wagering,
            contribution or {}, 7, grants_max, now() + timedelta(days=1),
        )  # fmt: skip
        data = msgspec.to_builtins(state)
        Offer.objects.create(pk=state.promotion_id, data=data, published_at=now())
        body = ClaimPromotion(state.promotion_id)
        made_request = CommandRequest.of(self.player, "EUR", "claim-promotion", uuid(), body)
        claim.claim(made_request, body, at or now())
        return state.promotion_id

    def call(self, path, request):
        return play.ProviderCall.of("wagering", self.context, path, request)

    def bet(self, amount, *, kind="", code="g", transaction=None):
        request = BetRequest(uuid(), transaction or uuid(), "t", code, "r", "EUR", amount, kind)
        answer = play.place_bet(self.call("/transaction/bet", request), request, now())
        return request.transaction_uuid if answer.status is Status.OK else answer.status

    def win(self, amount, bet):
        request = WinRequest(uuid(), uuid(), bet, "t", "g", "r", "EUR", amount)
        play.settle_win(self.call("/transaction/win", request), request, now())
        return request.transaction_uuid

    def roll_back(self, bet):
        request = RollbackRequest(uuid(), uuid(), bet, "t", "g", "r")
        play.roll_back(self.call("/transaction/rollback", request), request, now())

    def accounts(self):
        kinds = dict(Account.objects.filter(player_id=self.player).values_list("kind", "balance_minor"))
        return kinds["real"], kinds["bonus"]

    def grant(self, promotion_id):
        return Grant.objects.get(player_id=self.player, promotion_id=promotion_id)

    def last_event(self):
        """The last event for the read side."""
        row = OutboxRow.objects.filter(aggregate=f"player:{self.player}").order_by("-pk").first()
        return msgspec.json.decode(row.data, type=PlayerChanged)


def test_a_bonus_becomes_real_when_it_has_been_staked_often_enough():
    """Every stake counts; the one that completes it turns what is left of the bonus into real money, once."""
    player = Player(opening=500)
    offer = player.claim()
    bets = [player.bet(500) for _ in range(3)]
    assert player.accounts() == (0, 0)
    assert (player.grant(offer).wagered_minor, player.grant(offer).state) == (1500, "running")
    player.win(700, bets[2])
    assert player.accounts() == (0, 700)
    last = player.bet(500)
    assert player.accounts() == (200, 0)
    assert player.grant(offer).state == "done"
    player.win(100, last)
    assert player.accounts() == (300, 0), "a bonus that is done wins real money"
    player.bet(100)
    assert player.grant(offer).wagered_minor == 2000


def test_stakes_count_by_kind_of_game():
    """In full, in part or not at all; a game that the terms do not name counts as the least of them."""
    player = Player(opening=5000)
    offer = player.claim(contribution={"slots": 100, "roulette": 10, "blackjack": 0})
    for bet, counted in [
        ({"kind": "slots"}, 200),
        ({"kind": "Roulette"}, 220),
        ({"kind": "blackjack"}, 220),
        ({"kind": "poker"}, 220),
        ({"code": "roulette-201"}, 240),
    ]:
        player.bet(200, **bet)
        assert player.grant(offer).wagered_minor == counted


def test_the_largest_bet_holds_for_bonus_money():
    """A larger bet that needs bonus money is refused; one of real money alone counts as far as the largest."""
    player = Player(opening=800)
    offer = player.claim()
    player.bet(700)
    assert player.grant(offer).wagered_minor == 500
    assert player.bet(501) is Status.LIMIT_EXCEEDED
    assert player.accounts() == (100, 1000)
    player.bet(500)
    assert player.accounts() == (0, 600)


def test_a_bet_that_is_undone_no_longer_counts():
    """Progress goes back with the stake; what is done stays done, and the stake comes back as real money."""
    player = Player()
    offer = player.claim()
    first = player.bet(400)
    player.roll_back(first)
    assert (player.grant(offer).wagered_minor, player.accounts()) == (0, (0, 1000))
    bets = []
    for _ in range(4):
        bets.append(player.bet(500))
        player.win(500, bets[-1])
    assert player.grant(offer).state == "done"
    assert player.accounts() == (1000, 0)
    player.roll_back(bets[-1])
    assert (player.grant(offer).wagered_minor, player.accounts()) == (2000, (1500, 0))


def test_a_bonus_whose_time_is_over_is_taken_back_once():
    """What is left of it goes, with a line that says why; other bonuses and real money stay."""
    player = Player(opening=50)
    late = player.claim(at=now() - timedelta(days=8) + timedelta(hours=12))
    other = player.claim(amount=300)
    Grant.objects.filter(promotion_id=late).update(ends_at=now() - timedelta(seconds=1))
    for _ in range(2):
        while expiry.expire_batch(now()):
            pass
    assert player.accounts() == (50, 300)
    assert (player.grant(late).state, player.grant(other).state) == ("ended", "running")
    [line] = Receipt.objects.filter(player_id=player.player, command="end-bonus")
    assert (line.amount_minor, line.ordinal is not None) == (-1000, True)
    assert "time was over" in line.reason
    last_event = player.last_event()
    assert [(each.promotion_id, each.state) for each in last_event.grants] == [(other, "running"), (late, "ended")]


def test_what_asks_for_no_wagering_is_real_at_once():
    """A prize in cash is cash."""
    player = Player()
    offer = player.claim(wagering=0)
    assert (player.grant(offer).state, player.accounts()) == ("done", (1000, 0))


def test_progress_is_told_with_each_stake_that_counts():
    """The read side hears how far the bonus is, and nothing of bonuses where no stake counts."""
    player = Player(opening=100)
    player.bet(10)
    assert player.last_event().claimed is None
    offer = player.claim()
    player.bet(60)
    [grant] = player.last_event().grants
    assert (grant.promotion_id, grant.wagered_minor, grant.wagering_minor, grant.state) == (offer, 60, 2000, "running")


def test_the_books_are_sound_after_all_this():
    """Sums are zero, and every bonus counts what its bets say."""
    assert audit.findings() == []
