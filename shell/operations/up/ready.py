"""Readiness checks: HTTP 200 means ready, an open port does not; of Valkey, PONG.

Public: `answers`.
"""

import asyncio
import contextlib

ANSWER_S = 2.0
REPLY_BYTES_MAX = 4096


async def answers(host: str, port: int, path: str) -> bool:
    """One check, which must be answered within `ANSWER_S`. An empty `path` means Valkey."""
    question = f"GET {path} HTTP/1.1\r\nHost: {host}:{port}\r\nConnection: close\r\n\r\n" if path else "PING\r\n"
    try:
        async with asyncio.timeout(ANSWER_S):
            reply = await _ask(host, port, question.encode("ascii"))
    except (OSError, TimeoutError):
        return False
    # While it loads its file Valkey answers -LOADING, and a starting house may answer 503: neither is ready.
    return reply.split(b" ")[1:2] == [b"200"] if path else reply.startswith(b"+PONG")


async def _ask(host: str, port: int, question: bytes) -> bytes:
    reader, writer = await asyncio.open_connection(host, port)
    try:
        writer.write(question)
        await writer.drain()
        return await reader.read(REPLY_BYTES_MAX)
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()
