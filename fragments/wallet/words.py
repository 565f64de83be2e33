"""What movements are called.

Public: `KINDS`, `STATES`, `COMMANDS`, `kind_words`.
"""

KINDS = {
    "deposit": "Deposit",
    "withdrawal": "Withdrawal",
    "bonus": "Bonus",
    "bet": "Bet",
    "win": "Win",
    "rollback": "Bet returned",
    "opening": "Opening balance",
}
STATES = {"done": "", "pending": "Pending", "declined": "Declined"}

# A receipt knows the command that it answers.
COMMANDS = {
    "deposit": "Deposit",
    "withdraw": "Withdrawal",
    "claim-promotion": "Bonus",
    "grant-bonus": "Bonus",
    "place-bet": "Bet",
    "settle-win": "Win",
    "roll-back": "Bet returned",
    "opening": "Opening balance",
}


def kind_words(kind: str) -> str:
    """A kind that this release has not heard of is shown under its own name."""
    return KINDS.get(kind.lower(), kind.replace("_", " ").replace("-", " ").capitalize())
