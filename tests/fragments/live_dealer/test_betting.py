"""The bet slip as a real process, with a fake provider and a fake BFF."""

from typing import Any

import msgspec
import pytest

from bff.contracts.bets import BetRefusal, BetsData, PlaceBet
from bff.contracts.tables import TableData
from tests.support.fragments_fake_bff import BffRequest, FakeBff, Reply, problem, reply, view
from tests.support.fragments_house import Answer, Fragment, bearer
from tests.support.fragments_samples import bet, open_table

ROOM = "live_dealer"
KEY = "key-0123456789"
TABLE = open_table()


def replies() -> dict[str, Reply]:
    return {"/views/tables/205": reply(view(TableData(TABLE)))}


def player_headers(player: str = "pl_amber") -> dict[str, str]:
    return {
        "authorization": bearer("live-dealer", player=player),
        "mullion_grant": f"token-of-{player}",
        "podium_public_pathname": "/slots/table:205/slip",
        "podium_mount_pathname": "/tables/205/",
    }


def place(live: Fragment, **changes: str) -> Answer:
    closes_at = TABLE.bets_close_at
    assert closes_at is not None
    form = {"side": "red", "stake": "500", "closes_at": closes_at.isoformat(), "idempotency_key": KEY} | changes
    return live.post("/actions/bet/205", form, **player_headers())


def test_bet_goes_to_the_provider_with_the_token_of_its_table(live: Fragment, bff: FakeBff) -> None:
    """Side, stake, window and key arrive; the player's own bearer is not sent to the provider."""
    bff.replies["/v1/bets"] = reply(bet("accepted"))
    answer = place(live)
    assert answer.status == 200
    assert "€5 on red is in." in answer.text
    assert answer.headers["mullion-changed"] == "bets, wallet"
    assert answer.headers["mullion-receipt"] == "bet_accepted_0001"
    request = next(one for one in bff.requests if one.path == "/v1/bets")
    assert request.headers["authorization"] == "Bearer token-of-pl_amber"
    assert request.headers["idempotency-key"] == KEY
    assert msgspec.json.decode(request.body, type=PlaceBet) == PlaceBet(
        "205",
        "red",
        500,
        "EUR",
        TABLE.bets_close_at,  # type: ignore[arg-type]
    )


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"side": "green"}, "Choose a stake"),
        ({"stake": "5.00"}, "Choose a stake"),
        ({"stake": "-500"}, "Choose a stake"),
        ({"stake": "9" * 30}, "Choose a stake"),
        ({"closes_at": ""}, "Bets had closed"),
        ({"closes_at": "soon"}, "expired"),
        ({"closes_at": "2026-03-14T20:14:15"}, "expired"),
        ({"idempotency_key": "k"}, "expired"),
    ],
)
def test_form_that_makes_no_sense_is_never_sent(
    live: Fragment, bff: FakeBff, change: dict[str, str], words: str
) -> None:
    """The answer is 422 with a sentence and a new key; the provider gets no request."""
    answer = place(live, **change)
    assert answer.status == 422
    assert words in answer.text
    assert KEY not in answer.text
    assert [one.path for one in bff.requests] == ["/views/tables/205"]


@pytest.mark.parametrize("why", [BetRefusal.BETS_CLOSED, BetRefusal.NOT_ENOUGH_MONEY, BetRefusal.SESSION_ENDED])
def test_refusal_is_shown_beside_a_form_with_a_new_key(live: Fragment, bff: FakeBff, why: BetRefusal) -> None:
    """The answer is 422, announced, with the chosen chip and a new key."""
    bff.replies["/v1/bets"] = problem(422, why)
    answer = place(live, stake="250")
    assert answer.status == 422
    assert 'role="alert"' in answer.text
    assert 'value="250" checked' in answer.text
    assert "mullion-changed" not in answer.headers
    assert KEY not in answer.text


def test_lost_answer_keeps_its_key_and_can_be_sent_again(live: Fragment, bff: FakeBff) -> None:
    """The bet may be placed, so the only form is the same bet under the same key."""
    bff.replies["/v1/bets"] = reply(bet("accepted"), cut=True)
    answer = place(live)
    assert answer.status == 200
    assert "may or may not be in" in answer.text
    assert answer.text.count("<form") == 1
    assert f"Reference {KEY}" in answer.text
    assert answer.headers["mullion-changed"] == "bets, wallet"
    assert f'name="idempotency_key" value="{KEY}"' in answer.text


def test_provider_that_is_down_took_nothing(live: Fragment, bff: FakeBff) -> None:
    """A 503 means that nothing was placed: the slip is degraded and keeps the key."""
    bff.replies["/v1/bets"] = problem(503, "wallet_unavailable")
    answer = place(live)
    assert answer.status == 200
    assert answer.headers["fragment-state"] == "degraded; reason=engine_down; upstream=game-provider"
    assert "nothing was taken" in answer.text
    assert f'name="idempotency_key" value="{KEY}"' in answer.text


def test_bet_that_is_still_being_placed_is_pending(live: Fragment, bff: FakeBff) -> None:
    """A 202 is shown as pending, and the list of bets will have the result."""
    bff.replies["/v1/bets"] = reply(bet("placing"), 202)
    answer = place(live)
    assert answer.status == 202
    assert "is being placed" in answer.text


def test_visitor_is_invited_and_can_not_bet(live: Fragment, bff: FakeBff) -> None:
    """Without a player there is neither form nor list, and an action is 401."""
    page = live.get("/slip/205", podium_mount_pathname="/tables/205/")
    assert "/sign-in/?next=/tables/205/" in page.text
    assert "<form" not in page.text
    assert "Your bets" not in live.get("/bets/205").text
    assert live.post("/actions/bet/205", {"side": "red"}).status == 401
    assert all(one.path != "/v1/bets" for one in bff.requests)


def test_receipt_is_shown_to_its_player_while_the_bet_is_open(live: Fragment, bff: FakeBff) -> None:
    """The slip shows the state of the bet in `?receipt=`, if it is the player's and still open."""
    stands = ["accepted"]

    def bets_of(request: BffRequest) -> Reply:
        mine = request.headers["authorization"] == "Bearer token-of-pl_amber"
        return reply(BetsData([bet(stands[0])] if mine else []))

    bff.replies["/v1/bets"] = bets_of
    mine = live.get("/slip/205?receipt=bet_accepted_0001", **player_headers()).text
    assert "is in. Good luck." in mine
    assert 'class="outcome' in mine
    assert 'class="outcome' not in live.get("/slip/205?receipt=bet_accepted_0001", **player_headers("pl_birch")).text
    assert 'class="outcome' not in live.get("/slip/205", **player_headers()).text
    stands[0] = "returned"
    assert "could not be placed" in live.get("/slip/205?receipt=bet_returned_0001", **player_headers()).text
    stands[0] = "won"
    assert 'class="outcome' not in live.get("/slip/205?receipt=bet_won_0001", **player_headers()).text
    assert "€10.00" in live.get("/bets/205", **player_headers()).text


def test_players_pages_are_not_cacheable(live: Fragment, bff: FakeBff) -> None:
    """Slip and bets are not cacheable; the table's page is, and its request has no bearer."""
    bff.replies["/v1/bets"] = reply(BetsData([]))
    for path in ("/slip/205", "/bets/205"):
        assert live.get(path, **player_headers()).headers["cache-control"] == "private, no-store"
    bff.requests.clear()
    assert live.get("/table/205", **player_headers()).headers["cache-control"] == "public, max-age=1"
    assert all("authorization" not in one.headers for one in bff.requests)


def test_numbers_that_are_gone_leave_the_picture_and_the_last_results(live: Fragment, bff: FakeBff) -> None:
    """While the BFF is away the last known table is shown with its time, and the video goes on."""
    assert live.get("/table/205", **player_headers()).status == 200
    bff.replies["/views/tables/205"] = problem(503, "store_down")
    answer = live.get("/table/205", **player_headers())
    assert answer.headers["fragment-state"].startswith("degraded; reason=store_down; as-of=2026-03-14T20:14:03")
    assert 'data-stream="http://provider.example/205/live.m3u8"' in answer.text
    assert "20:14:03 UTC" in answer.text


@pytest.mark.parametrize("path", ["/slip/a%2Fb", "/bets/" + "x" * 80])
def test_unknown_table_is_404(live: Fragment, bff: FakeBff, path: str) -> None:
    """An invalid table id causes no request."""
    assert live.get(path, **player_headers()).status == 404
    assert bff.requests == []


def test_text_of_the_provider_is_text(live: Fragment, bff: FakeBff) -> None:
    """Markup in a result is escaped."""
    hostile: Any = bet("lost", result="<img src=x>", color='red" onclick="x')
    bff.replies["/v1/bets"] = reply(BetsData([hostile]))
    html = live.get("/bets/205", **player_headers()).text
    assert "<img" not in html
    assert 'onclick="x' not in html
