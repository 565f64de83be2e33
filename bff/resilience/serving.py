"""An ASGI application on uvicorn that ends without cutting anybody off: `python -m bff.resilience.serving module:app`.

Public: `Serving`, `config`.

`HOST` and `PORT` say where. Uvicorn by itself shuts its door first, and whoever was connected and not heard yet is sent
away. Here, after SIGTERM, everybody is still let in and served, and told that the connection ends with the answer; the
door is shut once those connections that stood are done, and whoever the kernel had connected by then is served as well.
"""

import asyncio
import os
import socket
import sys
from typing import Any

import uvicorn

# How long connections that stand are waited for: one that is in use asks again sooner. Those that nobody uses end then,
# while whoever was about to use one can still make another.
STANDING_S_MAX = 1.0
# How long somebody who has just been let in may take to say what they want: a caller on a busy machine needs a moment.
UNHEARD_S_MAX = 0.5
# A request that hangs must not outlive the end by more than this.
DRAIN_S_MAX = 2
LOOK_S = 0.01
# Longer than callers and balancers keep a connection that they do not use (60 s is usual), so that they end it: a
# server may end it just when it is used again, and one that was held up for as long would cut what came meanwhile.
UNUSED_S_MAX = 75

_LAST = (b"connection", b"close")


class Serving(uvicorn.Server):
    """Serves on `door`, which is bound and not yet listening."""

    def __init__(self, config: uvicorn.Config, door: socket.socket) -> None:
        super().__init__(config)
        self._door = door
        # Uvicorn closes what it is given: this end stays open until nobody waits behind it.
        self._behind = door.dup()
        self._behind.setblocking(False)

    def serve_all(self) -> None:
        """Serve until SIGTERM or Ctrl-C, and end."""
        self.run(sockets=[self._door])

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        standing = set(self._connections())
        self._say_last()
        await self._gone(standing, STANDING_S_MAX)
        for connection in standing.intersection(self._connections()):
            connection.shutdown()
        await self._shut_the_door()
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

    async def _shut_the_door(self) -> None:
        loop = asyncio.get_running_loop()
        for server in self.servers:
            server.close()
        while True:
            try:
                waiting, _ = self._behind.accept()
            except BlockingIOError:
                break
            waiting.setblocking(False)
            await loop.connect_accepted_socket(self._protocol, waiting)
        self._behind.close()

    def _protocol(self) -> asyncio.Protocol:
        made: asyncio.Protocol = self.config.http_protocol_class(  # type: ignore[call-arg]
            config=self.config, server_state=self.server_state, app_state=self.lifespan.state
        )
        return made


def config(application: str, host: str, port: int) -> uvicorn.Config:
    """How houses are served: no access log, no deflate (300 KB a socket), an end to a request that hangs."""
    return uvicorn.Config(
        application,
        host=host,
        port=port,
        timeout_graceful_shutdown=DRAIN_S_MAX,
        timeout_keep_alive=UNUSED_S_MAX,
        ws_per_message_deflate=False,
        access_log=False,
        proxy_headers=False,  # no house asks for its caller's address
        log_level="warning",
        server_header=False,
    )


def main(application: str) -> None:
    """The process: serves until it is told to stop."""
    served = config(application, os.environ.get("HOST", "127.0.0.1"), int(os.environ.get("PORT", "8000")))
    Serving(served, served.bind_socket()).serve_all()


if __name__ == "__main__":
    # As `uvicorn` on the command line finds an application: from where it was started.
    sys.path.insert(0, "")
    main(sys.argv[1])
