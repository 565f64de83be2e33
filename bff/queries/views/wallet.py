"""A player's money and receipts.

Public: `wallet_view`, `receipt_view`.
"""

import asyncio
from collections.abc import Callable, Iterable

from bff.contracts.view import Freshness, Sequence, View
from bff.contracts.wallet import (
    SCOPE_READ,
    Availability,
    Balances,
    ReceiptData,
    ReceiptState,
    WalletData,
    WalletState,
    receipt_topic,
    wallet_topic,
)
from bff.queries.asked import Asked, min_sequence_of
from bff.queries.policy import QueriesPolicy
from bff.queries.refusal import Refused
from bff.store import FeedFreshness, Record, Snapshot, Store

LEDGER, ENGINE = "ledger", "engine"

_PAUSED_ENGINE = (
    "Deposits are paused: the cashier can not be reached right now. Your money is safe; please try again in a minute."
)
_PAUSED_PAYMENTS = (
    "Deposits are paused: our payment provider does not answer. Your money is safe; please try again in a minute."
)
_PAUSED_LEDGER = "Deposits are paused until your balance is up to date again. Your money is safe."


async def wallet_view(store: Store, asked: Asked, policy: QueriesPolicy) -> View[WalletData]:
    """The player's balances, at least as far as `min_sequence` when the projection gets there in time."""
    player = asked.player_with(SCOPE_READ)
    wanted = min_sequence_of(asked)
    topic = wallet_topic(player.player)
    look = await _look_until(
        store, [topic], [LEDGER, ENGINE], policy, lambda look: _reached(look.records[topic], wanted)
    )
    record, ledger = look.records[topic], look.feeds[LEDGER]
    pending = not _reached(record, wanted)
    if record is None and ledger.state != "live":
        # Nothing is known, which is not the same as nothing being there.
        return View(data=None, freshness=Freshness(state="down"), pending=pending)
    wallet = record.decode(WalletState) if record is not None else _empty(player.currency)
    data = WalletData(wallet.balances, wallet.recent, {"deposit": _deposits(ledger, look.feeds[ENGINE])})
    return View(data=data, freshness=ledger.freshness(record.sequence if record else None), pending=pending)


async def receipt_view(store: Store, asked: Asked, policy: QueriesPolicy) -> View[ReceiptData]:
    """One receipt of the asking player. One that may still be on its way is `pending`; another player's is unknown."""
    player = asked.player_with(SCOPE_READ)
    unknown = Refused(404, "receipt_unknown", "There is no such receipt.")
    topic = receipt_topic(asked.name)
    try:
        look = await _look_until(store, [topic], [LEDGER], policy, lambda look: look.records[topic] is not None)
    except ValueError:
        raise unknown from None
    record, ledger = look.records[topic], look.feeds[LEDGER]
    if record is None and ledger.state != "live":
        return View(data=None, freshness=Freshness(state="down"), pending=True)
    state = record.decode(ReceiptState) if record is not None else None
    if record is None or state is None or state.player != player.player:
        raise unknown
    return View(data=ReceiptData(state.receipt), freshness=ledger.freshness(record.sequence))


async def _look_until(
    store: Store,
    topics: Iterable[str],
    feeds: Iterable[str],
    policy: QueriesPolicy,
    enough: Callable[[Snapshot], bool],
) -> Snapshot:
    """The first look that is enough, or the last one before the wait is over."""
    clock = asyncio.get_running_loop().time
    until = clock() + policy.min_sequence_ms_max / 1000
    topics, feeds = list(topics), list(feeds)
    while True:
        look = await store.read(topics, feeds)
        if enough(look) or clock() >= until:
            return look
        await asyncio.sleep(policy.min_sequence_poll_ms / 1000)


def _reached(record: Record | None, wanted: Sequence | None) -> bool:
    """Another epoch can not be compared: what was written may or may not be in it, so it is not called reached."""
    if wanted is None:
        return True
    return record is not None and record.sequence[0] == wanted[0] and record.sequence[1] >= wanted[1]


def _empty(currency: str) -> WalletState:
    return WalletState(Balances(0, 0, 0, 0, currency), [])


def _deposits(ledger: FeedFreshness, engine: FeedFreshness) -> Availability:
    if engine.state != "live":
        return Availability(open=False, reason=_PAUSED_ENGINE)
    if ledger.state != "live":
        return Availability(open=False, reason=_PAUSED_LEDGER)
    if isinstance(engine.data, dict) and engine.data.get("payments") == "down":
        return Availability(open=False, reason=_PAUSED_PAYMENTS)
    return Availability(open=True)
