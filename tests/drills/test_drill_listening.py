"""Somebody who listens to the live socket while a drill breaks the way to it, as a page would."""

from collections import Counter
from typing import Any

import httpx
import pytest
import websockets
from websockets.asyncio.server import ServerConnection, serve

from bff.live.subprotocol import PROTOCOL, ticket_in
from shell import page_path
from tests.drills.runner import listening
from tests.drills.runner.visitor import Visitor


class Page(Visitor):
    """A visitor whom the shell answers so, where it is asked for a ticket."""

    def __init__(self, answer: Any) -> None:
        super().__init__("http://localhost:8000")
        self.answer, self.paths = answer, list[str]()

    async def ask(self, path: str) -> Any:
        self.paths.append(path)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


async def test_page_opens_the_socket_with_its_ticket_and_counts_what_it_hears() -> None:
    seen: list[Any] = []

    async def live(socket: ServerConnection) -> None:
        assert socket.request is not None
        offered = socket.request.headers["Sec-WebSocket-Protocol"].split(", ")
        seen.extend([ticket_in(offered), socket.request.headers["Origin"], await socket.recv()])
        await socket.send("one")
        await socket.send("two")
        await socket.close(1011)

    found: Counter[str] = Counter()
    async with serve(live, "127.0.0.1", 0, subprotocols=[websockets.Subprotocol(PROTOCOL)]) as server:
        port = server.sockets[0].getsockname()[1]
        async with Page({"ticket": "t.i.c", "url": f"ws://127.0.0.1:{port}/live"}) as page:
            await listening._one_page(page, ["tables.201"], found)
    assert seen == ["t.i.c", "http://localhost:8000", '{"subscribe": ["tables.201"]}']
    assert page.paths == [listening.TICKET_PATH] == [page_path.TICKET_PATH]
    assert found == {"message": 2, "closed with 1011": 1}


@pytest.mark.parametrize(
    ("answer", "word"),
    [
        (httpx.ConnectError("refused"), "ConnectError"),
        ({"ticket": "t", "url": "ws://127.0.0.1:9/live"}, "ConnectionRefusedError"),
        ({}, "KeyError"),
        ([], "TypeError"),
    ],
)
async def test_socket_that_can_not_be_opened_is_counted_and_no_step_fails(answer: Any, word: str) -> None:
    found: Counter[str] = Counter()
    async with Page(answer) as page:
        await listening._one_page(page, [], found)
    assert found == {word: 1}


async def test_it_listens_no_longer_than_it_was_told() -> None:
    async with Page({}) as page:
        assert await listening.listen(page, [], 0.0) == {}
        assert await listening.listen(page, [], 0.01) == {"KeyError": 1}
