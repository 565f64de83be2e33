"""Faults in what an origin says: FAULTS.md, "what it says".

Public: nothing but the switches it registers.
"""

import functools
import gzip
import struct
import zlib
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

from tests.origin.exchange import HTML, Exchange, chunk, head
from tests.origin.faults import fault

STATUSES = ("500", "502", "503", "504", "404", "410", "401", "403", "429", "400", "422", "204", "304")
RETRY_AFTER = ("seconds", "date", "negative", "past", "huge", "garbage")
# What must never be seen on a page.
ERROR_PAGE = b"<!doctype html><html><body><h1>ORIGIN-ERROR-PAGE</h1></body></html>"
BOMB_BYTES = 200 * 1024 * 1024
BODY_BYTES = 64 * 1024 * 1024


@fault("status", arguments=STATUSES)
async def status(exchange: Exchange) -> None:
    """This status, with an error page as its body."""
    code = int(exchange.argument)
    if code in (204, 304):
        await exchange.send(head(code, HTML))
        return
    await exchange.answer(code, body=ERROR_PAGE)


@fault("unavailable-until", arguments=RETRY_AFTER)
async def unavailable_until(exchange: Exchange) -> None:
    """503 with a Retry-After of this kind (`seconds`: 3)."""
    await exchange.answer(503, (*HTML, ("Retry-After", _retry_after(exchange.argument))), ERROR_PAGE)


@fault("throttled-until", arguments=RETRY_AFTER)
async def throttled_until(exchange: Exchange) -> None:
    """429 with a Retry-After of this kind (`seconds`: 3)."""
    await exchange.answer(429, (*HTML, ("Retry-After", _retry_after(exchange.argument))), ERROR_PAGE)


@fault("error-page")
async def error_page(exchange: Exchange) -> None:
    """200 carrying an error page, as a proxy in between would send it: HTML without `podlet-version`."""
    await exchange.answer(200, (("Content-Type", "text/html"),), ERROR_PAGE)


@fault("json")
async def json(exchange: Exchange) -> None:
    """200 carrying JSON."""
    await exchange.answer(200, (("Content-Type", "application/json"),), b'{"error": "ORIGIN-ERROR-PAGE"}')


@fault("no-content-type")
async def no_content_type(exchange: Exchange) -> None:
    """200 without a content type."""
    await exchange.answer(200, ())


@fault("redirect", arguments=("elsewhere", "loop", "link-local"))
async def redirect(exchange: Exchange) -> None:
    """302 to another path, to itself, or to a link-local address."""
    to = {"elsewhere": "/elsewhere", "loop": exchange.path, "link-local": "http://169.254.169.254/latest/meta-data/"}
    await exchange.answer(302, (("Location", to[exchange.argument]),), b"")


@fault("gzip-bomb")
async def gzip_bomb(exchange: Exchange) -> None:
    """200 KB of gzip that would become 200 MiB."""
    await exchange.answer(200, (*HTML, ("Content-Encoding", "gzip")), _bomb())


@fault("gzip")
async def gzip_whole(exchange: Exchange) -> None:
    """A healthy body in gzip, though nobody asked for it."""
    await exchange.answer(200, (*HTML, ("Content-Encoding", "gzip")), gzip.compress(exchange.body))


@fault("gzip-cut")
async def gzip_cut(exchange: Exchange) -> None:
    """A gzip body that is cut, under a Content-Length that is right."""
    await exchange.answer(200, (*HTML, ("Content-Encoding", "gzip")), gzip.compress(exchange.body)[:-9])


@fault("bad-coding", arguments=("gzip", "br", "unknown"))
async def bad_coding(exchange: Exchange) -> None:
    """Says this coding and sends plain HTML."""
    await exchange.answer(200, (*HTML, ("Content-Encoding", exchange.argument)))


@fault("endless-body")
async def endless_body(exchange: Exchange) -> None:
    """A chunked body that never ends, as fast as it is read."""
    await exchange.send(head(200, (*HTML, ("Transfer-Encoding", "chunked"))))
    while True:
        await exchange.send(chunk(b"x" * 65536))


@fault("body-64-mib", arguments=("length", "chunked"))
async def body_64_mib(exchange: Exchange) -> None:
    """A body of 64 MiB, under a Content-Length or chunked."""
    chunked = exchange.argument == "chunked"
    framing = ("Transfer-Encoding", "chunked") if chunked else ("Content-Length", str(BODY_BYTES))
    await exchange.send(head(200, (*HTML, framing)))
    part = b"x" * 65536
    for _ in range(BODY_BYTES // len(part)):
        await exchange.send(chunk(part) if chunked else part)
    if chunked:
        await exchange.send(b"0\r\n\r\n")


@fault("giant-header", default="1000000")
async def giant_header(exchange: Exchange) -> None:
    """One header of so many bytes."""
    await exchange.answer(200, (*HTML, ("X-Giant", "a" * int(exchange.argument))))


@fault("many-cookies", default="10000")
async def many_cookies(exchange: Exchange) -> None:
    """So many Set-Cookie headers."""
    await exchange.answer(200, (*HTML, *((("Set-Cookie", "stolen=1"),) * int(exchange.argument))))


@fault("length-and-chunked")
async def length_and_chunked(exchange: Exchange) -> None:
    """Content-Length together with Transfer-Encoding: two readers would see two bodies."""
    both = (("Content-Length", "5"), ("Transfer-Encoding", "chunked"))
    await exchange.send(head(200, (*HTML, *both)) + chunk(exchange.body) + b"0\r\n\r\n")


@fault("two-lengths", arguments=("different", "same", "list"))
async def two_lengths(exchange: Exchange) -> None:
    """Two Content-Length headers, different or the same, or one with a list."""
    right = str(len(exchange.body))
    lengths = {"different": (right, "5"), "same": (right, right), "list": (f"{right}, {right}",)}[exchange.argument]
    await exchange.send(head(200, (*HTML, *(("Content-Length", each) for each in lengths))) + exchange.body)


@fault("no-length")
async def no_length(exchange: Exchange) -> None:
    """Neither Content-Length nor chunked: the body ends with the connection."""
    await exchange.send(head(200, HTML) + exchange.body)
    exchange.close()


@fault("bad-chunk")
async def bad_chunk(exchange: Exchange) -> None:
    """A chunk whose size is no number."""
    await exchange.send(head(200, (*HTML, ("Transfer-Encoding", "chunked"))) + b"zz\r\n" + exchange.body)
    exchange.close()


@fault("odd-encoding", arguments=("gzip-chunked", "identity", "twice"))
async def odd_encoding(exchange: Exchange) -> None:
    """A Transfer-Encoding other than one `chunked`."""
    values = {"gzip-chunked": ("gzip, chunked",), "identity": ("identity",), "twice": ("chunked", "chunked")}
    fields = tuple(("Transfer-Encoding", value) for value in values[exchange.argument])
    await exchange.send(head(200, (*HTML, *fields)) + chunk(exchange.body) + b"0\r\n\r\n")
    exchange.close()


@fault("folded-header")
async def folded_header(exchange: Exchange) -> None:
    """A header folded over two lines."""
    await exchange.send(_with_line(exchange, b"X-Folded: one\r\n two"))


@fault("bad-header", arguments=("nul", "latin-1", "space"))
async def bad_header(exchange: Exchange) -> None:
    """A header with a NUL, with bytes beyond ASCII, or with a space before its colon."""
    lines = {"nul": b"X-Odd: a\x00b", "latin-1": b"X-Odd: caf\xe9", "space": b"X-Odd : a"}
    await exchange.send(_with_line(exchange, lines[exchange.argument]))


@fault("garbage-status", arguments=("garbage", "no-head", "short", "switching"))
async def garbage_status(exchange: Exchange) -> None:
    """No status line at all, HTML at once, a status of two digits, or 101."""
    lines = {
        "garbage": b"GARBAGE\r\n\r\n",
        "no-head": exchange.body,
        "short": b"HTTP/1.1 42 Odd\r\nContent-Length: 0\r\n\r\n",
        "switching": b"HTTP/1.1 101 Switching\r\nUpgrade: odd\r\nConnection: upgrade\r\n\r\n",
    }
    await exchange.send(lines[exchange.argument])
    exchange.close()


@fault("bad-text", arguments=("invalid-utf8", "utf-16", "nul"))
async def bad_text(exchange: Exchange) -> None:
    """HTML that says UTF-8 and holds invalid bytes, UTF-16 or NULs."""
    bodies = {
        "invalid-utf8": exchange.body + b"<p>\xff\xfe\xc3\x28</p>",
        "utf-16": exchange.body.decode().encode("utf-16"),
        "nul": exchange.body.replace(b"<", b"\x00<"),
    }
    await exchange.answer(body=bodies[exchange.argument])


@fault("changing-version")
async def changing_version(exchange: Exchange) -> None:
    """Healthy, under another `podlet-version` each time."""
    await exchange.answer(200, (HTML[0], ("podlet-version", f"1.0.{exchange.number}")))


def _with_line(exchange: Exchange, line: bytes) -> bytes:
    whole = head(200, (*HTML, ("Content-Length", str(len(exchange.body)))))
    return whole[:-2] + line + b"\r\n\r\n" + exchange.body


def _retry_after(kind: str) -> str:
    now = datetime.now(UTC)
    return {
        "seconds": "3",
        "date": format_datetime(now + timedelta(seconds=4), usegmt=True),
        "past": format_datetime(now - timedelta(hours=1), usegmt=True),
        "negative": "-5",
        "huge": "999999999999",
        "garbage": "soon, perhaps",
    }[kind]


@functools.cache
def _bomb() -> bytes:
    # A block that was flushed in full stands by itself, so one mebibyte of zeros is packed once and repeated.
    piece, times = bytes(1024 * 1024), BOMB_BYTES // (1024 * 1024)
    packing = zlib.compressobj(9, wbits=-15)
    block = packing.compress(piece) + packing.flush(zlib.Z_FULL_FLUSH)
    checksum = 0
    for _ in range(times):
        checksum = zlib.crc32(piece, checksum)
    ending = packing.flush() + struct.pack("<II", checksum, BOMB_BYTES)
    return b"\x1f\x8b\x08\0\0\0\0\0\x02\xff" + block * times + ending
