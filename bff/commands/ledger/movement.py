"""The amounts that one transaction of a game moves.

Public: `Movement`.
"""

from typing import NamedTuple


class Movement(NamedTuple):
    """Minor units into a player's accounts, and what the house's promotions get of it instead of the player.

    `owed_minor` goes into the account `debt`: what settles a debt is positive.
    """

    real_minor: int
    bonus_minor: int
    forfeited_minor: int = 0
    owed_minor: int = 0
