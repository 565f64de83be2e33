"""A fault proxy: a listener in front of one upstream, its toxics and its connections.

Public: `FaultProxy`, `place`, `LOOPBACK`.
"""

import asyncio
import re
from collections import deque

from tests.drills.proxy import framing, problems, toxic
from tests.drills.proxy.connection import Connection
from tests.drills.proxy.problems import ApiProblem
from tests.drills.proxy.toxic import Toxic

TOXICS_MAX = 32
CONNECTIONS_MAX = 4096
BACKLOG = 1024
LOOPBACK = {"": "127.0.0.1", "localhost": "127.0.0.1", "127.0.0.1": "127.0.0.1", "::1": "::1"}
_PLACE = re.compile(r"(?:\[([0-9a-fA-F:]+)\]|([^:\[\]\s/]*)):(\d{1,5})")


class FaultProxy:
    """`fixed`: a hop of the system, which can be broken and healed but not moved or removed."""

    def __init__(
        self, name: str, listen: str, upstream: str, *, speaks: tuple[str, ...] = (), fixed: bool = False
    ) -> None:
        self.name, self.upstream, self.speaks, self.fixed = name, upstream, speaks, fixed
        self.upstream_address = place(upstream, "upstream")
        host, self._port = place(listen, "listen")
        if host not in LOOPBACK:
            raise problems.bad_body(f"listen: a proxy listens on loopback alone, such as 127.0.0.1:0, not {host!r}")
        self._host = LOOPBACK[host]
        self.toxics: tuple[Toxic, ...] = ()
        # The last ended toxics, for a runner that asks for their hits.
        self.ended: deque[Toxic] = deque(maxlen=TOXICS_MAX)
        self.framing: Toxic | None = None
        self.reads_heads = False
        self.turns = 0  # answered requests and commands, and WebSocket messages
        self.connections: set[Connection] = set()
        self._server: asyncio.Server | None = None
        self._enable_at: float | None = None

    @property
    def listen(self) -> str:
        return f"[{self._host}]:{self._port}" if ":" in self._host else f"{self._host}:{self._port}"

    @property
    def enabled(self) -> bool:
        return self._server is not None

    def body(self, now: float) -> dict[str, object]:
        """The proxy as the API shows it."""
        until = {} if self._enable_at is None else {"enabled_in_s": round(max(self._enable_at - now, 0), 3)}
        return {
            "name": self.name,
            "listen": self.listen,
            "upstream": self.upstream,
            "enabled": self.enabled,
            **until,
            "toxics": [each.body(now) for each in self.toxics],
            "speaks": list(self.speaks),
            "connections": len(self.connections),
            "turns": self.turns,
        }

    # --- listening

    async def enable(self) -> None:
        """Accept connections; raises `ApiProblem` if another process has the port."""
        if self._server is None:
            loop = asyncio.get_running_loop()
            try:
                self._server = await loop.create_server(
                    lambda: Connection(self).client, self._host, self._port, backlog=BACKLOG
                )
            except (OSError, OverflowError) as error:
                raise ApiProblem(f"can not listen on {self.listen}: {error}", 500) from error
            self._port = self._server.sockets[0].getsockname()[1]
        self._enable_at = None

    def disable(self, until: float | None = None) -> None:
        """Refuse connections and end the open ones; `until` is when it heals by itself."""
        self._enable_at = until
        if self._server is not None:
            self._server.close()
            self._server = None
        for connection in tuple(self.connections):
            connection.reset()

    def admit(self, connection: Connection) -> bool:
        if len(self.connections) >= CONNECTIONS_MAX:
            return False
        self.connections.add(connection)
        return True

    # --- toxics

    @property
    def in_effect(self) -> tuple[Toxic, ...]:
        """Everything that currently changes bytes here."""
        return self.toxics if self.framing is None else (*self.toxics, self.framing)

    def let_frame(self, body: object, now: float) -> None:
        """For a while pages may be shown in frames of one origin; called again, for longer."""
        before = self.framing
        self.framing = framing.create(body, self.speaks, now, before)
        if before is None or before.key != self.framing.key:
            self._changed()

    def toxic(self, name: str) -> Toxic:
        for each in self.toxics:
            if each.name == name:
                return each
        raise problems.toxic_not_found(name)

    def add(self, body: object, now: float) -> Toxic:
        made = toxic.create(body, self.speaks, now)
        if any(each.name == made.name for each in self.toxics):
            raise problems.toxic_exists(made.name)
        if len(self.toxics) >= TOXICS_MAX:
            raise problems.bad_body(f"{self.name} has {TOXICS_MAX} toxics already")
        self.set_toxics((*self.toxics, made))
        return made

    def update(self, name: str, body: object, now: float) -> Toxic:
        made = toxic.update(self.toxic(name), body, now)
        self.set_toxics(tuple(made if each.name == name else each for each in self.toxics))
        return made

    def remove(self, name: str) -> None:
        gone = self.toxic(name)
        self.set_toxics(tuple(each for each in self.toxics if each is not gone))

    def clear(self) -> None:
        if self.toxics:
            self.set_toxics(())

    async def expire(self, now: float) -> None:
        """Heal what has expired."""
        if any(each.expires_at <= now for each in self.toxics):
            self.set_toxics(tuple(each for each in self.toxics if each.expires_at > now))
        if self.framing is not None and self.framing.expires_at <= now:
            self.framing = None
            self._changed()
        if self._enable_at is not None and self._enable_at <= now:
            await self.enable()

    def set_toxics(self, toxics: tuple[Toxic, ...]) -> None:
        there = {each.hits.number for each in toxics}
        self.ended.extend(each for each in self.toxics if each.hits.number not in there)
        self.toxics = toxics
        self._changed()

    def _changed(self) -> None:
        self.reads_heads = any(each.reads_heads for each in self.in_effect)
        for connection in tuple(self.connections):
            connection.refresh()


def place(text: str, field: str) -> tuple[str, int]:
    found = _PLACE.fullmatch(text)
    if found is None or int(found[3]) > 65535:
        raise problems.bad_body(f"{field}: host:port, such as 127.0.0.1:6379, not {text[:128]!r}")
    return found[1] or found[2], int(found[3])
