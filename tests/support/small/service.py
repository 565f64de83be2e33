"""A Service of the cluster: one port that leads each connection to a ready process, as kube-proxy does.

Public: `Service`, `Replica`, `ready`.

A connection that a process does not accept goes to the next one. With `replay` it acts as an ingress: a GET of which no
byte was answered is sent to another process, as nginx does; a POST never is.
"""

import asyncio
import itertools
from contextlib import suppress
from dataclasses import dataclass

HOST = "127.0.0.1"
CHUNK = 65_536
REPLAY_BYTES_MAX = 65_536
PROBE_S_MAX = 2.0


@dataclass
class Replica:
    """One process: its port, its readiness probe, and the last result of the probe."""

    port: int
    probe_port: int
    probe_path: str
    failures_max: int
    failures: int = 1_000

    @property
    def is_ready(self) -> bool:
        return self.failures < self.failures_max


async def ready(replica: Replica) -> bool:
    """Whether it answers its readiness probe with 200."""
    writer = None
    try:
        async with asyncio.timeout(PROBE_S_MAX):
            reader, writer = await asyncio.open_connection(HOST, replica.probe_port)
            writer.write(f"GET {replica.probe_path} HTTP/1.0\r\nHost: {HOST}\r\n\r\n".encode())
            return (await reader.readline()).split(b" ")[1:2] == [b"200"]
    except (OSError, TimeoutError):
        return False
    finally:
        if writer is not None:
            writer.close()


class Service:
    """`port` leads to `replicas`."""

    def __init__(self, port: int, replicas: list[Replica], *, replay: bool) -> None:
        self.port, self._replicas, self._replay = port, replicas, replay
        self._turn = itertools.count()
        self._connections: set[asyncio.Task[None]] = set()
        self.replayed = 0

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._accept, HOST, self.port, backlog=512)

    async def aclose(self) -> None:
        """Accept no connection any more, and cut the open ones."""
        self._server.close()
        for connection in self._connections:
            connection.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = asyncio.ensure_future(self._connected(reader, writer))
        self._connections.add(connection)
        connection.add_done_callback(self._connections.discard)

    def _next(self) -> list[Replica]:
        """The ready processes, another one first each time; all of them if none is ready."""
        open_ = [each for each in self._replicas if each.is_ready] or self._replicas
        first = next(self._turn) % len(open_)
        return open_[first:] + open_[:first]

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter] | None:
        for replica in self._next():
            with suppress(OSError):
                return await asyncio.open_connection(HOST, replica.port)
        return None

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        unanswered = bytearray()
        try:
            upstream = await self._connect()
            while upstream is not None:
                if await self._carry(reader, writer, upstream, unanswered):
                    return
                self.replayed += 1
                if (upstream := await self._connect()) is not None:
                    upstream[1].write(bytes(unanswered))
        except OSError:
            pass
        finally:
            writer.close()

    async def _carry(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        upstream: tuple[asyncio.StreamReader, asyncio.StreamWriter],
        unanswered: bytearray,
    ) -> bool:
        """Copies both directions until one side ends; False if the `unanswered` request may go to another process."""

        async def forth() -> None:
            while data := await reader.read(CHUNK):
                unanswered.extend(data)
                upstream[1].write(data)
                await upstream[1].drain()

        async def back() -> None:
            while data := await upstream[0].read(CHUNK):
                unanswered.clear()
                writer.write(data)
                await writer.drain()

        there, here = asyncio.ensure_future(forth()), asyncio.ensure_future(back())
        try:
            await asyncio.wait((there, here), return_when=asyncio.FIRST_COMPLETED)
            # A client that has sent everything may still wait for its answer.
            if there.done() and there.exception() is None and not here.done():
                upstream[1].write_eof()
                await asyncio.wait((here,))
            ended_by_upstream = here.done() and not there.done()
        finally:
            there.cancel()
            here.cancel()
            await asyncio.gather(there, here, return_exceptions=True)
            upstream[1].close()
        whole = len(unanswered) <= REPLAY_BYTES_MAX and unanswered.endswith(b"\r\n\r\n")
        return not (self._replay and ended_by_upstream and whole and unanswered.startswith(b"GET "))
