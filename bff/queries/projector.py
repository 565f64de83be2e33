"""The projector: takes the ledger's events from the broker into the query store.

Run as `python -m bff.queries.projector`. It may be killed at any line: what it had not acknowledged comes again, and an
event that was applied already is no news. It may run twice: the broker lets one read at a time.
"""

import asyncio
import os
import socket

from bff.broker import BROKER, address, connect, subscribe
from bff.contracts.ledger import LEDGER_STREAM
from bff.queries.lag import LagMeter
from bff.queries.projector_steps import GROUP, Projector
from bff.resilience import log, worker
from bff.resilience.policies import house_policy
from bff.store import Store, StorePolicy, StoreUnavailable

logger = log.get("projector")

# No page waits for this process, so it can wait longer for the store than a page would.
STORE = house_policy("projector-store", StorePolicy(connect_ms=250, op_ms=1000))


async def _main(stopping: asyncio.Event, started: list[Projector]) -> None:
    policy = BROKER
    store = Store.connect(os.environ.get("REDIS_URL", "redis://127.0.0.1:8040/0"), STORE)
    broker = connect(address(), policy)
    consumer = f"projector-{socket.gethostname()[:40]}-{os.getpid()}"
    projector = Projector(store, broker, broker.reader(LEDGER_STREAM, GROUP, consumer))
    started.append(projector)
    meter = LagMeter(broker, LEDGER_STREAM, GROUP, projector.policy.lag_s)
    measuring = asyncio.create_task(meter.run(stopping))
    try:
        await subscribe(
            projector.reader,
            projector.handle,
            stopping,
            policy=policy,
            progress=projector.progress,
            retried=(StoreUnavailable,),
            on_failure=lambda what, error: logger.warning(f"projector_{what}", detail=str(error)),
        )
    finally:
        measuring.cancel()
        await broker.aclose()
        await store.aclose()


def main() -> None:
    """The process: projects until it is told to stop."""
    started: list[Projector] = []
    worker.run(lambda stopping: _main(stopping, started), healthy=lambda: started[0].state() if started else {})


if __name__ == "__main__":
    main()
