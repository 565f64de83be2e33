"""The cost of the fault proxy without any fault: two whole Mullions, one with `--drills`, in turns of seconds.

Run: `uv run python -m tests.benchmarks.bench_drills` (about three minutes). It prints pages a second of a visitor's
lobby, whose bodies are shared, and of a player's, for whom each page calls every fragment and the read side; each as a
ratio of neighbouring turns, because the machine's speed changes from one minute to the next.

It exits with 1 if there are fewer pages with proxies than required.
"""

import argparse
import asyncio
import re
import statistics
import time
from pathlib import Path

from tests.benchmarks.bench_pages import Round, cpu_s
from tests.benchmarks.verdicts import at_least, leave
from tests.support.mullion import Mullion
from tests.support.signed_in import signed_in

WORKERS = 12
RATIO_MIN = 0.85
SLOTS = 4
FRESH = re.compile(rb'<fragment-slot [^>]*data-state="fresh"')
PARTS = (
    "shell",
    "live-dealer",
    "promotions",
    "games",
    "wallet",
    "bff-queries",
    "bff-commands",
    "projector",
    "relay",
    "ingest",
)
SANDBOXES = ("sandbox-tables", "sandbox-promotions", "sandbox-games", "sandbox-payments")


class Client:
    """One keep-alive connection that loads the lobby with a session's cookies, or with none."""

    def __init__(self, port: int, cookie: str) -> None:
        self._port, self._cookie = port, f"Cookie: {cookie}\r\n" if cookie else ""
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def page(self) -> bool:
        """Whether a whole page came with all slots fresh."""
        if self._streams is None:
            self._streams = await asyncio.open_connection("127.0.0.1", self._port)
        reader, writer = self._streams
        writer.write(f"GET / HTTP/1.1\r\nHost: localhost:{self._port}\r\n{self._cookie}\r\n".encode())
        head = await reader.readuntil(b"\r\n\r\n")
        body = bytearray()
        while size := int(await reader.readline(), 16):
            body += (await reader.readexactly(size + 2))[:-2]
        await reader.readline()
        return head.startswith(b"HTTP/1.1 200") and len(FRESH.findall(body)) == SLOTS

    def close(self) -> None:
        if self._streams is not None:
            self._streams[1].close()


async def load(mullion: Mullion, player: str, seconds: float) -> Round:
    """As many pages of this player, or of a visitor, as `WORKERS` connections can fetch; `cpu_s` is the fault proxy's,
    if there is one.

    A player has just signed in: a browser is given a new cookie every minute, and with an old one each page costs more.
    """
    cookie = _cookie(mullion, player)
    proxy = mullion.processes().get("drills")
    seen, before = Round(), cpu_s(proxy["pid"]) if proxy else 0.0
    clients = [Client(mullion.port_base, cookie) for _ in range(WORKERS)]
    began = time.monotonic()

    async def work(client: Client) -> None:
        while time.monotonic() - began < seconds:
            sent_at = time.monotonic()
            seen.ended(await client.page(), time.monotonic() - sent_at)
        client.close()

    await asyncio.gather(*map(work, clients))
    seen.lasted = time.monotonic() - began
    seen.cpu_s = cpu_s(proxy["pid"]) - before if proxy else 0.0
    return seen


async def compare(name: str, houses: dict[str, Mullion], player: str, turns: int, seconds: float) -> None:
    """By turns, so that changes of the machine's speed meet both."""
    sums, ratios = {way: Round() for way in houses}, list[float]()
    for way in houses:
        await load(houses[way], player, seconds)
    for turn in range(turns):
        pair = {way: await load(houses[way], player, seconds) for way in list(houses)[:: (-1) ** turn]}
        for way, seen in pair.items():
            sums[way].add(seen)
        ratios.append(pair["with"].rate / pair["without"].rate)
    for way, seen in sums.items():
        quantiles = " ".join(f"p{round(100 * share)} {1000 * seen.quantile(share):.1f} ms" for share in (0.5, 0.99))
        print(f"{name}, {way} proxies: {seen.rate:.0f} pages/s  {quantiles}  broken {seen.broken}", flush=True)
    print(f"{name}: the fault proxy itself {sums['with'].cpu_ms:.3f} ms a page", flush=True)
    at_least(
        f"{name}: median of {turns} turns, with proxies against without", statistics.median(ratios), "x", RATIO_MIN
    )


async def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--turns", type=int, default=12)
    options.add_argument("--seconds", type=float, default=2)
    options.add_argument("--who", choices=["visitor", "player"], help="only one of the two")
    arguments = options.parse_args()
    only = ("--only", *PARTS, *SANDBOXES)
    with Mullion(*only) as without, Mullion("--drills", *only) as with_:
        for who, player in (("visitor", ""), ("player", "birch")):
            if arguments.who in (None, who):
                houses = {"without": without, "with": with_}
                for mullion in houses.values():
                    _settle(mullion, _cookie(mullion, player))
                await compare(f"a {who}'s lobby", houses, player, arguments.turns, arguments.seconds)


def _settle(mullion: Mullion, cookie: str) -> None:
    """Waits until every slot is fresh for the session with `cookie`."""
    headers = {"Cookie": cookie} if cookie else {}
    mullion.wait(lambda: len(FRESH.findall(mullion.get("/", headers)[1].encode())) == SLOTS, 60)


def _cookie(mullion: Mullion, player: str) -> str:
    if not player:
        return ""
    return "; ".join(f"{name}={value}" for name, value in signed_in(mullion.url, player).items())


if __name__ == "__main__":
    assert Path("manage.py").exists(), "run it at the top of the repository"
    asyncio.run(main())
    leave()
