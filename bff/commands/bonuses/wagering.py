"""The wagering of a bonus: how much has to be staked before it is real money, in which games, with which largest bet,
by when.

Public: `Share`, `StakeTooLarge`, `share_of`, `follow_bonus`, `reversal_of`, `share_to_undo`, `apply_share`,
`balance_beyond_others`.

All bonuses of a player stand in one account, and a stake belongs to the one that was claimed first of those that run.
When it has been staked often enough, what stands there beyond the other bonuses becomes real money, at most what its
own bets have left of it. Every stake counts by its kind of game, at most as far as the largest bet; a bet that needs
bonus money must not be larger than that. A later win or rollback of a bet goes to the account that its bonus is in by
then.
"""

from dataclasses import dataclass

from bff.commands.bonuses import grants
from bff.commands.engine import statements
from bff.commands.ledger.accounts import PlayerAccounts
from bff.commands.ledger.models import GameTransaction, Grant, Receipt
from bff.commands.ledger.movement import Movement
from bff.contracts.seamless import BetRequest


@dataclass(frozen=True, slots=True)
class Share:
    """The amount of a bet that counts towards a bonus's wagering; negative for a bet that is rolled back."""

    grant: Grant
    wagered_minor: int


class StakeTooLarge(Exception):
    """The bet needs bonus money and is larger than that bonus allows."""


def share_of(among: list[Grant], bet: BetRequest, *, bonus_minor: int) -> Share | None:
    """The amount that the bet counts, and the running bonus that it counts towards; None where no bonus runs. Raises
    `StakeTooLarge`.
    """
    if not among:
        return None
    if bonus_minor and any(0 < each.stake_max_minor < bet.amount_minor for each in among):
        raise StakeTooLarge
    first = among[0]
    most = min(bet.amount_minor, first.stake_max_minor or bet.amount_minor)
    counted = most * _percent(first.contribution, bet) // 100
    left = first.wagering_minor - first.wagered_minor
    return Share(first, min(counted, left)) if counted or bonus_minor else None


def share_to_undo(undone: GameTransaction) -> Share | None:
    """The share to subtract for a bet that is rolled back; None where it counted nothing or its bonus does not run."""
    if undone.kind != "bet" or not undone.wagered_minor:
        return None
    [first] = statements.find(Grant, id=undone.grant_id)
    return Share(first, -undone.wagered_minor) if first.state == "running" else None


def follow_bonus(of: GameTransaction, movement: Movement) -> Movement:
    """`movement` of the bet or win `of`, with its bonus part directed to where that bonus is by now: the bonus account
    while it runs, the real account when it is done. Where it has ended, its rest was taken back, so the house's account
    `promotions` receives or pays that part; the same holds where the bet has no bonus on record.
    """
    if not movement.bonus_minor:
        return movement
    state = statements.find(Grant, id=of.grant_id)[0].state if of.grant_id else "ended"
    if state == "running":
        return movement
    real, bonus, forfeited, owed = movement
    if state == "done":
        return Movement(real + bonus, 0, forfeited, owed)
    return Movement(real, 0, forfeited + bonus, owed)


def reversal_of(undone: GameTransaction) -> Movement:
    """The movement that reverses a bet or a win, including the part of a win that the player never received."""
    forfeited = undone.amount_minor - abs(undone.real_minor + undone.bonus_minor + undone.owed_minor)
    return follow_bonus(undone, Movement(-undone.real_minor, -undone.bonus_minor, -forfeited, -undone.owed_minor))


def apply_share(accounts: PlayerAccounts, share: Share, receipt: Receipt) -> None:
    """Store the share, after the stake is stored; the stake that completes the wagering makes the bonus real money."""
    first = share.grant
    first.wagered_minor += share.wagered_minor
    if first.wagered_minor >= first.wagering_minor:
        first.state, first.decided_at = "done", accounts.now
        own = first.amount_minor + statements.total(GameTransaction, "bonus_minor", grant_id=first.pk)
        if (released := min(own, balance_beyond_others(accounts, first))) > 0:
            accounts.post("bonus-release", receipt, {"bonus": -released, "real": released}, "promotions")
    statements.update(first, "wagered_minor", "state", "decided_at")


def balance_beyond_others(accounts: PlayerAccounts, decided: Grant) -> int:
    """The part of the bonus account that does not belong to the player's other running bonuses."""
    others = sum(each.amount_minor for each in grants.running(accounts) if each.pk != decided.pk)
    return max(0, accounts.balance("bonus") - others)


def _percent(contribution: dict[str, int], bet: BetRequest) -> int:
    """Percent of a stake that counts; a game of a kind that the terms do not name counts as the least of them."""
    if not contribution:
        return 100
    kind = (bet.game_kind or bet.game_code.partition("-")[0]).lower()
    return contribution.get(kind, min(contribution.values()))
