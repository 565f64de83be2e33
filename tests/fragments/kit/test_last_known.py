"""The last known answer, which a fragment shows while the BFF gives none."""

from dataclasses import replace
from typing import Any

import msgspec
import pytest

from bff.contracts.tables import TableData, TablesData
from bff.contracts.view import Break, View
from bff.resilience.outcome import Failure
from bff.resilience.reason import Reason
from fragments.kit.answer import Degraded
from fragments.kit.formats import formats_for
from fragments.kit.freshness import judge
from fragments.kit.last_known import LastKnown
from fragments.live_dealer import display as live
from fragments.promotions import display as promotions
from tests.support.fragments_fake_bff import AS_OF, view
from tests.support.fragments_samples import bonus, offers, table, tables

pytestmark = pytest.mark.quick

ENGLISH = formats_for("en-GB")
PATHS = live.Pathnames("/tables/{table_id}/", "/live/{kind}/")
DOWN = Failure(Reason.BREAKER_OPEN, upstream="bff-queries", retry_after_ms=900)


def recalled(data: Any, answer: Any = DOWN, **more: Any) -> tuple[Any, Failure | None]:
    last_known = LastKnown[Any]()
    last_known.recall("EUR", view(data, **more))
    return last_known.recall("EUR", answer)


def test_last_answer_is_down_and_as_old_as_it_is_and_names_who_failed() -> None:
    """It is never current; it has its own time, and the failed call's reason, upstream and retry time."""
    shown, failure = recalled("x")
    assert (shown.data, shown.freshness.state, shown.freshness.as_of) == ("x", "down", AS_OF)
    expected = replace(Degraded.by(DOWN), as_of=AS_OF)
    assert judge(shown, failure=failure) == expected
    assert (expected.reason, expected.upstream, expected.retry_after_ms) == (Reason.BREAKER_OPEN, "bff-queries", 900)


def test_store_that_was_emptied_is_answered_for_as_well() -> None:
    """An answer without data is replaced by the last known one, too."""
    shown, failure = recalled("x", view(None, "down", None))
    assert (shown.data, failure) == ("x", None)
    assert judge(shown, failure=failure) == Degraded(Reason.FEED_DOWN, AS_OF)


@pytest.mark.parametrize("reason", [Reason.NOT_FOUND, Reason.UNAUTHORISED])
def test_what_is_gone_or_forbidden_is_not_shown_again(reason: Reason) -> None:
    """After a 401, 403 or 404 of the BFF the last answer is not shown."""
    refused = Failure(reason)
    assert recalled("x", refused) == (refused, None)


def test_what_is_remembered_is_bounded_and_never_anothers() -> None:
    """Answers are kept by key, and the oldest is dropped first."""
    last_known = LastKnown[Any](answers_max=2)
    for key in ("a", "b", "c"):
        last_known.recall(key, view(key))
    assert last_known.recall("a", DOWN) == (DOWN, None)
    shown, _ = last_known.recall("c", DOWN)
    assert isinstance(shown, View)
    assert shown.data == "c"


def test_lobby_without_its_bff_keeps_names_and_links_and_no_number() -> None:
    """Every known table links to its page, under the time of the last answer."""
    last_known = LastKnown[TablesData]()
    before = live.grid(last_known.recall("EUR", view(TablesData(tables())))[0], ENGLISH, PATHS)
    shown, failure = last_known.recall("EUR", DOWN)
    grid = live.grid(shown, ENGLISH, PATHS, failure=failure)
    assert before.cards is not None
    assert grid.cards is not None
    assert [(card.name, card.href) for card in grid.cards] == [(card.name, card.href) for card in before.cards]
    assert not any(card.current or card.chips for card in grid.cards)
    assert {choice.count for choice in grid.choices} == {None}
    assert grid.note.moment is not None
    assert grid.note.moment.text == "20:14:03 UTC"
    assert grid.degraded is not None
    assert grid.degraded.upstream == "bff-queries"


@pytest.mark.parametrize("state", ["stale", "down"])
def test_silent_feed_claims_nothing_and_a_late_one_says_how_late(state: Any) -> None:
    """Seats, state and results are shown with their time while a feed is stale, and left out once it is down."""
    grid = live.grid(view(TablesData(tables()), state), ENGLISH, PATHS)
    room = live.room(view(TableData(table("201", "Harbour", "roulette")), state), ENGLISH, PATHS.table, AS_OF)
    assert grid.cards is not None
    assert room.card is not None
    assert {card.current for card in (*grid.cards, room.card)} == {state == "stale"}
    assert any(card.chips for card in grid.cards) == (state == "stale")
    assert room.card.chips, "what was played was played"


def test_offers_without_their_bff_count_nothing_down() -> None:
    """Offers keep their titles and can not be claimed; time left and a bonus's progress are left out."""
    shown, failure = recalled(msgspec.structs.replace(offers(), grants=[bonus()]))
    page = promotions.offers(shown, ENGLISH, sign_in="/sign-in/", keys={}, notes={}, failure=failure)
    assert page.cards
    assert {card.countdown for card in page.cards} == {None}
    assert "open" not in {card.claim for card in page.cards}
    assert page.bonuses == []


def test_player_who_was_on_a_break_sees_no_offer_in_an_outage() -> None:
    """The last answer includes the player's break."""
    shown, failure = recalled(offers(), on_break=Break(None))
    page = promotions.offers(shown, ENGLISH, sign_in="/sign-in/", keys={}, notes={}, failure=failure)
    assert page.cards == []
    assert page.on_break is not None
