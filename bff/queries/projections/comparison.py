"""Whether the records say what the ledger says.

Public: `compare`, `topics_of`, `Standing`.
"""

from collections.abc import Iterator, Mapping
from typing import TypeVar

import msgspec

from bff.contracts.ledger import BalancesCompared, BalancesStated, HistoryMonthState, PlayerStands, month_topic
from bff.contracts.view import Sequence
from bff.contracts.wallet import LimitsState, PendingState, WalletState, limits_topic, pending_topic, wallet_topic
from bff.queries.projections.months import by_kind

T = TypeVar("T")

Standing = Mapping[str, tuple[Sequence, bytes] | None]


def topics_of(player: PlayerStands) -> list[str]:
    """The records that are held against what is stated of `player`."""
    own = player.player
    months = [month_topic(own, month) for month in player.months]
    return [wallet_topic(own), pending_topic(own), limits_topic(own), *months]


def compare(stated: BalancesStated, standing: Standing) -> BalancesCompared:
    """Each player's records (topic to sequence and JSON) against the ledger's word, where both speak of one moment."""
    equal, moved_on, wrong = 0, 0, []
    for player in stated.players:
        record = standing.get(wallet_topic(player.player))
        if record is None:
            wrong.append(f"{player.player} is not there")
        elif record[0] > player.sequence:
            moved_on += 1
        elif record[0] < player.sequence:
            wrong.append(f"{player.player} is at {record[0][1]} instead of {player.sequence[1]}")
        elif differences := list(_differences(player, standing)):
            wrong.append(f"{player.player}: {', '.join(differences)}")
        else:
            equal += 1
    return BalancesCompared(stated.run, stated.part, equal, moved_on, wrong)


def _differences(player: PlayerStands, standing: Standing) -> Iterator[str]:
    balances = _read(standing, wallet_topic(player.player), WalletState).balances  # type: ignore[union-attr]
    for name in ("real_minor", "bonus_minor", "held_minor"):
        found, wanted = getattr(balances, name), getattr(player, name)
        if found != wanted:
            yield f"{name} is {found} instead of {wanted}"
    waiting = _read(standing, pending_topic(player.player), PendingState)
    found = [movement.reference for movement in waiting.movements] if waiting else []
    if found != player.pending:
        yield f"pending is {found} instead of {player.pending}"
    nothing = LimitsState(player.currency, [])
    limits = _read(standing, limits_topic(player.player), LimitsState) or nothing
    if limits != player.limits:
        yield f"limits are {limits} instead of {player.limits}"
    for month, wanted in player.months.items():
        state = _read(standing, month_topic(player.player, month), HistoryMonthState)
        totals = by_kind(state.pages) if state else {}
        for kind in sorted(totals.keys() | wanted.keys()):
            if totals.get(kind) != wanted.get(kind):
                yield f"{kind} in {month} is {_told(totals.get(kind))} instead of {_told(wanted.get(kind))}"


def _read(standing: Standing, topic: str, kind: type[T]) -> T | None:
    record = standing.get(topic)
    return msgspec.json.decode(record[1], type=kind) if record else None


def _told(totals: object) -> str:
    return str(msgspec.to_builtins(totals)) if totals is not None else "nothing"
