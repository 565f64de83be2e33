"""The projector with a ledger that has lost events which it told earlier, while everything runs on."""

from dataclasses import replace

import msgspec
import pytest

from bff.broker import Delivery
from bff.contracts.event import Event
from bff.contracts.ledger import (
    BALANCES_COMPARED,
    BALANCES_STATED,
    REPLAY_REQUESTED,
    ROLLING,
    BalancesStated,
    PlayerStatement,
)
from bff.contracts.wallet import LimitsState
from bff.queries.projector_steps import Projector
from bff.store import Store, StorePolicy
from tests.bff.projector.test_forgotten import NOW, Broker, Reader, first_deposit, heartbeat


def named(delivery, *, name=None, previous=None):
    """The delivery as sent by a relay that lists its events."""
    changes = {"id": name} if name else {}
    if previous is not None:
        changes["previous_id"] = previous
    return replace(delivery, event=msgspec.structs.replace(delivery.event, **changes))


def beat(position, event_id, epoch="e1", at=""):
    delivery = heartbeat(position, epoch)
    event = msgspec.structs.replace(delivery.event, data={**delivery.event.data, "event_id": event_id})
    return replace(delivery, event=event, at=f"{at}{delivery.at}")


@pytest.fixture
async def store(valkey):
    opened = Store.connect(valkey.url, StorePolicy(connect_ms=5000, op_ms=5000))
    yield opened
    await opened.aclose()


@pytest.fixture
async def projecting(store):
    """A projector that has read `e1-pl_a` and `e1-pl_b`, and that these are all."""
    now = [0.0]
    projector = Projector(store, Broker(), Reader(), clock=lambda: now[0])
    projector.now = now
    await projector.handle([first_deposit("pl_a", 1), named(first_deposit("pl_b", 2), previous="e1-pl_a")])
    await projector.handle([beat(2, "e1-pl_b")])
    assert (await store.freshness("ledger")).state == "live"
    return projector


async def test_events_behind_another_branch_are_not_applied_and_the_wallets_are_stale_at_once(store, projecting):
    """A failover overtook the mark: what follows another event than the one that came is of another ledger."""
    other = named(first_deposit("pl_c", 3), previous="another")
    assert list(await projecting.handle([other])) == [other], "it is done with: all is told again"
    assert await store.get("wallet.pl_c") is None
    assert (await store.freshness("ledger")).state == "stale"
    assert projecting.broker.published == [REPLAY_REQUESTED]
    await projecting.handle([beat(3, "e1-pl_c")])
    assert (await store.freshness("ledger")).state == "stale", "nothing of that epoch is believed any more"
    await projecting.handle([first_deposit("pl_c", 1, "e2"), beat(1, "e2-pl_c", "e2")])
    assert (await store.freshness("ledger")).state == "live"
    assert await store.get("wallet.pl_c") is not None


async def test_a_projector_that_starts_again_still_knows_which_event_it_read_last(store, projecting):
    """The other branch came while it was down, with the same positions: the checkpoint names the event."""
    started = Projector(store, Broker(), Reader(), clock=lambda: 0.0)
    await started.handle([])
    await started.handle([named(first_deposit("pl_c", 3), previous="another")])
    assert await store.get("wallet.pl_c") is None
    assert (await store.freshness("ledger")).state == "stale"
    assert started.broker.published == [REPLAY_REQUESTED]


@pytest.mark.parametrize(("position", "event_id"), [(1, "e1-pl_a"), (2, "another"), (0, "")])
async def test_a_ledger_that_ends_elsewhere_is_stale_at_once_and_asked_to_begin_an_epoch(
    store, projecting, position, event_id
):
    """It ends before the mark, or with another event there."""
    await projecting.handle([beat(position, event_id, at="later-")])
    assert (await store.freshness("ledger")).state == "stale"
    assert projecting.broker.published == []
    projecting.now[0] += projecting.policy.gap_s_max + 0.1
    await projecting.handle([beat(position, event_id, at="latest-")])
    assert projecting.broker.published == [REPLAY_REQUESTED]


async def test_a_heartbeat_that_comes_again_or_was_held_up_makes_nothing_of_a_loss(store, projecting):
    """It stands in the stream behind what has been counted since, and the next one says what is true."""
    late = beat(1, "e1-pl_a", at="held-up-")
    await projecting.handle([late])
    assert (await store.freshness("ledger")).state == "stale"
    await projecting.handle([late, beat(2, "e1-pl_b", at="next-")])
    assert (await store.freshness("ledger")).state == "live"
    await projecting.handle([late])
    projecting.now[0] += 10 * projecting.policy.gap_s_max
    await projecting.handle([])
    assert projecting.broker.published == []
    assert (await store.freshness("ledger")).state == "live"


async def test_heartbeats_between_events_are_judged_in_the_order_of_the_stream(store, projecting):
    """One batch holds a heartbeat and what was given after it."""
    await projecting.handle([beat(2, "e1-pl_b", at="mid-"), named(first_deposit("pl_c", 3), previous="e1-pl_b")])
    assert (await store.freshness("ledger")).state == "live"
    await projecting.handle([beat(3, "e1-pl_c")])
    assert (await store.freshness("ledger")).state == "live"
    assert projecting.broker.published == []


async def test_a_record_that_differs_because_events_are_missing_is_no_business_of_the_rolling_comparison(projecting):
    """They may still come, and else all of them are told again; when nothing is missing it is named."""
    word = PlayerStatement("pl_a", ("e1", 2), 1, 0, 0, "EUR", {}, [], LimitsState("EUR", []))
    data = msgspec.to_builtins(BalancesStated(ROLLING, 1, [word]))
    stated = Delivery("s", Event("s", BALANCES_STATED, 1, "ledger", (ROLLING, 1), NOW, data), 1, 0.0)
    await projecting.handle([first_deposit("pl_d", 4), stated])
    assert projecting.broker.published == []
    await projecting.handle([first_deposit("pl_c", 3), stated])
    assert projecting.broker.published == [BALANCES_COMPARED]
