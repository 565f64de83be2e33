"""The views with a player context: the bet slip of one table, the player's bets at it, and placing one."""

import asyncio
import re
from datetime import UTC, datetime

from django.http import HttpRequest

from bff.contracts import headers
from bff.contracts.bets import Bet, BetRefusal, PlaceBet
from bff.contracts.idempotency import FORM_KEY_FIELD, is_form_key
from bff.contracts.own_write import RECEIPT_QUERY, is_receipt_id
from bff.contracts.paths import TABLES_VIEW
from bff.contracts.tables import TableData, is_table_id
from bff.contracts.view import View
from bff.resilience.outcome import Failure
from bff.resilience.reason import Reason
from fragments.kit import bff
from fragments.kit.answer import Degraded, Rendered, fragment_view
from fragments.kit.context import Context
from fragments.live_dealer import provider, slip

_STAKE = re.compile(r"[0-9]{1,10}", re.ASCII)
_SIDES = frozenset({"red", "black"})


@fragment_view()
async def show_slip(request: HttpRequest, context: Context, table_id: str) -> Rendered:
    """The slip of one table; with `?receipt=` also what became of a bet."""
    if not is_table_id(table_id):
        return Rendered("live_dealer/nothing.html", None, 404)
    answer, notice = await asyncio.gather(_table(context, table_id), _receipt(request, context, table_id))
    return _slip(context, table_id, answer, notice=notice)


@fragment_view()
async def show_bets(request: HttpRequest, context: Context, table_id: str) -> Rendered:
    """The player's last bets at one table; nothing for a visitor."""
    if not is_table_id(table_id):
        return Rendered("live_dealer/nothing.html", None, 404)
    if context.player is None:
        return Rendered("live_dealer/nothing.html", None)
    answer = await provider.latest(table_id, context)
    page = slip.bets(answer, context.formats, table_id, context.player.player)
    return Rendered("live_dealer/bets.html", page, degraded=page.degraded)


@fragment_view("POST")
async def bet(request: HttpRequest, context: Context, table_id: str) -> Rendered:
    """Take a bet to the provider and answer with the slip."""
    if not is_table_id(table_id):
        return Rendered("live_dealer/nothing.html", None, 404)
    key = request.headers.get(headers.IDEMPOTENCY_KEY) or request.POST.get(FORM_KEY_FIELD, "")
    wanted = _wanted(request, table_id, context)
    if context.player is None or not context.grant:
        return _slip(context, table_id, await _table(context, table_id), status=401)
    if not is_form_key(key) or isinstance(wanted, slip.Notice):
        notice = wanted if isinstance(wanted, slip.Notice) else slip.EXPIRED
        return _slip(context, table_id, await _table(context, table_id), status=422, notice=notice)
    placed = await provider.place(wanted, context, key)
    return await _after(placed, wanted, context, key)


async def _after(
    placed: Bet | BetRefusal | provider.Unknown | Failure, wanted: PlaceBet, context: Context, key: str
) -> Rendered:
    answer = await _table(context, wanted.game)
    stake, game = wanted.amount_minor, wanted.game
    match placed:
        case Bet():
            notice = slip.accepted(placed, context.formats)
            status = 202 if placed.state == "placing" else 200
            return _slip(context, game, answer, status=status, notice=notice, stake=stake, placed=placed)
        case BetRefusal():
            limits = None if isinstance(answer, Failure) or answer.data is None else answer.data.table.limits
            notice = slip.refused(placed, limits, context.formats)
            return _slip(context, game, answer, status=422, notice=notice, stake=stake)
        case provider.Unknown():
            notice, again = slip.unknown(wanted, key, context.formats)
            return _slip(context, game, answer, notice=notice, again=again, stake=stake)
        case Failure():
            return _slip(context, game, answer, notice=slip.NOT_SENT, stake=stake, key=key)


def _slip(
    context: Context,
    table_id: str,
    answer: View[TableData] | Failure,
    *,
    status: int = 200,
    notice: slip.Notice | None = None,
    again: slip.Again | None = None,
    stake: int = 0,
    key: str = "",
    placed: Bet | None = None,
) -> Rendered:
    if isinstance(answer, Failure) and answer.reason is Reason.NOT_FOUND:
        return Rendered("live_dealer/nothing.html", None)
    page = slip.slip(
        answer,
        context.formats,
        now=datetime.now(UTC),
        key=key or context.form_key(),
        signed_in=context.player is not None,
        notice=notice,
        again=again,
        stake=stake,
    )
    not_sent = Degraded(Reason.ENGINE_DOWN, upstream=provider.UPSTREAM) if notice is slip.NOT_SENT else None
    return Rendered(
        "live_dealer/slip.html",
        {
            "slip": page,
            "table_id": table_id,
            "sign_in": context.sign_in,
            "cashier": context.pathnames["cashier"],
            "roulette": context.pathnames["kind"].format(kind="roulette"),
        },
        status,
        page.degraded or not_sent,
        # A bet that may be in shows up in the list if it is.
        changed=("bets", "wallet") if placed or again else (),
        receipt_id=placed.bet_id if placed else "",
    )


def _wanted(request: HttpRequest, table_id: str, context: Context) -> PlaceBet | slip.Notice:
    """The bet in the form, or what is wrong with it."""
    side, stake = request.POST.get("side", ""), request.POST.get("stake", "")
    closes = request.POST.get("closes_at", "")
    if side not in _SIDES or not _STAKE.fullmatch(stake):
        return slip.Notice("bad", "Choose a stake, then red or black. Nothing was sent.")
    if not closes:
        return slip.refused(BetRefusal.BETS_CLOSED, None, context.formats)
    try:
        closes_at = datetime.fromisoformat(closes[:40])
    except ValueError:
        return slip.EXPIRED
    if closes_at.tzinfo is None:
        return slip.EXPIRED
    return PlaceBet(table_id, "red" if side == "red" else "black", int(stake), context.currency, closes_at)


async def _table(context: Context, table_id: str) -> View[TableData] | Failure:
    return await bff.view(f"{TABLES_VIEW}/{table_id}", View[TableData], context, currency=context.currency)


async def _receipt(request: HttpRequest, context: Context, table_id: str) -> slip.Notice | None:
    receipt = request.GET.get(RECEIPT_QUERY, "")
    if context.player is None or not is_receipt_id(receipt):
        return None
    answer = await provider.latest(table_id, context)
    bets = [] if isinstance(answer, Failure) else answer
    found = next((each for each in bets if each.bet_id == receipt), None)
    # How a round ended stands in the list of bets; the slip is for the next one.
    return slip.accepted(found, context.formats) if found and found.state not in ("won", "lost") else None
