"""Pages while sixteen people sign in at once, again and again: a real shell process, with and without sign-ins.

Run: `uv run python -m tests.benchmarks.bench_sign_in` (about a minute). Pages of three healthy slots are loaded at a
steady rate, in slices with and without sign-ins by turns, so that changes of the machine's speed meet both. It prints
both medians, how many signed in, and the ratio of the medians with its requirement.

It exits with 1 where the ratio is missed. The ratio holds on any machine; absolute figures are this machine's.
"""

import argparse
import asyncio
import re
from urllib.parse import urlencode

from tests.benchmarks.bench_pages import Round, Shell, open_loop, say, three_slots
from tests.benchmarks.verdicts import at_least, at_most, leave
from tests.support.lobby import PASSWORD

AT_ONCE = 16
PAGES_PER_S = 40
RATIO_MAX = 1.5
_TOKEN = re.compile(rb'name="csrfmiddlewaretoken" value="(\w+)"')
_COOKIE = re.compile(rb"(?i)\nset-cookie: ([\w-]*csrf=\w+)")


class SignIns:
    """`AT_ONCE` people who sign in to one account, each again as soon as the sign-in is answered."""

    def __init__(self, port: int) -> None:
        self.done = 0
        self._port = port
        self._form = self._cookie = b""

    async def prepare(self) -> None:
        """Read the form once: its fields serve all sign-ins."""
        page = await self._exchange(b"GET /sign-in/ HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        token, cookie = _TOKEN.search(page), _COOKIE.search(page)
        if token is None or cookie is None:
            raise SystemExit("the form of signing in has changed")
        fields = {"username": "amber", "password": PASSWORD, "csrfmiddlewaretoken": token[1].decode(), "next": "/"}
        self._form, self._cookie = urlencode(fields).encode(), cookie[1]

    async def run(self, seconds: float) -> None:
        """Run all of them for so long; sign-ins that have begun then are finished."""
        until = asyncio.get_running_loop().time() + seconds
        await asyncio.gather(*(self._repeat(until) for _ in range(AT_ONCE)))

    async def _repeat(self, until: float) -> None:
        while asyncio.get_running_loop().time() < until:
            head = (
                b"POST /sign-in/ HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nSec-Fetch-Site: same-origin\r\n"
                b"Content-Type: application/x-www-form-urlencoded\r\nCookie: %s\r\nContent-Length: %d\r\n\r\n"
            ) % (self._cookie, len(self._form))
            answer = await self._exchange(head + self._form)
            assert answer.startswith(b"HTTP/1.1 302"), answer[:400].decode(errors="replace")
            self.done += 1

    async def _exchange(self, request: bytes) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        writer.write(request)
        answer = await reader.read(-1)
        writer.close()
        return answer


async def compare(shell: Shell, slices: int, seconds: float) -> None:
    """Slices without and with sign-ins, there and back."""
    alone, beside, sign_ins = Round(), Round(), SignIns(shell.port)
    await sign_ins.prepare()
    await open_loop(shell.port, "/", PAGES_PER_S, seconds)
    for number in range(slices):
        for busy in (False, True)[:: (-1) ** number]:
            pages = open_loop(shell.port, "/", PAGES_PER_S, seconds)
            if busy:
                seen, _ = await asyncio.gather(pages, sign_ins.run(seconds))
                beside.add(seen)
            else:
                alone.add(await pages)
    say("pages alone", alone)
    say(f"pages beside {AT_ONCE} who sign in at once", beside)
    at_least("sign-ins a second meanwhile", sign_ins.done / (slices * seconds), "/s", 1)
    at_most("median of a page beside sign-ins, to alone", beside.quantile(0.5) / alone.quantile(0.5), "x", RATIO_MAX)


async def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--slices", type=int, default=10)
    options.add_argument("--seconds", type=float, default=2)
    arguments = options.parse_args()
    async with three_slots() as (shell, _):
        await compare(shell, arguments.slices, arguments.seconds)


if __name__ == "__main__":
    asyncio.run(main())
    leave()
