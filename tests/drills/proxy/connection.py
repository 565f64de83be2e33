"""One client, its upstream, and the two directions between them; which toxics currently have an effect on them.

Public: `Connection`.
"""

import asyncio
import random
from typing import TYPE_CHECKING

from tests.drills.proxy.conversation import Conversation
from tests.drills.proxy.effects import TCP, Effect
from tests.drills.proxy.effects_events import EVENTS
from tests.drills.proxy.effects_http import HTTP
from tests.drills.proxy.effects_websocket import WEBSOCKET
from tests.drills.proxy.faults import Layer
from tests.drills.proxy.framing import FRAMING
from tests.drills.proxy.side import Side
from tests.drills.proxy.toxic import Toxic
from tests.drills.proxy.way import Way

if TYPE_CHECKING:
    from tests.drills.proxy.proxy import FaultProxy

EFFECTS: dict[str, type[Effect]] = {**TCP, **HTTP, **WEBSOCKET, **EVENTS, **FRAMING}
DIAL_S = 10.0
END_STEP_S = 0.01


class Connection:
    """`client` is a protocol for a listener; the upstream is dialled once a client has connected."""

    def __init__(self, proxy: "FaultProxy") -> None:
        self.proxy = proxy
        self.client, self.server = Side(self), Side(self)
        self.upstream, self.downstream = Way("upstream", self.reset), Way("downstream", self.reset)
        self.conversation = Conversation(self)
        self.closed = False
        self._early = b""
        self._dialling: asyncio.Task[None] | None = None
        self._dice: dict[int, bool] = {}
        self._effects: dict[int, Effect] = {}

    def side_made(self, side: Side) -> None:
        if side is self.client:
            self.upstream.source = self.downstream.sink = side.transport
            if self.proxy.admit(self):
                self._dialling = asyncio.create_task(self._dial())
            else:
                self.reset()
            return
        self.upstream.sink = self.downstream.source = side.transport
        if self.closed:
            side.transport.abort()
            return
        self.refresh()
        early, self._early = self._early, b""
        if early:
            self.client.transport.resume_reading()
            self.conversation.from_client(early)
        if self.client.at_end:
            self.ended(self.client)

    async def _dial(self) -> None:
        try:
            async with asyncio.timeout(DIAL_S):
                await asyncio.get_running_loop().create_connection(lambda: self.server, *self.proxy.upstream_address)
        except (OSError, TimeoutError):
            self.reset()  # for a client that was accepted, a reset is the closest to a refused connection

    def received(self, side: Side, data: bytes) -> None:
        if side is self.server:
            self.conversation.from_server(data)
        elif self.server.made:
            self.conversation.from_client(data)
        else:
            # The upstream is not connected yet: the data waits, and nothing more is read.
            self._early += data
            side.transport.pause_reading()

    def ended(self, side: Side) -> None:
        """This side will send nothing more."""
        if not self.server.made:
            return
        if side is self.client:
            self.conversation.client_ended()
        else:
            self.conversation.server_ended()
        if self.client.at_end and self.server.at_end:
            self._close_when_passed()

    def _close_when_passed(self) -> None:
        if self.upstream.busy or self.downstream.busy or self.conversation.answering:
            asyncio.get_running_loop().call_later(END_STEP_S, self._close_when_passed)
        else:
            self.close()

    def sink_full(self, side: Side, full: bool) -> None:
        (self.downstream if side is self.client else self.upstream).sink_full(full)

    def side_lost(self, side: Side) -> None:
        if self.closed:
            return
        if side.failed:
            self.reset()
        else:
            self.close()

    def close(self) -> None:
        """Closes both ends, after everything that was already written."""
        if self.closed:
            return
        self.closed = True
        self.proxy.connections.discard(self)
        if self._dialling is not None and self._dialling is not asyncio.current_task():
            self._dialling.cancel()
        for way in (self.upstream, self.downstream):
            way.stop()
        self.conversation.stop()
        self.client.close()
        self.server.close()

    def close_soon(self) -> None:
        """For an effect that ends the connection: closes it once the other effects have had their turn."""
        if not self.closed:
            asyncio.get_running_loop().call_soon(self.close)

    def reset(self) -> None:
        """Resets both ends at once (RST)."""
        self.client.reset()
        self.server.reset()
        self.close()

    # --- toxics

    def refresh(self) -> None:
        """Makes exactly those toxics effective that hit this connection."""
        if self.closed or not self.server.made:
            return
        self.conversation.toxics_changed()
        effects: dict[int, Effect] = {}
        started: list[Effect] = []
        for toxic in self.proxy.in_effect:
            if toxic.fault.answer is not None or not self._hit(toxic):
                continue
            effect = self._effects.get(toxic.key)
            if effect is None or (toxic.fault.layer is Layer.HTTP and effect.request is not self.conversation.request):
                effect = self._effect(toxic)
                started.append(effect)
            else:
                del self._effects[toxic.key]
            effects[toxic.key] = effect
        left, self._effects = self._effects, effects
        for way in (self.upstream, self.downstream):
            way.set_effects([each for each in effects.values() if each.way is way])
        for each in left.values():
            each.stop()
        for each in started:
            each.start()

    def _effect(self, toxic: Toxic) -> Effect:
        way = self.upstream if toxic.stream == "upstream" else self.downstream
        return EFFECTS[toxic.fault.name](toxic, way, self)

    def _hit(self, toxic: Toxic) -> bool:
        """Whether the toxic hits: a fault of HTTP is decided for each request, any other once for the connection."""
        if toxic.fault.layer is Layer.HTTP:
            return toxic.key in self.conversation.hits
        if toxic.fault.layer is Layer.WEBSOCKET and not self.conversation.websocket_stands:
            return False
        return self.conversation.in_scope(toxic) and self._chosen(toxic)

    def _chosen(self, toxic: Toxic) -> bool:
        if toxic.key not in self._dice:
            standing = {each.key for each in self.proxy.in_effect}
            self._dice = {key: chosen for key, chosen in self._dice.items() if key in standing}
            self._dice[toxic.key] = random.random() < toxic.toxicity
        return self._dice[toxic.key]
