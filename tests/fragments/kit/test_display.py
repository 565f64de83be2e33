"""What fragments show, computed without request, clock or network."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from bff.contracts.tables import RoundResult, TableData, TablesData
from bff.contracts.view import FreshnessState
from bff.contracts.wallet import Availability
from bff.resilience.outcome import Failure
from bff.resilience.reason import Reason
from fragments.kit.answer import Degraded
from fragments.kit.formats import formats_for
from fragments.kit.freshness import judge
from fragments.kit.unanswered import UnansweredCommand, parse_unanswered
from fragments.live_dealer import display as live
from fragments.promotions import display as promotions
from fragments.wallet import display as wallet
from fragments.wallet import receipts
from tests.support.fragments_fake_bff import AS_OF, view
from tests.support.fragments_samples import bonus, offers, receipt, table, tables, wallet_data

pytestmark = pytest.mark.quick

ENGLISH = formats_for("en-GB")
PATHS = live.Pathnames("/tables/{table_id}/", "/live/{kind}/")
PAUSED = "Deposits are paused: our provider does not answer. Your money is safe."


def wallet_panel(answer: Any, **form: Any) -> wallet.Panel:
    deposit = wallet.deposit_form(answer, "EUR", ENGLISH, key="k", **form)
    withdraw = wallet.withdraw_form(answer, "EUR", ENGLISH, key="w")
    return wallet.panel(
        answer, {"deposit": deposit, "withdraw": withdraw}, ENGLISH, cancel_key=lambda reference: f"c-{reference}"
    )


def offer_cards(answer: Any, **notes: promotions.ClaimNote) -> promotions.Offers:
    return promotions.offers(answer, ENGLISH, sign_in="/sign-in/", keys={"pr_first": "k1"}, notes=notes)


@pytest.mark.parametrize(
    ("state", "data", "degraded"),
    [
        ("live", "x", None),
        ("stale", "x", Degraded(Reason.FEED_STALE, AS_OF)),
        ("down", "x", Degraded(Reason.FEED_DOWN, AS_OF)),
        ("live", None, Degraded(Reason.FEED_DOWN, AS_OF)),
    ],
)
def test_only_live_data_is_current(state: FreshnessState, data: Any, degraded: Degraded | None) -> None:
    """An answer is current when its feed is live and it holds data; else its reason and age are known."""
    assert judge(view(data, state)) == degraded


def test_state_header_names_reason_and_age() -> None:
    """`Fragment-State` carries the reason's own word and an RFC 3339 moment in UTC."""
    assert Degraded(Reason.FEED_STALE, AS_OF).header() == (
        "degraded; reason=feed_stale; as-of=2026-03-14T20:14:03.000Z"
    )
    assert Degraded(Reason.TIMEOUT).header() == "degraded; reason=timeout"
    shut = Degraded.by(Failure(Reason.BREAKER_OPEN, retry_after_ms=1200, upstream="bff-queries"))
    assert shut.header() == "degraded; reason=breaker_open; upstream=bff-queries; retry-after-ms=1200"


def test_a_feeds_failure_names_the_feed_and_the_engines_the_engine() -> None:
    """Without a failed call the reason gives the upstream; a name from a call is kept."""
    feeds = ("tables", "other")
    assert Degraded(Reason.FEED_STALE).named(feeds).upstream == "tables"
    assert Degraded(Reason.ENGINE_DOWN).named(feeds).upstream == "engine"
    assert Degraded(Reason.FEED_DOWN).named(()).upstream == ""
    assert Degraded(Reason.TIMEOUT, upstream="bff-queries").named(feeds).upstream == "bff-queries"


@pytest.mark.parametrize("state", ["stale", "down"])
def test_money_that_is_not_current_shows_its_time_and_takes_no_deposit(state: FreshnessState) -> None:
    """Old figures stand under the moment they were true, and the form says why it is closed."""
    panel = wallet_panel(view(wallet_data(), state))
    assert panel.figures is not None
    assert panel.note.moment is not None
    assert panel.note.moment.text == "20:14:03 UTC"
    assert not panel.forms["deposit"].open
    assert panel.forms["deposit"].closed is not None
    assert "until your balance is current" in panel.forms["deposit"].closed.before


def test_wallet_out_of_reach_shows_no_figure() -> None:
    """Without an answer there is no number on the panel, and its reason is the failure's."""
    panel = wallet_panel(Failure(Reason.BREAKER_OPEN))
    assert (panel.figures, panel.lines, panel.forms["deposit"].open) == (None, [], False)
    assert panel.degraded == Degraded(Reason.BREAKER_OPEN)


def test_closed_engine_speaks_for_itself() -> None:
    """While figures are live and deposits are paused, the engine's own sentence stands at the closed form."""
    panel = wallet_panel(view(wallet_data(deposit=Availability(False, PAUSED))))
    assert panel.degraded == Degraded(Reason.ENGINE_DOWN, AS_OF)
    assert panel.forms["deposit"].closed is not None
    assert panel.forms["deposit"].closed.before == PAUSED
    assert panel.note.before == "Deposits are paused: our provider does not answer."
    assert panel.balance_note.tone == "good"


def test_change_that_is_not_shown_yet_is_named() -> None:
    """Figures without the player's latest change are not labelled as up to date."""
    answer = msgspec.structs.replace(view(wallet_data()), pending=True)
    panel = wallet_panel(answer)
    assert panel.degraded is None
    assert "will show here in a moment" in panel.note.before


def test_action_that_is_not_listed_is_closed() -> None:
    """A wallet whose view names no deposit offers none."""
    data = msgspec.structs.replace(wallet_data(), actions={})
    assert not wallet_panel(view(data)).forms["deposit"].open


def test_pending_money_is_named_apart() -> None:
    """Pending money is in no balance and is shown by itself."""
    panel = wallet_panel(view(wallet_data(pending_minor=50_00)))
    assert panel.figures is not None
    assert panel.figures.real.text == "€1,284.50"
    assert "€50.00 more on its way" in panel.note.before


def test_movements_read_as_the_player_sees_them() -> None:
    """Each line has a word, a signed amount, a state in words, and a tone."""
    lines = wallet_panel(view(wallet_data())).lines
    assert [(line.label, line.amount, line.state, line.tone) for line in lines[:3]] == [
        ("Deposit", "+€50.00", "Pending", "pending"),
        ("Win", "+€36.00", "", "in"),
        ("Bet", "-€1.00", "", "out"),
    ]


@pytest.mark.parametrize("state", ["done", "pending", "declined"])
def test_receipt_tells_state_amount_and_reference(state: Any) -> None:
    """A receipt's card has the amount and the reference in every state."""
    card = receipts.receipt_card(receipt(state), ENGLISH)
    assert card.state == state
    assert "€20.00" in card.title
    assert card.reference == "rc_0a1b2c"


def test_unknown_outcome_is_pending_under_its_key() -> None:
    """A lost answer is not called failed; form, time and key identify the command."""
    lost = UnansweredCommand("deposit", 1_700_000_000, "k_9-x")
    card = receipts.unknown_card(lost, "/again/")
    assert (card.state, card.reference, card.again) == ("pending", "k_9-x", "/again/")
    assert parse_unanswered(lost.receipt_id) == lost


@pytest.mark.parametrize(
    "receipt_id", ["", "rc_1", "key_", "key_deposit_1_k", "key_<b>_1700000000_k", "key_deposit_١٧٠٠٠٠٠٠٠٠_k"]
)
def test_only_own_ids_are_read_as_lost_commands(receipt_id: str) -> None:
    """Only ids that a fragment itself wrote are parsed as keys of commands."""
    assert parse_unanswered(receipt_id) is None


def test_lobby_shows_every_kind_in_turn_and_open_tables_first() -> None:
    """The selection takes open tables of each kind in turn; the rest is one link away."""
    grid = live.grid(view(TablesData(tables())), ENGLISH, PATHS)
    assert grid.cards is not None
    assert [card.kind for card in grid.cards[:4]] == ["roulette", "blackjack", "baccarat", "gameshow"]
    assert len(grid.cards) == 12
    assert all(card.open for card in grid.cards)
    assert grid.more is not None
    assert (grid.more.href, grid.more.count) == ("/live/all/", 15)


def test_kind_shows_all_its_tables_and_marks_its_link() -> None:
    """A kind's grid is complete, closed tables with their opening time included."""
    grid = live.grid(view(TablesData(tables())), ENGLISH, PATHS, "roulette")
    assert grid.cards is not None
    assert {card.kind for card in grid.cards} == {"roulette"}
    closed = grid.cards[-1]
    assert closed.opens is not None
    assert (closed.state, closed.opens.text) == ("Opens", "21:30 UTC")
    assert [choice.words for choice in grid.choices if choice.current] == ["Roulette"]
    assert grid.note.before == "4 of 5 open"


def room(*, open_: bool = True, **fields: Any) -> live.Room:
    one = msgspec.structs.replace(table("201", "T", "roulette"), open=open_, **fields)
    return live.room(view(TableData(one)), ENGLISH, PATHS.table, AS_OF + timedelta(seconds=2))


def test_result_without_its_short_form_is_cut_and_keeps_its_words() -> None:
    """A chip is at most four characters; the whole result stays readable, and a colour nobody knows is none."""
    result = RoundResult("Lantern", "octarine", "r1", AS_OF)
    last = getattr(room(results=[result]).card, "last", None)
    assert last == live.Chip("Lant", "Lantern", "", 0)


def test_room_says_how_old_it_was_when_it_was_made() -> None:
    """Without scripts the page shows the time of its figures and their age."""
    shown = room()
    assert shown.as_of is not None
    assert (shown.as_of.text, shown.age_s) == ("20:14:03 UTC", 2)


def test_betting_window_in_the_past_is_closed() -> None:
    """A betting window in the past counts as closed."""
    soon, past = AS_OF + timedelta(seconds=9), AS_OF + timedelta(seconds=1)
    closes = room(bets_close_at=soon).closes
    assert closes is not None
    assert closes.text == "until 20:14:12 UTC"
    assert room(bets_close_at=past).closes is None
    assert room(bets_close_at=soon, open_=False).closes is None


@pytest.mark.parametrize(
    ("video", "shown"),
    [("https://v.example/1.m3u8", "https://v.example/1.m3u8"), ("javascript:alert(1)", ""), ("//v.example/1", "")],
)
def test_picture_has_an_address_of_its_own_kind(video: str, shown: str) -> None:
    """Only an HTTP address counts as a picture; a closed table has none."""
    assert room(video=video).video == shown
    assert room(video=video, open_=False).video == ""


def test_tables_out_of_reach_keep_their_place() -> None:
    """Without an answer there are placeholder cards; with an empty answer a sentence."""
    assert live.grid(Failure(Reason.TIMEOUT), ENGLISH, PATHS).cards is None
    assert live.grid(view(TablesData([])), ENGLISH, PATHS).cards == []


def test_ended_offer_is_gone() -> None:
    """An offer whose end is past the server's time is left out, although the BFF sent it."""
    data = offers()
    ended = msgspec.structs.replace(data, server_time=AS_OF + timedelta(hours=1))
    cards = offer_cards(view(ended)).cards
    assert cards is not None
    assert "pr_rain" not in {card.promotion_id for card in cards}


def test_claims_wait_while_the_list_is_not_current() -> None:
    """A stale list has no claim button; claimed offers stay claimed."""
    cards = offer_cards(view(offers(), "stale")).cards
    assert cards is not None
    assert [card.claim for card in cards] == ["waiting", "waiting", "claimed", "waiting"]


def test_taken_claim_is_ahead_of_the_view() -> None:
    """A claim that the engine has accepted is shown as claimed, although the view still says open."""
    taken = promotions.receipt_note(receipt(command="claim-promotion"))
    cards = offer_cards(view(offers()), pr_first=taken).cards
    assert cards is not None
    assert next(card for card in cards if card.promotion_id == "pr_first").claim == "claimed"


def test_note_without_its_card_is_shown_all_the_same() -> None:
    """The result of a claim is shown also when its offer, or the whole list, is missing."""
    refused = promotions.ClaimNote("bad", "No.")
    assert offer_cards(view(offers()), pr_gone=refused).loose_note == refused
    assert offer_cards(Failure(Reason.CONNECT), pr_first=refused).loose_note == refused


def test_offers_of_one_second_are_one_body() -> None:
    """So they are contained once for everybody in that second; the countdown's clock is right to half a second."""

    def clocks(milliseconds: int) -> promotions.Offers:
        moment = AS_OF.replace(microsecond=0) + timedelta(milliseconds=milliseconds)
        return offer_cards(view(msgspec.structs.replace(offers(), server_time=moment)))

    assert clocks(-400) == clocks(0) == clocks(400)
    assert clocks(400) != clocks(600)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (-5, "less than a minute"),
        (59, "less than a minute"),
        (720, "12 min"),
        (12_060, "3 h 21 min"),
        (273_600, "3 d 4 h"),
    ],
)
def test_countdown_has_two_units_at_most(seconds: int, words: str) -> None:
    """The time left is never negative."""
    assert promotions.countdown_words(seconds) == words


@pytest.mark.parametrize(
    ("wagering", "days", "words"),
    [(1, 1, "Stake it once within 1 day"), (30, 7, "Stake it 30 times within 7 days"), (5, 0, "Stake it 5 times")],
)
def test_conditions_read_as_sentences(wagering: int, days: int, words: str) -> None:
    """Singular and plural are right, and conditions that an offer lacks are left out."""
    data = offers()
    offer = msgspec.structs.replace(data.offers[0], wagering=wagering, days=days, stake_max_minor=0)
    cards = offer_cards(view(msgspec.structs.replace(data, offers=[offer]))).cards
    assert cards is not None
    assert cards[0].conditions == [words]


def test_bonus_says_how_far_it_is() -> None:
    """The staked and the remaining amount, the rules and the end; once it is decided only the result."""
    data = msgspec.structs.replace(offers(), grants=[bonus(), bonus("done"), bonus("ended")])
    running, done, ended = offer_cards(view(data)).bonuses
    assert (running.progress, running.left) == ("€600 of €1,500 staked", "€900 to go")
    assert (running.wagered, running.wagering) == (60_000, 150_000)
    assert running.rules == ["Bets up to €5", "Slots 100 %, Live roulette 10 %"]
    assert running.countdown is not None
    assert running.countdown.text == "2 d 0 h"
    assert (done.rules, done.countdown, ended.countdown) == ([], None, None)
    assert "real money" in done.words
    assert "gone" in ended.words


def test_bonus_without_an_end_counts_nothing_down() -> None:
    """A bonus that never expires shows no days left."""
    data = msgspec.structs.replace(offers(), grants=[bonus(ends_at=AS_OF + timedelta(days=99_999), stake_max_minor=0)])
    [card] = offer_cards(view(data)).bonuses
    assert (card.countdown, card.rules) == (None, ["Slots 100 %, Live roulette 10 %"])


@pytest.mark.parametrize(
    ("most", "granted", "words"),
    [(2, 0, "Twice a player"), (3, 1, "3 times a player, you have had it once"), (2, 2, "Twice a player")],
)
def test_offer_says_how_often_it_can_be_taken(most: int, granted: int, words: str) -> None:
    """The limit and the count so far; a limit of one is not mentioned."""
    data = offers()
    offer = msgspec.structs.replace(data.offers[0], grants_max=most, granted=granted)
    cards = offer_cards(view(msgspec.structs.replace(data, offers=[offer]))).cards
    assert cards is not None
    assert words in cards[0].conditions


def test_prize_without_wagering_says_so() -> None:
    """Without wagering no largest bet is named."""
    data = offers()
    offer = msgspec.structs.replace(data.offers[0], wagering=0)
    cards = offer_cards(view(msgspec.structs.replace(data, offers=[offer]))).cards
    assert cards is not None
    assert cards[0].conditions == ["Yours to withdraw at once"]


def test_form_keeps_what_was_typed_beside_its_error() -> None:
    """A refused amount stays in the field."""
    form = wallet_panel(view(wallet_data()), typed="12,x", error="No.").forms["deposit"]
    assert (form.typed, form.error, form.open) == ("12,x", "No.", True)
    assert replace(form, typed="").input_mode == "decimal"
