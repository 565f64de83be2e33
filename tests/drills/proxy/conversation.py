"""The requests on one connection, as far as faults need to know them: told apart by their heads alone.

Public: `Conversation`.

The first bytes tell whether the connection carries HTTP. A request begins when the client sends after the server has
sent, and its bytes look like a request line. This needs no reading of bodies, and works for every client that sends its
next request after the answer. Heads after the first are read only while a toxic needs them.
"""

import asyncio
import contextlib
import random
from typing import TYPE_CHECKING

from tests.drills.proxy import answers, head
from tests.drills.proxy.frames import FrameCursor
from tests.drills.proxy.head import END, Request
from tests.drills.proxy.toxic import Toxic
from tests.origin.exchange import Gone

if TYPE_CHECKING:
    from tests.drills.proxy.connection import Connection

# After an answer of the proxy's own, so that the client can read it before the connection is closed.
LINGER_S = 1.0
PASS_STEP_S = 0.01


class Conversation:
    """`request` is the one being answered; None if its head was not read. `hits` are the keys of those toxics of HTTP
    that hit it."""

    def __init__(self, connection: "Connection") -> None:
        self._connection, self._proxy = connection, connection.proxy
        self.request: Request | None = None
        self.hits: frozenset[int] = frozenset()
        self.websocket_stands = False
        self._http: bool | None = None  # None until the first bytes have come
        self._held = b""  # the client's bytes, until a head is complete
        self._held_answer: bytes | None = None  # the server's bytes, until it has accepted a WebSocket
        self._turn = True
        self._replaced_by: Toxic | None = None
        self._answer: asyncio.Task[None] | None = None
        self._discards = False
        self._count = 0

    @property
    def answering(self) -> bool:
        """Whether an answer of the proxy's own is being sent."""
        return self._answer is not None and not self._answer.done()

    def in_scope(self, toxic: Toxic) -> bool:
        return not toxic.session or (self.request is not None and self.request.mark == toxic.session)

    def from_client(self, data: bytes) -> None:
        if self._discards:
            return
        if self._held or self._http is None or (self._turn and self._reads_heads):
            self._read_head(data)
            return
        if self._turn and not self.websocket_stands:
            self._proxy.turns += 1
            # The next request may be another person's than the one whose head was read.
            self._turn, self.request = False, None
            self.hits = frozenset()
        self._connection.upstream.feed(data)

    def from_server(self, data: bytes) -> None:
        self._turn = True
        if self.websocket_stands:
            self._proxy.turns += 1
        if self._replaced_by is not None:
            self._give(self._replaced_by)
        elif self._held_answer is not None:
            self._upgrade(self._held_answer + data)
        else:
            self._connection.downstream.feed(data)

    def client_ended(self) -> None:
        self._pass_held()
        self._connection.upstream.end()
        if self._answer is not None and self._answer.done():
            self._connection.close()

    def server_ended(self) -> None:
        if self._replaced_by is not None:
            self._give(self._replaced_by)
            return
        if self._held_answer:
            self._connection.downstream.feed(self._held_answer)
        self._connection.downstream.end()

    def toxics_changed(self) -> None:
        if self._replaced_by is not None and self._replaced_by not in self._proxy.toxics:
            if self._answer is None:
                self._replaced_by = None
            elif self.answering:
                self._connection.close_soon()
        if self._held and self._http and self._count and not self._proxy.reads_heads:
            self._pass_held()

    def stop(self) -> None:
        if self._answer is not None and self._answer is not asyncio.current_task():
            self._answer.cancel()

    # --- requests

    @property
    def _reads_heads(self) -> bool:
        return bool(self._http) and self._proxy.reads_heads and not self.websocket_stands

    def _read_head(self, data: bytes) -> None:
        self._held += data
        if not head.may_begin(self._held):
            self._http = bool(self._http)
            self._pass_held()
            return
        self._http = True
        held, end, _ = self._held.partition(END)
        if not end and len(held) <= head.HEAD_BYTES_MAX:
            return
        request = head.parse(held + end) if end else None
        if request is not None:
            self._begin(request)
        self._pass_held()

    def _pass_held(self) -> None:
        data, self._held = self._held, b""
        if data and not self._discards:
            self._proxy.turns += self._turn
            self._turn = False
            self._connection.upstream.feed(data)

    def _begin(self, request: Request) -> None:
        """A request with a complete head: decides, once, which faults of HTTP hit it."""
        self.request = request
        self._count += 1
        self._held_answer = b"" if request.websocket else None
        toxics = [each for each in self._proxy.in_effect if each.reads_heads and self.in_scope(each)]
        hit = [each for each in toxics if random.random() < each.toxicity]
        self.hits = frozenset(each.key for each in hit)
        self._replaced_by = next((each for each in hit if each.fault.answer is not None), None)
        self._connection.refresh()
        if self._replaced_by is not None and self._replaced_by.stream == "upstream":
            self._discards = True
            self._give(self._replaced_by)

    # --- answers

    def _upgrade(self, answer: bytes) -> None:
        held, end, rest = answer.partition(END)
        if not end and len(held) <= head.HEAD_BYTES_MAX:
            self._held_answer = answer
            return
        self._held_answer = None
        if not held.startswith(b"HTTP/1.1 101"):
            self._connection.downstream.feed(answer)
            return
        self._connection.downstream.feed(held + end)
        self.websocket_stands = True
        self._connection.upstream.frames, self._connection.downstream.frames = FrameCursor(), FrameCursor()
        self._connection.refresh()
        if rest:
            self._connection.downstream.feed(rest)

    def _give(self, toxic: Toxic) -> None:
        if self._answer is None:
            toxic.hits.add()
            self._answer = asyncio.create_task(self._give_and_end(toxic))

    async def _give_and_end(self, toxic: Toxic) -> None:
        connection, request = self._connection, self.request
        if request is None or toxic.fault.answer is None:
            return
        with contextlib.suppress(Gone, ConnectionError):
            await answers.give(toxic.fault.answer(toxic.attributes), request, connection, self._count)
        connection.downstream.end()
        while connection.downstream.busy:  # noqa: ASYNC110 (toxics may hold it for long)
            await asyncio.sleep(PASS_STEP_S)
        if connection.client.at_end:
            connection.close()
        else:
            asyncio.get_running_loop().call_later(LINGER_S, connection.close)
