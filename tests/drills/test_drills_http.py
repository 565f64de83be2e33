"""Faults of HTTP, and whom they hit: over real sockets, request by request."""

import asyncio
import gzip

import pytest

from tests.drills.proxy.faults import FAULTS, MALFORMED, Layer
from tests.drills.proxy_rig import BODY, Http, Peer, Rig, http_answer, request

MARK = "amber.3xq-signed"
CARRIES = f"baggage: tenant=one, mullion-drill={MARK};ttl=9"


async def ask(rig: Rig, *headers: str, method: str = "GET") -> tuple[bytes, bytes]:
    """Head and body of an answer on a connection of its own."""
    client = await rig.connect()
    await client.send(request("/", *headers, method=method))
    return await client.answer()


async def test_status_takes_the_answers_place() -> None:
    """The request is done, its answer is not heard, and the connection says that it ends."""
    async with Rig(http := Http()) as rig:
        rig.add("status", status=502)
        head, body = await ask(rig)
        assert head.startswith(b"HTTP/1.1 502 ")
        assert b"\r\nConnection: close\r\n" in head
        assert b"ERROR-PAGE" in body
        assert len(http.seen) == 1


async def test_status_upstream_keeps_the_request_from_arriving() -> None:
    async with Rig(http := Http()) as rig:
        rig.add("status", "upstream")
        head, _ = await ask(rig)
        assert head.startswith(b"HTTP/1.1 503 ")
        assert http.seen == []


async def test_answer_to_head_has_no_body() -> None:
    async with Rig(Http()) as rig:
        rig.add("status")
        client = await rig.connect()
        await client.send(request(method="HEAD"))
        answer = await client.rest()
        assert answer.startswith(b"HTTP/1.1 503 ")
        assert answer.endswith(b"\r\n\r\n")


async def test_fault_hits_a_connection_that_was_kept_alive() -> None:
    """From the next request on, and no more after it is healed; bytes of an answer under way are not touched."""
    async with Rig(Http()) as rig:
        client = await rig.connect()
        for _ in range(2):
            await client.send(request())
            assert await client.answer() == (http_answer().partition(BODY)[0], BODY)
        name = rig.add("wrong_type", content_type="text/plain")
        await client.send(request())
        head, body = await client.answer()
        assert b"\r\nContent-Type: text/plain\r\n" in head
        assert b"application/json" not in head
        assert body == BODY
        rig.proxy.remove(name)
        await client.send(request())
        assert (await client.answer())[0] == http_answer().partition(BODY)[0]


async def test_fault_that_begins_within_an_answer_waits_for_the_next() -> None:
    go_on = asyncio.Event()

    async def slow(peer: Peer) -> None:
        while await peer.some():
            await peer.send(http_answer()[:-5])
            await go_on.wait()
            await peer.send(http_answer()[-5:])

    async with Rig(slow) as rig:
        client = await rig.connect()
        await client.send(request())
        assert await client.read(20)
        rig.add("wrong_type", content_type="text/plain")
        go_on.set()
        assert await client.read(len(http_answer()) - 20) == http_answer()[20:]
        await client.send(request())
        assert b"text/plain" in (await client.answer())[0]


async def test_wrong_type_may_be_none() -> None:
    async with Rig(Http()) as rig:
        rig.add("wrong_type", content_type="")
        head, _ = await ask(rig)
        assert b"content-type" not in head.lower()


async def test_error_page_is_a_200() -> None:
    async with Rig(Http()) as rig:
        rig.add("error_page")
        head, body = await ask(rig)
        assert head.startswith(b"HTTP/1.1 200 ")
        assert b"ERROR-PAGE" in body


@pytest.mark.parametrize("how", MALFORMED)
async def test_malformed_answers_are_none_that_a_reader_could_accept(how: str) -> None:
    """Each is the one of tests/origin, byte for byte but for the connection's end."""
    async with Rig(Http()) as rig:
        rig.add("malformed", how=how)
        client = await rig.connect()
        await client.send(request())
        answer = await client.rest()
        signs = {
            "garbage": b"GARBAGE",
            "no-head": b"<section>",
            "bad-chunk": b"zz\r\n",
            "two-lengths": b"Content-Length: 5\r\n",
            "length-and-chunked": b"Transfer-Encoding: chunked",
            "folded-header": b"one\r\n two",
            "nul-in-header": b"a\x00b",
            "invalid-utf8": b"\xff\xfe",
        }
        assert signs[how] in answer


async def test_oversize_is_sent_as_fast_as_it_is_read() -> None:
    """Endless, and it ends with the client, or with the fault."""
    async with Rig(Http()) as rig:
        name = rig.add("oversize", how="endless")
        client = await rig.connect()
        await client.send(request())
        assert len(await client.read(2_000_000)) == 2_000_000
        rig.proxy.remove(name)
        await client.rest()
        assert not rig.proxy.connections


async def test_bomb_is_small_on_the_wire() -> None:
    async with Rig(Http()) as rig:
        rig.add("bomb")
        head, body = await ask(rig)
        assert b"Content-Encoding: gzip" in head
        assert len(body) < 300_000
        assert gzip.decompress(body)[:10] == bytes(10)


async def test_truncated_cuts_the_real_body() -> None:
    async with Rig(Http()) as rig:
        rig.add("truncated", bytes=7)
        client = await rig.connect()
        await client.send(request())
        assert await client.rest() == http_answer()[: -len(BODY) + 7]


@pytest.mark.parametrize("cut", [0, 60, 68])
async def test_stale_clock_moves_every_time(cut: int) -> None:
    """In head and body, by the same length, also where a time arrives in two pieces."""

    async def in_pieces(peer: Peer) -> None:
        while await peer.some():
            whole = http_answer()
            await peer.send(whole[:-cut])
            await asyncio.sleep(0.005)
            await peer.send(whole[-cut:] if cut else whole)

    async with Rig(in_pieces) as rig:
        rig.add("stale_clock", seconds=86_400 + 60)
        head, body = await ask(rig)
        assert b"Date: Sat, 28 Feb 2026 11:59:00 GMT" in head
        assert body == BODY.replace(b"2026-03-01T12:00:00Z", b"2026-02-28T11:59:00Z")


async def test_body_that_ends_like_a_time_is_not_held() -> None:
    async with Rig(Http(b"in 2026-03-01T12")) as rig:
        rig.add("stale_clock")
        assert (await ask(rig))[1] == b"in 2026-03-01T12"


async def test_slow_first_byte_delays_each_answer_once() -> None:
    async with Rig(Http()) as rig:
        rig.add("slow_first_byte", delay=150)
        client = await rig.connect()
        for _ in range(2):
            began = rig.now()
            await client.send(request())
            await client.answer()
            assert 0.14 <= rig.now() - began < 3


async def test_head_in_pieces_is_one_request() -> None:
    async with Rig(http := Http()) as rig:
        rig.add("status", "upstream", session=MARK)
        client = await rig.connect()
        for piece in (b"GE", b"T / HTTP/1.1\r\nHo", b"st: upstream\r\n" + CARRIES.encode()[:9]):
            await client.send(piece)
            await asyncio.sleep(0.02)
        await client.send(CARRIES.encode()[9:] + b"\r\n\r\n")
        assert (await client.answer())[0].startswith(b"HTTP/1.1 503 ")
        assert http.seen == []


async def test_session_hits_the_one_who_carries_the_mark() -> None:
    """Faults of HTTP and of bytes alike; on one connection that both use, request by request."""
    async with Rig(Http()) as rig:
        rig.add("latency", session=MARK, latency=500)
        client = await rig.connect()
        took = []
        for headers in ([], [CARRIES], [], [f"BAGGAGE: mullion-drill={MARK}"]):
            began = rig.now()
            await client.send(request("/", *headers))
            await client.answer()
            took.append(rig.now() - began)
        assert max(took[0], took[2]) < 0.45
        assert min(took[1], took[3]) >= 0.49


@pytest.mark.parametrize(
    "baggage",
    [
        "",
        "baggage: mullion-drill=amber.3xq",
        f"baggage: mullion-drill={MARK}, mullion-drill=other",
        f"baggage: x-mullion-drill={MARK}",
        f"x-baggage: mullion-drill={MARK}",
        "baggage: " + "a=b," * 4000 + f"mullion-drill={MARK}",
    ],
)
async def test_whoever_carries_another_mark_is_not_hit(baggage: str) -> None:
    async with Rig(Http()) as rig:
        rig.add("status", session=MARK)
        assert (await ask(rig, *filter(None, [baggage])))[0].startswith(b"HTTP/1.1 200 ")


async def test_mark_of_a_request_that_is_over_hits_nobody() -> None:
    """A connection that a tester used is another player's by the time the fault begins."""
    async with Rig(Http()) as rig:
        client = await rig.connect()
        for headers in ([CARRIES], []):
            await client.send(request("/", *headers))
            await client.answer()
        rig.add("reset_peer", session=MARK)
        await client.send(request())
        assert (await client.answer())[1] == BODY


async def test_thousand_faulted_requests_beside_one_who_sees_none() -> None:
    async with Rig(Http()) as rig:
        rig.add("status", session=MARK)
        player = await rig.connect()
        for _ in range(1000):
            assert (await ask(rig, CARRIES))[0].startswith(b"HTTP/1.1 503 ")
            await player.send(request())
            assert await player.answer() == (http_answer().partition(BODY)[0], BODY)


async def test_share_of_requests_is_hit() -> None:
    async with Rig(Http()) as rig:
        rig.add("wrong_type", content_type="text/plain", toxicity=0.5)
        client, hit = await rig.connect(), 0
        for _ in range(60):
            await client.send(request())
            hit += b"text/plain" in (await client.answer())[0]
        assert 10 <= hit <= 50


async def test_bytes_that_are_not_http_pass_faults_of_http() -> None:
    async def redis(peer: Peer) -> None:
        while await peer.some():
            await peer.send(b"+PONG\r\n")

    async with Rig(redis) as rig:
        rig.add("status")
        client = await rig.connect()
        for _ in range(2):
            await client.send(b"*1\r\n$4\r\nPING\r\n")
            assert await client.read(7) == b"+PONG\r\n"


async def test_every_answer_of_the_table_can_be_given() -> None:
    """With its defaults; none leaves a connection behind."""
    async with Rig(Http()) as rig:
        for fault in (each for each in FAULTS.values() if each.layer is Layer.HTTP and each.answer):
            name = rig.add(fault.name)
            client = await rig.connect()
            await client.send(request())
            assert await client.some()
            rig.proxy.remove(name)
            client.close()
        await asyncio.sleep(0.1)
        assert not rig.proxy.connections
