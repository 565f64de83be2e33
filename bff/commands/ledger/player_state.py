"""One player's state in the ledger, as events carry it to the read side.

Public: `changed`, `history_pages`, `latest_answers`, `limits_of`, `MAY_WAIT`.
"""

from collections.abc import Iterator
from datetime import timedelta
from itertools import groupby

from django.db.models import Q

from bff.commands.engine.policy import POLICY
from bff.commands.ledger import receipts
from bff.commands.ledger.accounts import PlayerAccounts
from bff.commands.ledger.models import DepositLimit, Grant, Player, PlayerGame, Receipt
from bff.contracts.command_names import DEPOSIT, WITHDRAW
from bff.contracts.games import PlayerGames
from bff.contracts.ledger import HISTORY_PAGE, MovementLine, PlayerChanged
from bff.contracts.promotions import GrantProgress
from bff.contracts.wallet import DepositLimit as LimitOnWire
from bff.contracts.wallet import LimitsState
from bff.contracts.wallet import Receipt as ReceiptOnWire

# Commands whose line of the history may be pending.
MAY_WAIT = (DEPOSIT, WITHDRAW)
# The most recent answers outside the history: more than callers can still be waiting for.
_ANSWERS_RESTATED = 20


def changed(
    accounts: PlayerAccounts,
    lines: list[MovementLine],
    answers: list[ReceiptOnWire],
    *,
    claims: bool,
    limits: bool,
    pending: bool,
    games: bool,
) -> PlayerChanged:
    """What an event about the player says: balances always, the rest where it may have changed."""
    return PlayerChanged(
        player=accounts.player.player_id,
        currency=accounts.player.currency,
        balances=accounts.balances(),
        lines_total=accounts.player.lines,
        lines=lines,
        claimed=_claimed(accounts) if claims else None,
        grants=_grants(accounts) if claims else [],
        limits=limits_of(accounts.player) if limits else None,
        pending=_pending(accounts) if pending else None,
        games=_games(accounts.player) if games else None,
        answers=answers,
    )


def latest_answers(accounts: PlayerAccounts) -> list[ReceiptOnWire]:
    """The newest answers that are no line of the history."""
    answers = Receipt.objects.filter(player=accounts.player, ordinal__isnull=True).order_by("-pk")
    return [receipts.on_the_wire(receipt) for receipt in answers[:_ANSWERS_RESTATED]]


def _pending(accounts: PlayerAccounts) -> list[MovementLine]:
    waiting = Receipt.objects.filter(player=accounts.player, state="pending", command__in=MAY_WAIT)
    return [receipts.history_line(receipt) for receipt in waiting.order_by("-ordinal")]


def _claimed(accounts: PlayerAccounts) -> dict[str, int]:
    claimed: dict[str, int] = {}
    for promotion_id in Grant.objects.filter(player=accounts.player).values_list("promotion_id", flat=True):
        claimed[promotion_id] = claimed.get(promotion_id, 0) + 1
    return claimed


def _games(player: Player) -> PlayerGames:
    favourites = PlayerGame.objects.filter(player=player, favourite_at__isnull=False)
    launched = PlayerGame.objects.filter(player=player, launched_at__isnull=False)
    return PlayerGames(
        favourites=list(favourites.order_by("-favourite_at", "-pk").values_list("game_id", flat=True)),
        recent=list(launched.order_by("-launched_at", "-pk").values_list("game_id", flat=True)),
    )


def limits_of(player: Player) -> LimitsState:
    """The player's limits as they were set; the reader decides by the time which one is in effect."""
    rows = {limit.period: limit for limit in DepositLimit.objects.filter(player=player)}
    deposit = [
        LimitOnWire(period, rows[period].amount_minor, rows[period].next_minor, rows[period].next_at)
        for period in ("day", "week", "month")
        if period in rows
    ]
    return LimitsState(player.currency, deposit, player.excluded_until)


def history_pages(player: Player) -> Iterator[tuple[int, list[MovementLine]]]:
    """The pages of the player's history that hold lines, in order, one at a time."""
    history = Receipt.objects.filter(player=player, ordinal__isnull=False).order_by("ordinal")
    lines = (receipts.history_line(receipt) for receipt in history.iterator(chunk_size=500))
    for page, its_lines in groupby(lines, key=lambda line: line.ordinal // HISTORY_PAGE):
        yield page, list(its_lines)


def _grants(accounts: PlayerAccounts) -> list[GrantProgress]:
    """Bonuses that run, and those that were decided lately, the newest first among each."""
    lately = accounts.now - timedelta(hours=POLICY.decided_shown_h)
    recent = Grant.objects.filter(Q(state="running") | Q(decided_at__gt=lately), player=accounts.player)
    shown = sorted(recent.order_by("-pk")[: POLICY.grants_shown_max], key=lambda each: each.state != "running")
    return [
        GrantProgress(
            promotion_id=each.promotion_id,
            number=each.number,
            title=each.title,
            state=each.state,  # type: ignore[arg-type]  # the engine writes no other
            amount_minor=each.amount_minor,
            wagering_minor=each.wagering_minor,
            wagered_minor=each.wagered_minor,
            stake_max_minor=each.stake_max_minor,
            currency=accounts.player.currency,
            ends_at=each.ends_at,
            contribution=each.contribution,
            decided_at=each.decided_at,
        )
        for each in shown
    ]
