"""The relay's process: what it holds, and its loops beside each other.

Public: `main`. Django must be set up before this is imported; `bff.commands.relay` does that.
"""

import asyncio
from collections.abc import Awaitable
from dataclasses import replace

from django.conf import settings

from bff.broker import BROKER, connect
from bff.commands.bonuses import expiry
from bff.commands.engine.policy import PAYMENTS, POLICY
from bff.commands.engine.process import name_of_process
from bff.commands.engine.threads import Engine
from bff.commands.payments import resolver
from bff.commands.payments.provider import PaymentsProvider
from bff.commands.relay.loops import Relay
from bff.commands.relay.partition_leases import PartitionLeases
from bff.resilience import worker
from bff.resilience.policies import house_policy
from bff.store import Store, StorePolicy

# No page waits for this process, so it can wait longer for the store than a page would.
STORE = house_policy("relay-store", StorePolicy(connect_ms=250, op_ms=1000))


async def _main(stopping: asyncio.Event, started: list[Relay]) -> None:
    policy = BROKER
    broker = connect(settings.BROKER_URL, policy)
    # Publishing has a database thread of its own, so that it does not wait for other work. What it writes may be lost
    # in a crash (the events are then published again), so it does not wait for the disk, and commands do not wait for
    # it.
    engine, resolving = Engine(threads=1, policy=replace(POLICY, durable=False)), Engine(threads=1)
    payments = PaymentsProvider(settings.PAYMENTS_URL, PAYMENTS)
    store, name = Store.connect(settings.REDIS_URL, STORE), name_of_process("relay")
    relay = Relay(broker, engine, resolving, PartitionLeases(store, engine, name), holder=name, policy=policy)
    started.append(relay)
    loops: list[Awaitable[None]] = [
        relay.share(stopping),
        relay.publish(stopping),
        relay.listen(stopping, policy),
        relay.prune(stopping),
        relay.reconciler.run(stopping),
        resolver.resolve(resolving, payments, stopping),
        expiry.run_expiry(resolving, stopping),
    ]
    try:
        async with asyncio.TaskGroup() as group:
            for loop in loops:
                group.create_task(_run(loop))
        await relay.leave()
    finally:
        await store.aclose()
        await payments.aclose()
        await broker.aclose()
        engine.close()
        resolving.close()


async def _run(loop: Awaitable[None]) -> None:
    await loop


def main() -> None:
    """The process: loops until it is stopped."""
    started: list[Relay] = []
    worker.run(lambda stopping: _main(stopping, started), healthy=lambda: started[0].state() if started else {})
