"""Name look-ups are shared by all callers, and never take longer than a caller can wait."""

import asyncio
import socket
import threading
import time

import pytest

from bff.resilience.deadline import Deadline
from bff.resilience.lookup import Lookup, resolve
from bff.resilience.message import CallFailed, Request
from bff.resilience.policy import Policy
from bff.resilience.reason import Reason
from bff.resilience.transport import Transport

pytestmark = pytest.mark.quick


class Resolver:
    """A resolver that can hang or fail, and counts calls."""

    def __init__(self) -> None:
        self.lookups: list[str] = []
        self.go = threading.Event()
        self.error: OSError | None = None

    def __call__(self, host: str) -> None:
        self.lookups.append(host)
        self.go.wait(5)
        if self.error:
            raise self.error


class Clock:
    now = 1.0

    def __call__(self) -> float:
        return self.now


async def test_a_name_is_asked_once_for_all_and_then_believed() -> None:
    """Two hundred callers make one look-up; it stands for a while, then one makes it again."""
    resolver, clock = Resolver(), Clock()
    lookup = Lookup(5.0, clock, resolver)
    resolver.go.set()
    await asyncio.gather(*(lookup.check("wallet.test", 1000) for _ in range(200)))
    await lookup.check("wallet.test", 1000)
    assert resolver.lookups == ["wallet.test"]
    clock.now += 5.0
    await lookup.check("wallet.test", 1000)
    assert resolver.lookups == ["wallet.test"] * 2


async def test_a_resolver_that_hangs_holds_one_thread() -> None:
    """Every caller's time holds, and however many call, one thread waits."""
    resolver = Resolver()
    lookup = Lookup(5.0, time.monotonic, resolver)
    began = time.monotonic()
    ended = await asyncio.gather(*(lookup.check("slow.test", 50) for _ in range(100)), return_exceptions=True)
    assert time.monotonic() - began < 4
    assert all(isinstance(each, CallFailed) and each.reason is Reason.DNS for each in ended)
    assert [thread.name for thread in threading.enumerate()].count("lookup slow.test") == 1
    resolver.go.set()
    await lookup.check("slow.test", 1000)
    assert resolver.lookups == ["slow.test"]


async def test_a_name_that_does_not_exist_is_asked_again_by_the_next() -> None:
    """A failed look-up is not believed."""
    resolver = Resolver()
    resolver.go.set()
    resolver.error = socket.gaierror("no such name")
    lookup = Lookup(5.0, time.monotonic, resolver)
    for _ in range(2):
        with pytest.raises(CallFailed, match="no such name"):
            await lookup.check("wallet.test", 1000)
    resolver.error = None
    await lookup.check("wallet.test", 1000)
    assert len(resolver.lookups) == 3


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "[::1]"])
async def test_an_address_is_not_looked_up(host: str) -> None:
    """There is nothing to resolve."""
    resolver = Resolver()
    await Lookup(5.0, time.monotonic, resolver).check(host, 0)
    assert resolver.lookups == []


async def test_the_system_is_asked() -> None:
    """By default the system's own resolver answers."""
    resolve("localhost")
    with pytest.raises(OSError, match=r"not known|No address|resolution"):
        resolve("no-such-host.invalid")


def test_a_look_up_that_outlives_its_loop_harms_nothing() -> None:
    """The answer to a question whose loop is gone is dropped, and another loop asks for itself."""
    resolver = Resolver()
    lookup = Lookup(5.0, time.monotonic, resolver)

    async def ask(wait_ms: float) -> None:
        await lookup.check("wallet.test", wait_ms)

    with pytest.raises(CallFailed):
        asyncio.run(ask(10))
    resolver.go.set()
    deadline = time.monotonic() + 2
    while any(thread.name == "lookup wallet.test" for thread in threading.enumerate()) and time.monotonic() < deadline:
        time.sleep(0.01)
    asyncio.run(ask(1000))
    assert len(resolver.lookups) == 2


async def test_deadline_holds_while_the_resolver_hangs() -> None:
    """A transport gives up at its connect limit, and sends nothing."""
    resolver = Resolver()
    transport = Transport(Policy(connect_ms=50), resolve=resolver)
    began = time.monotonic()
    with pytest.raises(CallFailed) as caught:
        await transport.send(Request("GET", "http://wallet.test/"), Deadline.after_ms(time.monotonic(), 800))
    assert caught.value.reason is Reason.DNS
    assert time.monotonic() - began < 4
    resolver.go.set()
    await transport.aclose()


async def test_a_caller_without_time_blames_no_name() -> None:
    """A deadline that has passed is a time-out before anything was sent, also where the name was never looked up."""
    resolver = Resolver()
    transport = Transport(Policy(), resolve=resolver)
    with pytest.raises(CallFailed) as caught:
        await transport.send(Request("GET", "http://wallet.test/"), Deadline.after_ms(time.monotonic(), 0))
    assert caught.value.reason is Reason.CONNECT_TIMEOUT
    assert resolver.lookups == []
    await transport.aclose()
