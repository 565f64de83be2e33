"""The relay's loop that states where a few players stand at a time, and restates those whose records differ.

Public: `Reconciler`.
"""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime

import msgspec
from prometheus_client import Counter

from bff.broker import Broker, BrokerUnavailable, pause
from bff.commands.engine.identifiers import fresh_id
from bff.commands.engine.policy import RELAY
from bff.commands.engine.threads import Engine, EngineUnavailable
from bff.commands.ledger.models import Player
from bff.commands.relay import comparison, rebuild
from bff.commands.relay.places import Places
from bff.commands.relay.repair_schedule import RepairSchedule
from bff.contracts.event import Event
from bff.contracts.ledger import (
    BALANCES_STATED,
    LEDGER_STREAM,
    ROLLING,
    BalancesCompared,
    BalancesStated,
    PlayersRebuilt,
)
from bff.contracts.ledger_partition import aggregate_of_partition, players_by_partition
from bff.resilience import log

logger = log.get("relay")

REPAIRED = Counter(
    "mullion_relay_players_repaired_total", "Players restated because the read side differed from the ledger"
)
REPAIRS_REFUSED = Counter(
    "mullion_relay_repairs_refused_total", "Players whose records differ and could not be made anew"
)

_RUN = "repair"


class Reconciler:
    """`drained` returns the partitions that this relay sends, once all their events are published, so that a statement
    comes behind them in the stream; else None.
    """

    def __init__(self, broker: Broker, engine: Engine, every_s: float, drained: Callable[[], Places | None]) -> None:
        self._broker, self._engine = broker, engine
        self._every_s, self._drained = every_s, drained
        self._after, self._part = "", 0
        self._repairs = RepairSchedule()

    async def run(self, stopping: asyncio.Event) -> None:
        """Round and round, until `stopping`."""
        if not self._every_s:
            return
        clock = asyncio.get_running_loop().time
        began = clock()
        while not stopping.is_set():
            await pause(stopping, self._every_s)
            places = self._drained()
            if not places or (not self._after and clock() < began):
                continue
            try:
                await self._publish_part(places)
            except (BrokerUnavailable, EngineUnavailable):
                continue
            if not self._after:
                began = clock() + RELAY.compare_round_s_min

    async def _publish_part(self, places: Places) -> None:
        """Each player is stated in the player's partition, behind what happened there."""
        after, stands = await self._engine.run(comparison.state_next, self._after, places)
        for place, some in players_by_partition(((each.player, each) for each in stands), places.count).items():
            self._part += 1
            data = msgspec.to_builtins(BalancesStated(ROLLING, self._part, some))
            at, about = (ROLLING, self._part), aggregate_of_partition(place)
            event = Event(fresh_id("ev"), BALANCES_STATED, 1, about, at, datetime.now(UTC), data)
            await self._broker.publish(LEDGER_STREAM, [event], partition=place)
        self._after = after

    async def compared(self, answer: BalancesCompared) -> None:
        """Restate those who differ, for a shadow that is swapped in when it agrees."""
        if answer.run != ROLLING:
            return
        now = asyncio.get_running_loop().time()
        for player, why in zip(answer.players, answer.wrong, strict=False):
            if not self._repairs.is_due(player, now):
                continue
            if await self._engine.run(_restate, player, fresh_id(_RUN)):
                REPAIRED.inc()
                logger.warning("relay_player_differs", player=player, why=why)

    def rebuilt(self, answer: PlayersRebuilt) -> None:
        """Record how the rebuild ended for these players; a refused one needs an operator."""
        for each in answer.players if answer.run.startswith(f"{_RUN}_") else []:
            if each.outcome == "refused":
                REPAIRS_REFUSED.inc()
                logger.error("relay_repair_refused", player=each.player, why=each.why)


def _restate(player: str, run: str) -> bool:
    """Whether there is such a player."""
    currency = Player.objects.filter(pk=player).values_list("currency", flat=True).first()
    if currency is not None:
        rebuild.append_player(player, currency, run, datetime.now(UTC))
    return currency is not None
