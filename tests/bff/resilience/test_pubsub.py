"""One pub/sub client for all houses, and its time limits, tested with an invented server."""

import asyncio
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from bff.resilience import pubsub
from bff.resilience.backoff import Backoff

pytestmark = pytest.mark.quick

ROOT = Path(__file__).parents[3]
PONG = {"type": "pong", "channel": None, "data": b""}


def message(data: bytes) -> dict[str, Any]:
    return {"type": "message", "channel": b"x", "data": data}


class Server:
    """A client of redis-py and its subscription in one: each poll takes a second of its own clock."""

    def __init__(self, replies: Iterable[dict[str, Any] | None] = ()) -> None:
        self.replies = iter(replies)
        self.now = 0.0
        self.pings: list[float] = []
        self.subscriptions: list[tuple[str, ...]] = []

    def pubsub(self) -> "Server":
        return self

    async def subscribe(self, *channels: str) -> None:
        self.subscriptions.append(("channels", *channels))

    async def psubscribe(self, *patterns: str) -> None:
        self.subscriptions.append(("patterns", *patterns))

    async def get_message(self, timeout: float) -> dict[str, Any] | None:
        self.now += 1
        return next(self.replies, None)

    async def ping(self) -> None:
        self.pings.append(self.now)

    async def aclose(self) -> None:
        pass

    def messages(self, **more: Any) -> Any:
        policy = pubsub.SubscriptionPolicy(**more)
        return pubsub.messages(self, patterns=["x*"], policy=policy, clock=lambda: self.now)  # type: ignore[arg-type]


def test_no_house_has_a_subscription_of_its_own():
    """redis-py's pub/sub is met in one place, which pings, notices silence and subscribes anew."""
    found = {
        str(path.relative_to(ROOT))
        for room in ("bff", "shell", "fragments")
        for path in (ROOT / room).rglob("*.py")
        if ".pubsub()" in path.read_text()
    }
    assert found == {"bff/resilience/pubsub.py"}


async def test_a_server_that_falls_silent_is_lost_after_pings_without_an_answer():
    """Nothing closes the connection: the silence alone is the end."""
    server = Server()
    with pytest.raises(pubsub.SubscriptionLost, match="fallen silent"):
        await anext(server.messages())
    assert server.pings == [1, 2]
    assert server.now == 3


async def test_an_answer_to_a_ping_ends_a_silence_and_is_no_message():
    """A quiet subscription lives for as long as its server answers."""
    server = Server([None, None, PONG] * 5 + [message(b"at last")])
    assert await anext(server.messages()) == ("x", b"at last")
    assert server.now == 16


async def test_only_what_is_named_is_subscribed():
    """Patterns alone send no subscription to channels, which the server would refuse."""
    server = Server([message(b"1")])
    await anext(server.messages())
    assert server.subscriptions == [("patterns", "x*")]


async def test_a_flood_lets_the_event_loop_have_its_turn():
    """Messages that are all there already do not keep everything else waiting until the last of them."""
    seen: list[tuple[str, bytes]] = []
    had_after: list[int] = []
    asyncio.get_running_loop().call_soon(lambda: had_after.append(len(seen)))
    stream = Server(message(b"") for _ in range(9)).messages(messages_per_turn=3)
    while len(seen) < 9:
        seen.append(await anext(stream))
    await stream.aclose()
    assert had_after == [3]


async def test_a_subscription_that_lasted_makes_the_next_wait_the_first_again(monkeypatch: pytest.MonkeyPatch):
    """Losses in a row wait longer and longer; one after a long life begins a new row, whoever is told of it or not."""
    attempts: list[int] = []
    noticed = asyncio.Event()

    class RecordingBackoff(Backoff):
        def next_s(self) -> float:
            attempts.append(self.attempts)
            if len(attempts) == 4:
                noticed.set()
            super().next_s()
            return 0.0

    class LostServer(Server):
        async def get_message(self, timeout: float) -> dict[str, Any] | None:
            if len(attempts) == 2:
                await asyncio.sleep(0.5)
            raise OSError("the server is gone")

    monkeypatch.setattr(pubsub, "Backoff", RecordingBackoff)
    monkeypatch.setattr(pubsub, "connect", lambda *_: LostServer())
    policy = pubsub.SubscriptionPolicy(silence_s_max=0.2)
    task = asyncio.create_task(pubsub.follow("", lambda *_: None, channels=["x"], policy=policy))
    async with asyncio.timeout(30):
        await noticed.wait()
    await pubsub.cancel([task])
    assert attempts[:4] == [0, 1, 0, 1]
