"""The projector's handling of events that are missing, too many, of another release, or invalid."""

from dataclasses import replace

import msgspec
import pytest

from bff.broker import Delivery, Unusable
from bff.contracts.event import Event
from bff.contracts.ledger import (
    BALANCES_COMPARED,
    BALANCES_STATED,
    ENGINE_HEARTBEAT,
    PLAYERS_REBUILT,
    REPLAY_REQUESTED,
    ROLLING,
    BalancesStated,
)
from bff.queries.checkpoint import CHECKPOINT_TOPIC, SHAPE
from bff.queries.projector_steps import PROJECTOR, Projector
from bff.store import Put, Store
from tests.bff.projector.test_forgotten import NOW, Broker, Reader, first_deposit, heartbeat
from tests.bff.projector.test_parts import PATIENT, lines_of
from tests.bff.projector.test_shadows import for_shadow


@pytest.fixture
async def store(valkey):
    opened = Store.connect(valkey.url, PATIENT)
    yield opened
    await opened.aclose()


@pytest.fixture
def projecting(store):
    return made(store)


def made(store, policy=PROJECTOR):
    now = [0.0]
    projector = Projector(store, Broker(), Reader(), policy, clock=lambda: now[0])
    projector.now = now
    return projector


def later_deposit(player, sequence, position):
    """An event that follows one that has not come."""
    first = first_deposit(player, position)
    event = msgspec.structs.replace(first.event, id=f"{player}-{sequence}", sequence=("e1", sequence))
    return replace(first, event=event, at=f"{player}-{sequence}")


def stated(run, *players):
    data = msgspec.to_builtins(BalancesStated(run, 1, list(players)))
    return Delivery("s", Event("s", BALANCES_STATED, 1, "ledger", (run, 1), NOW, data), 1, 0.0)


async def test_a_projector_that_no_longer_leads_takes_nothing_and_forgets_what_it_held(store, projecting):
    """Its successor is told all that was not acknowledged; when it leads again it reads where that one was."""
    parked = later_deposit("pl_a", 5, 2)
    await projecting.handle([first_deposit("pl_b", 1), parked])
    assert projecting.state()["parked"] == 1
    projecting.reader = type("Follower", (), {"leading": False})()
    assert list(await projecting.handle([first_deposit("pl_c", 3)])) == []
    assert projecting.state() == {"at": None, "parked": 0, "lost": "", "detail": ""}
    assert await store.get("wallet.pl_c") is None


async def test_what_never_gets_its_predecessor_is_given_up_and_all_is_told_again(projecting):
    """It waits as long as a gap may last; then the ledger is asked."""
    parked = later_deposit("pl_a", 5, 2)
    assert parked not in await projecting.handle([first_deposit("pl_b", 1), parked])
    projecting.now[0] += projecting.policy.gap_s_max + 0.1
    assert parked in await projecting.handle([])
    assert projecting.broker.published == [REPLAY_REQUESTED]
    assert "what comes before player:pl_a 5 is missing" in projecting.state()["lost"]


async def test_no_more_wait_than_there_is_room_for(store):
    """Beyond that all of them are given up at once."""
    projecting = made(store, replace(PROJECTOR, parked_max=2))
    await projecting.handle([first_deposit("pl_0", 1)])
    waiting = [later_deposit(f"pl_{n}", 5, n) for n in (2, 3, 4)]
    done = await projecting.handle(waiting)
    assert [each for each in waiting if each not in done] == []
    assert projecting.broker.published == [REPLAY_REQUESTED]


async def test_records_of_another_release_are_asked_for_again_and_the_mark_stays(store, projecting):
    """A successor that reads the mark must ask for them too, until all has been told."""
    await store.put_many([Put(CHECKPOINT_TOPIC, {"shape": 0, "event_id": ""}, feed="ledger", sequence=("e1", 1))])
    await projecting.handle([first_deposit("pl_a", 2)])
    assert projecting.broker.published == [REPLAY_REQUESTED]
    assert (await store.get(CHECKPOINT_TOPIC)).data["shape"] == 0


async def test_a_mark_that_another_has_moved_further_is_taken_over_and_nothing_is_lost(store, projecting):
    """Two lead for a moment: whoever finds a later mark goes on from there."""
    await projecting.handle([first_deposit("pl_a", 1)])
    await store.put_many([Put(CHECKPOINT_TOPIC, {"shape": SHAPE}, feed="ledger", sequence=("e3", 1))])
    await projecting.handle([first_deposit("pl_b", 1, "e2")])
    assert projecting.broker.published == []
    assert (await store.get(CHECKPOINT_TOPIC)).sequence == ("e3", 1)


async def test_a_rebuild_is_answered_through_the_broker(projecting):
    """The ledger hears how it ended for each player."""
    await projecting.handle(for_shadow("pl_new", ("e1", 1), lines_of("pl", 2, 10)))
    assert projecting.broker.published == [PLAYERS_REBUILT]


async def test_the_rolling_comparison_that_finds_nothing_says_nothing_and_a_whole_one_always_answers(projecting):
    """Who waits for an answer gets one; who only looks out for differences is left alone."""
    await projecting.handle([first_deposit("pl_a", 1), heartbeat(1), stated(ROLLING)])
    assert projecting.broker.published == []
    await projecting.handle([stated("run")])
    assert projecting.broker.published == [BALANCES_COMPARED]


async def test_the_engines_word_on_payments_is_passed_on_unless_it_is_old(store, projecting):
    """A view says what can be done at this moment: what was said long ago says nothing of it."""
    event = Event("e", ENGINE_HEARTBEAT, 1, "engine", ("e1", 1), NOW, {"payments": "down"})
    await projecting.handle([Delivery("old", event, 1, projecting.policy.heartbeat_age_s_max + 1)])
    assert (await store.freshness("engine")).data is None
    await projecting.handle([Delivery("recent", event, 1, 0.0)])
    assert (await store.freshness("engine")).data == {"payments": "down"}


@pytest.mark.parametrize("kind", ["FundsDeposited", ENGINE_HEARTBEAT, BALANCES_STATED])
async def test_what_makes_no_sense_is_unusable_by_name(projecting, kind):
    """It is put aside with what was wrong, and nothing of its batch is acknowledged."""
    aggregate = "player:pl_a" if kind == "FundsDeposited" else "ledger"
    event = Event("x", kind, 1, aggregate, ("e1", 1), NOW, {"run": 1, "player": 2, "payments": 3}, position=("e1", 1))
    with pytest.raises(Unusable):
        await projecting.handle([Delivery("x", event, 1, 0.0)])


async def test_marks_and_trackers_show_how_far_they_are(projecting):
    """For a log or a debugger."""
    await projecting.handle([first_deposit("pl_a", 1), heartbeat(1)])
    assert repr(projecting._checkpoint) == "<Checkpoint ('e1', 1) e1-pl_a>"
    assert repr(projecting.tracker) == "<PositionTracker e1:1 0 above, told 1>"
