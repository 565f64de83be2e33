"""Names of commands, as their path, their receipt and a wallet's availability have them.

Public: the names below.
"""

# Of a player, at `/commands/<name>`.
DEPOSIT = "deposit"
WITHDRAW = "withdraw"
CANCEL_WITHDRAWAL = "cancel-withdrawal"
CLAIM_PROMOTION = "claim-promotion"
SET_DEPOSIT_LIMIT = "set-deposit-limit"
SELF_EXCLUDE = "self-exclude"
SET_FAVOURITE = "set-favourite"
LAUNCH_GAME = "launch-game"
# Under the key of any of these: says what became of it.
CLOSE_KEY = "close-key"

# Of a game provider, through the seamless wallet.
PLACE_BET = "place-bet"
SETTLE_WIN = "settle-win"
GIVE_PRIZE = "give-prize"
ROLL_BACK = "roll-back"

# Of an operator.
GRANT_BONUS = "grant-bonus"
OPENING = "opening"
