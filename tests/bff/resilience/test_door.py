"""Load shedding at a house's entry: which requests are refused, with which answer, and that it costs nothing without
load."""

import asyncio
import json
import math
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from bff.contracts.load_class import LoadClass
from bff.resilience.door import Door, class_by_header, door_limiter
from bff.resilience.limiter import DoorPolicy, Limiter
from bff.resilience.money_first import MoneyFirst
from tests.support.simulated_time import run

pytestmark = pytest.mark.quick

SHELL_SAYS = {each: [(b"mullion-load-class", each.value.encode())] for each in LoadClass}


def limited(policy: DoorPolicy | None = None) -> Limiter:
    """A limiter with the smallest limit, and no request in flight."""
    limiter, now = Limiter(policy or DoorPolicy(counted_s_max=1e9, calm_s=1e9)), 0.0
    entered = [limiter.enter(now) for _ in range(80)]
    for _ in range(30):
        now += 0.05
        limiter.observe(30.0, 0.04, now)
    assert limiter.limited
    for each in entered:
        limiter.leave(each, now)
    return limiter


def scope_of(headers: list[tuple[bytes, bytes]], *, method: str = "GET", path: str = "/", kind: str = "http") -> Any:
    extensions = {"websocket.http.response": {}}
    return {"type": kind, "method": method, "path": path, "headers": headers, "extensions": extensions}


class House:
    """Answers when a test lets it."""

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
    """An entry at which one class of requests has used all its places."""
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


def surged() -> Limiter:
    """A limiter with this limit that has learned 30 ms a request under little load."""
    limiter = limited(DoorPolicy(counted_s_max=1e9, calm_s=1e9, beside_money_min=8))
    limiter.money_first.end_window(0.0, limited=False)
    for _ in range(100):
        limiter.leave(limiter.enter(1.5), 1.53)
    limiter.money_first.end_window(1.0, limited=False)
    return limiter


async def begin(door: Door, house: House, load_class: LoadClass, times: int = 1) -> "list[asyncio.Future[Any]]":
    requests = [asyncio.ensure_future(ask(door, scope_of(SHELL_SAYS[load_class]))) for _ in range(times)]
    await asyncio.sleep(0)
    return requests


def test_who_comes_while_money_is_under_way_waits_for_room_and_the_better_class_goes_first():
    """Money itself waits for nobody; what has begun is done first."""

    async def main() -> None:
        house, limiter = House(), surged()
        door = Door(house, limiter, class_by_header(LoadClass.READ))
        room = limiter.policy.beside_money_min
        money = await begin(door, house, LoadClass.MONEY)
        pages = await begin(door, house, LoadClass.PAGE, room)
        assert house.started == 1 + room
        waiting = [*await begin(door, house, LoadClass.PAGE), *await begin(door, house, LoadClass.READ)]
        more = await begin(door, house, LoadClass.MONEY)
        assert (house.started, limiter.money_first.held) == (2 + room, 2)
        assert limiter.sheds_slots(LoadClass.PAGE, 2.0)
        assert not limiter.sheds_slots(LoadClass.MONEY, 2.0)
        pages[0].cancel()
        await asyncio.wait([pages[0]])
        await asyncio.sleep(0)
        assert (house.started, limiter.money_first.held) == (3 + room, 1)
        waiting[0].cancel()
        await asyncio.wait([waiting[0]])
        assert limiter.money_first.held == 0
        house.open.set()
        answers = await asyncio.gather(*money, *more, *pages[1:], waiting[1])
        assert {answer[0]["status"] for answer in answers} == {200}
        assert limiter.in_flight == 0

    run(main())


def test_nobody_waits_longer_than_is_promised_and_nobody_behind_too_many():
    async def main() -> None:
        house, limiter = House(), surged()
        door = Door(house, limiter, class_by_header(LoadClass.READ))
        room, policy = limiter.policy.beside_money_min, limiter.policy
        money = await begin(door, house, LoadClass.MONEY)
        reads = await begin(door, house, LoadClass.READ, room)
        places = math.ceil(policy.read_ratio * policy.held_times * room)
        waiting = await begin(door, house, LoadClass.READ, places)
        assert limiter.money_first.held == places
        [(start, _)] = await asyncio.gather(*await begin(door, house, LoadClass.READ))
        assert start["status"] == 503
        await asyncio.sleep(policy.held_s_max - 0.01)
        assert house.started == 1 + room
        await asyncio.sleep(0.02)
        assert house.started == 1 + room + places
        house.open.set()
        await asyncio.gather(*money, *reads, *waiting)

    run(main())


def test_nobody_waits_for_money_where_there_is_time_for_all():
    """However many are under way, as while a fragment hangs; nor once the surge and the money are over."""

    async def main() -> None:
        house = House()
        door = Door(house, Limiter(DoorPolicy()), class_by_header(LoadClass.READ))
        requests = [*await begin(door, house, LoadClass.MONEY), *await begin(door, house, LoadClass.PAGE, 100)]
        assert house.started == 101
        house.open.set()
        await asyncio.gather(*requests)
        limiter = surged()
        limiter.leave(limiter.enter(2.0, LoadClass.MONEY), 2.1)
        for _ in range(20):
            limiter.enter(2.1, LoadClass.PAGE)
        assert limiter.prioritizes_money(2.2)
        assert limiter.money_first.holds(LoadClass.PAGE, 2.2)
        assert not limiter.money_first.holds(LoadClass.PAGE, 2.101 + limiter.policy.money_first_s)

    run(main())


@pytest.mark.parametrize(("late_ms", "goes_on"), [(15.0, True), (1.0, False)])
def test_surge_goes_on_while_others_wait_at_the_door_of_a_busy_machine(late_ms: float, goes_on: bool):
    """Because they wait, those inside are quick, and there is no limit any more: without this, a surge of a minute was
    met anew in its middle. Where nothing is late, they wait for a fragment that hangs, and money goes first no more."""
    limiter = Limiter(DoorPolicy(held_s_max=1e9))
    limiter.money_first.applies(0.0, limited=True)
    limiter.enter(0.0, LoadClass.MONEY)
    for _ in range(limiter.policy.beside_money_min):
        limiter.enter(0.0, LoadClass.PAGE)
    waiting = limiter.enter(0.0, LoadClass.PAGE)
    limiter.money_first.hold(waiting)
    # Others have most of the processor, so that little of what is late is of this process's making.
    for window in range(900):
        limiter.observe(late_ms, worked_s=0.001, now=window / 10)
    assert not limiter.limited
    assert limiter.prioritizes_money(90.0) is goes_on
    limiter.begin(waiting, 90.0)
    for window in range(900, 1300):
        limiter.observe(late_ms, worked_s=0.001, now=window / 10)
    assert not limiter.prioritizes_money(130.0), "nobody waits any more"


def busy(limiter: Limiter) -> Limiter:
    """On a machine that others use up: what is due is late, and little of that is of this process's making."""
    observe = limiter.observe
    limiter.observe = lambda late_ms, worked_s, now: observe(30.0, 0.001, now)  # type: ignore[method-assign]
    return limiter


async def crowd(limiter: Limiter) -> tuple[Door, House]:
    """As many under way as may be in a surge, since a moment ago, and a command."""
    house = House()
    door = Door(house, limiter, class_by_header(LoadClass.READ))
    house.waiting.extend(await begin(door, house, LoadClass.PAGE, limiter.policy.limit_min))
    await asyncio.sleep(0.25)
    house.waiting.extend(await begin(door, house, LoadClass.MONEY))
    return door, house


def test_burst_on_a_busy_machine_waits_for_money_and_is_served_whole():
    """It may be the beginning of a surge, so that who comes now stands in no money's way; but it ends by itself. Slots
    stay what they are."""

    async def main() -> None:
        limiter = busy(Limiter(DoorPolicy(counted_s_max=1e9)))
        door, house = await crowd(limiter)
        started = house.started
        assert started == limiter.policy.limit_min + 1
        house.waiting.extend(await begin(door, house, LoadClass.PAGE, 40))
        house.waiting.extend(await begin(door, house, LoadClass.MONEY))
        assert (house.started, limiter.money_first.held) == (started + 1, 40)
        assert not limiter.sheds_slots(LoadClass.PAGE, asyncio.get_running_loop().time())
        await asyncio.sleep(limiter.policy.held_s_max - 0.01)
        assert house.started == started + 1
        await asyncio.sleep(0.02)
        assert house.started == started + 41
        house.open.set()
        assert {answer[0]["status"] for answer in await asyncio.gather(*house.waiting)} == {200}
        assert not limiter.limited

    run(main())


def test_crowd_that_grows_for_as_long_as_one_may_wait_is_a_surge_from_its_first_second_on():
    """Nobody is turned away before; then whoever would begin where there is no room is, so that no command meets
    them."""

    async def main() -> None:
        limiter = busy(Limiter(DoorPolicy(counted_s_max=1e9)))
        door, house = await crowd(limiter)
        started, pages = house.started, []
        for _ in range(90):
            pages.extend(await begin(door, house, LoadClass.PAGE))
            await asyncio.sleep(0.01)
        assert not any(page.done() for page in pages)
        for _ in range(160):
            pages.extend(await begin(door, house, LoadClass.PAGE))
            await asyncio.sleep(0.01)
        refused = [page.result()[0]["status"] for page in pages if page.done()]
        assert set(refused) == {503}
        assert limiter.shed[LoadClass.PAGE] == len(refused) > 200
        assert house.started - started <= 5, "as many as may wait in a process that gets nothing done, a second"
        assert limiter.money_first.held <= 1
        house.open.set()
        await asyncio.gather(*house.waiting, *pages)
        assert limiter.in_flight == 0

    run(main())


def test_crowd_is_none_once_the_machine_is_quick_again():
    """Whoever waited begins, however many still stand there."""

    async def main() -> None:
        limiter = busy(Limiter(DoorPolicy(counted_s_max=1e9)))
        door, house = await crowd(limiter)
        house.waiting.extend(await begin(door, house, LoadClass.PAGE, 40))
        del limiter.observe  # type: ignore[method-assign]
        await asyncio.sleep(limiter.policy.held_s_max + 0.1)
        assert limiter.money_first.held == 0
        assert not limiter.prioritizes_money(asyncio.get_running_loop().time())
        house.open.set()
        assert {answer[0]["status"] for answer in await asyncio.gather(*house.waiting)} == {200}

    run(main())


def many_under_way(fewer: int) -> Limiter:
    """A command and pages: as many as a crowd has at least, less `fewer`."""
    limiter = Limiter(DoorPolicy(counted_s_max=1e9))
    limiter.enter(0.0, LoadClass.MONEY)
    for _ in range(limiter.policy.limit_min - 1 - fewer):
        limiter.enter(0.0, LoadClass.PAGE)
    return limiter


@pytest.mark.parametrize(("late_ms", "fewer", "waits"), [(30.0, 0, True), (30.0, 1, False), (1.0, 0, False)])
def test_crowd_is_many_on_a_machine_that_is_late(late_ms: float, fewer: int, waits: bool):
    """With few the lateness is not of their making; where nothing is late, many wait for a fragment that hangs."""
    limiter = many_under_way(fewer)
    for window in range(1, 4):
        limiter.observe(late_ms, worked_s=0.001, now=window / 10)
    assert limiter.prioritizes_money(0.4) is waits
    assert limiter.money_first.holds(LoadClass.PAGE, 0.4) is waits
    assert not limiter.limited


def test_money_of_a_quiet_moment_is_seen_and_a_crowd_waits_for_the_next():
    """Before there was too much to do nobody asks of which class a page is, and of a deposit all the same."""

    async def main() -> None:
        house, limiter = House(), Limiter(DoorPolicy(counted_s_max=1e9))
        door = Door(house, limiter, class_by_header(LoadClass.READ))
        house.open.set()
        await ask(door, scope_of([], method="POST"))
        now = asyncio.get_running_loop().time()
        for number in range(limiter.policy.limit_min):
            limiter.money_first.enter(-number, LoadClass.PAGE, now)
        limiter.money_first.see_crowd(now)
        assert limiter.money_first.holds(LoadClass.PAGE, now)

    run(main())


@pytest.mark.parametrize(("late_ms", "fewer", "waits"), [(30.0, 0, True), (30.0, 1, False), (15.0, 0, False)])
def test_crowd_is_suspected_for_a_moment_where_something_is_very_late(late_ms: float, fewer: int, waits: bool):
    """On a machine that has too much to do a window lasts long, and in it come more than may be under way."""
    limiter = many_under_way(fewer)
    limiter.observe(late_ms, worked_s=0.001, now=0.04)
    assert limiter.money_first.holds(LoadClass.PAGE, 0.05) is waits
    assert not limiter.money_first.holds(LoadClass.PAGE, 0.05 + limiter.policy.suspected_s)


@pytest.mark.parametrize(("left", "late", "surge"), [(0, True, True), (100, True, False), (0, False, False)])
def test_surge_is_when_more_and_more_wait_in_vain_on_a_late_machine(left: int, late: bool, surge: bool):
    """Where all who wait will begin within a second, somebody was only less important than others; where nothing is
    late, they wait for a fragment that hangs."""
    first = MoneyFirst(DoorPolicy())
    first.enter(0, LoadClass.MONEY, 0.0)
    for number in range(1, left + 1):
        first.enter(number, LoadClass.PAGE, 0.0)
        first.leave(number, 0.01)
    first.end_window(0.1, limited=False)
    for number in range(200, 220):
        first.enter(number, LoadClass.PAGE, 0.1)
        first.hold(number)
    if late:
        first.see_crowd(1.0)
    first.wait_in_vain(1.1)
    assert first.applies(1.2, limited=False) is surge


def test_process_that_begins_in_a_surge_learns_nothing_of_how_long_one_takes():
    """Among many each takes as long as all of them: as much would seem to have room beside money."""
    first = MoneyFirst(DoorPolicy())
    first.applies(0.0, limited=True)
    first.enter(0, LoadClass.MONEY, 0.0)
    for number in range(1, 41):
        first.enter(number, LoadClass.PAGE, 0.0)
    for number in range(1, 11):
        first.leave(number, 10.0)
    first.end_window(1.0, limited=True)
    assert first.holds(LoadClass.PAGE, 10.0)


def test_room_beside_money_grows_with_what_a_house_gets_done():
    """A process that does a thousand a second has more under way than one that does ten, and each is as quick."""
    first = MoneyFirst(DoorPolicy())
    assert not first.holds(LoadClass.PAGE, 0.0)
    first.applies(0.0, limited=True)
    first.enter(0, LoadClass.MONEY, 0.0)
    for number in range(1, 981):
        assert first.holds(LoadClass.PAGE, 0.0) is (number > DoorPolicy().beside_money_min), (
            "nobody knows how long one takes"
        )
        first.enter(number, LoadClass.PAGE, 0.0)
    for number in range(1, 951):
        first.leave(number, 0.05)
    first.end_window(1.0, limited=False)
    first.end_window(0.0, limited=True)
    assert not first.holds(LoadClass.PAGE, 0.1), "30 are under way, and 3 x 237 a second x 0.05 s may be"
    first.end_window(60.0, limited=True)
    first.end_window(60.0, limited=True)
    assert first.holds(LoadClass.PAGE, 0.1)
    for number in (999, 998):
        first.enter(number, LoadClass.PAGE, 0.1)
        first.hold(number)
    first.forget(999)
    for number in (999, 998):
        first.begin(number, 0.1)
    assert first.held == 0
    first.leave(0, 0.1)
    first.leave(0, 0.1)
    assert first.holds(LoadClass.PAGE, 0.1)
    assert not first.holds(LoadClass.PAGE, 0.101 + DoorPolicy().money_first_s)


class Core:
    """Works on one request after the other, a tenth of a second for each; `in_progress` are not done."""

    def __init__(self) -> None:
        self.in_progress = 0
        self._free_at = 0.0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        loop = asyncio.get_running_loop()
        self.in_progress += 1
        self._free_at = max(loop.time(), self._free_at) + 0.1
        await asyncio.sleep(self._free_at - loop.time())
        self.in_progress -= 1
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"well"})


SETTLED_S, COMMANDS = 8, 3


async def money_beside(pages_per_s: float, every_s: float, *, measured: bool) -> tuple[list[int], int]:
    """How many requests each command has to wait for when so many pages a second come; and how many pages a second are
    served. `measured`: the process has learned before how long a page takes."""
    loop, core = asyncio.get_running_loop(), Core()
    limiter = limited(DoorPolicy(calm_s=1e9))
    limiter._limit = 64  # the door's own limit is found from waits, which this core has not
    limiter.money_first = MoneyFirst(limiter.policy)
    door = Door(core, limiter, class_by_header(LoadClass.READ), processor_s=loop.time)
    limiter.observe = lambda late_ms, worked_s, now: end_window(now)  # type: ignore[method-assign]
    window = [loop.time()]

    def end_window(now: float) -> None:
        if now - window[0] >= 0.1:
            limiter.money_first.end_window(now - window[0], limited=True)
            window[0] = now

    for _ in range(4 * measured):
        await ask(door, scope_of(SHELL_SAYS[LoadClass.PAGE]))
    pages: list[asyncio.Future[Any]] = []

    async def browse() -> None:
        while True:
            pages.append(asyncio.ensure_future(ask(door, scope_of(SHELL_SAYS[LoadClass.PAGE]))))
            await asyncio.sleep(1 / pages_per_s)

    browsing = asyncio.ensure_future(browse())
    behind: list[int] = []
    began = loop.time()
    while len(behind) < COMMANDS:
        if loop.time() - began > SETTLED_S:
            behind.append(core.in_progress)
        await ask(door, scope_of(SHELL_SAYS[LoadClass.MONEY]))
        await asyncio.sleep(every_s)
    lasted_s = loop.time() - began
    browsing.cancel()
    await asyncio.wait([browsing, *pages])
    served = sum(each.result()[0]["status"] == 200 for each in pages if not each.cancelled())
    return behind, round(served / lasted_s)


@pytest.mark.parametrize(("every_s", "measured"), [(0.5, True), (0.5, False), (4.0, True), (20.0, True)])
def test_a_command_stands_behind_no_more_than_the_room_however_seldom_commands_come(every_s: float, measured: bool):
    """In a process of many, to which few of them come; on a slow machine, where less than one page is done in a window
    and whoever waits would wait long; and in a process that begins in the surge."""
    behind, served_per_s = run(money_beside(30, every_s, measured=measured))
    assert max(behind) <= DoorPolicy().beside_money_min * (1 if measured else 3) + 1
    assert served_per_s >= 8, "and the core is at work all the time"


def test_what_has_waited_at_the_door_counts_from_its_beginning():
    """It takes part of the room for as long as any other."""
    limiter = Limiter(DoorPolicy())
    waited, other = limiter.enter(0.0, LoadClass.PAGE), limiter.enter(0.5, LoadClass.PAGE)
    limiter.begin(waited, 0.9)
    assert not limiter.crowded(2.6)
    assert limiter.in_flight == 1
    limiter.leave(other, 2.6)
    assert limiter.in_flight == 1
    limiter.leave(waited, 2.7)
    limiter.begin(waited, 2.8)
    assert limiter.in_flight == 0
