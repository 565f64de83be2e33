"""The projector's checkpoint in the query store.

Public: `Checkpoint`, `CHECKPOINT_TOPIC`, `SHAPE`, `checkpoint_topic`.

Within an epoch a checkpoint is only moved (compare and set) and never created, so a store that loses it is noticed at
the next move, whatever was written since. It holds the position and the id of the event there: a ledger that lost its
end may give the same position to another event.
"""

from bff.contracts.view import Sequence
from bff.store import Put, Store

CHECKPOINT_TOPIC = "projection.ledger"
# To be raised with every change of what the projector writes: records of another shape are replayed.
SHAPE = 5


def checkpoint_topic(partition: int) -> str:
    """Where the checkpoint of a partition is kept; the first has the bare name."""
    return f"{CHECKPOINT_TOPIC}.{partition}" if partition else CHECKPOINT_TOPIC


class Checkpoint:
    """The checkpoint of a partition in `store`. `at` and `event_id` are what this process knows of it."""

    def __init__(self, store: Store, partition: int = 0) -> None:
        self._store = store
        self._topic = checkpoint_topic(partition)
        self.at: Sequence = ("", 0)
        self.event_id = ""

    def __repr__(self) -> str:
        return f"<Checkpoint {self.at} {self.event_id}>"

    async def read(self) -> bool:
        """Read the stored checkpoint; returns whether the records have the shape that this release writes."""
        record = await self._store.get(self._topic)
        self.at = record.sequence if record else ("", 0)
        self.event_id = str(record.data.get("event_id", "")) if record else ""
        return record is None or record.data.get("shape") == SHAPE

    async def move(self, at: Sequence, event_id: str) -> bool:
        """Move the checkpoint if the store still holds the last one. False if it does not;
        `was_lost` has the reason.
        """
        return await self._put(at, event_id, self.at if at[0] == self.at[0] else None)

    async def begin(self, epoch: str) -> bool:
        """Checkpoint the beginning of an epoch, with nothing to compare to. False: it stands in a later place."""
        return await self._put((epoch, 0), "", None)

    async def was_lost(self) -> bool:
        """Whether the store holds an earlier checkpoint than it did, or none.

        A later one is taken over: we moved it and the answer was lost, or another who leads did.
        """
        before, mine = self.at, self.event_id
        await self.read()
        if self.at >= before:
            return False
        self.at, self.event_id = before, mine
        return True

    async def _put(self, at: Sequence, event_id: str, past: Sequence | None) -> bool:
        where = {"epoch": at[0], "position": at[1], "event_id": event_id, "shape": SHAPE}
        [put] = await self._store.put_many([Put(self._topic, where, feed="ledger", sequence=at, past=past)])
        if put:
            self.at, self.event_id = at, event_id
        return put
