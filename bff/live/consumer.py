"""The Channels consumer behind one socket.

Public: `LiveConsumer`.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, ClassVar

from channels.consumer import AsyncConsumer, get_handler_name
from channels.exceptions import StopConsumer
from channels.utils import await_many_dispatch

from bff.contracts.paths import LIVE_PATH
from bff.contracts.player_context import LIVE_AUDIENCE, ContextRefused, PlayerContext, check
from bff.live.addresses import address_of
from bff.live.close_code import CloseCode
from bff.live.hub import LOG, Hub
from bff.live.origins import Origin, is_allowed
from bff.live.pending_send import PendingSend
from bff.live.socket import Send, Socket
from bff.live.subprotocol import PROTOCOL, ticket_in
from bff.live.wire import Malformed, read

Message = MutableMapping[str, Any]


class HandshakeRefused(Exception):
    """The socket is not let in; the message is one word."""


class LiveConsumer(AsyncConsumer):  # type: ignore[misc]  # Channels has no types
    """Reads one page's messages; beside it runs the one writer of that page's box.

    Channels' own `__call__` would open a channel of the layer for each socket, and its `dispatch` would hop to a
    thread for each message to close database connections. This house has no database and one subscription, so both
    are replaced; see decisions/0001.
    """

    hub: ClassVar[Hub]
    origins: ClassVar[frozenset[Origin]]
    public_key: ClassVar[str]

    async def __call__(
        self,
        scope: Message,
        receive: Callable[[], Awaitable[Message]],
        send: Send,
    ) -> None:
        self.hub.ensure_started()
        self.scope = scope
        self.base_send = send
        self.socket = Socket(self.hub.policy, asyncio.get_running_loop().time(), send)
        address = address_of(scope)
        self.has_room = self.hub.addresses.enter(address)
        try:
            await await_many_dispatch([receive, self.write], self.dispatch)
        except StopConsumer:
            return
        finally:
            self.hub.leave(self.socket)
            if self.has_room:
                self.hub.addresses.leave(address)

    async def dispatch(self, message: Message) -> None:
        await getattr(self, get_handler_name(message))(message)

    async def write(self) -> Message:
        """Send what the box holds until it is closed, the client has left, or it has not read for too long."""
        socket, send, metrics = self.socket, self.base_send, self.hub.metrics
        try:
            async with asyncio.timeout(None) as socket.patience:
                while not isinstance(item := socket.box.pop(), CloseCode):
                    if item is None:
                        await socket.box.filled()
                        continue
                    await (item if isinstance(item, PendingSend) else send({"type": "websocket.send", "text": item}))
                    socket.sent += 1
                await send({"type": "websocket.close", "code": self._code(item), "reason": item.word})
                metrics.closed(item.value)
        except TimeoutError:
            # It does not read, so it would not read a close either: the server ends the connection.
            metrics.closed(CloseCode.TRY_LATER)
        except OSError:
            LOG.debug("live.left", player=socket.player)
        socket.box.close(CloseCode.TRY_LATER)
        return {"type": "live.written"}

    async def live_written(self, message: Message) -> None:
        """The writer has ended, and so does the socket."""
        raise StopConsumer

    async def websocket_connect(self, message: Message) -> None:
        """Let the page in, or answer 403 to its handshake."""
        try:
            context = await self._admit()
        except (HandshakeRefused, ContextRefused) as refusal:
            LOG.info("live.refused", reason=str(refusal))
            self.hub.metrics.refused(str(refusal))
            await self.base_send({"type": "websocket.close"})
            raise StopConsumer from refusal
        self.socket.player, self.socket.session = context.player, context.session
        await self.base_send({"type": "websocket.accept", "subprotocol": PROTOCOL})
        if len(self.hub.sockets) >= self.hub.policy.sockets_max:
            self.socket.box.close(CloseCode.TRY_LATER)
            return
        self.hub.join(self.socket)

    async def websocket_receive(self, message: Message) -> None:
        """Handle one message of the page, or close with the code of the reason."""
        close_code = await self._handle_message(message.get("text"))
        if close_code is not None:
            self.socket.box.close(close_code)

    async def websocket_disconnect(self, message: Message) -> None:
        """The page has gone."""
        raise StopConsumer

    def _code(self, close_code: CloseCode) -> int:
        # Autobahn, under daphne, raises on codes below 3000; daphne is also the one server without this extension.
        return close_code.value if "websocket.http.response" in self.scope.get("extensions", {}) else close_code.private

    async def _admit(self) -> PlayerContext:
        """Whose page this is (an empty player: anonymous), or `HandshakeRefused` or `ContextRefused`."""
        if self.scope["path"] != LIVE_PATH:
            raise HandshakeRefused("path")
        if not is_allowed(self.scope["headers"], self.origins):
            raise HandshakeRefused("origin")
        if not self.has_room:
            raise HandshakeRefused("address_full")
        # Before the ticket: to check one costs more than all before it, and an unspent one can be brought again.
        if not self.hub.connects.spend(asyncio.get_running_loop().time()):
            raise HandshakeRefused("connects_per_s")
        return await self._spend(ticket_in(self.scope["subprotocols"]))

    async def _spend(self, ticket: str) -> PlayerContext:
        """The claims of `ticket`, which can not be used again afterwards, whether or not the caller uses them."""
        now = int(time.time())
        context = check(f"Bearer {ticket}", self.public_key, now=now, audience=LIVE_AUDIENCE)
        if not await self.hub.tickets.spend(context.token_id, context.expires_at, now):
            raise HandshakeRefused("ticket_used")
        if self.hub.revocations.covers(context.player, context.session):
            raise HandshakeRefused("revoked")
        return context

    async def _handle_message(self, text: str | None) -> CloseCode | None:
        policy, now = self.hub.policy, asyncio.get_running_loop().time()
        if text is None:
            return CloseCode.BINARY
        if len(text) > policy.message_bytes_max:
            return CloseCode.TOO_BIG
        if not self.socket.message_budget.spend(now):
            return CloseCode.FLOOD
        try:
            message = read(text)
        except Malformed:
            return CloseCode.MALFORMED
        if message.ticket and not await self._renew(message.ticket):
            return CloseCode.SESSION_ENDED
        if message.ticket:
            self.socket.ticket_accepted(now)
        self.hub.unsubscribe(self.socket, message.unsubscribe)
        await self.hub.subscribe(self.socket, message.subscribe)
        return None

    async def _renew(self, ticket: str) -> bool:
        """Whether the page is still the same player's; from here on it lives as long as the session of `ticket`."""
        try:
            context = await self._spend(ticket)
        except (HandshakeRefused, ContextRefused):
            return False
        if context.player != self.socket.player:
            return False
        self.socket.session = context.session
        return True
