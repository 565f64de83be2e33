"""Whether the records say what the ledger says.

Public: `compare`.
"""

from collections.abc import Mapping

import msgspec

from bff.contracts.ledger import BalancesCompared, BalancesStated, PlayerStands
from bff.contracts.view import Sequence
from bff.contracts.wallet import WalletState, wallet_topic


def compare(stated: BalancesStated, standing: Mapping[str, tuple[Sequence, bytes] | None]) -> BalancesCompared:
    """Each player's record (topic to sequence and JSON) against the ledger's word, where both speak of one moment."""
    equal, moved_on, wrong = 0, 0, []
    for player in stated.players:
        record = standing.get(wallet_topic(player.player))
        if record is None:
            wrong.append(f"{player.player} is not there")
        elif record[0] > player.sequence:
            moved_on += 1
        elif record[0] < player.sequence:
            wrong.append(f"{player.player} is at {record[0][1]} instead of {player.sequence[1]}")
        elif difference := _difference(player, record[1]):
            wrong.append(f"{player.player}: {difference}")
        else:
            equal += 1
    return BalancesCompared(stated.run, stated.part, equal, moved_on, wrong)


def _difference(player: PlayerStands, raw: bytes) -> str:
    balances = msgspec.json.decode(raw, type=WalletState).balances
    names = ("real_minor", "bonus_minor", "held_minor")
    differing = [name for name in names if getattr(balances, name) != getattr(player, name)]
    return ", ".join(f"{name} is {getattr(balances, name)} instead of {getattr(player, name)}" for name in differing)
