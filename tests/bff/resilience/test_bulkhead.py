"""Permits for calls, on simulated time."""

import asyncio

import pytest

from bff.resilience.bulkhead import Bulkhead, Place
from tests.support import simulated_time

pytestmark = pytest.mark.quick


def place_of(entered: Place | None) -> Place:
    assert entered is not None
    return entered


def test_as_many_as_allowed_and_no_more() -> None:
    """Beyond the limit somebody waits, beyond the queue nobody does."""

    async def main() -> None:
        bulkhead = Bulkhead(2, 1)
        first, second = place_of(await bulkhead.enter(0)), place_of(await bulkhead.enter(0))
        waiting = asyncio.create_task(bulkhead.enter(1000))
        await asyncio.sleep(0)
        assert (bulkhead.in_flight, bulkhead.waiting) == (2, 1)
        assert await bulkhead.enter(1000) is None
        first.leave()
        third = place_of(await waiting)
        assert (bulkhead.in_flight, bulkhead.waiting) == (2, 0)
        second.leave()
        third.leave()
        assert bulkhead.in_flight == 0

    simulated_time.run(main())


def test_waiting_ends_in_time() -> None:
    """Who gets no place in time leaves the queue."""

    async def main() -> None:
        loop = asyncio.get_running_loop()
        bulkhead = Bulkhead(1, 10)
        place = place_of(await bulkhead.enter(0))
        assert await bulkhead.enter(400) is None
        assert loop.time() == pytest.approx(0.4)
        assert bulkhead.waiting == 0
        place.leave()
        assert bulkhead.in_flight == 0

    simulated_time.run(main())


def test_first_come_first_served() -> None:
    """A freed place passes to the one who waits longest; nobody slips in between."""

    async def main() -> None:
        bulkhead = Bulkhead(1, 10)
        place = place_of(await bulkhead.enter(0))
        served: list[int] = []

        async def wait(number: int) -> None:
            mine = place_of(await bulkhead.enter(1000))
            served.append(number)
            await asyncio.sleep(0.01)
            mine.leave()

        waiters = [asyncio.create_task(wait(number)) for number in range(5)]
        await asyncio.sleep(0)
        place.leave()
        assert await bulkhead.enter(0) is None
        await asyncio.gather(*waiters)
        assert served == [0, 1, 2, 3, 4]

    simulated_time.run(main())


def test_cancelled_waiter_leaves_nothing_behind() -> None:
    """Neither one that still waits nor one whose turn has just come keeps a place."""

    async def main() -> None:
        bulkhead = Bulkhead(1, 10)
        place = place_of(await bulkhead.enter(0))
        waits, has_turn = (asyncio.create_task(bulkhead.enter(1000)) for _ in range(2))
        await asyncio.sleep(0)
        waits.cancel()
        await asyncio.wait({waits})
        assert bulkhead.waiting == 1
        place.leave()
        has_turn.cancel()
        await asyncio.wait({has_turn})
        assert (bulkhead.in_flight, bulkhead.waiting) == (0, 0)
        place_of(await bulkhead.enter(0)).leave()

    simulated_time.run(main())


def test_a_turn_that_comes_with_the_time_out_is_taken() -> None:
    """A place given in the very moment in which waiting ends is not lost."""

    async def main() -> None:
        loop = asyncio.get_running_loop()
        bulkhead = Bulkhead(1, 10)
        place = place_of(await bulkhead.enter(0))
        loop.call_at(0.4, place.leave)
        waiting = asyncio.create_task(bulkhead.enter(400))
        entered = await waiting
        if entered is not None:
            entered.leave()
        assert (bulkhead.in_flight, bulkhead.waiting) == (0, 0)

    simulated_time.run(main())


def test_waiters_that_gave_up_are_passed_over() -> None:
    """A place goes to somebody who still wants it, though others were before."""

    async def main() -> None:
        bulkhead = Bulkhead(1, 10)
        place = place_of(await bulkhead.enter(0))
        gone, stays = (asyncio.create_task(bulkhead.enter(1000)) for _ in range(2))
        await asyncio.sleep(0)
        gone.cancel()
        place.leave()
        place_of(await stays).leave()
        assert bulkhead.in_flight == 0

    simulated_time.run(main())


def test_a_place_is_left_once() -> None:
    """Leaving twice would make room that is not there."""

    async def main() -> None:
        place = place_of(await Bulkhead(1, 0).enter(0))
        place.leave()
        with pytest.raises(RuntimeError, match="left already"):
            place.leave()

    simulated_time.run(main())
