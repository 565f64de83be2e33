"""The projector: takes the ledger's events from the broker into the query store.

Run as `python -m bff.queries.projector`. It may be killed at any line: what it had not acknowledged comes again, and an
event that was applied already is no news. It may run twice or more: those that run share the ledger's partitions.
"""

import asyncio
import os
import socket
from collections.abc import Callable
from typing import Any

from bff.broker import BROKER, address, connect
from bff.contracts.ledger import LEDGER_STREAM
from bff.queries.lag import LagMeter
from bff.queries.partition_work import PartitionWork
from bff.queries.projector_steps import GROUP, PROJECTOR
from bff.resilience import worker
from bff.resilience.policies import house_policy
from bff.store import Store, StorePolicy

# No page waits for this process, so it can wait longer for the store than a page would.
STORE = house_policy("projector-store", StorePolicy(connect_ms=250, op_ms=1000))


async def _main(stopping: asyncio.Event, started: list[Callable[[], dict[str, Any]]]) -> None:
    store = Store.connect(os.environ.get("REDIS_URL", "redis://127.0.0.1:8040/0"), STORE)
    broker = connect(address(), BROKER)
    work = PartitionWork(store, broker, f"projector-{socket.gethostname()[:40]}-{os.getpid()}", BROKER)
    meter = LagMeter(broker, LEDGER_STREAM, GROUP, PROJECTOR.lag_s, partitions=lambda: work.partitions)
    started.append(lambda: {**work.state(), "lag": meter.state()})
    measuring = asyncio.create_task(meter.run(stopping))
    try:
        await work.run(stopping)
    finally:
        measuring.cancel()
        await broker.aclose()
        await store.aclose()


def main() -> None:
    """The process: projects until it is stopped."""
    started: list[Callable[[], dict[str, Any]]] = []
    worker.run(lambda stopping: _main(stopping, started), healthy=lambda: started[0]() if started else {})


if __name__ == "__main__":
    main()
