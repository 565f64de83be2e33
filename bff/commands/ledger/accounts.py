"""One player's accounts, and the only way to move money between them.

Public: `PlayerAccounts`, `NotEnough`.

Kinds of a player's account: `real`, `bonus`, `held` (asked back, not paid yet), `debt` (less than nothing, see
`debts.py`). Kinds of the house's: `payments` (what stands at the provider), `promotions` (what bonuses cost), `games`
(stakes and wins), `prizes` (wins without a bet), `losses` (debts that were let go), `opening`.
"""

from datetime import datetime
from typing import Literal

from bff.commands.engine import statements
from bff.commands.engine.identifiers import fresh_id
from bff.commands.ledger.models import Account, Entry, Player, Receipt, Transaction
from bff.commands.ledger.partition_epochs import epoch_of
from bff.contracts.command_names import DEPOSIT
from bff.contracts.wallet import Balances

PlayerKind = Literal["real", "bonus", "held", "debt"]
HouseKind = Literal["payments", "promotions", "games", "prizes", "losses", "opening"]

# The accounts that every player has; the account `debt` is made with a player's first debt.
PLAYER_KINDS = ("real", "bonus", "held")


class NotEnough(Exception):
    """The account's balance is smaller than the amount to be taken out."""


class PlayerAccounts:
    """A player's accounts, locked until the surrounding transaction ends. Use `PlayerAccounts.open` inside `atomic`."""

    def __init__(self, player: Player, accounts: dict[str, Account], epoch: str, now: datetime) -> None:
        self.player = player
        self.epoch = epoch
        self.now = now
        self._accounts = accounts

    def __repr__(self) -> str:
        return f"<PlayerAccounts {self.player.player_id} {self.player.sequence}>"

    @classmethod
    def open(cls, player_id: str, currency: str, now: datetime) -> "PlayerAccounts":
        """The player's accounts, created in `currency` for a new player; an existing player's
        currency does not change.
        """
        found = statements.find(Player, lock=True, player_id=player_id)
        player = found[0] if found else _new_player(player_id, currency, now)
        accounts = {account.kind: account for account in statements.find(Account, player_id=player_id)}
        # Read after the player is locked: a replay that began before is seen, one that begins later waits for us. A
        # process of the release before restates players in the latest epoch of all partitions: nobody goes back.
        return cls(player, accounts, max(player.epoch, epoch_of(player_id)), now)

    def balance(self, kind: PlayerKind) -> int:
        """Minor units that stand in one of the player's accounts."""
        account = self._accounts.get(kind)
        return account.balance_minor or 0 if account else 0

    @property
    def stakeable(self) -> int:
        """Minor units that the player can stake: real and bonus."""
        return self.balance("real") + self.balance("bonus")

    def post(
        self,
        kind: str,
        receipt: Receipt,
        player_lines: dict[str, int],
        house: HouseKind,
        *,
        forfeited_minor: int = 0,
    ) -> None:
        """Move money: `player_lines` into the player's accounts by kind, their sum out of the house's account `house`.

        `forfeited_minor` goes out of `house` too, into the house's promotions instead of the player's accounts.
        Raises `NotEnough`, and then nothing has been written.
        """
        lines = {name: amount for name, amount in player_lines.items() if amount}
        for name, amount in lines.items():
            if name != "debt" and self.balance(name) + amount < 0:  # type: ignore[arg-type]  # `lines` names accounts
                raise NotEnough(name)
        if "debt" in lines and "debt" not in self._accounts:
            self._accounts["debt"] = _debt_account(self.player)
        transaction_id = fresh_id("tx")
        statements.insert_values(
            Transaction, {"transaction_id": transaction_id, "kind": kind, "receipt_id": receipt.pk, "at": self.now}
        )
        sides = [(self._accounts[name], amount) for name, amount in lines.items()]
        currency = self.player.currency
        if forfeited_minor:
            sides.append((_house_account("promotions", currency), forfeited_minor))
        if remainder := -sum(lines.values()) - forfeited_minor:
            sides.append((_house_account(house, currency), remainder))
        each = {"transaction_id": transaction_id, "currency": currency}
        statements.insert_values(
            Entry, *({**each, "account_id": side.pk, "amount_minor": amount} for side, amount in sides)
        )
        for name, amount in lines.items():
            account = self._accounts[name]
            account.balance_minor = self.balance(name) + amount  # type: ignore[arg-type]  # `lines` names accounts
            statements.update(account, "balance_minor")

    def balances(self) -> Balances:
        """All balances as the wallet shows them. `pending` is the sum of deposits that are not settled yet."""
        coming = statements.total(
            Receipt, "amount_minor", player_id=self.player.player_id, state="pending", command=DEPOSIT
        )
        return Balances(
            real_minor=self.balance("real"),
            bonus_minor=self.balance("bonus"),
            withdrawable_minor=self.balance("real"),
            pending_minor=coming,
            currency=self.player.currency,
            held_minor=self.balance("held"),
        )


def _new_player(player_id: str, currency: str, now: datetime) -> Player:
    Player.objects.bulk_create(
        [Player(player_id=player_id, currency=currency, epoch=epoch_of(player_id), created_at=now)],
        ignore_conflicts=True,
    )
    # Two first commands at once both come here; the lock decides who makes the accounts.
    player = Player.objects.select_for_update().get(pk=player_id)
    Account.objects.bulk_create(
        [Account(player=player, kind=kind, currency=player.currency, balance_minor=0) for kind in PLAYER_KINDS],
        ignore_conflicts=True,
    )
    return player


def _debt_account(player: Player) -> Account:
    statements.insert_new(Account, player_id=player.pk, kind="debt", currency=player.currency, balance_minor=0)
    return statements.find(Account, player_id=player.pk, kind="debt")[0]


def _house_account(kind: HouseKind, currency: str) -> Account:
    found = statements.find(Account, kind=kind, currency=currency, player_id=None)
    if not found:
        Account.objects.bulk_create([Account(kind=kind, currency=currency)], ignore_conflicts=True)
        found = statements.find(Account, kind=kind, currency=currency, player_id=None)
    return found[0]
