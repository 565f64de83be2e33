"""Sessions that end in a whole Mullion: over real processes, pages and sockets, on every device."""

import asyncio
import base64
import json
import os
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import httpx
import websockets

from tests.support import plain_http
from tests.support.lobby import wait_for
from tests.support.mullion import ROOT, Mullion
from tests.support.signed_in import signed_in

# Twice the five seconds of the promise: these are real processes on a machine that may be busy.
CLOSED_S_MAX = 10
EVERYWHERE = ("sign_out_everywhere", "birch")


def client(house: Mullion, cookies: httpx.Cookies) -> httpx.Client:
    return plain_http.Client(base_url=house.url, cookies=dict(cookies), timeout=60, headers={"Origin": house.url})


def shown_to(browser: httpx.Client) -> str:
    """The player's name as the page's head says it; empty for a visitor."""
    head = browser.get("/limits/").text.partition("<main")[0]
    return head.partition('<span class="player">')[2].partition("</span>")[0]


def ticket_of(browser: httpx.Client) -> dict[str, Any]:
    answer: dict[str, Any] = browser.get("/live/ticket").json()
    return answer


def player_of(ticket: str) -> str:
    body = ticket.split(".")[1]
    return str(json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))["sub"])


async def closed_after(house: Mullion, tickets: list[dict[str, Any]], ends: Callable[[], None]) -> list[int]:
    """The codes with which the sockets of `tickets` are closed in time after `ends`."""

    async def code(socket: Any) -> int:
        try:
            while True:
                await socket.recv()
        except websockets.ConnectionClosed as closed:
            return closed.rcvd.code if closed.rcvd else 1006

    sockets = []
    for given in tickets:
        words: Any = ["mullion.live", f"mullion.ticket.{given['ticket']}"]
        sockets.append(await websockets.connect(given["url"], origin=house.url, subprotocols=words))  # type: ignore[arg-type]
        await sockets[-1].send(json.dumps({"subscribe": ["feed.tables"]}))
    await asyncio.to_thread(ends)
    async with asyncio.timeout(CLOSED_S_MAX):
        return list(await asyncio.gather(*map(code, sockets)))


def command(house: Mullion, *words: str) -> None:
    """As an operator runs it: beside the house, with its data and not its Redis."""
    environ = {**os.environ, "DEBUG": "1", "MULLION_DATA": str(house.data), "REDIS_URL": "redis://127.0.0.1:1/0"}
    subprocess.run([sys.executable, "manage.py", *words], cwd=ROOT, env=environ, check=True, capture_output=True)


async def test_player_signed_out_everywhere_loses_pages_and_sockets_on_every_device(house: Mullion) -> None:
    """Within 5 s, although the process that did it could not reach Redis: a shell that reads it passes it on."""
    cookies = [signed_in(house.url, "birch") for _ in range(2)]
    devices = [client(house, jar) for jar in cookies]
    assert [shown_to(device) for device in devices] == ["birch", "birch"]
    tickets = [ticket_of(device) for device in devices]
    assert [player_of(given["ticket"]) for given in tickets] == ["pl_birch", "pl_birch"]
    assert await closed_after(house, tickets, lambda: command(house, *EVERYWHERE)) == [4401, 4401]
    copies = [client(house, jar) for jar in cookies]
    assert [shown_to(copy) for copy in copies] == ["", ""]
    assert [player_of(ticket_of(copy)["ticket"]) for copy in copies] == ["", ""]
    again = client(house, signed_in(house.url, "birch"))
    assert player_of(ticket_of(again)["ticket"]) == "pl_birch"


async def test_sign_out_ends_that_device_and_no_other(house: Mullion) -> None:
    """With copies of its cookies kept: no page, no ticket, and its socket is closed; another device's is not."""
    mine, other = signed_in(house.url, "birch"), signed_in(house.url, "birch")
    given = ticket_of(client(house, mine))
    with client(house, mine) as browser:
        assert await closed_after(house, [given], lambda: browser.post("/sign-out/").close()) == [4401]
    copy = client(house, mine)
    assert shown_to(copy) == ""
    assert player_of(ticket_of(copy)["ticket"]) == ""
    assert shown_to(client(house, other)) == "birch"


def test_signed_out_while_valkey_is_away_and_signed_in_ones_stay(house: Mullion) -> None:
    """Redis down signs nobody out, and brings nobody back."""
    mine, other = signed_in(house.url, "birch"), signed_in(house.url, "birch")
    house.disable("valkey")
    with client(house, mine) as browser:
        assert browser.post("/sign-out/").status_code == 302
    wait_for(lambda: shown_to(client(house, mine)) == "")
    assert shown_to(client(house, other)) == "birch"
    house.enable("valkey")
    assert shown_to(client(house, mine)) == ""
    assert shown_to(client(house, other)) == "birch"
