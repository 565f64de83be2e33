"""A player's deposit limits and self-exclusion, as they are at this moment.

Public: `limits_view`.
"""

from datetime import datetime
from typing import get_args

from bff.contracts.view import Freshness, View
from bff.contracts.wallet import (
    Availability,
    DepositLimit,
    LimitPeriod,
    LimitsData,
    LimitsState,
    limits_topic,
    wallet_topic,
)
from bff.queries.policy import QueriesPolicy
from bff.queries.view_request import ViewRequest, min_sequence_of
from bff.queries.views.breaks import break_of
from bff.queries.views.snapshots import ENGINE, LEDGER, commands_of, reached, read_until
from bff.store import FeedFreshness, Store


async def limits_view(store: Store, request: ViewRequest, policy: QueriesPolicy) -> View[LimitsData]:
    """Limits and self-exclusion, by the store's clock. The wallet's record has the sequence that the player's records
    have reached.
    """
    player = request.owner
    wanted = min_sequence_of(request)
    own, limits = wallet_topic(player.player), limits_topic(player.player)
    snapshot = await read_until(
        store,
        player.player,
        [own, limits],
        [LEDGER, ENGINE],
        policy,
        lambda snapshot: reached(snapshot.current(own), wanted),
    )
    record, found, ledger = snapshot.current(own), snapshot.current(limits), snapshot.feeds[LEDGER]
    pending = not reached(record, wanted)
    if record is None and ledger.state != "live":
        return View(None, Freshness(state="down"), pending, commands_of(snapshot), break_of(snapshot, player))
    state = found.decode(LimitsState) if found else LimitsState(player.currency, [])
    data = _limits_at(state, snapshot.now, _changes(snapshot.feeds[ENGINE]), _breaks(ledger, snapshot.feeds[ENGINE]))
    return View(
        data=data,
        freshness=ledger.freshness(record.sequence if record else None),
        pending=pending,
        commands=commands_of(snapshot),
        on_break=break_of(snapshot, player),
    )


def _limits_at(state: LimitsState, now: datetime, changes: Availability, breaks: Availability) -> LimitsData:
    standing = {limit.period: limit for limit in state.deposit}
    return LimitsData(
        currency=state.currency,
        deposit=[_in_force(period, standing.get(period), now) for period in get_args(LimitPeriod)],
        actions={"limit": changes, "exclude": breaks},
    )


def _in_force(period: LimitPeriod, limit: DepositLimit | None, now: datetime) -> DepositLimit:
    if limit is None:
        return DepositLimit(period, None)
    if limit.next_at is not None and limit.next_at <= now:
        return DepositLimit(period, limit.next_minor)
    return limit


def _changes(engine: FeedFreshness) -> Availability:
    # Whatever the age of what is shown: nobody is kept from a stricter limit as long as the engine can write it down.
    if engine.state == "live":
        return Availability(True)
    words = "Limits can't be changed right now: the cashier can not be reached. What is set stays in force."
    return Availability(False, words)


def _breaks(ledger: FeedFreshness, engine: FeedFreshness) -> Availability:
    # The engine and the ledger are heard by the same way: where neither is, it may be the way that is broken, and
    # nobody is kept from a break that the engine would take.
    return Availability(True) if ledger.state != "live" else _changes(engine)
