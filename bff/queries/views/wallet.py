"""A player's money and receipts.

Public: `wallet_view`, `receipt_view`.
"""

from bff.contracts.command_names import CLAIM_PROMOTION, CLOSE_KEY, DEPOSIT, LAUNCH_GAME, SET_FAVOURITE, WITHDRAW
from bff.contracts.games import SCOPE_GAMES
from bff.contracts.player_context import PlayerContext
from bff.contracts.promotions import SCOPE_PROMOTIONS
from bff.contracts.view import Break, Freshness, View
from bff.contracts.wallet import (
    SCOPE_READ,
    Availability,
    Balances,
    PendingState,
    Receipt,
    ReceiptData,
    ReceiptState,
    WalletData,
    WalletState,
    pending_topic,
    receipt_topic,
    wallet_topic,
)
from bff.queries.policy import QueriesPolicy
from bff.queries.refusal import ViewRefused
from bff.queries.view_request import ViewRequest, min_sequence_of
from bff.queries.views.breaks import break_of, break_topics
from bff.queries.views.snapshots import ENGINE, LEDGER, commands_of, reached, read_until
from bff.store import FeedFreshness, Store

CLAIMS, GAMES = {CLAIM_PROMOTION}, {SET_FAVOURITE, LAUNCH_GAME}
_AGAIN = "Your money is safe; please try again in a minute."


async def wallet_view(store: Store, request: ViewRequest, policy: QueriesPolicy) -> View[WalletData]:
    """The player's balances, at least as far as `min_sequence` when the projection gets there in time."""
    player = request.owner
    wanted = min_sequence_of(request)
    own, waiting = wallet_topic(player.player), pending_topic(player.player)
    topics = [own, waiting, *break_topics(player)]
    snapshot = await read_until(
        store, player.player, topics, [LEDGER, ENGINE], policy, lambda snapshot: reached(snapshot.current(own), wanted)
    )
    record, ledger, engine = snapshot.current(own), snapshot.feeds[LEDGER], snapshot.feeds[ENGINE]
    pending, on_break = not reached(record, wanted), break_of(snapshot, player)
    if record is None and ledger.state != "live":
        # Nothing is known, which is not the same as nothing being there.
        return View(None, Freshness(state="down"), pending, commands_of(snapshot), on_break)
    wallet = record.decode(WalletState) if record is not None else _empty(player.currency)
    held = snapshot.current(waiting)
    data = WalletData(
        balances=wallet.balances,
        recent=wallet.recent,
        actions={
            DEPOSIT: _deposits(ledger, engine, on_break),
            WITHDRAW: _withdrawals(ledger, engine, wallet.balances),
        },
        pending=held.decode(PendingState).movements if held else [],
    )
    return View(
        data=data,
        freshness=ledger.freshness(record.sequence if record else None),
        pending=pending,
        commands=commands_of(snapshot),
        on_break=on_break,
    )


async def receipt_view(store: Store, request: ViewRequest, policy: QueriesPolicy) -> View[ReceiptData]:
    """One receipt of the asking player. One that may still be on its way is `pending`; another player's is unknown."""
    player = request.owner
    unknown = ViewRefused(404, "receipt_unknown", "There is no such receipt.")
    topic = receipt_topic(request.name)
    try:
        snapshot = await read_until(
            store,
            player.player,
            [topic],
            [LEDGER, ENGINE],
            policy,
            lambda snapshot: snapshot.current(topic) is not None,
        )
    except ValueError:
        raise unknown from None
    record, ledger = snapshot.current(topic), snapshot.feeds[LEDGER]
    if record is None and ledger.state != "live":
        return View(data=None, freshness=Freshness(state="down"), pending=True, commands=commands_of(snapshot))
    state = record.decode(ReceiptState) if record is not None else None
    if record is None or state is None or state.player != player.player or not _may_read(player, state.receipt):
        raise unknown
    return View(
        data=ReceiptData(state.receipt), freshness=ledger.freshness(record.sequence), commands=commands_of(snapshot)
    )


def _may_read(player: PlayerContext, receipt: Receipt) -> bool:
    """Who may not read the wallet reads receipts of their own room, and of keys that were closed."""
    own = {SCOPE_PROMOTIONS: CLAIMS, SCOPE_GAMES: GAMES}
    may = {CLOSE_KEY}.union(*(commands for scope, commands in own.items() if scope in player.scopes))
    return SCOPE_READ in player.scopes or receipt.command in may


def _empty(currency: str) -> WalletState:
    return WalletState(Balances(0, 0, 0, 0, currency), [])


def _deposits(ledger: FeedFreshness, engine: FeedFreshness, on_break: Break | None) -> Availability:
    if on_break is not None:
        return Availability(False, "You are on a break, so nothing can be paid in until it is over.", own=True)
    if engine.state != "live":
        return Availability(False, f"Deposits are paused: the cashier can not be reached right now. {_AGAIN}")
    if ledger.state != "live":
        return Availability(False, "Deposits are paused until your balance is up to date again. Your money is safe.")
    if isinstance(engine.data, dict) and engine.data.get("payments") == "down":
        return Availability(False, f"Deposits are paused: our payment provider does not answer. {_AGAIN}")
    return Availability(True)


def _withdrawals(ledger: FeedFreshness, engine: FeedFreshness, balances: Balances) -> Availability:
    if engine.state != "live":
        return Availability(False, f"Withdrawals are paused: the cashier can not be reached right now. {_AGAIN}")
    if ledger.state != "live":
        return Availability(False, "Withdrawals are paused until your balance is up to date again. Your money is safe.")
    if balances.withdrawable_minor <= 0:
        return Availability(False, "There is nothing to withdraw at the moment.", own=True)
    return Availability(True)
