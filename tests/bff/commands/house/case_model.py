"""The ledger against a model of it, over random sequences of commands, repetitions and refusals."""

import secrets
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, invariant, multiple, rule

from bff.commands.bonuses import expiry
from bff.commands.handlers import claim, deposit, withdraw
from bff.commands.ledger import audit
from bff.commands.ledger.command_request import CommandRejected, CommandRequest
from bff.commands.ledger.models import Account, Grant, Offer, OutboxRow, Player
from bff.commands.payments import charges
from bff.commands.payments.outcome import ChargeOutcome
from bff.commands.seamless import play
from bff.contracts.player_context import PlayerContext
from bff.contracts.seamless import BetRequest, RollbackRequest, Status, WinRequest
from bff.contracts.wallet import CancelWithdrawal, ClaimPromotion, Deposit, Withdraw

NOW = datetime(2026, 5, 1, tzinfo=UTC)
AMOUNTS = st.integers(1, 500)
# The model's offer: its amount, its wagering requirement, the largest bet, and how many percent of a stake count.
BONUS, WAGERING, LARGEST, PERCENT = 300, 600, 200, 50


def name():
    return secrets.token_hex(8)


class Ledger(RuleBasedStateMachine):
    """`real`, `bonus` and `held` are the model; everything else records requests, so that they can be repeated."""

    pending = Bundle("pending")
    bets = Bundle("bets")
    wins = Bundle("wins")
    holds = Bundle("holds")

    @initialize()
    def open(self):
        self.player = f"pl_{name()}"
        self.context = PlayerContext(self.player, "game:g", "EUR", "en", frozenset({"games.play"}), 2**40)
        self.real = self.bonus = self.held = self.debt = 0
        self.split = {}  # transaction -> (real, bonus) that it moved
        self.undone = set()
        self.grants = []  # each [wagered, state]
        self.shares = {}  # bet -> (grant, the counted part of the stake)
        self.amounts = {}  # transaction -> the provider's answer
        self.won = {}  # win -> its bet
        self.events = 0
        self.opened = False

    def made_request(self, command, body, key=None):
        self.opened = True
        return CommandRequest.of(self.player, "EUR", command, key or name(), body)

    @rule(target=pending, amount=AMOUNTS, repeats=st.integers(1, 3))
    def deposit(self, amount, repeats):
        """The same key again returns the same receipt, and only the first request is charged."""
        made_request = self.made_request("deposit", Deposit(amount, "EUR"))
        answers = [deposit.begin(made_request, Deposit(amount, "EUR"), NOW)]
        later = NOW + timedelta(minutes=1)
        answers += [deposit.begin(made_request, Deposit(amount, "EUR"), later) for _ in range(repeats)]
        assert [fresh for _, fresh in answers] == [True] + [False] * repeats
        assert len({receipt.receipt_id for receipt, _ in answers}) == 1
        self.events += 1
        return answers[0][0].receipt_id, amount

    @rule(
        charge=pending,
        outcomes=st.lists(st.sampled_from(["unknown", "processing", "approved", "declined", "lost"])),
    )
    def provider_speaks(self, charge, outcomes):
        """Whatever the provider reports and however often: the first final report counts, and an approval overrides a
        loss."""
        receipt_id, amount = charge
        for word in outcomes:
            before = charges.settle(receipt_id, ChargeOutcome("unknown"), NOW).state
            lost_before = before == "declined" and charge in self.undone
            after = charges.settle(receipt_id, ChargeOutcome(word), NOW).state
            if before == "pending" and word in ("approved", "declined", "lost"):
                self.events += 1
                self.real += amount if word == "approved" else 0
                assert after == ("done" if word == "approved" else "declined")
                if word == "lost":
                    self.undone.add(charge)
            elif lost_before and word == "approved":
                self.events += 1
                self.real += amount
                self.undone.discard(charge)
                assert after == "done"
            else:
                assert after == before

    @rule()
    def claim(self):
        """At most two grants of the offer, however many are claimed."""
        body = ClaimPromotion("model")
        if len(self.grants) == 2:
            with pytest.raises(CommandRejected, match="promotion_already_claimed"):
                claim.claim(self.made_request("claim-promotion", body), body, NOW)
            return
        claim.claim(self.made_request("claim-promotion", body), body, NOW)
        self.grants.append([0, "running"])
        self.bonus += BONUS
        self.events += 1

    @rule()
    def time_is_over(self):
        """Every running grant is ended, and its remaining money is taken back, once."""
        for _ in range(2):
            while expiry.expire_batch(NOW + timedelta(days=2)):
                pass
        for grant in self.running():
            self.bonus -= self.left_for(grant)
            grant[1] = "ended"
            self.events += 1

    def running(self):
        return [grant for grant in self.grants if grant[1] == "running"]

    def left_for(self, grant):
        others = [each for each in self.running() if each is not grant]
        return max(0, self.bonus - BONUS * len(others))

    def count(self, transaction, amount):
        """A stake counts towards the bonus that was claimed first, and may complete it."""
        if not self.running():
            return
        grant = self.running()[0]
        counted = min(min(amount, LARGEST) * PERCENT // 100, WAGERING - grant[0])
        self.shares[transaction] = (grant, counted)
        grant[0] += counted
        if grant[0] == WAGERING:
            released = self.left_for(grant)
            grant[1] = "done"
            self.bonus -= released
            self.real += released

    def as_it_stands(self, bet, real, bonus):
        """The account that this bet's money goes to at the moment: of a completed bonus real, of an ended one none."""
        if not bonus:
            return real, 0
        state = self.shares[bet][0][1]
        return {"running": (real, bonus), "done": (real + bonus, 0), "ended": (real, 0)}[state]

    def call(self, path, request):
        self.opened = True
        return play.ProviderCall.of("model", self.context, path, request)

    def play(self, act, path, request):
        try:
            return act(self.call(path, request), request, NOW).status
        except play.Denied as denied:
            return denied.status

    @rule(target=bets, amount=AMOUNTS, repeats=st.integers(1, 3))
    def bet(self, amount, repeats):
        """A stake is taken from real money first, then from bonus money, once."""
        transaction = name()
        for _ in range(repeats):
            request = BetRequest(name(), transaction, "t", "g", "r", "EUR", amount)
            status = self.play(play.place_bet, "/transaction/bet", request)
            if transaction not in self.split:
                moved = (min(self.real, amount), amount - min(self.real, amount))
                if moved[1] and amount > LARGEST and self.running():
                    assert status is Status.LIMIT_EXCEEDED
                    return multiple()
                if amount > self.real + self.bonus:
                    assert status is Status.NOT_ENOUGH_MONEY
                    return multiple()
                self.split[transaction], self.amounts[transaction] = (-moved[0], -moved[1]), amount
                self.real -= moved[0]
                self.bonus -= moved[1]
                self.count(transaction, amount)
                self.events += 1
            assert status is Status.OK
        return transaction

    @rule(target=wins, bet=bets, amount=st.integers(0, 900), repeats=st.integers(1, 2))
    def win(self, bet, amount, repeats):
        """A win goes to the account of its stake, or to what that has become, once; a bet that was rolled back wins
        nothing."""
        transaction = name()
        for _ in range(repeats):
            request = WinRequest(name(), transaction, bet, "t", "g", "r", "EUR", amount)
            status = self.play(play.settle_win, "/transaction/win", request)
            if bet in self.undone:
                assert status is Status.TRANSACTION_ROLLED_BACK
                return multiple()
            assert status is Status.OK
            if transaction not in self.split:
                real, bonus = self.split[bet]
                part = amount * -bonus // -(real + bonus)
                to_real, to_bonus = self.as_it_stands(bet, amount - part, part)
                self.won[transaction], self.amounts[transaction] = bet, amount
                self.split[transaction] = (to_real, to_bonus)
                self.give(to_real)
                self.bonus += to_bonus
                self.events += 1 if amount else 0
        return transaction

    @rule(transaction=st.one_of(bets, wins), repeats=st.integers(1, 3))
    def roll_back(self, transaction, repeats):
        """Rolled back once; real money of a win that is already spent is owed, missing bonus money was the house's."""
        for _ in range(repeats):
            status = self.play(play.roll_back, "/transaction/rollback", self.rollback(transaction))
            real, bonus = self.as_it_stands(self.won.get(transaction, transaction), *self.split[transaction])
            if transaction in self.undone:
                assert status is Status.OK
            else:
                assert status is Status.OK
                self.undone.add(transaction)
                if transaction in self.won:
                    # The part that paid a debt is owed again, and so is the missing part.
                    self.take(real)
                    self.bonus -= min(bonus, self.bonus)
                else:
                    self.give(-real)
                    self.bonus -= bonus
                self.events += 1 if self.amounts[transaction] else 0
                grant, counted = self.shares.get(transaction, ([0, "none"], 0))
                if grant[1] == "running":
                    grant[0] -= counted

    def give(self, amount):
        """Real money that games pay back settles debts first."""
        settled = min(amount, self.debt)
        self.debt -= settled
        self.real += amount - settled

    def take(self, amount):
        there = min(amount, self.real)
        self.real -= there
        self.debt += amount - there

    @rule(amount=AMOUNTS)
    def roll_back_first(self, amount):
        """A bet that comes after its rollback never counts."""
        transaction = name()
        assert self.play(play.roll_back, "/transaction/rollback", self.rollback(transaction)) is Status.OK
        request = BetRequest(name(), transaction, "t", "g", "r", "EUR", amount)
        assert self.play(play.place_bet, "/transaction/bet", request) is Status.TRANSACTION_ROLLED_BACK

    def rollback(self, reference):
        return RollbackRequest(name(), name(), reference, "t", "g", "r")

    @rule(target=holds, amount=AMOUNTS)
    def withdraw(self, amount):
        """The amount of a withdrawal is held, if there is enough."""
        body = Withdraw(amount, "EUR")
        if amount > self.real:
            with pytest.raises(CommandRejected, match="not_enough_money"):
                withdraw.withdraw(self.made_request("withdraw", body), body, NOW)
            return multiple()
        receipt = withdraw.withdraw(self.made_request("withdraw", body), body, NOW)
        self.real -= amount
        self.held += amount
        self.events += 1
        return receipt.receipt_id, amount

    @rule(hold=consumes(holds), end=st.sampled_from(["pay", "release", "cancel"]))
    def decide(self, hold, end):
        """A hold ends once: paid out, or returned to the real account."""
        receipt_id, amount = hold
        self.end_hold(receipt_id, end)
        self.held -= amount
        self.real += 0 if end == "pay" else amount
        self.events += 1
        with pytest.raises(CommandRejected):
            self.end_hold(receipt_id, "pay")

    def end_hold(self, receipt_id, end):
        if end == "pay":
            withdraw.pay(receipt_id, NOW)
        elif end == "release":
            withdraw.release(receipt_id, "No.", NOW)
        else:
            body = CancelWithdrawal(receipt_id)
            withdraw.cancel(self.made_request("cancel-withdrawal", body), body, NOW)

    @invariant()
    def accounts_are_as_the_model_says(self):
        if getattr(self, "opened", False):
            rows = Account.objects.filter(player_id=self.player).values_list("kind", "balance_minor")
            owed = {"debt": -self.debt} if self.debt or "debt" in dict(rows) else {}
            assert dict(rows) == {"real": self.real, "bonus": self.bonus, "held": self.held, **owed} or not rows

    @invariant()
    def bonuses_are_as_the_model_says(self):
        if getattr(self, "opened", False):
            stored = Grant.objects.filter(player_id=self.player).order_by("pk").values_list("wagered_minor", "state")
            assert list(stored) == [tuple(grant) for grant in self.grants]

    @invariant()
    def every_change_is_published_once_and_in_order(self):
        if getattr(self, "opened", False):
            outbox_rows = OutboxRow.objects.filter(aggregate=f"player:{self.player}").order_by("pk")
            assert list(outbox_rows.values_list("sequence", flat=True)) == list(range(1, self.events + 1))
            player = Player.objects.filter(pk=self.player).first()
            assert player is None or player.sequence == self.events


def test_ledger_is_its_model():
    """No sequence of commands, however repeated, takes the ledger anywhere the model does not go."""
    offer = {
        "promotion_id": "model", "title": "", "summary": "", "kind": "", "terms": "",
        "amounts": {"EUR": {"amount_minor": BONUS, "stake_max_minor": LARGEST}}, "wagering": 2,
        "contribution": {"g": PERCENT, "slots": 100},
        "days": 1, "grants_max": 2, "ends_at": "2030-01-01T00:00:00Z",
    }  # fmt: skip
    Offer.objects.update_or_create(pk="model", defaults={"data": offer, "published_at": NOW})
    Ledger.TestCase.settings = settings(
        max_examples=12, stateful_step_count=20, deadline=None, suppress_health_check=list(HealthCheck)
    )
    Ledger.TestCase().runTest()
    assert audit.findings() == []
