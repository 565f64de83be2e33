"""Commands over one PostgreSQL with one engine and with two: how many a second, and the CPU of each part.

uv run python -m tests.benchmarks.bench_engines [--engines 1 2] [--seconds 10] [--connections 16] [--rounds 3]

Bets by 40 players, sent as fast as they are answered, over the provider's signed API, to the engines by turns. Rounds
of one engine and of two take turns. On two cores the engines share CPU with the database and the load, so growth has to
be derived from the cost: an engine uses one core, so it handles 1000 / (its ms a command) commands a second, and one
core of the database serves (engine's ms) / (database's ms) engines. The database does not wait for the disk here. These
figures have no requirement; FIGURES_FILE gets them (see `capacity.py`).
"""

import argparse
import asyncio
import itertools
import statistics
import time
from collections.abc import Sequence
from pathlib import Path

import uvloop
from redis import Redis

from tests.benchmarks.bench_money import SECRET, Better, cpu_s, p99_ms, rich
from tests.benchmarks.verdicts import figure
from tests.support.ledgers import ledger_on
from tests.support.money_house import MoneyHouse
from tests.support.postgres_server import PostgresServer

PARTS = ("relay", "projector")
WARM_S = 2.0


def engines_of(number: int) -> list[str]:
    return ["bff-commands", *(f"bff-commands#{other}" for other in range(2, number + 1))]


def database_cpu_s(server: PostgresServer) -> float:
    """CPU seconds that the server and all its children have used."""
    children = Path(f"/proc/{server.pid}/task/{server.pid}/children").read_text().split()
    ticks = 0
    for pid in (str(server.pid), *children):
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        # Children that have ended are included in the server's own count.
        ticks += sum(int(field) for field in fields[11 : 15 if pid == str(server.pid) else 13])
    return ticks / 100


def memory_kib(house: MoneyHouse, players: Sequence[str]) -> float:
    """The query store's memory for one of these players, on average."""
    with Redis.from_url(house.valkey.url) as store:
        keys = [key for key in store.scan_iter(count=1000) if any(player.encode() in key for player in players)]
        return sum(store.memory_usage(key) or 0 for key in keys) / len(players) / 1024


class Round:
    """The figures of one run with these engines."""

    def __init__(self, server: PostgresServer, number: int, seconds: float, connections: int) -> None:
        self.names = engines_of(number)
        address = ledger_on(server, f"engines{number}")
        wanted, extra = (*self.names, *PARTS), {"GAMES_WALLET_SECRET": SECRET}
        with MoneyHouse(database_url=address, wanted=wanted, extra=extra) as house:
            players = rich(house)
            betters = [Better(house, players) for _ in self.names]
            for better, name, first in zip(betters, self.names, itertools.count(), strict=False):
                better.port = house.ports[name]
                better.amounts = itertools.count(first + 1, len(self.names))
            uvloop.run(self._load(betters, WARM_S, connections))
            used, database = cpu_s(house), database_cpu_s(server)
            lasted_s = uvloop.run(self._load(betters, seconds, connections))
            after = cpu_s(house)
            self.commands = sum(len(better.took_s) for better in betters)
            self.p99_ms = p99_ms([took for better in betters for took in better.took_s])
            self.rate = self.commands / lasted_s
            per_command = 1000 / self.commands
            self.engine_ms = sum(after[name] - used[name] for name in self.names) * per_command
            self.database_ms = (database_cpu_s(server) - database) * per_command
            self.player_kib = memory_kib(house, players)
            self.read_side_ms = {part: (after[part] - used[part]) * per_command for part in (*PARTS, "valkey")}

    @staticmethod
    async def _load(betters: Sequence[Better], seconds: float, connections: int) -> float:
        began = time.monotonic()
        for better in betters:
            better.took_s, better.idle = [], []

        async def one(better: Better) -> None:
            while time.monotonic() - began < seconds:
                await better.bet(time.monotonic())

        await asyncio.gather(*(one(betters[each % len(betters)]) for each in range(connections)))
        lasted_s = time.monotonic() - began
        for better in betters:
            for connection in better.idle:
                connection.close()
        return lasted_s


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--engines", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    rounds: dict[int, list[Round]] = {number: [] for number in options.engines}
    with PostgresServer() as server:
        for turn in range(options.rounds):
            for number in options.engines if turn % 2 == 0 else reversed(options.engines):
                ran = Round(server, number, options.seconds, options.connections)
                rounds[number].append(ran)
                print(
                    f"  {number} engines: {ran.rate:6.0f} commands/s, p99 {ran.p99_ms:6.1f} ms; ms of CPU a command:"
                    f" engine {ran.engine_ms:.2f}, database {ran.database_ms:.2f},"
                    f" {', '.join(f'{part} {used:.2f}' for part, used in ran.read_side_ms.items())}",
                    flush=True,
                )
    first = options.engines[0]
    for number, ran_all in rounds.items():
        rate = statistics.median(each.rate for each in ran_all)
        figure(f"command.engines_{number}.per_s", rate, "/s")
        if number != first:
            ratio = rate / statistics.median(each.rate for each in rounds[first])
            figure(f"command.engines_{number}.ratio", ratio, f"x of {first}")
    costs = rounds[first]
    engine_ms, database_ms = (
        statistics.median(getattr(each, name) for each in costs) for name in ("engine_ms", "database_ms")
    )
    figure("command.engine_ms", engine_ms, "ms of CPU")
    figure("command.database_ms", database_ms, "ms of CPU")
    for part in (*PARTS, "valkey"):
        figure(f"command.{part}_ms", statistics.median(each.read_side_ms[part] for each in costs), "ms of CPU")
    figure("player.store_kib", statistics.median(each.player_kib for each in costs), "KiB")
    figure("command.engines_per_database_core", engine_ms / database_ms, "engines")


if __name__ == "__main__":
    main()
