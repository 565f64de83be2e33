"""Servers that speak Redis's protocol and answer by a function: nodes of a cluster, Sentinels, servers with wrong
answers.

Use: `async with redis_node(answer) as port: …`; `answer(words)` gives the reply's bytes, or None for silence.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import hiredis

Answer = Callable[[list[str]], bytes | None]


@asynccontextmanager
async def redis_node(answer: Answer, on_close: Callable[[], None] = lambda: None) -> AsyncIterator[int]:
    """Serves one node; yields its port. `on_close` is called when a client has closed its connection."""
    writers: set[asyncio.StreamWriter] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.add(writer)
        words = hiredis.Reader()
        while received := await reader.read(65536):
            words.feed(received)
            while (command := words.gets()) is not False:
                if (reply := answer([word.decode() for word in command])) is not None:
                    writer.write(reply)
        on_close()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for writer in writers:
            writer.close()


def texts(*words: str) -> bytes:
    """The reply with a list of texts."""
    return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(word), word.encode()) for word in words)


def slots(first: int, last: int, *servers: tuple[str | None, int]) -> bytes:
    """The reply to CLUSTER SLOTS of a cluster with one range; a server without a host does not know its own."""
    places = b"".join(
        b"*3\r\n"
        + (b"$-1\r\n" if host is None else b"$%d\r\n%s\r\n" % (len(host), host.encode()))
        + b":%d\r\n$4\r\nnode\r\n" % port
        for host, port in servers
    )
    return b"*1\r\n*%d\r\n:%d\r\n:%d\r\n%s" % (2 + len(servers), first, last, places)
