"""How a fragment handles a request that belongs to a partition."""

import time
from collections.abc import AsyncIterator

import pytest

from bff.contracts.partition import MEMBER, Partition
from bff.contracts.view import View
from bff.resilience.breaker import Position
from bff.resilience.deadline import Deadline
from bff.resilience.outcome import Failure
from bff.resilience.partition import within
from bff.resilience.reason import Reason
from fragments.kit import bff
from fragments.kit.context import Context
from fragments.kit.failing import STORE
from fragments.kit.last_known import LastKnown
from tests.support.fragments_fake_bff import BffRequest, FakeBff, Reply, problem, reply, view

ANNA = Partition("anna", "anna.1.x")
Numbers = View[dict[str, int]]


def has_mark(request: BffRequest) -> bool:
    return request.headers.get("baggage") == f"{MEMBER}={ANNA.value}"


@pytest.fixture
async def queries(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[FakeBff]:
    with FakeBff() as fake:
        monkeypatch.setenv("BFF_QUERIES_URL", fake.url)
        yield fake
        await bff.close_clients()


async def read(*, marked: bool = False) -> Numbers | Failure:
    context = Context(None, "en", "EUR", "/slots/lobby/wallet", "/", Deadline.after_ms(time.monotonic(), 30_000))
    if not marked:
        return await bff.view("wallet", Numbers, context)
    with within(ANNA):
        return await bff.view("wallet", Numbers, context)


async def test_mark_is_handed_on_to_the_bff_and_its_outage_opens_nobody_elses_breaker(queries: FakeBff) -> None:
    queries.replies["/views/wallet"] = lambda request: Reply(500) if has_mark(request) else reply(view({"n": 1}))
    for _ in range(6):
        assert isinstance(await read(marked=True), Failure)
        assert isinstance(await read(), View)
    assert [has_mark(request) for request in queries.requests].count(True) == 5
    assert {request.headers.get("baggage") for request in queries.requests if not has_mark(request)} == {None}
    assert bff._guard(bff.QUERIES).breaker.position is Position.CLOSED


async def test_failing_upstream_of_one_partition_is_not_named_in_others(queries: FakeBff) -> None:
    """A store's outage in one session's partition does not change the upstream that other requests name."""
    queries.replies["/views/wallet"] = lambda request: problem(503, "store_down") if has_mark(request) else Reply(500)
    for _ in range(6):
        of_anna, of_all = await read(marked=True), await read()
    assert isinstance(of_anna, Failure)
    assert isinstance(of_all, Failure)
    assert (of_anna.reason, of_anna.upstream) == (Reason.BREAKER_OPEN, STORE)
    assert (of_all.reason, of_all.upstream) == (Reason.BREAKER_OPEN, bff.QUERIES)
    queries.replies["/views/wallet"] = reply(view({"n": 1}))


def test_partition_is_shown_what_others_were_told_last_and_leaves_nothing_behind() -> None:
    last_known, down = LastKnown[int](), Failure(Reason.TIMEOUT)
    with within(ANNA):
        last_known.recall("k", view(1))
        assert last_known.recall("k", down) == (down, None)
    last_known.recall("k", view(2))
    with within(ANNA):
        last_known.recall("k", view(3))
        recalled, failure = last_known.recall("k", down)
    assert isinstance(recalled, View)
    assert (recalled.data, failure) == (2, down)
