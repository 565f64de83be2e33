"""Pages while one of three fragments hangs: a real shell process, three origins, figures side by side.

Run: `uv run python -m tests.benchmarks.bench_pages` (about two minutes). It prints

- closed loop: pages a second, latency and the shell's processor time of a healthy page of three slots; then, while one
  fragment hangs and its breaker is open, of a healthy page of two and of the page of three, turn and turn about;
- open loop at half of the capacity, from ten seconds before a fragment hangs until ten seconds after it recovered: the
  share of pages that were whole within the page deadline.

It exits with 1 where a figure misses what is asked. Ratios hold on any machine; absolute figures are this machine's.
"""

import argparse
import asyncio
import math
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.benchmarks.verdicts import at_least, at_most, leave
from tests.origin.server import Origin
from tests.support.mullion import ROOT, Mullion

DEADLINE_S = 1.0
WORKERS = 16
TURNS = 6
NAMES = ("one", "two", "three")
PAGES = """
[fragments.one]
[fragments.two]
[fragments.three]
[pages.trio]
route = "/"
template = "lobby.html"
[pages.trio.slots]
wallet = { fragment = "one" }
tables = { fragment = "two" }
promotions = { fragment = "three" }
[pages.duo]
route = "/duo/"
template = "tables.html"
[pages.duo.slots]
wallet = { fragment = "one" }
tables = { fragment = "two" }
"""
BODY = b"<section><h2>Fragment</h2>" + b"<p>Some three kilobytes of quite ordinary words.</p>" * 60 + b"</section>"


@dataclass
class Round:
    """The result of one run of load, in seconds; a page that did not come whole counts as infinite."""

    took: list[float] = field(default_factory=list)
    broken: int = 0
    lasted: float = 0.0
    cpu_s: float = 0.0  # CPU seconds of the shell

    def ended(self, whole: bool, took_s: float) -> None:
        """A page has come, or failed."""
        self.broken += not whole
        self.took.append(took_s if whole else math.inf)

    def add(self, other: "Round") -> None:
        self.took += other.took
        self.broken += other.broken
        self.lasted += other.lasted
        self.cpu_s += other.cpu_s

    @property
    def cpu_ms(self) -> float:
        """The shell's CPU time for one page."""
        return 1000 * self.cpu_s / len(self.took)

    @property
    def rate(self) -> float:
        return (len(self.took) - self.broken) / self.lasted

    def quantile(self, share: float) -> float:
        ordered = sorted(self.took)
        return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


@dataclass(frozen=True)
class Shell:
    """The shell's address and its process."""

    port: int
    pid: int


class Client:
    """One keep-alive connection that loads pages."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def page(self, path: str) -> bool:
        """Whether a whole 200 page came."""
        if self._streams is not None and self._streams[0].at_eof():
            self.close()  # the server closes connections that were idle for long
        if self._streams is None:
            self._streams = await asyncio.open_connection("127.0.0.1", self._port)
        reader, writer = self._streams
        writer.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        head = await reader.readuntil(b"\r\n\r\n")
        body = bytearray()
        while size := int(await reader.readline(), 16):
            body += (await reader.readexactly(size + 2))[:-2]
        await reader.readline()
        return head.startswith(b"HTTP/1.1 200") and body.rstrip().endswith(b"</html>")

    def close(self) -> None:
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None


def cpu_s(pid: int) -> float:
    """CPU seconds that a process has used so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def closed_loop(shell: Shell, path: str, seconds: float) -> Round:
    """As many pages as `WORKERS` connections can fetch."""
    seen, began, cpu_before = Round(), time.monotonic(), cpu_s(shell.pid)

    async def work() -> None:
        client = Client(shell.port)
        while time.monotonic() - began < seconds:
            sent_at = time.monotonic()
            seen.ended(await client.page(path), time.monotonic() - sent_at)
        client.close()

    await asyncio.gather(*(work() for _ in range(WORKERS)))
    seen.lasted = time.monotonic() - began
    seen.cpu_s = cpu_s(shell.pid) - cpu_before
    return seen


async def open_loop(port: int, path: str, rate: float, seconds: float) -> Round:
    """`rate` pages a second whether or not earlier ones have come; latency counts from the moment at which a page was
    due."""
    seen, idle, under_way = Round(), [Client(port) for _ in range(WORKERS)], set()
    began = time.monotonic()

    async def fetch(due: float) -> None:
        client, whole = idle.pop() if idle else Client(port), False
        try:
            whole = await client.page(path)
        except (OSError, asyncio.IncompleteReadError):
            client.close()
        seen.ended(whole, time.monotonic() - due)
        idle.append(client)

    for number in range(int(rate * seconds)):
        due = began + number / rate
        await asyncio.sleep(max(0.0, due - time.monotonic()))
        task = asyncio.create_task(fetch(due))
        under_way.add(task)
        task.add_done_callback(under_way.discard)
    await asyncio.gather(*under_way)
    seen.lasted = time.monotonic() - began
    for client in idle:
        client.close()
    return seen


def say(name: str, seen: Round) -> None:
    quantiles = " ".join(f"p{round(100 * share)} {seen.quantile(share) * 1000:7.1f} ms" for share in (0.5, 0.99))
    cpu = f"  shell {seen.cpu_ms:.3f} ms a page" if seen.cpu_s else ""
    print(f"{name:48} {seen.rate:6.0f} pages/s  {quantiles}{cpu}  broken {seen.broken}", flush=True)


def apart(pid: int) -> None:
    """Give the shell one core and the load another where the system allows it, so that neither waits for the other."""
    if hasattr(os, "sched_setaffinity") and len(cores := sorted(os.sched_getaffinity(0))) > 1:
        for thread in Path(f"/proc/{pid}/task").iterdir():
            os.sched_setaffinity(int(thread.name), {cores[0]})
        os.sched_setaffinity(0, set(cores[1:]))


async def settle(port: int, wanted: bytes) -> None:
    """Send load until the page of three slots shows `wanted`."""
    for _ in range(200):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        if wanted in await reader.read(-1):
            writer.close()
            return
        writer.close()
        await asyncio.sleep(0.1)
    raise SystemExit(f"the page never showed {wanted!r}")


async def compare(shell: Shell, origins: dict[str, Origin], rounds: int, seconds: float) -> float:
    """Closed loop; returns the capacity of the healthy page of three."""
    healthy, duo, hanging, ratios = Round(), Round(), Round(), list[float]()
    await closed_loop(shell, "/", seconds)
    for _ in range(rounds):
        healthy.add(await closed_loop(shell, "/", seconds))
        await origins["three"].fail("silence")
        await settle(shell.port, b'data-reason="breaker_open"')
        # There and back in short turns, so that changes of the machine's speed meet both.
        for turn in range(2 * TURNS):
            pair = {path: await closed_loop(shell, path, seconds / TURNS) for path in ("/duo/", "/")[:: (-1) ** turn]}
            duo.add(pair["/duo/"])
            hanging.add(pair["/"])
            ratios.append(pair["/"].rate / pair["/duo/"].rate)
        await origins["three"].heal()
        await settle(
            shell.port,
            b'slot="promotions" id="slot-promotions" data-prefix="/slots/trio/promotions" data-state="fresh"',
        )
    say("three slots, healthy", healthy)
    say("two slots, healthy", duo)
    say("three slots, one hanging, breaker open", hanging)
    print(
        f"one hanging against two healthy slots: median throughput of {len(ratios)} turns "
        f"x {statistics.median(ratios):.3f}, shell's time x {hanging.cpu_ms / duo.cpu_ms:.2f}"
    )
    at_least("one hanging against two healthy slots: throughput", hanging.rate / duo.rate, "x", 0.95)
    p99s = hanging.quantile(0.99) / duo.quantile(0.99)
    at_most("one hanging against two healthy slots: p99", p99s, "x", 1.25)
    return healthy.rate


async def outage(port: int, origins: dict[str, Origin], rate: float, hang_s: float) -> None:
    """Open loop from ten seconds before a hang until ten seconds after it."""

    async def drill() -> None:
        await asyncio.sleep(10)
        await origins["three"].fail("silence")
        await asyncio.sleep(hang_s)
        await origins["three"].heal()

    seen, _ = await asyncio.gather(open_loop(port, "/", rate, 20 + hang_s), drill())
    say(f"open loop at {rate:.0f}/s through a hang of {hang_s:.0f} s", seen)
    in_time = sum(took <= DEADLINE_S for took in seen.took) / len(seen.took)
    at_least(f"whole within the page deadline, of {len(seen.took)} pages", 100 * in_time, "%", 99)


@asynccontextmanager
async def three_slots() -> AsyncIterator[tuple[Shell, dict[str, Origin]]]:
    """A shell with one page of three slots and one of two, and the origins of their published fragments."""
    origins = {name: Origin(body=BODY, name=name) for name in NAMES}
    async with AsyncExitStack() as stack:
        pages = Path(stack.enter_context(tempfile.TemporaryDirectory())) / "pages.toml"
        pages.write_text(PAGES)
        for origin in origins.values():
            await stack.enter_async_context(origin)
        mullion = stack.enter_context(Mullion("--only", "shell", environ={"SHELL_PAGES": str(pages)}))
        environ = {**os.environ, "SHELL_PAGES": str(pages), "DEBUG": "1", "MULLION_DATA": str(mullion.data)}
        urls = [f"{origin.url}/manifest.json" for origin in origins.values()]
        command = [sys.executable, "manage.py", "fragment", "publish", "--trust", "first-party", *urls]
        await asyncio.to_thread(subprocess.run, command, cwd=ROOT, env=environ, check=True)
        await asyncio.sleep(1.5)
        yield Shell(mullion.port_base, mullion.pid("shell")), origins


async def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--rounds", type=int, default=10)
    options.add_argument("--seconds", type=float, default=4)
    options.add_argument("--hang", type=float, default=20)
    arguments = options.parse_args()
    async with three_slots() as (shell, origins):
        apart(shell.pid)
        capacity = await compare(shell, origins, arguments.rounds, arguments.seconds)
        await outage(shell.port, origins, capacity / 2, arguments.hang)


if __name__ == "__main__":
    asyncio.run(main())
    leave()
