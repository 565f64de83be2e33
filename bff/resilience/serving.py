"""The one way in which a house is served: an ASGI application on uvicorn, bounded, that ends without cutting anybody
off: `python -m bff.resilience.serving module:app`.

Public: `Serving`, `config`, `serve`.

`HOST` and `PORT` say where; `LISTEN_FD` instead names a listening socket that somebody keeps beyond this process, and
what comes between this process and its successor waits in it. With `INNER_PORT` the application is served there too,
for those inside the network: it tells the one from the other by the port in `scope["server"]`. `SERVER_POLICY` holds
numbers of `bounds.ServerPolicy` that this installation wants otherwise, as a JSON object.

Uvicorn by itself shuts its door first, and whoever was connected and not heard yet is sent away. Here, after SIGTERM,
everybody is still let in and served, and told that the connection ends with the answer; the door is shut once those
connections that stood are done, and whoever the kernel had connected by then is served as well. Where the door is
kept by somebody else, it is left to the successor at once.
"""

import asyncio
import os
import socket
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import uvicorn

from bff.resilience.bounds import ServerPolicy, bounded_http, policy_of
from bff.resilience.environment import number_of

# How long connections that stand are waited for: one that is in use asks again sooner. Those that nobody uses end then,
# while whoever was about to use one can still make another.
STANDING_S_MAX = 1.0
# As long, where everybody who comes meanwhile waits for the successor.
STANDING_KEPT_S_MAX = 0.2
# How long somebody who has just been let in may take to say what they want: a caller on a busy machine needs a moment.
UNHEARD_S_MAX = 0.5
# A request that hangs must not outlive the end by more than this.
DRAIN_S_MAX = 2
LOOK_S = 0.01

_LAST = (b"connection", b"close")


@dataclass(frozen=True, slots=True)
class Door:
    """A socket that is bound. `kept`: somebody holds it beyond this process."""

    socket: socket.socket
    kept: bool = False


class Serving(uvicorn.Server):
    """Serves on `doors`."""

    def __init__(self, config: uvicorn.Config, doors: Sequence[Door]) -> None:
        super().__init__(config)
        self._doors = doors
        self._kept = any(door.kept for door in doors)
        # Uvicorn closes what it is given: this end stays open until nobody waits behind it.
        self._behind = [door.socket.dup() for door in doors if not door.kept]
        for behind in self._behind:
            behind.setblocking(False)

    def serve_all(self) -> None:
        """Serve until SIGTERM or Ctrl-C, and end."""
        self.run(sockets=[door.socket for door in self._doors])

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        if self._kept:
            self._leave_the_doors()
        standing = set(self._connections())
        self._say_last()
        await self._gone(standing, STANDING_KEPT_S_MAX if self._kept else STANDING_S_MAX)
        for connection in standing.intersection(self._connections()):
            connection.shutdown()
        self._leave_the_doors()
        await self._let_in_who_waits()
        await self._gone(set(self._connections()), UNHEARD_S_MAX)
        await super().shutdown(sockets)

    def _connections(self) -> list[Any]:
        return list(self.server_state.connections)

    def _say_last(self) -> None:
        """Every answer from here on says that the connection ends with it, also to who has asked already."""
        self.server_state.default_headers = [*self.server_state.default_headers, _LAST]
        for connection in self._connections():
            cycle = getattr(connection, "cycle", None)
            if cycle is not None:
                cycle.default_headers = self.server_state.default_headers

    async def _gone(self, connections: set[Any], wait_s: float) -> None:
        for _ in range(round(wait_s / LOOK_S)):
            if not connections.intersection(self._connections()):
                return
            await asyncio.sleep(LOOK_S)

    def _leave_the_doors(self) -> None:
        for server in self.servers:
            server.close()

    async def _let_in_who_waits(self) -> None:
        loop = asyncio.get_running_loop()
        for behind in self._behind:
            while True:
                try:
                    waiting, _ = behind.accept()
                except BlockingIOError:
                    break
                waiting.setblocking(False)
                await loop.connect_accepted_socket(self._protocol, waiting)
            behind.close()

    def _protocol(self) -> asyncio.Protocol:
        made: asyncio.Protocol = self.config.http_protocol_class(  # type: ignore[call-arg]  # whichever of uvicorn's
            config=self.config, server_state=self.server_state, app_state=self.lifespan.state
        )
        return made


def config(application: str, policy: ServerPolicy | None = None, **more: Any) -> uvicorn.Config:
    """How houses are served: bounded, no access log, no deflate (300 KB a socket), an end to a request that hangs.

    `more` is for uvicorn. Headers of proxies are the border's to read, so uvicorn does not.
    """
    policy = policy or policy_of(os.environ)
    return uvicorn.Config(
        application,
        http=bounded_http(policy),
        timeout_graceful_shutdown=DRAIN_S_MAX,
        timeout_keep_alive=policy.unused_s_max,
        ws_per_message_deflate=False,
        access_log=False,
        proxy_headers=False,
        log_level="warning",
        server_header=False,
        **more,
    )


def serve(served: uvicorn.Config) -> None:
    """The process: serves until it is told to stop. A setting that is missing or unsafe is told in its own sentence."""
    try:
        served.load()
    except Exception as error:
        # By its name, for this room does not know Django.
        if type(error).__name__ != "ImproperlyConfigured":
            raise
        sys.exit(str(error))
    Serving(served, _doors()).serve_all()


def _doors() -> list[Door]:
    host, port = os.environ.get("HOST", "127.0.0.1"), number_of(os.environ, "PORT", 8000)
    kept, inner = number_of(os.environ, "LISTEN_FD", 0), number_of(os.environ, "INNER_PORT", 0)
    doors = [Door(socket.socket(fileno=kept), kept=True) if kept else Door(_bound(host, port))]
    return [*doors, Door(_bound(host, inner))] if inner else doors


def _bound(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    door = socket.socket(family, socket.SOCK_STREAM)
    door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        door.bind((host, port))
    except OSError as error:
        sys.exit(f"{host}:{port} can not be listened on: {error.strerror}.")
    return door


def main(application: str) -> None:
    """As `uvicorn` on the command line finds an application: from where it was started."""
    sys.path.insert(0, "")
    serve(config(application))


if __name__ == "__main__":
    main(sys.argv[1])
