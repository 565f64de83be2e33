"""BFF live beside a bare ASGI broadcast, on the same server, store, sockets and messages, in one run.

uv run python -m tests.benchmarks.bench_live                      5,000 sockets, 10 messages a second
uv run python -m tests.benchmarks.bench_live --sockets 1000 --rounds 100

Prints, for each: idle memory a socket; deliveries a second when one message follows the last as soon as every socket
has it (and the same per second of the server's CPU); the time from publishing to the last socket at a fixed rate; for
BFF live also how many sockets miss the latest state after all of them were thrown out at once. The two are measured in
turn, block by block, and each figure is the median of its blocks. Everything runs on loopback; figures of two runs are
not to be compared, their ratios are.
"""

import argparse
import asyncio
import json
import os
import random
import resource
import signal
import statistics
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from bff.store import Store, StorePolicy
from tests.benchmarks.verdicts import figure
from tests.support.free_ports import free_port
from tests.support.live_house import ORIGIN, ROOT, LiveHouse
from tests.support.valkey_server import ValkeyServer

BLOCKS = 9  # the two are measured by turns, so that other work of the machine meets both
TICK = os.sysconf("SC_CLK_TCK")
TICKET_S = 600  # on a busy machine connecting all sockets takes longer than a ticket is valid


class Client(asyncio.Protocol):
    """One browser, as cheap as possible: reads frames, stores the latest number and when it came."""

    def __init__(self, crowd: "Crowd", ticket: str) -> None:
        self.crowd = crowd
        self.ticket = ticket
        self.buffer = b""
        self.open = False
        self.latest = -1
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self.transport = transport
        transport.write(
            f"GET /live HTTP/1.1\r\nSec-WebSocket-Protocol: mullion.live, mullion.ticket.{self.ticket}\r\n"
            f"Host: x\r\nOrigin: {ORIGIN}\r\nUpgrade: websocket\r\n"
            "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n".encode()
        )

    def data_received(self, data: bytes) -> None:
        assert self.transport is not None
        self.buffer += data
        if not self.open:
            head, found, rest = self.buffer.partition(b"\r\n\r\n")
            if not found:
                return
            if self.crowd.returning and head.startswith(b"HTTP/1.1 503"):  # connects are metered: it tries again
                self.transport.close()
                return
            assert head.startswith(b"HTTP/1.1 101"), head
            self.open = True
            self.buffer = rest
            self._say(1, json.dumps({"subscribe": [self.crowd.topic]}).encode())
            self.crowd.opened()
        while len(self.buffer) >= 2:
            size, at = self.buffer[1], 2
            if size == 126:
                size, at = int.from_bytes(self.buffer[2:4], "big"), 4
            if len(self.buffer) < at + size:
                return
            frame, opcode = self.buffer[at : at + size], self.buffer[0] & 15
            self.buffer = self.buffer[at + size :]
            if opcode == 1 and (mark := frame.find(b'"n":')) > 0:
                self.latest = int(frame[mark + 4 : frame.index(b",", mark)])
                self.crowd.delivered(self.latest)
            elif opcode == 9:
                self._say(10, frame)

    def _say(self, opcode: int, payload: bytes) -> None:
        assert self.transport is not None
        self.transport.write(bytes([0x80 | opcode, 0x80 | len(payload), 0, 0, 0, 0]) + payload)

    def connection_lost(self, error: Exception | None) -> None:
        self.crowd.lost(self)


@dataclass
class Crowd:
    """All browsers. `counts[n]` is how many have message n; `last_at[n]` when the last of them got it."""

    port: int
    ticket: Callable[[], str]
    topic: str
    size: int
    clients: list[Client] = field(default_factory=list)
    open: int = 0
    counts: dict[int, int] = field(default_factory=dict)
    last_at: dict[int, float] = field(default_factory=dict)
    everybody: asyncio.Event = field(default_factory=asyncio.Event)
    complete: asyncio.Event = field(default_factory=asyncio.Event)
    waiting_for: int = -1
    returning: bool = False
    tasks: set[asyncio.Task[None]] = field(default_factory=set)

    async def connect(self) -> None:
        gate = asyncio.Semaphore(100)

        async def one() -> None:
            async with gate:
                await self.dial()

        await asyncio.gather(*(one() for _ in range(self.size)))
        await self.complete.wait()

    async def dial(self) -> None:
        loop = asyncio.get_running_loop()
        _, client = await loop.create_connection(lambda: Client(self, self.ticket()), "127.0.0.1", self.port)
        self.clients.append(client)

    def opened(self) -> None:
        self.open += 1
        if self.open >= self.size:
            self.complete.set()

    def delivered(self, n: int) -> None:
        self.counts[n] = self.counts.get(n, 0) + 1
        self.last_at[n] = time.monotonic()
        if n == self.waiting_for and self.counts[n] >= self.size:
            self.everybody.set()

    def lost(self, client: Client) -> None:
        self.open -= client.open
        self.clients.remove(client)
        if self.returning:
            task = asyncio.ensure_future(self._come_back())
            self.tasks.add(task)
            task.add_done_callback(self.tasks.discard)

    async def _come_back(self) -> None:
        wait_s = 0.5
        while True:
            await asyncio.sleep(random.uniform(0, wait_s))
            try:
                await self.dial()
            except OSError:
                wait_s = min(30, wait_s * 2)
            else:
                return

    async def until_all_have(self, n: int, within_s: float) -> bool:
        self.waiting_for = n
        self.everybody.clear()
        if self.counts.get(n, 0) >= self.size:
            return True
        try:
            await asyncio.wait_for(self.everybody.wait(), within_s)
        except TimeoutError:
            return False
        return True

    def close(self) -> None:
        self.returning = False
        for client in self.clients:
            if client.transport:
                client.transport.abort()


@dataclass
class Figures:
    """What one server did, block by block."""

    idle_bytes: float = 0
    connect_s: float = 0
    deliveries_per_s: list[float] = field(default_factory=list)
    deliveries_per_cpu_s: list[float] = field(default_factory=list)
    last_ms: list[float] = field(default_factory=list)
    coalesced: int = 0


@dataclass
class Server:
    """One of the two, with its crowd and what it did."""

    name: str
    port: int
    pid: int
    ticket: Callable[[], str]
    topic: str
    size: int
    store: Store
    figures: Figures = field(default_factory=Figures)
    n: int = 0

    def __post_init__(self) -> None:
        self.crowd = Crowd(self.port, self.ticket, self.topic, self.size)

    async def publish(self) -> int:
        """Write the topic's next state through the store, which tells it; data of a usual size."""
        self.n += 1
        data = {"n": self.n, "name": "Lightning Roulette 7", "seats_taken": self.n % 7, "results": ["red 7"] * 8}
        await self.store.put(self.topic, data, feed="tables")
        return self.n


def memory_bytes(pid: int) -> int:
    return int(Path(f"/proc/{pid}/status").read_text().split("VmRSS:")[1].split()[0]) * 1024


def cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICK


async def fill(server: Server) -> None:
    """Connect everybody, and see what they cost while nothing happens."""
    few = Crowd(server.port, server.ticket, server.topic, 50)
    await few.connect()
    for _ in range(20):  # imports, pools and code paths cost memory once, not per socket
        await few.until_all_have(await server.publish(), 10)
    few.close()
    await asyncio.sleep(1)
    before, began = memory_bytes(server.pid), time.monotonic()
    await server.crowd.connect()
    server.figures.connect_s = time.monotonic() - began
    await asyncio.sleep(2)
    server.figures.idle_bytes = (memory_bytes(server.pid) - before) / server.size


async def closed_loop(server: Server, rounds: int) -> None:
    """One message follows the last as soon as everybody has it."""
    began, cpu = time.monotonic(), cpu_s(server.pid)
    for _ in range(rounds):
        assert await server.crowd.until_all_have(await server.publish(), 60), "a message did not reach every socket"
    delivered = rounds * server.size
    server.figures.deliveries_per_s.append(delivered / (time.monotonic() - began))
    server.figures.deliveries_per_cpu_s.append(delivered / max(1 / TICK, cpu_s(server.pid) - cpu))


async def open_loop(server: Server, rate: float, seconds: float) -> None:
    """Messages at a fixed rate, whether the last one has arrived or not."""
    crowd, due, sent = server.crowd, time.monotonic(), {}
    for _ in range(max(1, int(rate * seconds))):
        due += 1 / rate
        await asyncio.sleep(max(0.0, due - time.monotonic()))
        at = time.monotonic()
        sent[await server.publish()] = at
    await crowd.until_all_have(server.n, 30)
    whole = [n for n in sent if crowd.counts.get(n, 0) >= crowd.size]
    server.figures.last_ms += [(crowd.last_at[n] - sent[n]) * 1000 for n in whole]
    server.figures.coalesced += len(sent) - len(whole)


async def reconnect_all(server: Server, house: LiveHouse) -> tuple[int, float]:
    """(sockets that lack the latest state, seconds until the last had it) after the house was killed under load."""
    server.crowd.returning = True
    house.stop(signal.SIGKILL)
    began = time.monotonic()
    for _ in range(20):
        await server.publish()
    await asyncio.to_thread(house.start)
    last = await server.publish()
    while time.monotonic() < began + 120 and lacking(server.crowd, last):  # noqa: ASYNC110 (nobody tells)
        await asyncio.sleep(0.1)
    return lacking(server.crowd, last), time.monotonic() - began


def lacking(crowd: Crowd, n: int) -> int:
    return crowd.size - sum(client.latest == n for client in crowd.clients)


@contextmanager
def bare(valkey: ValkeyServer) -> Iterator[tuple[int, int]]:
    """(port, process id) of the yardstick."""
    port = free_port()
    environ = {**os.environ, "PORT": str(port), "REDIS_URL": valkey.url, "DEBUG": "1"}
    process = subprocess.Popen([sys.executable, "-m", "tests.benchmarks.bare_broadcast"], cwd=ROOT, env=environ)
    try:
        wait_for(port)
        yield port, process.pid
    finally:
        process.kill()
        process.wait()


def wait_for(port: int) -> None:
    end = time.monotonic() + 20
    while True:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=1):
                return
        except OSError:
            assert time.monotonic() < end, "the bare server is not ready"
            time.sleep(0.05)


def percentile(values: Sequence[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * share))] if values else float("nan")


def show(one: Server, other: Server) -> None:
    """Side by side, with ratios."""

    def row(label: str, of: Callable[[Figures], float]) -> None:
        first, second = of(one.figures), of(other.figures)
        ratio = f"{second / first:8.2f}" if first else ""
        print(f"{label:34}{first:22,.1f}{second:22,.1f}{ratio}")

    print(f"{'':34}{one.name:>22}{other.name:>22}{'ratio':>8}")
    figure("socket.idle_kib", other.figures.idle_bytes / 1024, "KiB")
    figure("socket.deliveries_per_cpu_s", statistics.median(other.figures.deliveries_per_cpu_s), "/CPU s")
    row("idle memory a socket, KiB", lambda f: f.idle_bytes / 1024)
    row("deliveries a second", lambda f: statistics.median(f.deliveries_per_s))
    row("deliveries a CPU second", lambda f: statistics.median(f.deliveries_per_cpu_s))
    row("to the last socket, p50 ms", lambda f: percentile(f.last_ms, 0.5))
    row("to the last socket, p99 ms", lambda f: percentile(f.last_ms, 0.99))
    row("messages not to all (coalesced)", lambda f: f.coalesced)
    row("seconds to connect all", lambda f: f.connect_s)


async def compare(options: argparse.Namespace) -> None:
    with ValkeyServer() as valkey, bare(valkey) as (port, pid), LiveHouse(valkey.url) as house:
        store = Store.connect(valkey.url, StorePolicy(connect_ms=5000, op_ms=5000))
        assert house.process is not None
        yardstick = Server("bare ASGI broadcast", port, pid, lambda: "none", "tables.bare", options.sockets, store)
        ticket = partial(house.ticket, life_s=TICKET_S)
        live = Server("BFF live", house.port, house.process.pid, ticket, "tables.bench", options.sockets, store)
        try:
            for server in (yardstick, live):
                await fill(server)
            for _ in range(BLOCKS):
                for server in (yardstick, live):
                    await closed_loop(server, max(1, options.rounds // BLOCKS))
            for _ in range(BLOCKS):
                for server in (yardstick, live):
                    await open_loop(server, options.rate, options.seconds / BLOCKS)
            show(yardstick, live)
            missing, took_s = await reconnect_all(live, house)
            print(f"after a forced reconnect of all: {missing} of {live.size} lack the latest state; {took_s:.1f} s")
        finally:
            for server in (yardstick, live):
                server.crowd.close()
            await store.aclose()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sockets", type=int, default=5000)
    parser.add_argument("--rate", type=float, default=10, help="messages a second of the open loop")
    parser.add_argument("--seconds", type=float, default=20, help="of the open loop")
    parser.add_argument("--rounds", type=int, default=100, help="messages of the closed loop")
    options = parser.parse_args()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = 2 * options.sockets + 500
    if hard != resource.RLIM_INFINITY and hard < needed:
        sys.exit(f"{options.sockets} sockets need {needed} open files, and this system allows {hard}: ulimit -Hn")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, needed), hard))

    asyncio.run(compare(options))


if __name__ == "__main__":
    main()
