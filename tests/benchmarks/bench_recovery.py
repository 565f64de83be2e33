"""Five fragments fail for a minute, each in another way; measures how soon after its return each is fresh again.

Run: `uv run python -m tests.benchmarks.bench_recovery [--outage SECONDS]` (a minute and a half). A real shell process,
five real origins, and for each slot a client that waits as a browser's page does: it refetches the slot when the shell
said it should. The requirement is at most ten seconds, for five of five; and that next to nothing but probes reached a
failed origin.
"""

import argparse
import asyncio
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import httpx

from tests.origin.server import Origin
from tests.support.mullion import ROOT, Mullion

HEALED_S_MAX = 10.0
FAULTS = {
    "one": "refused",
    "two": "silence",
    "three": "status=503",
    "four": "body-stalled",
    "five": "reset",
}
PLACES = {
    "one": "trio/wallet",
    "two": "trio/tables",
    "three": "trio/promotions",
    "four": "duo/wallet",
    "five": "duo/tables",
}
PAGES = """
[fragments.one]
[fragments.two]
[fragments.three]
[fragments.four]
[fragments.five]
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
wallet = { fragment = "four" }
tables = { fragment = "five" }
"""
_STATE = re.compile(r'data-state="([a-z]+)"')
_RETRY = re.compile(r'data-retry-ms="([0-9]+)"')


async def wait_open(client: httpx.AsyncClient, place: str, until_fresh: asyncio.Event) -> float:
    """A slot of an open page, which is refetched as the shell says. Returns when it was fresh after the outage."""
    attempt = 0
    while True:
        markup = (await client.get(f"/slots/{place}", params={"attempt": attempt})).text
        state = _STATE.search(markup)
        if state and state[1] == "fresh":
            if until_fresh.is_set():
                return time.monotonic()
            attempt, wait_ms = 0, 1000
        else:
            retry = _RETRY.search(markup)
            assert retry, markup
            attempt, wait_ms = attempt + 1, int(retry[1])
        await asyncio.sleep(wait_ms / 1000)


async def outages(url: str, origins: dict[str, Origin], outage_s: float) -> bool:
    """Breaks all, waits, heals all; returns whether each healed in time."""
    async with httpx.AsyncClient(base_url=url, timeout=10) as client:
        over = asyncio.Event()
        waiting = {name: asyncio.create_task(wait_open(client, PLACES[name], over)) for name in origins}
        await asyncio.sleep(2)
        for name, origin in origins.items():
            await origin.fail(FAULTS[name])
        before = {name: origin.requests for name, origin in origins.items()}
        await asyncio.sleep(outage_s)
        reached = {name: origin.requests - before[name] for name, origin in origins.items()}
        healed = {}
        for name, origin in origins.items():
            await origin.heal()
            healed[name] = time.monotonic()
        over.set()
        took = {name: await task - healed[name] for name, task in waiting.items()}
    print(f"{'fault':16} {'fresh after':>12}   requests while it was away")
    for name, fault in FAULTS.items():
        print(f"{fault:16} {took[name]:10.1f} s   {reached[name]}")
    within = sum(seconds <= HEALED_S_MAX for seconds in took.values())
    print(f"healed within {HEALED_S_MAX:g} s of the end of an outage of {outage_s:g} s: {within} of {len(took)}")
    return within == len(took)


async def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--outage", type=float, default=60)
    arguments = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        pages = Path(folder) / "pages.toml"
        pages.write_text(PAGES)
        origins = {name: Origin(name=name) for name in FAULTS}
        for origin in origins.values():
            await origin.__aenter__()
        with Mullion("--only", "shell", environ={"SHELL_PAGES": str(pages)}) as mullion:
            environ = {**os.environ, "SHELL_PAGES": str(pages), "DEBUG": "1", "MULLION_DATA": str(mullion.data)}
            urls = [f"{origin.url}/manifest.json" for origin in origins.values()]
            command = [sys.executable, "manage.py", "fragment", "publish", "--trust", "first-party", *urls]
            await asyncio.to_thread(subprocess.run, command, cwd=ROOT, env=environ, check=True)
            await asyncio.sleep(1.5)
            whole = await outages(mullion.url, origins, arguments.outage)
        for origin in origins.values():
            await origin.aclose()
    sys.exit(not whole)


if __name__ == "__main__":
    asyncio.run(main())
