"""Display values of the offers' templates, decided from the BFF's answers. Pure: no request, no clock, no I/O.

Public: `Offers`, `OfferCard`, `BonusCard`, `Countdown`, `ClaimNote`, `offers`, `receipt_note`, `countdown_words`.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from bff.contracts.promotions import GrantProgress, Offer, PromotionsData
from bff.contracts.view import View
from bff.contracts.wallet import Receipt
from bff.resilience.outcome import Failure
from bff.resilience.reason import Reason
from fragments.kit.answer import Degraded, rfc3339
from fragments.kit.formats import Formats
from fragments.kit.freshness import Note, as_of, judge, paused
from fragments.kit.on_break import OnBreak, on_break

_UNREACHABLE = "Offers can't be shown right now. We keep trying."
_MINUTE, _HOUR, _DAY = 60, 3_600, 86_400
# An end further away than this is none that a player could wait for.
_ENDLESS_S = 3_650 * _DAY
_TIMES = {1: "once", 2: "twice"}


@dataclass(frozen=True, slots=True)
class Countdown:
    """When an offer ends: `iso` and `server_now` for the script that counts on, `text` for everybody."""

    iso: str
    server_now: str
    text: str
    soon: bool


@dataclass(frozen=True, slots=True)
class ClaimNote:
    """The status of a claim, shown on its offer's card. Once `taken`, the card has no claim button.

    One that is `asked` for again has its `reference`. What ends by itself when a feed is back `ends` with its name.
    """

    tone: Literal["good", "warn", "bad"]
    text: str
    taken: bool = False
    pending: bool = False
    reference: str = ""
    ends: str = ""


@dataclass(frozen=True, slots=True)
class OfferCard:
    """One offer as text.

    `claim` is `open`, `claimed`, `signed_out` or `waiting`: the list is not current.
    `counts` is what a stake counts, by kind of game; `countdown` is None where the server's time is not known.
    """

    promotion_id: str
    title: str
    kind: str
    amount: str
    summary: str
    conditions: list[str]
    counts: list[tuple[str, str]]
    terms: str
    countdown: Countdown | None
    claim: str
    key: str
    note: ClaimNote | None


@dataclass(frozen=True, slots=True)
class BonusCard:
    """A bonus that the player has, and how far it is: `wagered` of `wagering` minor units, in words `progress`.

    `state` is `running`, `done` or `ended`; `countdown` is None where it has no end, or has been decided.
    """

    title: str
    amount: str
    state: str
    words: str
    wagered: int
    wagering: int
    progress: str
    left: str
    rules: list[str]
    countdown: Countdown | None


@dataclass(frozen=True, slots=True)
class Offers:
    """`cards` is None where nothing is known, empty where nothing runs. `loose_note` has no card to stand on.

    While it `follows`, an open page asks again when the player's claims change; a page that tells what became of a
    claim stays as it is, to be read. Who is on a break sees no offer.
    """

    note: Note
    cards: list[OfferCard] | None
    bonuses: list[BonusCard]
    sign_in: str
    loose_note: ClaimNote | None
    follows: bool
    degraded: Degraded | None
    on_break: OnBreak | None = None


def offers(
    answer: View[PromotionsData] | Failure,
    formats: Formats,
    *,
    sign_in: str,
    keys: dict[str, str],
    notes: dict[str, ClaimNote],
    failure: Failure | None = None,
) -> Offers:
    """The offers that run. `keys` maps a promotion's id to its form's idempotency key, `notes` to what a claim became.

    An offer whose end has passed by the server's own time is left out. With a `failure` (see `judge`) there are no
    numbers that move: no time that is left, and no bonus's progress.
    """
    data = None if isinstance(answer, Failure) else answer.data
    acts = data is not None and any(offer.claim == "open" for offer in data.offers)
    degraded = judge(answer, acts=acts, failure=failure)
    if data is None:
        loose = next(iter(notes.values()), None)
        return Offers(
            Note("bad", _UNREACHABLE), None, [], sign_in, loose, not notes, degraded, on_break(answer, formats)
        )
    standing = on_break(answer, formats)
    running = [offer for offer in data.offers if offer.ends_at > data.server_time and standing is None]
    now = data.server_time if failure is None else None
    cards = [_card(offer, now, formats, degraded, keys, notes) for offer in running]
    shown = {card.promotion_id for card in cards}
    return Offers(
        note=_note(degraded, len(cards), formats),
        cards=cards,
        bonuses=[_bonus(grant, now, formats) for grant in data.grants] if now else [],
        sign_in=sign_in,
        loose_note=next((note for promotion_id, note in notes.items() if promotion_id not in shown), None),
        follows=not notes,
        degraded=degraded,
        on_break=standing,
    )


def receipt_note(receipt: Receipt) -> ClaimNote:
    """`receipt` in words."""
    if receipt.state == "done":
        return ClaimNote("good", "It is yours. The bonus is in your wallet.", taken=True)
    if receipt.state == "pending":
        return ClaimNote("warn", receipt.reason or "Your claim is being booked. Nothing more to do.", taken=True)
    return ClaimNote("bad", receipt.reason or "This offer could not be claimed. Nothing has changed.")


def countdown_words(seconds: float) -> str:
    """How long is left, in two units at most: `2 d 4 h`, `3 h 20 min`, `12 min`."""
    left = max(0, int(seconds))
    if left >= _DAY:
        return f"{left // _DAY} d {left % _DAY // _HOUR} h"
    if left >= _HOUR:
        return f"{left // _HOUR} h {left % _HOUR // _MINUTE} min"
    return f"{left // _MINUTE} min" if left >= _MINUTE else "less than a minute"


def _note(degraded: Degraded | None, count: int, formats: Formats) -> Note:
    if degraded is None:
        return Note("good", "1 offer runs" if count == 1 else f"{count} offers run")
    if degraded.reason is Reason.ENGINE_DOWN:
        return Note("warn", paused("Claims"))
    moment = as_of(degraded.as_of, formats)
    if moment is None:
        return Note("warn", "These offers may be out of date, so claims wait.")
    before = "As of" if degraded.reason is Reason.FEED_STALE else "No word since"
    return Note("warn", before, moment, ". Claims wait until it is current.")


def _card(
    offer: Offer,
    now: datetime | None,
    formats: Formats,
    degraded: Degraded | None,
    keys: dict[str, str],
    notes: dict[str, ClaimNote],
) -> OfferCard:
    note = notes.get(offer.promotion_id)
    return OfferCard(
        promotion_id=offer.promotion_id,
        title=offer.title,
        kind=offer.kind.replace("_", " ").replace("-", " ").capitalize(),
        amount=formats.money_short(offer.amount_minor, offer.currency),
        summary=offer.summary,
        conditions=_conditions(offer, formats),
        counts=_counts(offer.contribution),
        terms=offer.terms,
        countdown=_countdown(offer.ends_at, now) if now else None,
        claim=_claim(offer, degraded, note),
        key=keys.get(offer.promotion_id, ""),
        note=note,
    )


def _claim(offer: Offer, degraded: Degraded | None, note: ClaimNote | None) -> str:
    # The engine's own answer is ahead of the view, which may not know of it yet.
    if note is not None and note.taken:
        return "claimed"
    return "waiting" if degraded is not None and offer.claim == "open" else offer.claim


def _conditions(offer: Offer, formats: Formats) -> list[str]:
    conditions = []
    if offer.wagering:
        within = f" within {offer.days} {'day' if offer.days == 1 else 'days'}" if offer.days else ""
        conditions.append(f"Stake it {'once' if offer.wagering == 1 else f'{offer.wagering} times'}{within}")
    if offer.wagering and offer.stake_max_minor:
        conditions.append(f"Bets up to {formats.money_short(offer.stake_max_minor, offer.currency)} meanwhile")
    if not offer.wagering:
        conditions.append("Yours to withdraw at once")
    if offer.grants_max > 1:
        had = f", you have had it {_times(offer.granted)}" if 0 < offer.granted < offer.grants_max else ""
        conditions.append(f"{_times(offer.grants_max).capitalize()} a player{had}")
    return conditions


def _times(count: int) -> str:
    return _TIMES.get(count, f"{count} times")


def _counts(contribution: dict[str, int]) -> list[tuple[str, str]]:
    """Kinds of games and what a stake in them counts, most first."""
    ordered = sorted(contribution.items(), key=lambda each: (-each[1], each[0]))
    return [(kind.replace("_", " ").capitalize(), f"{percent} %") for kind, percent in ordered]


def _countdown(ends_at: datetime, now: datetime) -> Countdown:
    # To the nearest second, as it is read: whatever is rendered within one is one body, which is contained once.
    second = (now + timedelta(milliseconds=500)).replace(microsecond=0)
    left_s = (ends_at - second).total_seconds()
    return Countdown(rfc3339(ends_at), rfc3339(second), countdown_words(left_s), left_s < _DAY)


def _bonus(grant: GrantProgress, now: datetime, formats: Formats) -> BonusCard:
    def money(amount_minor: int) -> str:
        return formats.money_short(amount_minor, grant.currency)

    running = grant.state == "running"
    words = {"running": "", "done": "Done. What it brought is real money.", "ended": "Its time is over, so it is gone."}
    rules = []
    if running and grant.stake_max_minor:
        rules.append(f"Bets up to {money(grant.stake_max_minor)}")
    if running and grant.contribution:
        rules.append(", ".join(f"{kind} {percent}" for kind, percent in _counts(grant.contribution)))
    endless = (grant.ends_at - now).total_seconds() > _ENDLESS_S
    return BonusCard(
        title=grant.title or "Bonus",
        amount=money(grant.amount_minor),
        state=grant.state,
        words=words[grant.state],
        wagered=grant.wagered_minor,
        wagering=max(1, grant.wagering_minor),
        progress=f"{money(grant.wagered_minor)} of {money(grant.wagering_minor)} staked",
        left=f"{money(max(0, grant.wagering_minor - grant.wagered_minor))} to go",
        rules=rules,
        countdown=_countdown(grant.ends_at, now) if running and not endless else None,
    )
