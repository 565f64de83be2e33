"""How a fragment's calls to the BFF affect each other, over plain sockets."""

import itertools
import time
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from bff.contracts.player_context import PlayerContext
from bff.contracts.view import View
from bff.resilience.deadline import Deadline
from bff.resilience.outcome import Failure
from bff.resilience.policy import Policy
from bff.resilience.reason import Reason
from fragments.kit import bff
from fragments.kit.context import Context
from tests.support.fragments_fake_bff import FakeBff, Reply, reply, view

pytestmark = pytest.mark.quick

UNREADABLE = Reply(200, b'{"data": 1')


@pytest.fixture
async def queries(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[FakeBff]:
    with FakeBff() as fake:
        monkeypatch.setenv("BFF_QUERIES_URL", fake.url)
        yield fake
        await bff.close_clients()


def of(player: str) -> Context:
    deadline = Deadline.after_ms(time.monotonic(), 30_000)
    one = Context(None, "en", "EUR", "/slots/lobby/wallet", "/", deadline)
    return replace(one, player=PlayerContext(player, "wallet", "EUR", "en", frozenset(), 0), authorization=player)


async def test_what_can_not_be_read_of_one_players_view_degrades_no_other(queries: FakeBff) -> None:
    """That view is not requested again for a while; other players' views, and this player's other views, are."""
    queries.replies["/views/wallet"] = lambda request: (
        UNREADABLE if request.headers["authorization"] == "pl_one" else reply(view({"n": 1}))
    )
    queries.replies["/views/limits"] = reply(view({"n": 2}))
    for _ in range(Policy().consecutive_max):
        refused = await bff.view("wallet", View[dict[str, int]], of("pl_one"))
        assert isinstance(refused, Failure)
        assert refused.reason is Reason.ENCODING
    sent = len(queries.requests)
    refused = await bff.view("wallet", View[dict[str, int]], of("pl_one"))
    assert isinstance(refused, Failure)
    assert (refused.reason, len(queries.requests)) == (Reason.BREAKER_OPEN, sent)
    for context, path in ((of("pl_two"), "wallet"), (of("pl_one"), "limits")):
        assert isinstance(await bff.view(path, View[dict[str, int]], context), View)


async def test_bff_that_answers_near_its_limit_stays_fresh(queries: FakeBff) -> None:
    """With answers just below and just above 250 ms, each answer after the first late one is shown, and the slot does
    not alternate with a fallback.
    """
    delays_s = itertools.cycle([0.225, 0.26])
    queries.replies["/views/wallet"] = lambda _request: reply(view({"n": 1}), delay_s=next(delays_s))
    shown = [await bff.view("wallet", View[dict[str, int]], of("pl_one")) for _ in range(12)]
    assert [each for each in shown[1:] if isinstance(each, Failure)] == []


async def test_a_late_view_stays_away_from_its_player_for_a_while_under_one_word(queries: FakeBff) -> None:
    """Pages do not alternate between the view and its absence; other players and visitors are shown answers."""
    answer = [reply(view({"n": 1}))]
    queries.replies["/views/wallet"] = lambda _request: answer[0]
    visitor = replace(of("pl_one"), player=None, authorization="")
    readers = (of("pl_one"), of("pl_two"), visitor)
    for context in readers:
        assert isinstance(await bff.view("wallet", View[dict[str, int]], context), View)
    for _ in range(2):
        assert isinstance(await bff.view("wallet", View[dict[str, int]], of("pl_one")), View)
        answer[0] = reply(view({"n": 2}), delay_s=0.5)
        for context in (of("pl_one"), visitor):
            failure = await bff.view("wallet", View[dict[str, int]], context)
            assert isinstance(failure, Failure)
            assert (failure.reason, failure.late) == (Reason.TIMEOUT, True)
        answer[0] = reply(view({"n": 3}))
    shown = [await bff.view("wallet", View[dict[str, int]], context) for context in readers]
    assert [isinstance(each, View) for each in shown] == [False, True, True]
    assert isinstance(shown[0], Failure)
    assert (shown[0].reason, shown[0].upstream) == (Reason.TIMEOUT, "bff-queries")
    assert shown[0].retry_after_ms
