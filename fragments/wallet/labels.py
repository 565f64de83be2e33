"""Labels of movements.

Public: `KINDS`, `COMMANDS`, `kind_label`, `state_label`.
"""

from bff.contracts import command_names

KINDS = {
    "deposit": "Deposit",
    "withdrawal": "Withdrawal",
    "bonus": "Bonus",
    "bet": "Bet",
    "win": "Win",
    "prize": "Prize",
    "rollback": "Bet returned",
    "opening": "Opening balance",
}
_STATES = {"done": "", "pending": "Pending", "declined": "Declined"}
_MONEY_OUT = frozenset({"withdrawal", command_names.WITHDRAW})

# A receipt knows the command that it answers.
COMMANDS = {
    command_names.DEPOSIT: "Deposit",
    command_names.WITHDRAW: "Withdrawal",
    command_names.CLAIM_PROMOTION: "Bonus",
    command_names.GRANT_BONUS: "Bonus",
    command_names.PLACE_BET: "Bet",
    command_names.SETTLE_WIN: "Win",
    command_names.GIVE_PRIZE: "Prize",
    command_names.ROLL_BACK: "Bet returned",
    command_names.OPENING: "Opening balance",
}


def kind_label(kind: str) -> str:
    """A kind that this release does not know is shown under its own name."""
    return KINDS.get(kind.lower(), kind.replace("_", " ").replace("-", " ").capitalize())


def state_label(kind: str, state: str) -> str:
    """The label of a movement's state; empty for one that is done. `kind` may be the command that it answers."""
    if state == "declined" and kind.lower() in _MONEY_OUT:
        return "Not paid out"  # most were taken back by the player, and nobody declined that
    return _STATES[state]
