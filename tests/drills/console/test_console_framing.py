"""The lobby in the console's frame: what its page says of frames is changed on its way, for one origin and a while."""

from collections.abc import AsyncIterator

import pytest

from tests.drills.proxy import framing
from tests.drills.proxy.problems import ApiProblem
from tests.drills.proxy_rig import Http, Rig, http_answer, request

ANCESTOR = {"ancestor": "http://localhost:8097", "ttl_s": 10}
POLICY = "Content-Security-Policy: default-src 'none'; frame-ancestors 'none'"


class Page(Http):
    async def __call__(self, peer) -> None:
        while True:
            await peer.reader.readuntil(b"\r\n\r\n")
            await peer.send(http_answer(self.body, "X-Frame-Options: DENY", POLICY))


@pytest.fixture
async def rig() -> AsyncIterator[Rig]:
    async with Rig(Page(), ("http",)) as rig:
        yield rig


async def head(rig: Rig) -> bytes:
    client = await rig.connect()
    await client.send(request())
    found, _ = await client.answer()
    return found


async def test_page_may_be_framed_by_the_console_alone_and_only_while_it_asks(rig: Rig) -> None:
    """Its other headers stay as they are, and no fault is on."""
    rig.proxy.let_frame(ANCESTOR, rig.now())
    framed = await head(rig)
    assert b"default-src 'none'; frame-ancestors http://localhost:8097\r\n" in framed
    assert b"X-Frame-Options" not in framed
    assert rig.proxy.body(rig.now())["toxics"] == []
    await rig.proxy.expire(rig.now() + 11)
    assert b"frame-ancestors 'none'" in await head(rig)


async def test_healing_everything_leaves_the_frame_as_it_is(rig: Rig) -> None:
    rig.proxy.let_frame(ANCESTOR, rig.now())
    rig.add("latency", latency=1)
    await rig.proxies.reset()
    rig.proxy.let_frame(ANCESTOR, rig.now() + 5)
    assert b"frame-ancestors http://localhost:8097" in await head(rig)


@pytest.mark.parametrize("ancestor", ["*", "https://evil.example", "http://localhost:8097; script-src *", None, 1])
async def test_no_other_origin_is_let_in(rig: Rig, ancestor: object) -> None:
    with pytest.raises(ApiProblem, match="an origin of this machine"):
        rig.proxy.let_frame({"ancestor": ancestor}, rig.now())
    with pytest.raises(ApiProblem, match="pages travel over HTTP alone"):
        framing.create(ANCESTOR, ("redis",), rig.now())


async def test_requests_of_a_hop_are_counted_without_reading_them(rig: Rig) -> None:
    client = await rig.connect()
    for _ in range(3):
        await client.send(request())
        await client.answer()
    assert rig.proxy.body(rig.now())["turns"] == 3
