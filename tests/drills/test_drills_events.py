"""A broker's events that come twice: whole values are repeated, wherever bytes are cut, and nothing else changes."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from itertools import count
from typing import Any
from urllib.parse import urlsplit

import msgspec
import pytest

from bff.broker.policy import BrokerPolicy
from bff.broker.streams import StreamsBroker
from bff.contracts.event import Event
from bff.contracts.ledger import PlayerChanged, history_topic
from bff.contracts.wallet import Balances, wallet_topic
from bff.queries.projections import Wallets
from bff.queries.projector_steps import Projector
from bff.store import Store
from tests.bff.projector.test_forgotten import Broker, Reader, first_deposit
from tests.bff.projector.test_parts import PATIENT
from tests.drills.proxy.collection import Proxies
from tests.drills.proxy.resp import NotResp, command, value_at
from tests.drills.proxy_rig import Peer, Rig
from tests.support.valkey_server import ValkeyServer

SPEAKS = ("redis", "events")
ENTRY = b"*2\r\n$3\r\n1-0\r\n*2\r\n$5\r\nevent\r\n$9\r\n*1\r\n$-1\r\n\r\n"
LATER = ENTRY.replace(b"1-0", b"2-0")


def delivered(*rows: bytes, version: int = 2) -> bytes:
    stream = b"$3\r\ns:a\r\n" + b"*%d\r\n" % len(rows) + b"".join(rows)
    return (b"*1\r\n*2\r\n" if version == 2 else b"%1\r\n") + stream


UNCHANGED = [
    b"+OK\r\n",
    b"$-1\r\n",
    b"*-1\r\n",
    b":1\r\n",
    b"-ERR no such thing\r\n",
    b"_\r\n",
    b"*0\r\n",
    b"*2\r\n$1\r\na\r\n$1\r\nb\r\n",
    b"*1\r\n" + ENTRY,  # what XRANGE finds is no delivery
    b"%1\r\n$1\r\na\r\n:1\r\n",
    b"*1\r\n*2\r\n$3\r\ns:a\r\n*0\r\n",
]


async def through(stream: str, sent: bytes, cuts: list[int], *, copies: int = 1) -> tuple[bytes, int]:
    """What comes out of it, and how many connections were hit."""
    received = bytearray()
    done = asyncio.Event()
    pieces = [sent[begin:end] for begin, end in zip([0, *cuts], [*cuts, len(sent)], strict=True)]

    async def upstream(peer: Peer) -> None:
        if stream == "downstream":
            await peer.reader.readexactly(1)
            for piece in pieces:
                await peer.send(piece)
                await asyncio.sleep(0.002)
            return
        while data := await peer.reader.read(65536):
            received.extend(data)
        done.set()

    async with Rig(upstream, SPEAKS) as rig:
        rig.add("duplicate_event", stream, copies=copies)
        client = await rig.connect()
        if stream == "downstream":
            await client.send(b"?")
            received.extend(await client.rest())
        else:
            for piece in pieces:
                await client.send(piece)
                await asyncio.sleep(0.002)
            client.writer.write_eof()
            await asyncio.wait_for(done.wait(), 30)
        [toxic] = rig.proxy.toxics
        return bytes(received), toxic.hits.count


@pytest.mark.parametrize("version", [2, 3])
async def test_reader_is_handed_each_entry_again_wherever_its_bytes_are_cut(version: int) -> None:
    sent = b":7\r\n" + delivered(ENTRY, LATER, version=version) + b"+OK\r\n"
    wanted = b":7\r\n" + delivered(ENTRY, ENTRY, LATER, LATER, version=version) + b"+OK\r\n"
    for cut in range(4, len(sent), 23):
        assert await through("downstream", sent, [cut]) == (wanted, 1), cut


async def test_what_is_no_delivery_passes_byte_by_byte_and_is_no_hit() -> None:
    sent = b"".join(UNCHANGED)
    for cut in (5, 11, 30, len(sent) // 2, len(sent) - 3):
        assert await through("downstream", sent, [cut]) == (sent, 0)


async def test_bytes_of_a_value_that_began_before_the_fault_pass_as_they_are() -> None:
    """Until a value begins that is whole."""
    middle = b'{"half": "a value"}\r\n'
    assert await through("downstream", middle + delivered(ENTRY), [len(middle)]) == (
        middle + delivered(ENTRY, ENTRY),
        1,
    )
    assert await through("downstream", middle + b"not RESP", [3]) == (middle + b"not RESP", 0)


async def test_value_without_end_is_not_held_for_ever() -> None:
    sent = b"*1\r\n$3000000\r\n" + b"x" * 1_500_000
    assert await through("downstream", sent, [100, 700_000, 1_200_000]) == (sent, 0)


async def test_writer_adds_each_event_again_and_other_commands_pass() -> None:
    add = command([b"XADD", b"s:a", b"MAXLEN", b"~", b"9", b"*", b"event", b"{}"])
    placed = command([b"XADD", b"s:a", b"1-1", b"event", b"{}"])
    others = command([b"MULTI"]), command([b"SET", b"a", b"*"]), placed
    received, hits = await through("upstream", b"".join([others[0], add, *others[1:]]), [9], copies=2)
    first = value_at(received, len(others[0]))
    assert first is not None
    words = [item.text(received) for item in first.items]
    assert (words[0], words[2:]) == (b"EVAL", [b"1", b"s:a", b"3", b"MAXLEN", b"~", b"9", b"*", b"event", b"{}"])
    assert received[: first.begin] + received[first.end :] == b"".join(others)
    assert hits == 1


@pytest.mark.parametrize("wrong", [b"hello\r\n", b"$12x\r\n", b"*" + b"1\r\n*" * 20 + b"0\r\n"])
def test_what_is_no_value_is_refused(wrong: bytes) -> None:
    with pytest.raises(NotResp):
        value_at(wrong, 0)


# --- a Valkey behind it


@asynccontextmanager
async def broken(valkey: ValkeyServer, stream: str) -> AsyncIterator[StreamsBroker]:
    """A broker that is reached through the proxy, with its events twice."""
    proxies, now = Proxies(), asyncio.get_running_loop().time()
    address = urlsplit(valkey.url)
    body = {"name": "hop", "upstream": f"{address.hostname}:{address.port}", "speaks": [*SPEAKS]}
    proxy = await proxies.create(body, now)
    proxy.add({"type": "duplicate_event", "stream": stream}, now)
    broker = StreamsBroker(f"redis://{proxy.listen}", BrokerPolicy(op_ms=30_000, connect_ms=30_000, block_ms=50))
    try:
        yield broker
    finally:
        await broker.aclose()
        proxies.close()


def an_event(number: int) -> Event:
    return Event(f"e{number}", "Told", 1, "player:a", ("e1", number), datetime(2026, 1, 1, tzinfo=UTC), {"n": number})


@pytest.mark.parametrize(("stream", "places"), [("upstream", 6), ("downstream", 3)])
async def test_each_event_comes_twice_through_a_real_store_and_its_client_goes_on(
    valkey: ValkeyServer, stream: str, places: int
) -> None:
    """Added again it has two places, delivered again it has one; all are acknowledged, and nothing is left."""
    async with broken(valkey, stream) as broker:
        await broker.publish("ledger", [an_event(1), an_event(2)])
        await broker.publish("ledger", [an_event(3)])
        reader = broker.reader("ledger", "readers", "one")
        found: list[Any] = []
        async with asyncio.timeout(30):
            while len(found) < 6:
                found += await reader.fetch()
        assert [each.event.id for each in found] == ["e1", "e1", "e2", "e2", "e3", "e3"]
        assert len({each.at for each in found}) == places
        await reader.ack(found)
        assert (await broker.lag("ledger", "readers")).events == 0
        await reader.aclose()


async def lines_and_balance(valkey: ValkeyServer, stream: str) -> tuple[int, int]:
    """Of a player whose one deposit, of 100 minor units, came twice: lines of the history, and the balance."""
    store = Store.connect(valkey.url, PATIENT)
    async with broken(valkey, stream) as broker:
        await broker.publish("ledger", [first_deposit("pl_a", 1).event])
        reader, found = broker.reader("ledger", "projector", "one"), 0
        projector = Projector(store, Broker(), Reader())
        async with asyncio.timeout(30):
            while found < 2:
                fetched = await reader.fetch()
                found += len(fetched)
                await reader.ack([*await projector.handle(fetched)])
        await reader.aclose()
    wallet, page = await store.get(wallet_topic("pl_a")), await store.get(history_topic("pl_a", 0))
    await store.aclose()
    assert wallet is not None
    assert page is not None
    return len(page.data["lines"]), wallet.data["balances"]["real_minor"]


@pytest.mark.parametrize("stream", ["upstream", "downstream"])
async def test_both_read_sides_have_a_deposit_once_that_the_broker_says_twice(
    valkey: ValkeyServer, stream: str
) -> None:
    assert await lines_and_balance(valkey, stream) == (1, 100)


async def test_projector_that_takes_each_event_for_a_further_one_is_found_out(
    valkey: ValkeyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The fault is one that a projector without positions does not survive: what a drill counts is twice as much."""
    real, seen = Wallets.apply, count(1)

    def counts_twice(self: Wallets, event: Event) -> bool:
        number, change = next(seen), msgspec.convert(event.data, PlayerChanged)
        lines = [msgspec.structs.replace(line, ordinal=number - 1) for line in change.lines]
        balances = Balances(100 * number, 0, 100 * number, 0, "EUR")
        change = msgspec.structs.replace(change, balances=balances, lines_total=number, lines=lines)
        return real(self, msgspec.structs.replace(event, sequence=("e1", number), data=msgspec.to_builtins(change)))

    monkeypatch.setattr(Wallets, "apply", counts_twice)
    assert await lines_and_balance(valkey, "upstream") == (2, 200)
