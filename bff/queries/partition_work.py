"""The partitions of the ledger that this process projects, each in a task of its own.

Public: `PartitionWork`.
"""

import asyncio
import contextlib
from dataclasses import dataclass
from typing import Any

from bff.broker import Broker, BrokerPolicy, pause, subscribe
from bff.contracts.ledger import LEDGER_STREAM
from bff.queries.partition_share import ProjectorShare
from bff.queries.projector_steps import GROUP, PROJECTOR, Projector, ProjectorPolicy
from bff.resilience import log
from bff.store import Store, StoreUnavailable

logger = log.get("projector")


@dataclass(frozen=True, slots=True)
class _Work:
    """One partition's projector, its task, and what ends it."""

    projector: Projector
    task: asyncio.Task[None]
    stopping: asyncio.Event


class PartitionWork:
    """`run` takes this process's share of the partitions, and gives up what another one is to have."""

    def __init__(
        self,
        store: Store,
        broker: Broker,
        consumer: str,
        broker_policy: BrokerPolicy,
        policy: ProjectorPolicy = PROJECTOR,
    ) -> None:
        self._store, self._broker, self._consumer = store, broker, consumer
        self._broker_policy, self._policy = broker_policy, policy
        self._share = ProjectorShare(store, consumer, policy.lease_ms)
        self._work: dict[int, _Work] = {}
        self._is_away = False  # the store did not answer to the last round

    def __repr__(self) -> str:
        return f"<PartitionWork {sorted(self._work)} of {self._share.partitions}>"

    @property
    def partitions(self) -> int:
        """How many there are."""
        return self._share.partitions

    def state(self) -> dict[str, Any]:
        """For /healthz. Of several partitions each says where it is."""
        each = {place: work.projector.state() for place, work in sorted(self._work.items())}
        details = [state["detail"] for state in each.values() if state["detail"]]
        losses = [state["lost"] for state in each.values() if state["lost"]]
        return {
            "at": next(iter(each.values()))["at"] if each else None,
            "parked": sum(state["parked"] for state in each.values()),
            "lost": losses[0] if losses else "",
            "detail": details[0] if details else "",
            **(
                {"partitions": {str(place): state["at"] for place, state in each.items()}}
                if self.partitions > 1
                else {}
            ),
        }

    async def run(self, stopping: asyncio.Event) -> None:
        """Until `stopping`; then everything is given up in order. What ends a partition's task ends this too."""
        async with asyncio.TaskGroup() as group:
            while not stopping.is_set():
                await self._share_out(group)
                await pause(stopping, self._policy.share_s)
            for work in self._work.values():
                work.stopping.set()
        with contextlib.suppress(StoreUnavailable):
            await self._share.leave()

    async def _share_out(self, group: asyncio.TaskGroup) -> None:
        """While the store is away no process can take a lease, so each goes on with those it has."""
        self._work = {place: work for place, work in self._work.items() if not work.task.done()}
        ending = {place for place, work in self._work.items() if work.stopping.is_set()}
        try:
            change = await self._share.refresh(self._work.keys() - ending, ending)
        except StoreUnavailable as error:
            if not self._is_away:
                logger.warning("projector_share_unknown", detail=str(error))
            self._is_away = True
            return
        self._is_away = False
        for place in change.end:
            self._work[place].stopping.set()
        for place in change.begin:
            self._work[place] = self._begin(place, group)
        if change.begin or change.end:
            logger.info("projector_share_changed", begins=change.begin, ends=change.end, partitions=self.partitions)

    def _begin(self, place: int, group: asyncio.TaskGroup) -> _Work:
        projector = Projector(
            self._store,
            self._broker,
            self._broker.reader(LEDGER_STREAM, GROUP, self._consumer, partition=place),
            self._policy,
            partition=place,
            partitions=self.partitions,
            on_partitions=self._share.report,
        )
        stopping = asyncio.Event()
        return _Work(projector, group.create_task(self._project(place, projector, stopping)), stopping)

    async def _project(self, place: int, projector: Projector, stopping: asyncio.Event) -> None:
        await subscribe(
            projector.reader,
            projector.handle,
            stopping,
            policy=self._broker_policy,
            progress=projector.progress,
            retried=(StoreUnavailable,),
            on_failure=lambda what, error: logger.warning(f"projector_{what}", detail=str(error), partition=place),
        )
        with contextlib.suppress(StoreUnavailable):
            await self._share.release(place)
