"""Events from the outbox into the stream with one relay and with two: how many a second, and the CPU of each part.

uv run python -m tests.benchmarks.bench_relays [--relays 1 2] [--events 12000] [--rounds 3]

As many deposits as there are events, each of another player, are in the outbox of a PostgreSQL before the clock starts,
in four partitions; the clock stops when every row is marked as sent. Rounds of one relay and of two take turns. A relay
uses one core and waits for database and stream in between, so one sends at most 1000 / (its ms + the database's ms +
the stream's ms) a second, and all that share some cores together (cores × 1000) / (the same sum). Relays take turns
only for numbering the events. The requirement is that two send 1.6 × what one does, if there is a core for each, one
for the database and one for the stream; on fewer cores the ratio is printed without a requirement. FIGURES_FILE gets
the costs (see `capacity.py`).
"""

import argparse
import json
import os
import signal
import statistics
import time
from collections.abc import Callable
from datetime import UTC, datetime

import psycopg

from bff.contracts.ledger_partition import partition_key
from tests.benchmarks.bench_engines import database_cpu_s
from tests.benchmarks.bench_money import cpu_s
from tests.benchmarks.verdicts import at_least, figure, leave
from tests.support.ledgers import ledger_on
from tests.support.money_house import MoneyHouse, eventually
from tests.support.postgres_server import PostgresServer

PARTITIONS = 4
WITHIN_S = 300
# Nobody reads the stream here, so it is made long enough for all events, and the relay never waits for a reader.
UNREAD = {"relay": {"unread_events_max": 10_000_000}, "broker": {"stream_events_max": 1_000_000}}
WAITING = "SELECT count(*) FROM commands_outboxrow WHERE published_at IS NULL"
COLUMNS = ("event_id", "type", "aggregate", "partition_key", "epoch", "sequence", "at", "data", "position_epoch")


def relays_of(number: int) -> list[str]:
    return ["relay", *(f"relay#{other}" for other in range(2, number + 1))]


class Round:
    """One run: `rate` events a second, and ms of CPU an event."""

    def __init__(self, server: PostgresServer, number: int, events: int) -> None:
        self.names, self.events, self._server = relays_of(number), events, server
        extra = {"LEDGER_PARTITIONS": str(PARTITIONS), "HOUSE_POLICIES": json.dumps(UNREAD)}
        address = ledger_on(server, f"relays{number}")
        with (
            MoneyHouse(database_url=address, wanted=("bff-commands", *self.names), extra=extra) as house,
            psycopg.connect(address, autocommit=True) as ledger,
        ):
            self._house, self._ledger = house, ledger
            assert house.deposit("pl_amber", 100)[1]["state"] == "done"
            eventually(lambda: self._is_shared() and self._is_empty(), WITHIN_S, "the relays do not share the ledger")
            self._signal(signal.SIGSTOP)
            self._fill()
            self._measure()

    def _is_shared(self) -> bool:
        """Whether every partition has one sender, and every relay has a partition."""
        held = [self._house.health(name).get("partitions", ()) for name in self.names]
        return all(held) and sum(map(len, held)) == PARTITIONS

    def _is_empty(self) -> bool:
        found = self._ledger.execute(WAITING).fetchone()
        return found is not None and not found[0]

    def _signal(self, number: signal.Signals) -> None:
        for name in self.names:
            self._house.processes[name].send_signal(number)

    def _fill(self) -> None:
        """Outbox rows as the engine writes them, each of another player."""
        like = "SELECT type, epoch, data FROM commands_outboxrow WHERE type = 'FundsDeposited' ORDER BY id DESC LIMIT 1"
        found = self._ledger.execute(like).fetchone()
        assert found is not None
        kind, epoch, data = found
        rows = f"COPY commands_outboxrow ({', '.join(COLUMNS)}) FROM STDIN"
        now = datetime.now(UTC)
        with self._ledger.cursor() as cursor, cursor.copy(rows) as copy:
            for number in range(self.events):
                player = f"pl_{number}"
                aggregate = f"player:{player}"
                key = partition_key(aggregate)
                about = data.replace("pl_amber", player)
                copy.write_row((f"ev_bench_{number}", kind, aggregate, key, epoch, 1, now, about, ""))

    def _measure(self) -> None:
        used, of_database, began = cpu_s(self._house), database_cpu_s(self._server), time.monotonic()
        self._signal(signal.SIGCONT)
        eventually(self._is_empty, WITHIN_S, "the outbox is not empty")
        self.rate = self.events / (time.monotonic() - began)
        after = cpu_s(self._house)
        per_event = 1000 / self.events
        self.relay_ms = sum(after[name] - used[name] for name in self.names) * per_event
        self.database_ms = (database_cpu_s(self._server) - of_database) * per_event
        self.stream_ms = (after["valkey"] - used["valkey"]) * per_event


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--relays", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--events", type=int, default=12_000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    rounds: dict[int, list[Round]] = {number: [] for number in options.relays}
    with PostgresServer() as server:
        for turn in range(options.rounds):
            for number in options.relays if turn % 2 == 0 else reversed(options.relays):
                ran = Round(server, number, options.events)
                rounds[number].append(ran)
                print(
                    f"  {number} relays: {ran.rate:6.0f} events/s; ms of CPU an event: relay {ran.relay_ms:.3f},"
                    f" PostgreSQL {ran.database_ms:.3f}, Valkey {ran.stream_ms:.3f}",
                    flush=True,
                )
    say(rounds)
    leave()


def say(rounds: dict[int, list[Round]]) -> None:
    first, *others = rounds

    def of(number: int, value: Callable[[Round], float]) -> float:
        return statistics.median(value(each) for each in rounds[number])

    for number in rounds:
        figure(f"outbox.relays_{number}.per_s", of(number, lambda each: each.rate), "/s")
        figure(f"outbox.relays_{number}.relay_ms", of(number, lambda each: each.relay_ms), "ms of CPU")
        figure(f"outbox.relays_{number}.database_ms", of(number, lambda each: each.database_ms), "ms of CPU")
    event_ms = of(first, lambda each: each.relay_ms + each.database_ms + each.stream_ms)
    cores = len(os.sched_getaffinity(0))
    figure("outbox.event_ms", event_ms, "ms of CPU")
    figure(f"outbox.model_{cores}_cores.per_s", cores * 1000 / event_ms, "/s")
    for number in others:
        ratio = of(number, lambda each: each.rate) / of(first, lambda each: each.rate)
        figure(f"outbox.relays_{number}.ratio", ratio, f"x of {first}")
        if cores >= number + 2:
            at_least(f"{number} relays send more than {first}", ratio, "x", 0.8 * number / first)


if __name__ == "__main__":
    main()
