"""Money: what reads cost a command, how soon a command can be read, and what a view costs. Real processes.

uv run python -m tests.benchmarks.bench_money                  all three, about seven minutes
uv run python -m tests.benchmarks.bench_money interference     --pairs 15 --seconds 10 --rate 60
uv run python -m tests.benchmarks.bench_money visible          --rate 200 --seconds 20
uv run python -m tests.benchmarks.bench_money view

interference: bets at a fixed rate, alone and while as many views are read as the read side can answer. Both halves of a
pair are cut into slices of two seconds that take turns, so that a machine which is slow for a while is slow for both.
Engine, relay and the one who bets share a core; the read side, its store and its readers have another.
The ledger stands on disk as it does in a house; `--ledger memory` shows the same without the disk's pauses, of which
one is a whole block's p99, with readers and without.
visible: until a command's line of the history stands in the query store, told by the store itself; counted from the
command's own time (before it waits its turn and commits: no later than the commit) and from its answer (right after).
view: a player's wallet out of the query store, in a process that holds the read side and nothing else.
Exits with 1 where a figure misses what is asked.
"""

import argparse
import asyncio
import itertools
import json
import multiprocessing
import os
import random
import secrets
import statistics
import tempfile
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any

import uvloop

from bff.contracts.player_context import PlayerContext, mint
from bff.contracts.seamless import sign
from bff.contracts.wallet import SCOPE_READ
from bff.queries.app import Queries
from bff.store import Store, StorePolicy
from tests.benchmarks.verdicts import at_most, leave
from tests.support.money_house import MoneyHouse, eventually

PROCESSES = ("bff-commands", "relay", "projector", "bff-queries")
PLAYERS = 40
READERS = 8
SECRET = "games-secret-for-benchmarks"
BET = "/transaction/bet"
MEMORY = "/dev/shm"
SLICE_S = 2.0


def core_of_disk(folder: str) -> int:
    """The core, of the first two, that handles the interrupts of the disk under `folder`; 0 if unknown."""
    device = os.stat(folder).st_dev
    disk = Path(f"/sys/dev/block/{os.major(device)}:{os.minor(device)}").resolve()
    # A partition is below its disk, and the disk below the device (virtio1, nvme0) for which interrupts are named.
    names = {part for part in disk.parts if part[-1:].isdigit() and ":" not in part}
    served = [0, 0]
    for line in Path("/proc/interrupts").read_text().splitlines()[1:]:
        fields = line.split()
        if len(fields) > 3 and fields[-1].partition("-")[0].partition("q")[0] in names:
            served = [served[core] + int(fields[1 + core]) for core in (0, 1)]
    return served.index(max(served))


# A commit waits for its disk. If the readers' core handled the disk's interrupts, commits would wait for readers too.
COMMANDS_CORE = core_of_disk(tempfile.gettempdir())
QUERIES_CORE = 1 - COMMANDS_CORE


def percentile(values: Sequence[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * share))] if values else float("nan")


def pin(pid: int, core: int) -> None:
    """Pin every thread of the process to a core; later threads inherit it."""
    for thread in Path(f"/proc/{pid}/task").iterdir():
        os.sched_setaffinity(int(thread.name), {core})


def cpu_s(house: MoneyHouse) -> dict[str, float]:
    """Seconds of CPU that each process has used."""
    used = {}
    for name, pid in [*((name, each.pid) for name, each in house.processes.items()), ("valkey", house.valkey.pid)]:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        used[name] = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return used


@dataclass
class Connection:
    """One keep-alive connection, with as little client code as possible."""

    port: int
    streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self, head: str, body: bytes = b"") -> tuple[int, bytes]:
        """Status and body. `head` is the request line and headers.

        If the server closes the connection at the moment of its next use, another one is opened: bets and views may be
        sent again.
        """
        if self.streams is not None:
            with suppress(ConnectionError, asyncio.IncompleteReadError):
                return await self._ask(*self.streams, head, body)
            self.close()
        self.streams = await asyncio.open_connection("127.0.0.1", self.port)
        return await self._ask(*self.streams, head, body)

    async def _ask(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, head: str, body: bytes
    ) -> tuple[int, bytes]:
        writer.write(f"{head}\r\nHost: 127.0.0.1\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
        lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower().split("\r\n")
        status, headers = int(lines[0].split()[1]), dict(line.partition(": ")[::2] for line in lines[1:])
        if "content-length" in headers:
            return status, await reader.readexactly(int(headers["content-length"]))
        answer = bytearray()
        while size := int(await reader.readline(), 16):
            answer += (await reader.readexactly(size + 2))[:-2]
        await reader.readline()
        return status, bytes(answer)

    def close(self) -> None:
        if self.streams is not None:
            self.streams[1].close()
            self.streams = None


MINTED_S = 60.0


class Better:
    """Places bets of small amounts over the provider's signed API, for players with enough money.

    No player bets the same amount twice; `answered_at` has the moment of each answer by player and amount.
    """

    def __init__(self, house: MoneyHouse, players: Sequence[str]) -> None:
        self.house, self.players = house, players
        self.minted_at = -MINTED_S
        self.port = house.ports["bff-commands"]
        self.idle: list[Connection] = []
        self.took_s: list[float] = []
        self.amounts = itertools.count(1)
        self.answered_at: dict[tuple[str, int], float] = {}

    def mint_tokens(self) -> None:
        """A game looks up its player again before the engine takes the token for an old one."""
        now, self.minted_at = int(time.time()), time.monotonic()
        contexts = [
            PlayerContext(name, "game:g", "EUR", "en", frozenset({"games.play"}), now + 3600) for name in self.players
        ]
        self.tokens = itertools.cycle([mint(each, self.house.private_key, now=now) for each in contexts])

    async def bet(self, due: float) -> None:
        """One bet; its latency counts from the moment at which it was due."""
        if time.monotonic() - self.minted_at >= MINTED_S:
            self.mint_tokens()
        amount = next(self.amounts)
        report = {
            "request_uuid": secrets.token_hex(8), "transaction_uuid": secrets.token_hex(8), "token": next(self.tokens),
            "game_code": "g", "round": "r", "currency": "EUR", "amount": amount,
        }  # fmt: skip
        body = json.dumps(report).encode()
        head = f"POST {BET} HTTP/1.1\r\nWallet-Provider: sandbox-tables\r\nWallet-Signature: "
        connection = self.idle.pop() if self.idle else Connection(self.port)
        status, answer = await connection.ask(head + sign(BET, body, SECRET, now=int(time.time())), body)
        self.took_s.append(time.monotonic() - due)
        self.idle.append(connection)
        found = json.loads(answer)
        assert (status, found["status"]) == (200, "RS_OK"), found
        self.answered_at[found["user"], amount] = time.time()

    async def run(self, rate: float, seconds: float) -> list[float]:
        """Bets at `rate` a second, whether or not earlier ones are answered; returns the seconds that each took."""
        self.took_s, began = [], time.monotonic()
        async with asyncio.TaskGroup() as group:
            for number in range(int(rate * seconds)):
                due = began + number / rate
                await asyncio.sleep(max(0.0, due - time.monotonic()))
                group.create_task(self.bet(due))
        return self.took_s


def read_on(port: int, bearers: list[str], running: Event, ended: Event, count: Any) -> None:
    """A process of readers: while `running` is set, as many views as `READERS` connections can get."""
    os.sched_setaffinity(0, {QUERIES_CORE})
    paths = itertools.cycle(["/views/wallet", "/views/promotions?currency=EUR", "/views/wallet"])
    bearer = itertools.cycle(bearers)

    async def reader() -> None:
        connection = Connection(port)
        while not ended.is_set():
            if not running.is_set():
                await asyncio.sleep(0.01)
                continue
            status, _ = await connection.ask(f"GET {next(paths)} HTTP/1.1\r\nAuthorization: {next(bearer)}")
            count.value += status == 200

    async def readers() -> None:
        await asyncio.gather(*(reader() for _ in range(READERS)))

    uvloop.run(readers())


@dataclass
class Flood:
    """Readers in a process of their own, paused until started."""

    house: MoneyHouse
    players: Sequence[str]
    running: Event = field(default_factory=multiprocessing.Event)
    ended: Event = field(default_factory=multiprocessing.Event)

    def __enter__(self) -> "Flood":
        self.count = multiprocessing.Value("q", 0)
        bearers = [self.house.bearer(name, scopes=(SCOPE_READ,)) for name in self.players]
        port = self.house.ports["bff-queries"]
        self.process = multiprocessing.Process(
            target=read_on, args=(port, bearers, self.running, self.ended, self.count)
        )
        self.process.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.ended.set()
        self.process.join(5)
        self.process.kill()


def rich(house: MoneyHouse) -> list[str]:
    """Players with money in the ledger and in the read side."""
    players = [f"pl_{secrets.token_hex(5)}" for _ in range(PLAYERS)]
    for player in players:
        assert house.deposit(player, 100_000_000)[0] == 200
    eventually(lambda: all(house.real(player) == 100_000_000 for player in players))
    return players


def interference(house: MoneyHouse, players: Sequence[str], pairs: int, seconds: float, rate: float) -> None:
    os.sched_setaffinity(0, {COMMANDS_CORE})
    for name in ("bff-commands", "relay"):
        pin(house.processes[name].pid, COMMANDS_CORE)
    for pid in (house.processes["projector"].pid, house.processes["bff-queries"].pid, house.valkey.pid):
        pin(pid, QUERIES_CORE)
    better, alone, flooded = Better(house, players), [], []

    async def slice_of(flood: Flood, *, busy: bool) -> tuple[list[float], int]:
        """The seconds that each command took, and the number of views that were read meanwhile."""
        (flood.running.set if busy else flood.running.clear)()
        await asyncio.sleep(0.3)
        before = flood.count.value
        return await better.run(rate, SLICE_S), flood.count.value - before

    async def measure(flood: Flood) -> None:
        await better.run(rate, 3)
        for number in range(pairs):
            took_s: dict[bool, list[float]] = {False: [], True: []}
            views = 0
            for turn in range(max(1, round(seconds / SLICE_S))):
                # The order is reversed in the next turn.
                for busy in (True, False) if (number + turn) % 2 else (False, True):
                    took, read = await slice_of(flood, busy=busy)
                    took_s[busy] += took
                    views += read
            alone.append(p99_ms(took_s[False]))
            flooded.append(p99_ms(took_s[True]))
            print(
                f"  pair {number + 1:2}: p99 alone {alone[-1]:7.2f} ms, flooded {flooded[-1]:7.2f} ms"
                f" (x {flooded[-1] / alone[-1]:.2f}) beside {views / len(took_s[True]) * rate:6.0f} views/s",
                flush=True,
            )
        flood.running.clear()

    with Flood(house, players) as flood:
        uvloop.run(measure(flood))
    os.sched_setaffinity(0, {COMMANDS_CORE, QUERIES_CORE})
    ratios = [busy / calm for busy, calm in zip(flooded, alone, strict=True)]
    low, high = interval(ratios)
    print(f"command p99 alone {statistics.median(alone):.2f} ms, flooded {statistics.median(flooded):.2f} ms (medians)")
    print(f"ratio of p99s over {pairs} pairs: 95 % interval {low:.2f} to {high:.2f} (bootstrap)")
    at_most("interference: median ratio of command p99", statistics.median(ratios), "x", 1.1)
    at_most("interference: upper end of its 95 % interval", high, "x", 1.25)


def interval(values: Sequence[float], draws: int = 10_000) -> tuple[float, float]:
    """The interval with 95 % of the medians of as many values drawn with replacement."""
    chance = random.Random(1)
    medians = sorted(statistics.median(chance.choices(values, k=len(values))) for _ in range(draws))
    return medians[int(draws * 0.025)], medians[int(draws * 0.975)]


class Watcher:
    """Listens for the query store's changes of wallets: `seen` has, by player and amount, when a bet's line could be
    read, and the command's own time. Seconds since 1970."""

    def __init__(self, house: MoneyHouse) -> None:
        self.store = Store.connect(house.valkey.url, StorePolicy(connect_ms=1000, op_ms=2000))
        self.seen: dict[tuple[str, int], tuple[float, float]] = {}

    async def run(self) -> None:
        async for message in self.store.listen(["wallet.*"]):
            now, player = time.time(), message.topic.removeprefix("wallet.")
            for line in message.data["recent"]:
                name = (player, -line["amount_minor"])
                if line["kind"] == "bet" and name not in self.seen:
                    self.seen[name] = now, datetime.fromisoformat(line["at"]).timestamp()


def visible(house: MoneyHouse, players: Sequence[str], rate: float, seconds: float) -> None:
    better = Better(house, players)

    async def measure() -> tuple[list[float], float, Watcher]:
        watcher = Watcher(house)
        watching = asyncio.create_task(watcher.run())
        await better.run(rate, 2)
        await asyncio.sleep(0.5)
        better.answered_at.clear()
        began, before = time.monotonic(), cpu_s(house)
        took_s = await better.run(rate, seconds)
        achieved = len(took_s) / (time.monotonic() - began)
        used = [f"{name} {(after - before[name]) * 1000 / len(took_s):.2f}" for name, after in cpu_s(house).items()]
        print(f"ms of CPU a command: {', '.join(used)}")
        for _ in range(500):
            if better.answered_at.keys() <= watcher.seen.keys():
                break
            await asyncio.sleep(0.02)
        watching.cancel()
        with suppress(asyncio.CancelledError):
            await watching
        await watcher.store.aclose()
        return took_s, achieved, watcher

    took_s, achieved, watcher = uvloop.run(measure())
    seen = {name: watcher.seen[name] for name in better.answered_at}  # until every command has become visible
    since_began_s = [at - began for at, began in seen.values()]
    since_answer_s = [max(0.0, at - better.answered_at[name]) for name, (at, _) in seen.items()]
    print(f"{len(took_s)} commands, {achieved:.0f} a second; command {quantiles(took_s)}")
    print(f"visible after the command began: {quantiles(since_began_s)}")
    print(f"visible after its answer:        {quantiles(since_answer_s)}")
    # The commit is between the two. Counting from the command's own time is stricter, since it includes the wait for
    # its turn.
    at_most(f"visible: p99 from the command's own time at {rate:.0f} a second", p99_ms(since_began_s), "ms", 100)
    at_most(f"visible: p99 from its answer at {rate:.0f} a second", p99_ms(since_answer_s), "ms", 100)


def p99_ms(values_s: Sequence[float]) -> float:
    return percentile(values_s, 0.99) * 1000


def quantiles(values_s: Iterable[float]) -> str:
    values = list(values_s)
    return f"p50 {percentile(values, 0.5) * 1000:.2f} ms, p99 {percentile(values, 0.99) * 1000:.2f} ms"


def view(house: MoneyHouse, players: Sequence[str], rounds: int = 3000) -> None:
    app = Queries(Store.connect(house.valkey.url), house.environment["PLAYER_CONTEXT_PUBLIC_KEY"])
    bearers = itertools.cycle([house.bearer(name, scopes=(SCOPE_READ,)).encode() for name in players])

    async def one() -> float:
        messages: list[dict[str, Any]] = []

        async def send(message: dict[str, Any]) -> None:
            messages.append(message)

        scope = {
            "type": "http", "method": "GET", "path": "/views/wallet", "query_string": b"",
            "headers": [(b"authorization", next(bearers))],
        }  # fmt: skip
        began = time.perf_counter()
        await app(scope, None, send)  # type: ignore[arg-type]
        took = time.perf_counter() - began
        assert messages[0]["status"] == 200, messages
        return took

    async def measure() -> list[float]:
        for _ in range(200):
            await one()
        return [await one() for _ in range(rounds)]

    took_s = uvloop.run(measure())
    print(f"{rounds} wallets read one after another: {quantiles(took_s)}")
    at_most("view: p50 out of the query store, in the process", percentile(took_s, 0.5) * 1000, "ms", 1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", nargs="*", choices=["interference", "visible", "view", []], help="default: all")
    parser.add_argument("--pairs", type=int, default=15, help="of interference, at least 7")
    parser.add_argument("--seconds", type=float, help="each half of a pair (10), or all of visible (20)")
    parser.add_argument("--rate", type=float, help="commands a second: interference 60, visible 200")
    parser.add_argument("--ledger", choices=["memory", "disk"], default="disk", help="where the ledger stands")
    options = parser.parse_args()
    wanted = options.what or ["interference", "visible", "view"]
    for what in wanted:
        folder = MEMORY if options.ledger == "memory" and Path(MEMORY).is_dir() else None
        print(f"{what}: the ledger stands {'in memory' if folder else 'on disk'}", flush=True)
        with MoneyHouse(wanted=PROCESSES, extra={"GAMES_WALLET_SECRET": SECRET}, folder=folder) as house:
            players = rich(house)
            if what == "visible":
                visible(house, players, options.rate or 200, options.seconds or 20)
            elif what == "view":
                view(house, players)
            else:
                interference(house, players, options.pairs, options.seconds or 10, options.rate or 60)
    leave()


if __name__ == "__main__":
    main()
