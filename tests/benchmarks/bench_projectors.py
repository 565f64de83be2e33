"""Events of the ledger into the query store with one projector and with two: how many a second, and the CPU of each
part.

uv run python -m tests.benchmarks.bench_projectors [--projectors 1 2] [--events 12000] [--rounds 3]

Deposits of as many players as there are events, in two partitions, are all in the stream before the clock starts: what
is measured is how fast they are read, applied and written. Rounds of one projector and of two take turns. A projector
uses one core and waits for the store in between, so one processes at most 1000 / (its ms + the store's ms) a second,
and all that share some cores together (cores × 1000) / (the same sum): two reach 2 × if there are idle cores, and one
core of the store serves (projector's ms + store's ms) / (store's ms) of them. The requirement is that two process 1.6 ×
what one does, if there is a core for each and one for the store; on fewer cores the ratio is printed without a
requirement. FIGURES_FILE gets the costs (see `capacity.py`).
"""

import argparse
import asyncio
import json
import os
import signal
import statistics
import subprocess
import sys
import time
import urllib.request
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from bff.broker import BROKER, BrokerPolicy, connect
from bff.contracts.event import Event
from bff.contracts.ledger import (
    HEARTBEAT,
    LEDGER_STREAM,
    Balances,
    LedgerHeartbeat,
    MovementLine,
    PlayerChanged,
    Receipt,
)
from bff.queries.checkpoint import checkpoint_topic
from bff.store import Store, StorePolicy
from tests.benchmarks.verdicts import at_least, figure, leave
from tests.support.free_ports import free_port
from tests.support.valkey_server import ValkeyServer

PARTITIONS = 2
EPOCH = "e1"
WITHIN_S = 120
PATIENT = StorePolicy(connect_ms=5000, op_ms=5000, breaker_failures=1000)


def deposit(place: int, position: int) -> Event:
    """The event of a new player's first deposit, as the engine writes it."""
    player, now = f"pl_{place}_{position}", datetime.now(UTC)
    lines = [MovementLine(0, "deposit", Receipt(f"rc_{player}", "deposit", "done", 100, "EUR", now, (EPOCH, 1)))]
    change = PlayerChanged(player, "EUR", Balances(100, 0, 100, 0, "EUR"), 1, lines, None, pending=[])
    data, name = msgspec.to_builtins(change), f"{EPOCH}-{player}"
    before = f"{EPOCH}-pl_{place}_{position - 1}" if position > 1 else ""
    at = (EPOCH, position)
    return Event(name, "FundsDeposited", 1, f"player:{player}", (EPOCH, 1), now, data, position=at, previous_id=before)


def heartbeat(position: int) -> Event:
    data = msgspec.to_builtins(LedgerHeartbeat((EPOCH, position), "", PARTITIONS))
    return Event(f"b-{position}", HEARTBEAT, 1, "ledger:0", (EPOCH, position), datetime.now(UTC), data)


class Projector:
    """A process of its own."""

    def __init__(self, url: str) -> None:
        self.port = free_port()
        environ = {**os.environ, "REDIS_URL": url, "BROKER_URL": url, "PORT": str(self.port), "HOST": "127.0.0.1"}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "bff.queries.projector"], env=environ, stdout=subprocess.DEVNULL
        )

    def held(self) -> set[str]:
        """The partitions that it holds."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/healthz", timeout=1) as answer:
                return set(json.load(answer).get("partitions", ()))
        except OSError:
            return set()

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()


def cpu_s(pids: Sequence[int]) -> float:
    used = 0
    for pid in pids:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        used += int(fields[11]) + int(fields[12])
    return used / os.sysconf("SC_CLK_TCK")


async def until(condition: Any) -> None:
    end = time.monotonic() + WITHIN_S
    while not await condition():
        if time.monotonic() > end:
            raise SystemExit(f"bench_projectors: what was waited for did not come about in {WITHIN_S} s")
        await asyncio.sleep(0.02)


class Round:
    """One run: `rate` events a second, and ms of CPU an event."""

    def __init__(self, number: int, events: int) -> None:
        self.number, self.events = number, events
        self.rate = self.projector_ms = self.store_ms = 0.0

    async def run(self) -> "Round":
        with ValkeyServer() as valkey:
            store = Store.connect(valkey.url, PATIENT)
            broker = connect(valkey.url, BrokerPolicy(**{**_numbers(BROKER), "stream_events_max": 2 * self.events}))
            projectors = [Projector(valkey.url) for _ in range(self.number)]
            try:
                for place in range(PARTITIONS):
                    await broker.publish(LEDGER_STREAM, [heartbeat(0)], partition=place)
                await until(lambda: self._shared(projectors))
                for each in projectors:
                    each.signal(signal.SIGSTOP)
                half = self.events // PARTITIONS
                for place in range(PARTITIONS):
                    await broker.publish(LEDGER_STREAM, [deposit(place, n + 1) for n in range(half)], partition=place)
                await self._measure(store, valkey, projectors, half)
            finally:
                for each in projectors:
                    each.stop()
                await broker.aclose()
                await store.aclose()
        return self

    async def _measure(self, store: Store, valkey: ValkeyServer, projectors: Sequence[Projector], half: int) -> None:
        pids = [each.process.pid for each in projectors]
        used, of_store, began = cpu_s(pids), cpu_s([valkey.pid]), time.monotonic()
        for each in projectors:
            each.signal(signal.SIGCONT)

        async def done() -> bool:
            places = [checkpoint_topic(place) for place in range(PARTITIONS)]
            records = await store.get_many(places)
            return all(record and record.sequence == (EPOCH, half) for record in records.values())

        await until(done)
        self.rate = self.events / (time.monotonic() - began)
        self.projector_ms = (cpu_s(pids) - used) * 1000 / self.events
        self.store_ms = (cpu_s([valkey.pid]) - of_store) * 1000 / self.events

    async def _shared(self, projectors: Sequence[Projector]) -> bool:
        """Whether every partition is held, and every projector holds one."""
        held = [await asyncio.to_thread(each.held) for each in projectors]
        return all(held) and sum(map(len, held)) == PARTITIONS


def _numbers(policy: BrokerPolicy) -> dict[str, Any]:
    return {name: getattr(policy, name) for name in policy.__dataclass_fields__}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--projectors", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--events", type=int, default=12_000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    rounds: dict[int, list[Round]] = {number: [] for number in options.projectors}
    for turn in range(options.rounds):
        for number in options.projectors if turn % 2 == 0 else reversed(options.projectors):
            ran = asyncio.run(Round(number, options.events).run())
            rounds[number].append(ran)
            print(
                f"  {number} projectors: {ran.rate:6.0f} events/s; ms of CPU an event:"
                f" projector {ran.projector_ms:.3f}, Valkey {ran.store_ms:.3f}",
                flush=True,
            )
    first, *others = options.projectors
    rates = {number: statistics.median(each.rate for each in ran) for number, ran in rounds.items()}
    for number, rate in rates.items():
        figure(f"event.projectors_{number}.per_s", rate, "/s")
    projector_ms = statistics.median(each.projector_ms for each in rounds[first])
    store_ms = statistics.median(each.store_ms for each in rounds[first])
    figure("event.projector_ms", projector_ms, "ms of CPU")
    figure("event.store_ms", store_ms, "ms of CPU")
    cores = len(os.sched_getaffinity(0))
    figure(f"event.model_{cores}_cores.per_s", cores * 1000 / (projector_ms + store_ms), "/s")
    figure("event.projectors_per_store_core", (projector_ms + store_ms) / store_ms, "projectors")
    for number in others:
        ratio = rates[number] / rates[first]
        figure(f"event.projectors_{number}.ratio", ratio, f"x of {first}")
        if cores > number:
            at_least(f"{number} projectors tell more than {first}", ratio, "x", 0.8 * number / first)
    leave()


if __name__ == "__main__":
    main()
