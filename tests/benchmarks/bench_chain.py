"""The CPU that a page of the lobby costs each process, for a visitor and for a player, in a whole house.

uv run python -m tests.benchmarks.bench_chain [--pages 400] [--windows 2] [--rounds 3]

Rounds of visitors and of a signed-in player take turns, some pages at a time; each process's CPU over a round is
divided by its pages. The player signs in before each round: a browser renews the cookie that names the player for a
minute, and a page with an older one looks the session up. What that look-up costs the shell (here over SQLite) is seen
in rounds with such a one. Work beside pages (feeds, heartbeats) is measured in rounds without
pages and subtracted. FIGURES_FILE gets the figures (see `capacity.py`); the only requirement is that pages were whole.
"""

import argparse
import asyncio
import os
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import uvloop

from tests.benchmarks.bench_money import Connection
from tests.benchmarks.verdicts import at_least, figure, leave
from tests.support.lobby import wait_for
from tests.support.mullion import Mullion
from tests.support.signed_in import signed_in

PARTS = ("shell", "wallet", "live-dealer", "games", "promotions", "bff-queries", "valkey")
IDLE_S = 3.0
SHED_S = 0.3
SLOTS = 4
# A page with a fallback costs less than a fresh one, so this share of the pages must be without one.
FRESH_SHARE_MIN = 0.95
RETURNING = "player after a minute"
COOKIE_S = 60  # as the shell's PLAYER_COOKIE_AGE_S
# A busy machine is no reason to fail: the figures are CPU seconds, not wall time.
STANDS_S_MAX = 400
TICK = os.sysconf("SC_CLK_TCK")


def cpu_s(house: Mullion) -> dict[str, float]:
    """CPU seconds that each part has used so far."""
    used = {}
    for name in PARTS:
        fields = Path(f"/proc/{house.pid(name)}/stat").read_text().rpartition(")")[2].split()
        used[name] = (int(fields[11]) + int(fields[12])) / TICK
    return used


async def load(port: int, cookie: str, pages: int, windows: int) -> tuple[int, int]:
    """Load the lobby `pages` times; returns the bytes of all bodies, and how many pages had every slot fresh."""
    head = "GET / HTTP/1.1\r\nAccept: text/html" + (f"\r\nCookie: {cookie}" if cookie else "")
    left, size, fresh = pages, 0, 0

    async def window() -> None:
        nonlocal left, size, fresh
        connection = Connection(port)
        while left > 0:
            left -= 1
            status, body = await connection.ask(head)
            if status == 503:  # the shell has shed this page, as it may on a busy machine
                left += 1
                await asyncio.sleep(SHED_S)
                continue
            assert status == 200, body[-200:]
            assert body.rstrip().endswith(b"</html>"), body[-200:]
            size += len(body)
            fresh += body.count(b'data-state="fresh"') == SLOTS
        connection.close()

    await asyncio.gather(*(window() for _ in range(windows)))
    return size, fresh


def player_cookie(house: Mullion) -> str:
    """The `Cookie` of a player who has just signed in."""
    return "; ".join(f"{each.name}={each.value}" for each in signed_in(house.url).jar)


class Costs:
    """The costs of one kind of page: ms of CPU by part and bytes, one value for each round. `cookie` makes a round's
    cookie."""

    def __init__(self, cookie: Callable[[Mullion], str]) -> None:
        self.cookie = cookie
        self.ms: dict[str, list[float]] = {name: [] for name in PARTS}
        self.body_bytes: list[float] = []
        self.fresh_share: list[float] = []

    def measure(self, house: Mullion, idle: dict[str, float], pages: int, windows: int) -> None:
        cookie = self.cookie(house)
        before, began = cpu_s(house), time.monotonic()
        size, fresh = uvloop.run(load(house.port_base, cookie, pages, windows))
        lasted_s, after = time.monotonic() - began, cpu_s(house)
        for name in PARTS:
            self.ms[name].append(max(0.0, after[name] - before[name] - idle[name] * lasted_s) * 1000 / pages)
        self.body_bytes.append(size / pages)
        self.fresh_share.append(fresh / pages)


def idle_share(house: Mullion) -> dict[str, float]:
    """CPU seconds a second that each part uses without any page."""
    before = cpu_s(house)
    time.sleep(IDLE_S)
    return {name: (used - before[name]) / IDLE_S for name, used in cpu_s(house).items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pages", type=int, default=400)
    parser.add_argument("--windows", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    with Mullion(stands_s_max=STANDS_S_MAX) as house:
        wait_for(lambda: house.get("/")[1].count('data-state="fresh"') == SLOTS, 120)
        old_cookie = player_cookie(house)
        time.sleep(COOKIE_S + 1)
        kinds = {
            "visitor": Costs(lambda _: ""),
            "player": Costs(player_cookie),
            RETURNING: Costs(lambda _: old_cookie),
        }
        for costs in kinds.values():
            uvloop.run(load(house.port_base, costs.cookie(house), options.windows * 5, options.windows))
        idle = idle_share(house)
        for _ in range(options.rounds):
            for costs in kinds.values():
                costs.measure(house, idle, options.pages, options.windows)
    for kind, costs in kinds.items():
        at_least(f"{kind}'s pages with every slot fresh", min(costs.fresh_share), "", FRESH_SHARE_MIN)
    late, soon = (kinds[kind].ms["shell"] for kind in (RETURNING, "player"))
    figure("session.look_up_ms", max(0.0, statistics.median(late) - statistics.median(soon)), "ms of CPU")
    for kind in ("visitor", "player"):
        costs = kinds[kind]
        for name in PARTS:
            figure(f"page.{kind}.{name}_ms", statistics.median(costs.ms[name]), "ms of CPU")
        figure(f"page.{kind}.kib", statistics.median(costs.body_bytes) / 1024, "KiB")
    leave()


if __name__ == "__main__":
    main()
