"""The live socket as a page uses it: opened with a ticket from the shell, and opened again when it is closed.

Public: `listen`, `TICKET_PATH`.
"""

import asyncio
import json
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress

import httpx
import websockets
from websockets.typing import Origin, Subprotocol

from bff.live.subprotocol import PROTOCOL, TICKET_PREFIX
from tests.drills.runner.visitor import Visitor

# Written again here, because the shell's own constant can not be imported without the shell's settings.
TICKET_PATH = "/live/ticket"
AGAIN_S = 0.5
# While the providers' clocks are held an old page would receive little, but a new one gets a snapshot.
PAGE_S = 1.0


async def listen(visitor: Visitor, topics: Sequence[str], for_s: float) -> Mapping[str, int]:
    """Listens for so many seconds; returns how many messages came, and how often sockets ended in each way."""
    until = time.monotonic() + for_s
    found: Counter[str] = Counter()
    while (left_s := until - time.monotonic()) > 0:
        with suppress(TimeoutError):
            async with asyncio.timeout(min(left_s, PAGE_S)):
                await _one_page(visitor, topics, found)
        await asyncio.sleep(min(AGAIN_S, max(until - time.monotonic(), 0)))
    return found


async def _one_page(visitor: Visitor, topics: Sequence[str], found: Counter[str]) -> None:
    """Counts the messages until the socket ends."""
    try:
        ticket = await visitor.ask(TICKET_PATH)
        protocols = [Subprotocol(PROTOCOL), Subprotocol(TICKET_PREFIX + ticket["ticket"])]
        origin = Origin(visitor.base_url)
        async with websockets.connect(ticket["url"], subprotocols=protocols, origin=origin, proxy=None) as socket:
            await socket.send(json.dumps({"subscribe": [*topics]}))
            async for _ in socket:
                found["message"] += 1
    except websockets.ConnectionClosed as closed:
        found[f"closed with {closed.rcvd.code if closed.rcvd else 'no code'}"] += 1
    except (httpx.HTTPError, websockets.WebSocketException, OSError, ValueError, KeyError, TypeError) as error:
        found[type(error).__name__] += 1
