"""A query store that loses everything at any moment of the projector's work is noticed."""

from datetime import UTC, datetime

import msgspec
import pytest

from bff.broker import Delivery
from bff.contracts.event import Event
from bff.contracts.ledger import HEARTBEAT, REPLAY_REQUESTED, LedgerHeartbeat, MovementLine, PlayerChanged
from bff.contracts.wallet import Balances, Receipt
from bff.queries.projector_steps import CHECKPOINT_TOPIC, Projector
from bff.store import Store, StorePolicy, StoreUnavailable

NOW = datetime(2026, 1, 1, tzinfo=UTC)


class Forgetful:
    """A store that is emptied right before its `at`th call from now on."""

    def __init__(self, store, valkey):
        self.store, self.valkey = store, valkey
        self.steps, self.at = 0, 0

    def forget_at(self, at):
        self.steps, self.at = 0, at

    def __getattr__(self, name):
        if self.at:
            self.steps += 1
            if self.steps == self.at:
                self.valkey.flush()
        return getattr(self.store, name)


class Broker:
    """Records what is published."""

    def __init__(self):
        self.events = []

    @property
    def published(self):
        return [each.type for each in self.events]

    async def publish(self, stream, events):
        self.events += events


class Reader:
    leading = True


def first_deposit(player, position, epoch="e1"):
    """A new player's first event: nothing comes before it, so nothing is missing in an empty store."""
    receipt = Receipt(f"rc_{player}", "deposit", "done", 100, "EUR", NOW, (epoch, 1))
    lines = [MovementLine(0, "deposit", receipt)]
    change = PlayerChanged(player, "EUR", Balances(100, 0, 100, 0, "EUR"), 1, lines, None, pending=[])
    name = f"{epoch}-{player}"
    data = msgspec.to_builtins(change)
    event = Event(name, "FundsDeposited", 1, f"player:{player}", (epoch, 1), NOW, data, position=(epoch, position))
    return Delivery(name, event, 1, 0.0)


def heartbeat(position, epoch="e1"):
    data = msgspec.to_builtins(LedgerHeartbeat(position=(epoch, position)))
    return Delivery(f"beat-{position}", Event("b", HEARTBEAT, 1, "ledger", (epoch, position), NOW, data), 1, 0.0)


@pytest.fixture
async def store(valkey):
    opened = Store.connect(valkey.url, StorePolicy(connect_ms=5000, op_ms=5000, breaker_failures=1000))
    yield Forgetful(opened, valkey)
    await opened.aclose()


def projector(store):
    return Projector(store, Broker(), Reader(), clock=lambda: 0.0)


async def in_store(store, *players):
    return [await store.store.get(f"wallet.{player}") is not None for player in players]


@pytest.mark.parametrize("at", range(1, 12))
@pytest.mark.parametrize("epoch", ["e1", "e2"], ids=["same-epoch", "next-epoch"])
async def test_what_was_forgotten_is_asked_for_again(store, epoch, at):
    """Flushed before any of its steps: who is not in the store any more is asked for, else nobody needs to be."""
    projecting = projector(store)
    await projecting.handle([first_deposit("pl_a", 1), heartbeat(1)])
    assert await in_store(store, "pl_a") == [True]
    store.forget_at(at)
    if epoch == "e1":
        players = ["pl_a", "pl_b", "pl_c"]
        await projecting.handle([first_deposit("pl_b", 2), heartbeat(2)])
        await projecting.handle([first_deposit("pl_c", 3), heartbeat(3)])
    else:
        players = ["pl_b", "pl_c"]
        await projecting.handle([first_deposit("pl_b", 1, "e2")])
        await projecting.handle([first_deposit("pl_c", 2, "e2"), heartbeat(2, "e2")])
    forgotten = store.steps >= at
    store.forget_at(0)
    await projecting.handle([first_deposit("pl_d", len(players) + 1, epoch), heartbeat(len(players) + 1, epoch)])
    replay_requested = REPLAY_REQUESTED in projecting.broker.published
    assert replay_requested or all(await in_store(store, *players))
    assert forgotten or not replay_requested


class Unheard:
    """A store that carries out one write of the mark, and loses the answer."""

    def __init__(self, store):
        self.store, self.mute = store, False

    def __getattr__(self, name):
        return getattr(self.store, name)

    async def put_many(self, puts, *, part=None):
        answers = await self.store.put_many(puts, part=part)
        if self.mute and puts[0].topic == CHECKPOINT_TOPIC:
            self.mute = False
            raise StoreUnavailable("the answer got lost")
        return answers


async def test_a_mark_whose_answer_got_lost_is_no_loss(store):
    """The store moved it and could not say so: what comes again is no news, and the next mark goes on from there."""
    unheard = Unheard(store)
    projecting = projector(unheard)
    await projecting.handle([first_deposit("pl_a", 1)])
    unheard.mute = True
    with pytest.raises(StoreUnavailable):
        await projecting.handle([first_deposit("pl_b", 2)])
    for n, player in enumerate(("pl_b", "pl_c", "pl_d"), 2):
        await projecting.handle([first_deposit(player, n), heartbeat(n)])
    assert REPLAY_REQUESTED not in projecting.broker.published
    assert (await store.get(CHECKPOINT_TOPIC)).sequence == ("e1", 4)
