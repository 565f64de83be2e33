"""Two players, their limits and their breaks against a model of them, while the clock goes on."""

import secrets
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, rule

from bff.commands.handlers import deposit, limits
from bff.commands.ledger import audit
from bff.commands.ledger.command_request import CommandRejected, CommandRequest
from bff.commands.ledger.models import Account
from bff.commands.payments import charges
from bff.commands.payments.outcome import ChargeOutcome
from bff.commands.seamless import play
from bff.contracts.player_context import PlayerContext
from bff.contracts.seamless import BetRequest, RollbackRequest, Status
from bff.contracts.wallet import Deposit, SelfExclude, SetDepositLimit

WHO = st.integers(0, 1)
PERIODS = {"day": timedelta(days=1), "week": timedelta(days=7), "month": timedelta(days=30)}


def name():
    return secrets.token_hex(8)


class Someone:
    """The model's state of a player: money, counted deposits, limits (amount, next, from when), a break."""

    def __init__(self):
        self.id = f"pl_{name()}"
        self.context = PlayerContext(self.id, "game:g", "EUR", "en", frozenset({"games.play"}), 2**40)
        self.real = 0
        self.deposits = []
        self.limits = {}
        self.until = datetime(1970, 1, 1, tzinfo=UTC)

    def limit(self, period, now):
        amount, coming, since = self.limits.get(period, (None, None, None))
        return coming if since is not None and since <= now else amount

    def room(self, now):
        """How much may still be deposited at the moment; None for any amount."""
        rooms = []
        for period, span in PERIODS.items():
            if (most := self.limit(period, now)) is not None:
                rooms.append(most - sum(amount for at, amount in self.deposits if at > now - span))
        return min(rooms, default=None)


class Limits(RuleBasedStateMachine):
    """Whatever both do in whatever order, each is held to their own limits, and only to these."""

    bets = Bundle("bets")

    @initialize()
    def open(self):
        self.now = datetime(2026, 5, 1, tzinfo=UTC)
        self.players = [Someone(), Someone()]
        self.undone = set()

    def made_request(self, player, command, body):
        return CommandRequest.of(player.id, "EUR", command, name(), body)

    @rule(hours=st.sampled_from([1, 23, 24, 25, 24 * 6, 24 * 30]))
    def time_passes(self, hours):
        self.now += timedelta(hours=hours)

    @rule(who=WHO, period=st.sampled_from(list(PERIODS)), amount=st.none() | st.integers(0, 600))
    def set_limit(self, who, period, amount):
        """A lower limit counts at once, a higher or removed one after a day."""
        player, body = self.players[who], SetDepositLimit(period, amount, "EUR")
        standing = player.limit(period, self.now)
        stricter = standing is None if amount is None else standing is None or amount <= standing
        player.limits[period] = (amount, None, None) if stricter else (standing, amount, self.now + timedelta(days=1))
        receipt = limits.set_deposit_limit(self.made_request(player, "set-deposit-limit", body), body, self.now)
        assert receipt.state == ("done" if stricter else "pending")

    @rule(who=WHO, days=st.integers(1, 40))
    def exclude(self, who, days):
        """A break can be prolonged, never shortened."""
        player, body = self.players[who], SelfExclude(days)
        limits.self_exclude(self.made_request(player, "self-exclude", body), body, self.now)
        player.until = max(player.until, self.now + timedelta(days=days))

    @rule(who=WHO, amount=st.integers(1, 400), verdict=st.sampled_from(["approved", "processing", "declined"]))
    def deposit(self, who, amount, verdict):
        """A deposit up to the limit, pending ones included, and not during a break."""
        player, body = self.players[who], Deposit(amount, "EUR")
        room = player.room(self.now)
        over = room is not None and amount > room
        expected = "player_excluded" if player.until > self.now else "deposit_limit_reached" if over else ""
        if expected:
            with pytest.raises(CommandRejected, match=expected):
                deposit.begin(self.made_request(player, "deposit", body), body, self.now)
            return
        receipt, _ = deposit.begin(self.made_request(player, "deposit", body), body, self.now)
        charges.settle(receipt.receipt_id, ChargeOutcome(verdict), self.now)
        player.real += amount if verdict == "approved" else 0
        if verdict != "declined":
            player.deposits.append((self.now, amount))

    def play(self, player, act, path, request):
        call = play.ProviderCall.of("limits", player.context, path, request)
        try:
            return act(call, request, self.now).status
        except play.Denied as denied:
            return denied.status

    @rule(target=bets, who=WHO, amount=st.integers(1, 300))
    def bet(self, who, amount):
        """A bet, not during a break, and only with the player's own money; another player can not use the name."""
        player, transaction = self.players[who], name()
        request = BetRequest(name(), transaction, "t", "g", "r", "EUR", amount)
        status = self.play(player, play.place_bet, "/transaction/bet", request)
        if player.until > self.now:
            assert status is Status.USER_DISABLED
        else:
            assert status is (Status.OK if amount <= player.real else Status.NOT_ENOUGH_MONEY)
        again = self.play(player, play.place_bet, "/transaction/bet", request)
        assert again is status
        if status is not Status.OK:
            return who, transaction, 0
        player.real -= amount
        other = BetRequest(name(), transaction, "t", "g", "r", "EUR", amount)
        assert (
            self.play(self.players[1 - who], play.place_bet, "/transaction/bet", other) is Status.DUPLICATE_TRANSACTION
        )
        return who, transaction, amount

    @rule(bet=bets)
    def roll_back(self, bet):
        """A rollback is due even during a break, to the player of the bet and to nobody else."""
        who, transaction, amount = bet
        request = RollbackRequest(name(), name(), transaction, "t", "g", "r")
        if amount:
            other = self.players[1 - who]
            assert self.play(other, play.roll_back, "/transaction/rollback", request) is Status.INVALID_TOKEN
        assert self.play(self.players[who], play.roll_back, "/transaction/rollback", request) is Status.OK
        if transaction not in self.undone:
            self.players[who].real += amount
        self.undone.add(transaction)

    @invariant()
    def each_has_their_own_money(self):
        for player in getattr(self, "players", []):
            stored = Account.objects.filter(player_id=player.id, kind="real").values_list("balance_minor", flat=True)
            assert list(stored) in ([player.real], [])


def test_limits_and_breaks_are_their_model():
    """No sequence of what two players do takes either of them past what they have set."""
    Limits.TestCase.settings = settings(
        max_examples=10, stateful_step_count=20, deadline=None, suppress_health_check=list(HealthCheck)
    )
    Limits.TestCase().runTest()
    assert audit.findings() == []
