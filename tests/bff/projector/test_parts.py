"""Restated parts add up in the query store, however a restatement is cut into parts and batches."""

import asyncio
import itertools
import secrets
from datetime import UTC, datetime, timedelta

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bff.contracts.event import Event
from bff.contracts.history import KindTotals, month_of
from bff.contracts.ledger import (
    HISTORY_PAGE,
    HISTORY_RESTATED,
    PLAYER_RESTATED,
    BalancesStated,
    HistoryPage,
    MovementLine,
    PlayerChanged,
    PlayerStatement,
    history_topic,
)
from bff.contracts.wallet import Balances, LimitsState, Receipt
from bff.queries.projections import Wallets, compare, topics_of
from bff.store import Store, StorePolicy

BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
PATIENT = StorePolicy(connect_ms=5000, op_ms=5000)
BALANCES = Balances(700, 0, 700, 0, "EUR")
NOTHING = LimitsState("EUR", [])


def lines_of(player, count, lines_a_month):
    """A history whose months have so many lines."""
    lines = []
    for ordinal in range(count):
        at = BEGAN + timedelta(days=31 * (ordinal // lines_a_month), seconds=ordinal)
        kind = "bet" if ordinal % 3 else "win"
        amount = -5 if ordinal % 3 else 7
        receipt = Receipt(f"rc_{player}_{ordinal}", kind, "done", amount, "EUR", at, ("e0", ordinal + 1))
        lines.append(MovementLine(ordinal, kind, receipt))
    return lines


def stands(player, sequence, lines):
    """The ledger's summary of this history."""
    months = {}
    for line in lines:
        month = months.setdefault(month_of(line.receipt.at), {})
        before, amount = month.get(line.kind, KindTotals(0, 0, 0)), line.receipt.amount_minor
        month[line.kind] = KindTotals(
            before.lines + 1, before.in_minor + max(0, amount), before.out_minor + min(0, amount)
        )
    return PlayerStatement(player, sequence, 700, 0, 0, "EUR", months, [], NOTHING)


def restatement(player, sequence, lines, cuts, *, counted):
    """The events of a restatement: one for each page, cut further by `cuts`; without `counted` as by a writer that
    counts no parts."""
    edges = sorted({0, len(lines), *range(0, len(lines), HISTORY_PAGE), *(cuts if counted else ())})
    events = []
    for part, (begin, end) in enumerate(itertools.pairwise(edges), start=1):
        page = HistoryPage(player, begin // HISTORY_PAGE, lines[begin:end], part=part if counted else 0)
        events.append(_event(HISTORY_RESTATED, player, sequence, part, page))
    state = PlayerChanged(player, "EUR", BALANCES, len(lines), lines[-1:], {}, NOTHING, [])
    return [*events, _event(PLAYER_RESTATED, player, sequence, 0, state)]


def _event(kind, player, sequence, part, data):
    return Event(f"{player}-{part}", kind, 1, f"player:{player}", sequence, BEGAN, msgspec.to_builtins(data))


async def project(store, events, dies_after=None):
    """One batch, as the projector handles it; `dies_after` interrupts the writing after so many records."""
    records = await store.get_many(Wallets.topics(events))
    wallets = Wallets({topic: (record.sequence, record.raw) if record else None for topic, record in records.items()})
    for event in events:
        wallets.apply(event)
    await store.put_many(wallets.changes()[:dies_after])


async def compared(store, player, sequence, lines):
    """The differences from the ledger, and the ordinals on the pages."""
    word = stands(player, sequence, lines)
    records = await store.get_many(topics_of(word))
    standing = {topic: (record.sequence, record.raw) if record else None for topic, record in records.items()}
    pages = await store.get_many(history_topic(player, page) for page in range(-(-len(lines) // HISTORY_PAGE)))
    ordinals = [line.ordinal for record in pages.values() if record for line in record.decode(HistoryPage).lines]
    return compare(BalancesStated("run", 0, [word]), standing).wrong, ordinals


# Each example has a player of its own, so all can share one store.
@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(data=st.data())
def test_a_replay_in_any_parts_and_batches_says_what_the_ledger_says(valkey, data):
    """Cut anywhere, delivered in any batches, some of them twice and some of them killed half-way: nothing is lost."""
    player = f"pl_{secrets.token_hex(6)}"
    count = data.draw(st.integers(0, 130), label="lines")
    lines = lines_of(player, count, data.draw(st.integers(1, 130), label="lines a month"))
    cuts = data.draw(st.lists(st.integers(0, count), max_size=6), label="cuts")
    counted = data.draw(st.booleans(), label="counted")

    async def run():
        store = Store.connect(valkey.url, PATIENT)
        for epoch in ("e1", "e2"):
            left = restatement(player, (epoch, count + 1), lines, cuts, counted=counted)
            while left:
                size = data.draw(st.integers(1, len(left)), label="batch")
                if data.draw(st.booleans(), label="killed"):
                    await project(store, left[:size], dies_after=data.draw(st.integers(0, 12), label="dies after"))
                    size = data.draw(st.integers(1, len(left)), label="the batch that comes again")
                await project(store, left[:size])
                left = left[size:]
            assert await compared(store, player, (epoch, count + 1), lines) == ([], list(range(count)))
        await store.aclose()

    asyncio.run(run())
