"""The relay's loop that states a few players at a time, and tells those again whose records differ.

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
from bff.commands.relay.repair_schedule import Mends
from bff.contracts.event import Event
from bff.contracts.ledger import (
    BALANCES_STATED,
    LEDGER_STREAM,
    ROLLING,
    BalancesCompared,
    BalancesStated,
    PlayersRebuilt,
)
from bff.resilience import log

logger = log.get("relay")

MENDED = Counter("relay_players_mended_total", "Players told again because the read side differed from the ledger")
REFUSED = Counter("relay_mends_refused_total", "Players whose records differ and could not be made anew")

_RUN = "mend"


class Reconciler:
    """`may_state` says whether everything has gone out, so that what is stated is in the stream behind it."""

    def __init__(self, broker: Broker, engine: Engine, every_s: float, may_state: Callable[[], bool]) -> None:
        self._broker, self._engine = broker, engine
        self._every_s, self._may_state = every_s, may_state
        self._after, self._part = "", 0
        self._mends = Mends()

    async def run(self, stopping: asyncio.Event) -> None:
        """Round and round, until `stopping`."""
        if not self._every_s:
            return
        clock = asyncio.get_running_loop().time
        began = clock()
        while not stopping.is_set():
            await pause(stopping, self._every_s)
            if not self._may_state() or (not self._after and clock() < began):
                continue
            try:
                await self._state()
            except (BrokerUnavailable, EngineUnavailable):
                continue
            if not self._after:
                began = clock() + RELAY.compare_round_s_min

    async def _state(self) -> None:
        after, stands = await self._engine.run(comparison.state_next, self._after)
        if stands:
            self._part += 1
            data = msgspec.to_builtins(BalancesStated(ROLLING, self._part, stands))
            at, now = (ROLLING, self._part), datetime.now(UTC)
            await self._broker.publish(
                LEDGER_STREAM, [Event(fresh_id("ev"), BALANCES_STATED, 1, "ledger", at, now, data)]
            )
        self._after = after

    async def compared(self, answer: BalancesCompared) -> None:
        """Tell those again who differ, for a shadow that is swapped in when it agrees."""
        if answer.run != ROLLING:
            return
        now = asyncio.get_running_loop().time()
        for player, why in zip(answer.players, answer.wrong, strict=False):
            if not self._mends.is_due(player, now):
                continue
            if await self._engine.run(_tell, player, fresh_id(_RUN)):
                MENDED.inc()
                logger.warning("relay_player_differs", player=player, why=why)

    def rebuilt(self, answer: PlayersRebuilt) -> None:
        """How it ended for those; one that is refused needs people."""
        for each in answer.players if answer.run.startswith(f"{_RUN}_") else []:
            if each.outcome == "refused":
                REFUSED.inc()
                logger.error("relay_mend_refused", player=each.player, why=each.why)


def _tell(player: str, run: str) -> bool:
    """Whether there is such a player."""
    currency = Player.objects.filter(pk=player).values_list("currency", flat=True).first()
    if currency is not None:
        rebuild.tell_player(player, currency, run, datetime.now(UTC))
    return currency is not None
