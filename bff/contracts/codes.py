"""Codes of problems (RFC 9457) that a program in another house acts on.

Public: the names below. All other codes are their own house's.
"""

STORE_DOWN = "store_down"  # of the read side: its own upstream failed, and not it
ENGINE_DOWN = "engine_down"  # of the engine: nothing was done
SCOPE_MISSING = "scope_missing"  # the player context does not allow this
COMMAND_IN_FLIGHT = "command_in_flight"  # the same key is still being worked on
KEY_FORGOTTEN = "key_forgotten"  # the key of a command is too old to say what became of it
NOT_ENOUGH_MONEY = "not_enough_money"
PLAYER_EXCLUDED = "player_excluded"  # the player is on a break
