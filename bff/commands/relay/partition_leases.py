"""The partitions of the ledger's stream that this relay sends: its share among all relays, by leases.

Public: `PartitionLeases`.
"""

import contextlib

from prometheus_client import Gauge

from bff.commands.engine.policy import RELAY, RelayPolicy
from bff.commands.engine.threads import Engine, EngineUnavailable
from bff.commands.relay import epochs
from bff.resilience import log
from bff.store import Share, Store, StoreUnavailable

logger = log.get("relay")

HELD = Gauge("mullion_relay_partitions_held", "Partitions of the ledger's stream that this relay sends")


class PartitionLeases:
    """`held` are the partitions that may be sent. A partition that goes to another process is `ending` until nothing of
    it is in flight here; then the sender calls `release_ended`.
    """

    def __init__(self, store: Store, engine: Engine, member: str, policy: RelayPolicy = RELAY) -> None:
        self._engine = engine
        self._share = Share(store, "relay", member, policy.lease_ms)
        self._is_away = False  # store or database did not answer to the last round
        self.held: frozenset[int] = frozenset()
        self.ending: frozenset[int] = frozenset()

    def __repr__(self) -> str:
        return f"<PartitionLeases {sorted(self.held)}, {sorted(self.ending)} ending>"

    async def refresh(self) -> None:
        """Renew, take and give up leases. While store or database is away no process can take one,
        so held ones stay.
        """
        try:
            partitions = await self._engine.run(epochs.partitions)
            change = await self._share.refresh(partitions, self.held, self.ending)
        except (StoreUnavailable, EngineUnavailable) as error:
            if not self._is_away:
                logger.warning("relay_share_unknown", detail=str(error))
            self._is_away = True
            return
        self._is_away = False
        self.held = self.held.difference(change.end).union(change.begin)
        self.ending = self.ending.union(change.end)
        HELD.set(len(self.held))
        if change.begin or change.end:
            logger.info("relay_share_changed", begins=change.begin, ends=change.end, partitions=partitions)

    async def release_ended(self) -> None:
        """Nothing of what is ending is under way here: another one may have it at once."""
        for place in self.ending:
            with contextlib.suppress(StoreUnavailable):  # then it has it when the lease is over
                await self._share.release(place)
            self.ending -= {place}

    async def leave(self) -> None:
        """Give everything up, and take no part any more."""
        self.ending, self.held = self.ending | self.held, frozenset()
        await self.release_ended()
        with contextlib.suppress(StoreUnavailable):
            await self._share.leave()
