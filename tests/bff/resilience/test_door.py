"""The door of a house: whom it turns away, with what, and that it costs nobody anything while nothing waits."""

import asyncio
import json
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from bff.contracts.load_class import LoadClass
from bff.resilience.door import Door, class_by_header, door_limiter
from bff.resilience.limiter import DoorPolicy, Limiter
from tests.support.simulated_time import run

pytestmark = pytest.mark.quick

SHELL_SAYS = {each: [(b"mullion-load-class", each.value.encode())] for each in LoadClass}


def limited(policy: DoorPolicy | None = None) -> Limiter:
    """With the least limit there is, and nothing under way."""
    limiter, now = Limiter(policy or DoorPolicy(counted_s_max=1e9, calm_s=1e9)), 0.0
    entered = [limiter.enter(now) for _ in range(80)]
    for _ in range(30):
        now += 0.05
        limiter.observe(30.0, 0.04, now)
    assert limiter.limited
    for each in entered:
        limiter.leave(each)
    return limiter


def scope_of(headers: list[tuple[bytes, bytes]], *, method: str = "GET", path: str = "/", kind: str = "http") -> Any:
    extensions = {"websocket.http.response": {}}
    return {"type": kind, "method": method, "path": path, "headers": headers, "extensions": extensions}


class House:
    """Answers when it is told to."""

    def __init__(self) -> None:
        self.open = asyncio.Event()
        self.started = 0
        self.waiting: list[asyncio.Future[Any]] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.started += 1
        await self.open.wait()
        if scope["type"] == "websocket":
            await send({"type": "websocket.accept"})
            await send({"type": "websocket.send", "text": "well"})
            await asyncio.sleep(1000)
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"well"})


async def nothing() -> Any:
    raise AssertionError("nobody reads")


async def ask(door: Door, scope: Any) -> list[Any]:
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    await door(scope, nothing, send)
    return sent


async def full(limiter: Limiter, house: House, *, load_class: LoadClass = LoadClass.PAGE) -> Door:
    """A door at which a class has taken all it may."""
    door = Door(house, limiter, class_by_header(LoadClass.READ))
    count = 0
    while limiter.in_flight < limiter.limit * getattr(limiter.policy, f"{load_class}_ratio"):
        count += 1
        house.waiting.append(asyncio.ensure_future(ask(door, scope_of(SHELL_SAYS[LoadClass.MONEY]))))
        await asyncio.sleep(0)
        assert house.started == count
    return door


def test_what_is_turned_away_is_a_problem_that_says_when_to_come_again():
    """503 with Retry-After, spread over some seconds, and the code that counts against nobody."""

    async def main() -> None:
        door = await full(limited(), House())
        waits = set()
        for _ in range(100):
            start, body = await ask(door, scope_of(SHELL_SAYS[LoadClass.PAGE]))
            headers = dict(start["headers"])
            assert (start["status"], headers[b"content-type"]) == (503, b"application/problem+json")
            assert int(headers[b"content-length"]) == len(body["body"])
            assert json.loads(body["body"])["code"] == "shed"
            waits.add(int(headers[b"retry-after"]))
        assert min(waits) >= 2
        assert max(waits) <= 8
        assert len(waits) > 3
        head = await ask(door, scope_of(SHELL_SAYS[LoadClass.PAGE], method="HEAD"))
        assert head[1]["body"] == b""

    run(main())


@pytest.mark.parametrize(
    ("more", "served"),
    [
        ({"headers": SHELL_SAYS[LoadClass.REFRESH]}, False),
        ({"headers": SHELL_SAYS[LoadClass.RETRY]}, False),
        ({"headers": SHELL_SAYS[LoadClass.PAGE]}, False),
        ({"headers": SHELL_SAYS[LoadClass.READ]}, True),
        ({"headers": []}, True),  # here: what nobody has classed is a reading
        ({"headers": [(b"mullion-load-class", b"anything")]}, True),
        ({"headers": SHELL_SAYS[LoadClass.REFRESH], "method": "POST"}, True),  # whatever is said of it
        ({"headers": SHELL_SAYS[LoadClass.MONEY]}, True),
        ({"headers": [(b"mullion-load-class", b"probe")]}, True),
        ({"headers": SHELL_SAYS[LoadClass.REFRESH], "path": "/healthz"}, True),
        ({"headers": SHELL_SAYS[LoadClass.REFRESH], "path": "/metrics"}, True),
    ],
)
def test_who_is_turned_away_where_pages_have_taken_all_they_may(more: Any, served: bool):
    """The classes before them and they themselves; never health, metrics and probes."""

    async def main() -> None:
        house = House()
        door = await full(limited(), house)
        request = asyncio.ensure_future(ask(door, scope_of(**more)))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert request.done() is not served
        house.open.set()
        sent = await request
        assert sent[0]["status"] == (200 if served else 503)

    run(main())


def test_a_socket_counts_until_it_is_let_in_and_is_refused_before_it_costs_anything():
    """What is open is the house's own to bound; a refusal is HTTP, as of any handshake."""

    async def main() -> None:
        house, limiter = House(), limited()
        door = await full(limiter, house, load_class=LoadClass.READ)
        start, _ = await ask(door, scope_of([], kind="websocket"))
        assert (start["type"], start["status"]) == ("websocket.http.response.start", 503)
        bare = {**scope_of([], kind="websocket"), "extensions": None}
        assert await ask(door, bare) == [{"type": "websocket.close", "code": 1013}]
        house.open.set()
        await asyncio.sleep(0.001)
        socket = asyncio.ensure_future(ask(door, scope_of([], kind="websocket")))
        await asyncio.sleep(0.001)
        assert limiter.in_flight == 0
        assert not socket.done()

    run(main())


def test_the_start_and_the_end_of_a_house_pass():
    """A lifespan is no request."""

    async def main() -> None:
        seen = []

        async def house(scope: Any, receive: Any, send: Any) -> None:
            seen.append(scope["type"])

        await ask(Door(house, Limiter(DoorPolicy()), class_by_header(LoadClass.READ)), {"type": "lifespan"})
        assert seen == ["lifespan"]

    run(main())


def test_a_request_that_breaks_leaves_its_place():
    """Whatever its end: an error of the house, or a caller that left."""

    async def main() -> None:
        async def broken(scope: Any, receive: Any, send: Any) -> None:
            raise ValueError("a mistake")

        limiter = Limiter(DoorPolicy())
        with pytest.raises(ValueError, match="a mistake"):
            await ask(Door(broken, limiter, class_by_header(LoadClass.READ)), scope_of([]))
        left = asyncio.ensure_future(ask(Door(House(), limiter, class_by_header(LoadClass.READ)), scope_of([])))
        await asyncio.sleep(0)
        assert limiter.in_flight == 1
        left.cancel()
        await asyncio.wait([left])
        assert limiter.in_flight == 0

    run(main())


def test_waits_are_measured_while_something_is_under_way_and_not_for_ever():
    """An idle process has no timer running."""

    async def main() -> None:
        house = House()
        limiter = Limiter(DoorPolicy())
        door = Door(house, limiter, class_by_header(LoadClass.READ))
        seen: list[float] = []
        limiter.observe = lambda late_ms, worked_s, now: seen.append(late_ms)  # type: ignore[method-assign]
        request = asyncio.ensure_future(ask(door, scope_of([])))
        await asyncio.sleep(0.1005)
        house.open.set()
        await request
        count = len(seen)
        assert count == 10
        await asyncio.sleep(1)
        assert len(seen) == count + 1

    run(main())


@pytest.mark.parametrize(("own", "turned_away"), [(1.0, True), (0.05, False)])
def test_a_loop_that_is_late_turns_pages_away_only_where_it_had_the_processor_itself(own: float, turned_away: bool):
    """The same waits and the same crowd: of this process's making, and while others had the machine."""

    async def main() -> None:
        loop = asyncio.get_running_loop()
        limiter, house = Limiter(DoorPolicy()), House()
        scope = scope_of(SHELL_SAYS[LoadClass.PAGE])

        door = Door(house, limiter, class_by_header(LoadClass.READ), processor_s=lambda: loop.time() * own)
        for _ in range(100):
            house.waiting.append(asyncio.ensure_future(ask(door, scope)))
        for _ in range(20):
            await asyncio.sleep(0.001)
            loop._jumping.now += 0.08  # type: ignore[attr-defined]  # everybody waits so long for their turn
        seen = asyncio.ensure_future(ask(door, scope))
        await asyncio.sleep(0.001)
        assert seen.done() is turned_away
        house.open.set()
        await asyncio.gather(seen, *house.waiting)

    run(main())


def test_what_the_door_counts_is_there_to_be_read():
    """Limit, in flight, wait, and who was turned away, by class; a second application takes the first one's place."""
    registry = CollectorRegistry()
    door_limiter(registry)
    limiter = door_limiter(registry)
    limiter.enter(0.0)
    limiter.shed[LoadClass.PAGE] += 3
    text = generate_latest(registry).decode()
    assert 'mullion_door_shed_total{class="page"} 3.0' in text
    assert "mullion_door_in_flight 1.0" in text
    assert "mullion_door_limit 10000.0" in text
    assert "mullion_door_wait_seconds 0.0" in text
