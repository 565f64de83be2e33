"""The bet slip and the list of bets, computed without request, clock or network."""

from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest

from bff.contracts.bets import BetRefusal, PlaceBet
from bff.contracts.tables import TableData
from bff.resilience.outcome import Failure
from bff.resilience.reason import Reason
from fragments.kit.answer import Degraded
from fragments.kit.formats import formats_for
from fragments.live_dealer import slip
from tests.support.fragments_fake_bff import AS_OF, view
from tests.support.fragments_samples import bet, table

pytestmark = pytest.mark.quick

ENGLISH = formats_for("en-GB")
ROULETTE = table("205", "Midnight Roulette", "roulette")
CLOSES = AS_OF + timedelta(seconds=12)


def shown(one: Any = ROULETTE, state: Any = "live", commands: Any = "open", **more: Any) -> slip.Slip:
    arguments: dict[str, Any] = {"now": AS_OF, "key": "k", "signed_in": True, **more}
    return slip.slip(view(TableData(one), state, commands=commands), ENGLISH, **arguments)


def test_only_an_open_roulette_table_with_current_numbers_takes_a_players_bet() -> None:
    """In every other case the slip says what to do instead."""
    closed = msgspec.structs.replace(ROULETTE, open=False, opens_at=AS_OF + timedelta(minutes=5))
    assert shown().standing == "open"
    assert shown(signed_in=False).standing == "visitor"
    assert shown(closed).standing == "closed"
    assert shown(closed).opens is not None
    assert shown(table("301", "Blackjack Ash", "blackjack")).standing == "elsewhere"
    assert (shown(state="stale").standing, shown(state="stale").degraded) == (
        "waiting",
        Degraded(Reason.FEED_STALE, AS_OF),
    )
    assert slip.slip(Failure(Reason.TIMEOUT), ENGLISH, now=AS_OF, key="k", signed_in=True).standing == "waiting"


def test_slip_is_paused_only_where_it_would_take_a_bet() -> None:
    """An open slip is closed with the engine's reason; a slip that is closed anyway keeps its own."""
    assert shown(commands="paused").standing == "paused"
    assert shown(commands="paused").degraded == Degraded(Reason.ENGINE_DOWN, AS_OF)
    visitor = shown(commands="paused", signed_in=False)
    assert (visitor.standing, visitor.degraded) == ("visitor", None)
    assert shown(msgspec.structs.replace(ROULETTE, open=False), commands="paused").standing == "closed"
    assert shown(state="down", commands="paused").standing == "waiting"


def test_every_card_of_a_bet_has_the_words_of_every_other() -> None:
    """Slip and list both carry each other's text, so that a script can update both."""
    states = ("placing", "accepted", "returning", "returned")
    for state in (*states, "won", "lost"):
        one = bet(state)
        notice, listed = slip.accepted(one, ENGLISH), slip.bets([one], ENGLISH, "205", "pl").lines
        assert listed is not None
        assert notice.status == listed[0].status
        assert (notice.words, listed[0].state) == (listed[0].status.sentence, listed[0].status.state)
    steps = [bet(state).step for state in states]
    assert steps == sorted(set(steps)), "what comes later has the higher step"
    for end in (bet("won", paid=False), bet("lost")):
        assert bet("accepted").step < end.step < bet("returned").step, "also a round that is taken back after it"
    assert bet("won", paid=False).step < bet("won").step


def test_chips_lie_within_the_limits_and_the_last_stays_chosen() -> None:
    """Chips above the table's maximum are left out; an unknown stake selects the smallest."""
    assert [stake.text for stake in shown().stakes] == ["€0.50", "€2.50", "€12.50", "€50"]
    assert [stake.value for stake in shown(stake=1250).stakes if stake.chosen] == [1250]
    assert [stake.value for stake in shown(stake=777).stakes if stake.chosen] == [50]
    limits = msgspec.structs.replace(ROULETTE.limits, bet_max_minor=300)
    assert len(shown(msgspec.structs.replace(ROULETTE, limits=limits)).stakes) == 2


def test_a_form_names_the_window_that_it_is_for() -> None:
    """A window in the past has no form."""
    open_ = msgspec.structs.replace(ROULETTE, bets_close_at=CLOSES)
    closes = shown(open_).closes
    assert closes is not None
    assert closes.iso == "2026-03-14T20:14:15.000Z"
    assert shown(open_, now=CLOSES).closes is None


@pytest.mark.parametrize("why", list(BetRefusal))
def test_every_refusal_says_that_nothing_was_taken(why: BetRefusal) -> None:
    """A player learns that a refused bet cost nothing."""
    notice = slip.refused(why, ROULETTE.limits, ENGLISH)
    assert notice.tone == "bad"
    assert any(words in notice.words for words in ("othing was taken", "othing more was taken", "no bet is taken"))
    assert notice.cashier == (why is BetRefusal.NOT_ENOUGH_MONEY)


def test_limits_are_named_in_their_refusal() -> None:
    """The message has minimum and maximum."""
    assert "€0.50" in slip.refused(BetRefusal.UNDER_LIMIT, ROULETTE.limits, ENGLISH).words
    assert "€5,000" in slip.refused(BetRefusal.OVER_LIMIT, ROULETTE.limits, ENGLISH).words


def test_lost_bet_is_offered_again_under_the_same_key() -> None:
    """It is not called failed, and the next form is the same bet."""
    wanted = PlaceBet("205", "red", 500, "EUR", CLOSES + timedelta(microseconds=123_456))
    notice, again = slip.unknown(wanted, "k9", ENGLISH)
    assert notice.tone == "warn"
    closes_at = datetime.fromisoformat(again.closes_at)
    assert again.key == "k9"
    assert PlaceBet("205", "red", again.stake, "EUR", closes_at) == wanted


@pytest.mark.parametrize(
    ("state", "fields", "words", "tone"),
    [
        ("placing", {}, "Being placed", "open"),
        ("accepted", {}, "In play", "open"),
        ("won", {}, "Won €10.00", "won"),
        ("won", {"paid": False}, "Won €10.00, being paid", "won"),
        ("lost", {"paid": False}, "Lost", "lost"),
        ("returning", {}, "Being returned", "open"),
        ("returned", {}, "Returned", "returned"),
    ],
)
def test_a_bet_says_how_it_stands(state: Any, fields: dict[str, Any], words: str, tone: str) -> None:
    """Each state has a label, and pending money is labelled as pending."""
    page = slip.bets([bet(state, **fields)], ENGLISH, "205", "pl_amber")
    assert page.lines is not None
    assert (page.lines[0].state, page.lines[0].tone) == (words, tone)
    assert page.waiting == (state in ("placing", "accepted", "returning") or words.endswith("paid"))


def test_bets_that_can_not_be_read_are_not_none() -> None:
    """An unreadable list is not shown as an empty one."""
    assert slip.bets(Failure(Reason.TIMEOUT), ENGLISH, "205", "pl").lines is None
    assert slip.bets([], ENGLISH, "205", "pl").lines == []
