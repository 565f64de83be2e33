"""Display values of the bet slip and the list of bets. Pure: no request, no clock, no I/O.

Public: `Slip`, `Stake`, `Notice`, `Status`, `Again`, `BetLine`, `Bets`, `slip`, `bets`, `accepted`, `refused`,
`unknown`, `NOT_SENT`, `EXPIRED`.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from bff.contracts.bets import Bet, BetRefusal, PlaceBet
from bff.contracts.tables import Limits, Table, TableData, table_topic
from bff.contracts.view import View
from bff.contracts.wallet import wallet_topic
from bff.resilience.outcome import Failure
from fragments.kit.answer import Degraded, rfc3339
from fragments.kit.formats import Formats
from fragments.kit.freshness import AsOf, judge
from fragments.kit.on_break import OnBreak, on_break

Standing = Literal["open", "closed", "elsewhere", "visitor", "waiting", "paused", "break"]
Tone = Literal["good", "warn", "bad"]

_STAKES = (1, 5, 25, 100)  # times the least; what is above the most is left out
_WORDS = {
    BetRefusal.BETS_CLOSED: "Bets had closed before yours arrived. Nothing was taken; the next round is close.",
    BetRefusal.NOT_OFFERED: "This table takes no bets from here. Nothing was taken.",
    BetRefusal.WRONG_CURRENCY: "This table doesn't play in your account's currency. Nothing was taken.",
    BetRefusal.NOT_ENOUGH_MONEY: "Your balance is too low for this bet. Nothing was taken.",
    BetRefusal.WALLET_LIMIT: "This stake is above what your account allows. Nothing was taken.",
    BetRefusal.PLAYER_EXCLUDED: "You are on a break, so nothing was taken.",
    BetRefusal.SESSION_ENDED: "Your session at this table has ended and nothing was taken. Press again to play on.",
    BetRefusal.KEY_REUSED: "This form was used for another bet already. Nothing more was taken.",
    BetRefusal.REFUSED: "The table did not take this bet. Nothing was taken.",
}
_STATES = {
    "placing": "Being placed",
    "accepted": "In play",
    "refused": "Refused",
    "returning": "Being returned",
    "returned": "Returned",
    "lost": "Lost",
}


@dataclass(frozen=True, slots=True)
class Stake:
    """One chip: `value` in minor units as the form sends it."""

    value: int
    text: str
    chosen: bool


@dataclass(frozen=True, slots=True)
class Notice:
    """The result of a bet as a sentence. `cashier`: whether to link the cashier. `status` is set where the bet is in
    the list too. `ends` is the feed whose recovery removes the notice.
    """

    tone: Tone
    words: str
    cashier: bool = False
    status: "Status | None" = None
    ends: str = ""


@dataclass(frozen=True, slots=True)
class Status:
    """How one bet stands, for every card that shows it: a page shows the one with the highest `step` on all of them.

    `sentence` is for the slip, `state` for the list.
    """

    command: str
    step: int
    sentence: str
    state: str


@dataclass(frozen=True, slots=True)
class Again:
    """A bet with an unknown outcome: sent again with the same key it can not be placed twice. `closes_at` is exactly
    the value that was sent: any difference would make it another bet under a used key.
    """

    key: str
    side: str
    stake: int
    closes_at: str


@dataclass(frozen=True, slots=True)
class Slip:
    """`closes` is when this round's bets close, None while none are taken; `opens` is when a closed table opens."""

    standing: Standing
    table: str
    topic: str
    is_open: bool
    newest: str
    limits: str
    stakes: list[Stake]
    closes: AsOf | None
    opens: AsOf | None
    key: str
    notice: Notice | None
    again: Again | None
    degraded: Degraded | None
    on_break: OnBreak | None = None


@dataclass(frozen=True, slots=True)
class BetLine:
    """One bet. `tone` is `open`, `won`, `lost` or `returned`; `result` is what the wheel showed."""

    side: str
    what: str
    state: str
    tone: str
    result: str
    color: str
    moment: AsOf
    status: Status


@dataclass(frozen=True, slots=True)
class Bets:
    """`lines` is None where nothing is known. While a bet is `waiting` the list follows the table and the wallet."""

    lines: list[BetLine] | None
    waiting: bool
    hurried: bool
    topic: str
    wallet_topic: str
    degraded: Degraded | None


def slip(
    answer: View[TableData] | Failure,
    formats: Formats,
    *,
    now: datetime,
    key: str,
    signed_in: bool,
    notice: Notice | None = None,
    again: Again | None = None,
    stake: int = 0,
) -> Slip:
    """The slip of one table. `stake` is the chip that was chosen last."""
    degraded = judge(answer)
    table = None if isinstance(answer, Failure) or answer.data is None else answer.data.table
    closes_at = table.bets_close_at if table else None
    pause = on_break(answer, formats)
    standing: Standing = "break" if pause else _standing(table, degraded, signed_in=signed_in)
    if standing == "open" and (degraded := judge(answer, acts=True)) is not None:
        standing = "paused"
    return Slip(
        standing=standing,
        table=table.name if table else "",
        topic=table_topic(table.table_id) if table else "",
        is_open=bool(table and table.open),
        newest=table.results[0].round_id if table and table.results else "",
        limits=_limits(table.limits, formats) if table and table.limits else "",
        stakes=_stakes(table.limits, formats, stake) if table and table.limits else [],
        closes=AsOf(rfc3339(closes_at), f"until {formats.clock(closes_at)}") if closes_at and closes_at > now else None,
        opens=AsOf(rfc3339(table.opens_at), formats.short_time(table.opens_at)) if table and table.opens_at else None,
        key=key,
        notice=notice,
        again=again,
        degraded=degraded,
        on_break=pause,
    )


def bets(answer: list[Bet] | Failure, formats: Formats, game: str, player: str) -> Bets:
    """A player's bets at one table."""
    bets = [] if isinstance(answer, Failure) else answer
    return Bets(
        lines=None if isinstance(answer, Failure) else [_line(bet, formats) for bet in bets],
        waiting=any(bet.is_open for bet in bets),
        hurried=any(bet.is_open and bet.state != "accepted" for bet in bets),
        topic=table_topic(game),
        wallet_topic=wallet_topic(player),
        degraded=Degraded.by(answer) if isinstance(answer, Failure) else None,
    )


def accepted(bet: Bet, formats: Formats) -> Notice:
    """The notice for a bet that was accepted or is pending."""
    tone, words = _sentence(bet, formats)
    return Notice(tone, words, status=Status(bet.bet_id, bet.step, words, _state(bet, formats)))


def refused(why: BetRefusal, limits: Limits | None, formats: Formats) -> Notice:
    """The notice for a bet that was refused."""
    if why is BetRefusal.UNDER_LIMIT and limits:
        least = formats.money_short(limits.bet_min_minor, limits.currency)
        return Notice("bad", f"The least you can stake here is {least}. Nothing was taken.")
    if why is BetRefusal.OVER_LIMIT and limits:
        most = formats.money_short(limits.bet_max_minor, limits.currency)
        return Notice("bad", f"You can have {most} on one round at most. Nothing more was taken.")
    words = _WORDS.get(why, _WORDS[BetRefusal.REFUSED])
    return Notice("bad", words, cashier=why is BetRefusal.NOT_ENOUGH_MONEY)


def unknown(wanted: PlaceBet, key: str, formats: Formats) -> tuple[Notice, Again]:
    """The notice for a lost answer: the bet is not called failed, and is not sent again under another key."""
    what = f"{formats.money_short(wanted.amount_minor, wanted.currency)} on {wanted.side}"
    words = f"The answer got lost, so {what} may or may not be in. Asking again can't place it twice."
    return Notice("warn", words), Again(key, wanted.side, wanted.amount_minor, wanted.closes_at.isoformat())


NOT_SENT = Notice(
    "bad",
    "The table can't be reached, so nothing was sent and nothing was taken. Try again in a moment.",
    ends="engine",
)
EXPIRED = Notice("bad", "This form had expired and nothing was sent. Please choose again.")


def _standing(table: Table | None, degraded: Degraded | None, *, signed_in: bool) -> Standing:
    if table is None or degraded is not None:
        return "waiting"
    if not table.open:
        return "closed"
    if table.kind != "roulette" or table.limits is None:
        return "elsewhere"
    return "open" if signed_in else "visitor"


def _limits(limits: Limits, formats: Formats) -> str:
    least, most = (formats.money_short(each, limits.currency) for each in (limits.bet_min_minor, limits.bet_max_minor))
    return f"{least} to {most} a round"


def _stakes(limits: Limits, formats: Formats, chosen: int) -> list[Stake]:
    values = [limits.bet_min_minor * times for times in _STAKES]
    fitting = [value for value in values if 0 < value <= limits.bet_max_minor]
    marked = chosen if chosen in fitting else (fitting[0] if fitting else 0)
    return [Stake(value, formats.money_short(value, limits.currency), value == marked) for value in fitting]


def _stake_text(bet: Bet, formats: Formats) -> str:
    return f"{formats.money_short(bet.amount_minor, bet.currency)} on {bet.side}"


def _sentence(bet: Bet, formats: Formats) -> tuple[Tone, str]:
    what = _stake_text(bet, formats)
    if bet.state == "placing":
        return "warn", f"{what} is being placed. Your bets here say what becomes of it."
    if bet.state in ("returning", "returned"):
        return "warn", f"{what} could not be placed. Nothing is kept; what was taken is returned."
    if bet.state == "won":
        return "good", f"{what} won {formats.money(bet.won_minor, bet.currency)}."
    if bet.state == "lost":
        return "warn", f"{what} lost: {bet.result} {bet.color}."
    return "good", f"{what} is in. Good luck."


def _state(bet: Bet, formats: Formats) -> str:
    if bet.state != "won":
        return _STATES.get(bet.state, "")
    won = formats.money(bet.won_minor, bet.currency)
    return f"Won {won}" if bet.paid else f"Won {won}, being paid"


def _line(bet: Bet, formats: Formats) -> BetLine:
    state, (_, sentence) = _state(bet, formats), _sentence(bet, formats)
    tone = bet.state if bet.state in ("won", "lost", "returned") else "open"
    status = Status(bet.bet_id, bet.step, sentence, state)
    result = f"{bet.result} {bet.color}".strip()
    moment = AsOf(rfc3339(bet.at), formats.clock(bet.at))
    return BetLine(bet.side, _stake_text(bet, formats), state, tone, result, bet.color, moment, status)
