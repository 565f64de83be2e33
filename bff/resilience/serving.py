"""The one way in which a house is served: an ASGI application on uvicorn, bounded, that ends without cutting anybody
off: `python -m bff.resilience.serving module:app`.

Public: `Serving`, `ServingBesideWork`, `config`, `serve`.

`HOST` and `PORT` say where; `LISTEN_FD` instead names a listening socket that somebody keeps beyond this process, and
what comes between this process and its successor waits in it. With `INNER_PORT` the application is served there too,
for those inside the network: it tells the one from the other by the port in `scope["server"]`. `HOUSE_POLICIES` holds
numbers of `bounds.ServerPolicy` that this installation wants otherwise, as a JSON object.

Uvicorn by itself stops listening first, and drops connections that have sent nothing yet. Here, after SIGTERM,
connections are still accepted and served, and every answer says `Connection: close`; listening stops once the
connections that were open are done, and whatever the kernel had accepted into the backlog by then is served as well.
An inherited socket is left to the successor at once.
"""

import asyncio
import contextlib
import os
import socket
import sys
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import Any

import uvicorn

from bff.resilience.bounds import ServerPolicy, bounded_http, policy_of
from bff.resilience.drain import DRAIN
from bff.resilience.environment import number_of
from bff.resilience.policies import check_policies

# How long open connections are waited for at the end: one in use sends its next request sooner. Unused ones are closed
# then, while a caller that was about to use one can still open another.
KEEP_ALIVE_S_MAX = 1.0
# The same where an inherited socket goes to the successor: every caller that comes meanwhile waits for it.
KEEP_ALIVE_INHERITED_S_MAX = 0.2
# How long a connection that was just accepted may take to send its request: a caller on a busy machine needs a moment.
FIRST_REQUEST_S_MAX = 0.5
# A request that hangs must not outlive the end by more than this.
DRAIN_S_MAX = 2
POLL_S = 0.01
# So many connections are accepted in one turn of the loop.
ACCEPTED_AT_ONCE_MAX = 64

_CONNECTION_CLOSE = (b"connection", b"close")


@dataclass(frozen=True, slots=True)
class Listener:
    """A bound socket. `inherited`: another process holds it, too."""

    socket: socket.socket
    inherited: bool = False


class Serving(uvicorn.Server):
    """Serves on `listeners`."""

    def __init__(self, config: uvicorn.Config, listeners: Sequence[Listener]) -> None:
        super().__init__(config)
        self._listeners = listeners
        self._inherited = any(listener.inherited for listener in listeners)
        # Uvicorn closes what it is given: this duplicate stays open until its backlog is empty.
        self._backlogs = [listener.socket.dup() for listener in listeners]
        for backlog in self._backlogs:
            backlog.setblocking(False)
        self._accepted: set[asyncio.Task[Any]] = set()

    def serve_all(self) -> None:
        """Serve until SIGTERM or Ctrl-C, and end."""
        self.run(sockets=[listener.socket for listener in self._listeners])

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        for backlog in self._backlogs:
            asyncio.get_running_loop().add_reader(backlog, self._accept, backlog)

    def _accept(self, backlog: socket.socket) -> None:
        """Accept whoever waits. uvloop accepts one connection in each turn of its loop, and a busy loop turns seldom:
        of a crowd the last would wait for seconds, a deposit among them.
        """
        for _ in range(ACCEPTED_AT_ONCE_MAX):
            try:
                waiting, _ = backlog.accept()
            except OSError:  # nobody waits any more; what else is wrong the loop's own accept says
                return
            waiting.setblocking(False)
            connected = asyncio.get_running_loop().connect_accepted_socket(self._protocol, waiting)
            accepted = asyncio.ensure_future(connected)
            self._accepted.add(accepted)
            accepted.add_done_callback(self._end_accept)

    def _end_accept(self, accepted: asyncio.Task[Any]) -> None:
        self._accepted.discard(accepted)
        if not accepted.cancelled():
            accepted.exception()  # read here: who has gone before they were connected is no mistake

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        DRAIN.start()
        if self._inherited:
            self._stop_listening()
        open_connections = set(self._connections())
        self._announce_close()
        await self._wait_closed(open_connections, KEEP_ALIVE_INHERITED_S_MAX if self._inherited else KEEP_ALIVE_S_MAX)
        for connection in open_connections.intersection(self._connections()):
            connection.shutdown()
        self._stop_listening()
        await self._accept_backlog()
        await self._wait_closed(set(self._connections()), FIRST_REQUEST_S_MAX)
        await super().shutdown(sockets)

    def _connections(self) -> list[Any]:
        return list(self.server_state.connections)

    def _announce_close(self) -> None:
        """Every answer from here on has `Connection: close`, also those to requests that have already arrived."""
        self.server_state.default_headers = [*self.server_state.default_headers, _CONNECTION_CLOSE]
        for connection in self._connections():
            cycle = getattr(connection, "cycle", None)
            if cycle is not None:
                cycle.default_headers = self.server_state.default_headers

    async def _wait_closed(self, connections: set[Any], wait_s: float) -> None:
        for _ in range(round(wait_s / POLL_S)):
            if not connections.intersection(self._connections()):
                return
            await asyncio.sleep(POLL_S)

    def _stop_listening(self) -> None:
        for server in self.servers:
            server.close()
        for backlog in self._backlogs:
            asyncio.get_running_loop().remove_reader(backlog)

    async def _accept_backlog(self) -> None:
        loop = asyncio.get_running_loop()
        await asyncio.gather(*self._accepted, return_exceptions=True)
        for backlog, listener in zip(self._backlogs, self._listeners, strict=True):
            # Who waits at an inherited socket is the successor's.
            while not listener.inherited:
                try:
                    waiting, _ = backlog.accept()
                except BlockingIOError:
                    break
                waiting.setblocking(False)
                await loop.connect_accepted_socket(self._protocol, waiting)
            backlog.close()

    def _protocol(self) -> asyncio.Protocol:
        made: asyncio.Protocol = self.config.http_protocol_class(  # type: ignore[call-arg]  # whichever of uvicorn's
            config=self.config, server_state=self.server_state, app_state=self.lifespan.state
        )
        return made


class ServingBesideWork(uvicorn.Server):
    """Serves in a process that lives for its work: signals are the work's, and `end` is called once that is over."""

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield

    def end(self) -> None:
        """Stop listening; a request that is being answered may finish within the time that `config` was given."""
        self.should_exit = True


def config(
    application: str | Callable[..., Any],
    policy: ServerPolicy | None = None,
    *,
    drain_s_max: int = DRAIN_S_MAX,
    **more: Any,
) -> uvicorn.Config:
    """How houses are served: bounded, no access log, no deflate (300 KB a socket), an end to a request that hangs.

    `more` is for uvicorn. Headers of proxies are the border's to read, so uvicorn does not.
    """
    policy = policy or policy_of(os.environ)
    return uvicorn.Config(
        application,
        http=bounded_http(policy),
        timeout_graceful_shutdown=drain_s_max,
        timeout_keep_alive=policy.unused_s_max,
        ws_per_message_deflate=False,
        access_log=False,
        proxy_headers=False,
        log_level="warning",
        server_header=False,
        **more,
    )


def serve(served: uvicorn.Config) -> None:
    """The process: serves until SIGTERM. A setting that is missing or unsafe ends it with that setting's sentence."""
    check_policies(os.environ)
    try:
        served.load()
    except Exception as error:
        # By its name, for this room does not know Django.
        if type(error).__name__ != "ImproperlyConfigured":
            raise
        sys.exit(str(error))
    Serving(served, _listeners()).serve_all()


def _listeners() -> list[Listener]:
    host, port = os.environ.get("HOST", "127.0.0.1"), number_of(os.environ, "PORT", 8000)
    inherited, inner = number_of(os.environ, "LISTEN_FD", 0), number_of(os.environ, "INNER_PORT", 0)
    public = Listener(socket.socket(fileno=inherited), inherited=True) if inherited else Listener(_bound(host, port))
    return [public, Listener(_bound(host, inner))] if inner else [public]


def _bound(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
    except OSError as error:
        sys.exit(f"{host}:{port} can not be listened on: {error.strerror}.")
    return listening


def main(application: str) -> None:
    """As `uvicorn` on the command line finds an application: from where it was started."""
    sys.path.insert(0, "")
    serve(config(application))


if __name__ == "__main__":
    main(sys.argv[1])
