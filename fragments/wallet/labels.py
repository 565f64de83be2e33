"""Labels of movements.

Public: `KINDS`, `COMMANDS`, `kind_label`, `state_label`.
"""

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
_MONEY_OUT = frozenset({"withdrawal", "withdraw"})

# A receipt knows the command that it answers.
COMMANDS = {
    "deposit": "Deposit",
    "withdraw": "Withdrawal",
    "claim-promotion": "Bonus",
    "grant-bonus": "Bonus",
    "place-bet": "Bet",
    "settle-win": "Win",
    "give-prize": "Prize",
    "roll-back": "Bet returned",
    "opening": "Opening balance",
}


def kind_label(kind: str) -> str:
    """A kind that this release has not heard of is shown under its own name."""
    return KINDS.get(kind.lower(), kind.replace("_", " ").replace("-", " ").capitalize())


def state_label(kind: str, state: str) -> str:
    """The label of a movement's state; empty for one that is done. `kind` may be the command that it answers."""
    if state == "declined" and kind.lower() in _MONEY_OUT:
        return "Not paid out"  # most were taken back by the player, and nobody declined that
    return _STATES[state]
