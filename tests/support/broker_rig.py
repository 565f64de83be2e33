"""Shared by tests of brokers: short time limits, events, and readers that wait for a number of deliveries.

With `KAFKA_BOOTSTRAP` the tests of the Kafka port use that cluster instead of the mock; each run names its topics anew.
"""

import os
import time
from dataclasses import replace
from datetime import UTC, datetime

from bff.broker import BrokerPolicy, BrokerUnavailable
from bff.contracts.event import Event

POLICY = BrokerPolicy(
    block_ms=100,
    lease_ms=600,
    op_ms=1500,
    retry_ms_initial=5,
    retry_ms_max=50,
    attempts_max=4,
    # On a busy machine a living consumer may be silent for so long; the mock makes a new member wait for one second
    # less.
    session_ms=2000,
    silence_ms_max=2000,
)

REAL_KAFKA = os.environ.get("KAFKA_BOOTSTRAP", "")
# Real brokers of Kafka take no session below six seconds (`group.min.session.timeout.ms`), and answer later than the
# mock.
KAFKA_POLICY = replace(POLICY, op_ms=5000, session_ms=6000, silence_ms_max=6000) if REAL_KAFKA else POLICY


def event(n, aggregate="player:1", epoch="e1"):
    return Event(
        id=f"{epoch}-{aggregate}-{n}",
        type="FundsDeposited",
        version=1,
        aggregate=aggregate,
        sequence=(epoch, n),
        occurred_at=datetime(2026, 1, 1, tzinfo=UTC),
        data={"n": n},
        position=(epoch, n),
    )


async def drain(reader, wanted, within_s=30.0):
    """At least `wanted` deliveries, not yet acknowledged."""
    got = []
    end = time.monotonic() + within_s
    while len(got) < wanted:
        assert time.monotonic() < end, f"{len(got)} of {wanted} came in time"
        got += await reader.fetch()
    return got


async def retried(reader, wanted, within_s=30.0):
    """As `drain`, with a broker that is just coming back."""
    end = time.monotonic() + within_s
    while True:
        try:
            return await drain(reader, wanted, within_s)
        except BrokerUnavailable:
            assert time.monotonic() < end


def numbers(deliveries):
    return [each.event.data["n"] for each in deliveries]
