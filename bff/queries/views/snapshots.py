"""Waits, at most as long as a page can, until a view includes the reader's own write; and adds whether commands are
taken.

Public: `read_of`, `read_until`, `reached`, `commands_of`, `LEDGER`, `ENGINE`.
"""

import asyncio
from collections.abc import Callable, Iterable

from bff.contracts.ledger_partition import aggregate_of_player
from bff.contracts.view import CommandsState, Sequence
from bff.queries.policy import QueriesPolicy
from bff.store import Record, Snapshot, Store

LEDGER, ENGINE = "ledger", "engine"


async def read_of(store: Store, player: str, topics: Iterable[str], feeds: Iterable[str]) -> Snapshot:
    """One look at the store for `player` ("" for nobody): what it says of the ledger is said of the partition that the
    player is in, so that nobody's wallet ages for what another partition lacks."""
    if not player:
        return await store.read(topics, feeds)
    own = aggregate_of_player(player)
    return (await store.read(topics, feeds, keys=[own])).of(own)


async def read_until(
    store: Store,
    player: str,
    topics: Iterable[str],
    feeds: Iterable[str],
    policy: QueriesPolicy,
    enough: Callable[[Snapshot], bool],
) -> Snapshot:
    """The first snapshot for `player` that is enough, or the last one before the wait is over."""
    clock = asyncio.get_running_loop().time
    until = clock() + policy.min_sequence_ms_max / 1000
    topics, feeds = list(topics), list(feeds)
    while True:
        snapshot = await read_of(store, player, topics, feeds)
        if enough(snapshot) or clock() >= until:
            return snapshot
        await asyncio.sleep(policy.min_sequence_poll_ms / 1000)


def reached(record: Record | None, wanted: Sequence | None) -> bool:
    """Another epoch can not be compared: what was written may or may not be in it, so it is not called reached."""
    if wanted is None:
        return True
    return record is not None and record.sequence[0] == wanted[0] and record.sequence[1] >= wanted[1]


def commands_of(snapshot: Snapshot) -> CommandsState:
    """Whether commands are taken, by the engine's own heartbeat: `snapshot` must include `ENGINE`."""
    return "open" if snapshot.feeds[ENGINE].state == "live" else "paused"
