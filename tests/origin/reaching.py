"""Faults in reaching an origin: FAULTS.md, "reaching it".

Public: nothing but the switches it registers.
"""

import asyncio
import time

from tests.origin.exchange import HTML, Exchange, chunk, head
from tests.origin.faults import FAULTS, Fault, Listener, fault

FAULTS["refused"] = Fault("refused", "Nothing listens on the port.", listener=Listener.REFUSING)
FAULTS["black-hole"] = Fault("black-hole", "The backlog is full: no handshake ever ends.", listener=Listener.BLACK_HOLE)
FAULTS["tls-hang"] = Fault(
    "tls-hang", "Accepted, and the TLS handshake never answered (`--tls`).", listener=Listener.NO_HANDSHAKE
)
FAULTS["tls-expired"] = Fault("tls-expired", "The certificate has expired (`--tls`).", certificate="expired")
FAULTS["tls-wrong-host"] = Fault(
    "tls-wrong-host", "The certificate is for another host (`--tls`).", certificate="wrong-host"
)


@fault("silence")
async def silence(exchange: Exchange) -> None:
    """Accepted and read, then not a byte."""
    await exchange.hold()


@fault("slow", default="700")
async def slow(exchange: Exchange) -> None:
    """A healthy answer after so many milliseconds."""
    await asyncio.sleep(int(exchange.argument) / 1000)
    await exchange.answer()


@fault("headers-dripped", default="200")
async def headers_dripped(exchange: Exchange) -> None:
    """The head comes a byte at a time, so many milliseconds apart."""
    await exchange.drip(head(200, (*HTML, ("Content-Length", str(len(exchange.body))))), int(exchange.argument))
    await exchange.send(exchange.body)


@fault("body-dripped", default="200")
async def body_dripped(exchange: Exchange) -> None:
    """The head at once, then the body a byte at a time, so many milliseconds apart."""
    await exchange.send(head(200, (*HTML, ("Content-Length", str(len(exchange.body))))))
    await exchange.drip(exchange.body, int(exchange.argument))


@fault("body-stalled")
async def body_stalled(exchange: Exchange) -> None:
    """Half of the body, then silence."""
    await exchange.send(_half(exchange))
    await exchange.hold()


@fault("short-body")
async def short_body(exchange: Exchange) -> None:
    """The connection ends before Content-Length is reached."""
    await exchange.send(_half(exchange))
    exchange.close()


@fault("chunked-cut")
async def chunked_cut(exchange: Exchange) -> None:
    """A chunked body ends without its last chunk."""
    await exchange.send(head(200, (*HTML, ("Transfer-Encoding", "chunked"))) + chunk(exchange.body))
    exchange.close()


@fault("reset-in-body")
async def reset_in_body(exchange: Exchange) -> None:
    """RST in the middle of the body."""
    await exchange.send(_half(exchange))
    await asyncio.sleep(0.02)  # or the RST overtakes what was sent, and there is no middle
    exchange.reset()


@fault("reset")
async def reset(exchange: Exchange) -> None:
    """RST instead of an answer."""
    exchange.reset()


@fault("closed")
async def closed(exchange: Exchange) -> None:
    """The connection is closed instead of an answer."""
    exchange.close()


@fault("closed-in-head")
async def closed_in_head(exchange: Exchange) -> None:
    """The connection is closed within the head."""
    await exchange.send(head(200, HTML)[:-10])
    exchange.close()


@fault("closes-idle", default="2000")
async def closes_idle(exchange: Exchange) -> None:
    """Healthy; a connection that is idle for so many milliseconds is closed, unseen by the other side for 5 ms more."""
    await exchange.answer()
    exchange.idle_ms = int(exchange.argument)


@fault("flapping", default="1000")
async def flapping(exchange: Exchange) -> None:
    """Healthy and 503 in turn, so many milliseconds each."""
    down = int(time.monotonic() * 1000 / int(exchange.argument)) % 2
    await exchange.answer(503 if down else 200)


def _half(exchange: Exchange) -> bytes:
    whole = head(200, (*HTML, ("Content-Length", str(len(exchange.body)))))
    return whole + exchange.body[: len(exchange.body) // 2]
