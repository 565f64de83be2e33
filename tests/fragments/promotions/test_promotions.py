"""The offers as a real process, with a fake BFF whose replies a test sets."""

import re
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from bff.contracts.view import Break
from bff.contracts.wallet import ClaimPromotion, CloseKey
from tests.support.fragments_fake_bff import AS_OF, FakeBff, Reply, problem, reply, view
from tests.support.fragments_house import Answer, Fragment, bearer
from tests.support.fragments_samples import bonus, offers, receipt

ROOM = "promotions"
PREFIX = "/slots/lobby/promotions"
KEY = "key-0123456789"


def replies() -> dict[str, Reply]:
    return {"/views/promotions": reply(view(offers()))}


def player(**more: str) -> dict[str, str]:
    return {
        "authorization": bearer("promotions"),
        "podium_locale": "en-GB",
        "podium_public_pathname": PREFIX,
        **more,
    }


def claim(promotions: Fragment, promotion_id: str = "pr_first", key: str = KEY) -> Answer:
    return promotions.post("/actions/claim", {"promotion_id": promotion_id, "idempotency_key": key}, **player())


def card(answer: Answer, title: str) -> str:
    """The HTML of one offer's card."""
    return next(part for part in answer.text.split('<li class="card offer">') if title in part)


def test_cards_show_worth_terms_and_end(promotions: Fragment, bff: FakeBff) -> None:
    """A card has what it is worth, its conditions, its terms, when it ends, and a form of its own."""
    answer = promotions.get("/offers", **player())
    one = card(answer, "First Seat")
    for words in ("€100", "Stake it 30 times within 7 days", "Bets up to €5 meanwhile", "<details", "1 d 6 h"):
        assert words in one, words
    assert 'data-countdown data-server-now="2026-03-14T20:14:03.000Z"' in one
    keys = re.findall(r'name="idempotency_key" value="([^"]+)"', answer.text)
    assert len(keys) == len(set(keys)) == 3
    assert set(re.findall(r'action="([^"]*)"', answer.text)) == {f"{PREFIX}/actions/claim"}
    assert "Claimed" in card(answer, "Wheel Nights")
    assert re.search(r"<dt>Slots</dt><dd[^>]*>100 %</dd>", one)


def test_bonuses_show_their_progress(promotions: Fragment, bff: FakeBff) -> None:
    """A running bonus has a bar that says how far it is, in words too, and its end."""
    bff.replies["/views/promotions"] = reply(view(msgspec.structs.replace(offers(), grants=[bonus(), bonus("done")])))
    answer = promotions.get("/offers", **player())
    assert re.search(r'<progress [^>]*value="60000" max="150000" aria-label="€600 of €1,500 staked">', answer.text)
    for words in ("€900 to go", "Bets up to €5", "What it brought is real money", "2 d 0 h"):
        assert words in answer.text, words


def test_player_on_a_break_sees_no_offer(promotions: Fragment, bff: FakeBff) -> None:
    """Although the BFF lists offers, the page has the end of the break, earlier bonuses, and no claim button."""
    view_on_break = view(msgspec.structs.replace(offers(), grants=[bonus()]), on_break=Break(AS_OF + timedelta(days=7)))
    bff.replies["/views/promotions"] = reply(view_on_break)
    answer = promotions.get("/offers", **player())
    assert "On a break until" in answer.text
    assert "21 Mar 2026, 20:14 UTC" in answer.text
    assert "Your bonus" in answer.text
    for offered in ("<form", "Welcome", "offers run", "No offer runs"):
        assert offered not in answer.text, offered


def test_anonymous_player_sees_offers_and_may_sign_in(promotions: Fragment, bff: FakeBff) -> None:
    """Offers are for everybody; the claim leads to sign-in and back."""
    bff.replies["/views/promotions"] = reply(view(offers("signed_out")))
    answer = promotions.get("/offers", podium_mount_pathname="/")
    assert answer.status == 200
    assert 'href="/sign-in/?next=/"' in answer.text
    assert "<form" not in answer.text
    assert "authorization" not in bff.requests[0].headers


def test_copy_of_what_visitors_see_may_stand_in_and_of_a_players_offers_none(
    promotions: Fragment, bff: FakeBff
) -> None:
    """Nor one of what is old already, and none is used while this fragment can be asked."""
    assert promotions.get("/offers", **player()).headers["cache-control"] == "private, no-store"
    bff.replies["/views/promotions"] = reply(view(offers("signed_out")))
    visitor = {"podium_mount_pathname": "/"}
    assert promotions.get("/offers", **visitor).headers["cache-control"] == "public, max-age=0"
    bff.replies["/views/promotions"] = reply(view(offers("signed_out"), "stale"))
    assert promotions.get("/offers", **visitor).headers["cache-control"] == "private, no-store"
    refused = promotions.post("/actions/claim", {"promotion_id": "pr_first", "idempotency_key": KEY}, **visitor)
    assert (refused.status, refused.headers["cache-control"]) == (401, "private, no-store")


def test_claim_is_commanded_once_with_its_key(promotions: Fragment, bff: FakeBff) -> None:
    """A claim goes to the engine under its form's key; wallet and claims have changed; its card says claimed."""
    bff.replies["/commands/claim-promotion"] = reply(receipt(command="claim-promotion"))
    answer = claim(promotions)
    command = next(request for request in bff.requests if request.method == "POST")
    assert msgspec.json.decode(command.body, type=ClaimPromotion) == ClaimPromotion("pr_first")
    assert command.headers["idempotency-key"] == KEY
    assert answer.status == 200
    assert answer.headers["mullion-changed"] == "wallet, claims; sequence=e1:8"
    assert answer.headers["mullion-receipt"] == "rc_0a1b2c"
    assert "Claimed" in card(answer, "First Seat")
    assert "<form" not in card(answer, "First Seat")


@pytest.mark.parametrize(
    ("answered", "status", "words", "same_key"),
    [
        (problem(422, "already_claimed", "You have had this offer."), 422, "You have had this offer.", False),
        (problem(409, "command_in_flight"), 202, "already on its way", True),
        (problem(503, "engine_down"), 200, "nothing was sent", True),
        (problem(504, "outcome_unknown"), 202, "The answer got lost", True),
        (problem(503, "another_word"), 202, "The answer got lost", True),
        (Reply(500), 202, "The answer got lost", True),
        (Reply(503), 202, "The answer got lost", True),
        (reply(receipt(), cut=True), 202, "The answer got lost", True),
    ],
)
def test_claim_that_is_not_done_says_so_on_its_card(
    promotions: Fragment, bff: FakeBff, answered: Reply, status: int, words: str, same_key: bool
) -> None:
    """Refused, pending, not sent and unknown have a sentence each; only a refusal gets a new key."""
    bff.replies["/commands/claim-promotion"] = answered
    answer = claim(promotions)
    assert answer.status == status
    assert words in card(answer, "First Seat")
    assert (f'value="{KEY}"' in card(answer, "First Seat")) == same_key
    assert ("engine_down" in answer.headers.get("fragment-state", "")) == (status != 422)
    crossing = answer.headers.get("mullion-receipt", "")
    assert bool(re.fullmatch(rf"key_claim_[0-9]{{10}}_{KEY}", crossing)) == (status == 202)
    bff.replies["/commands/claim-promotion"] = reply(receipt(command="claim-promotion"))
    assert "Claimed" in card(claim(promotions), "First Seat")


@pytest.mark.parametrize(
    ("answered", "words", "asks_again"),
    [
        (problem(404, "key_unknown"), "We keep asking what became of your claim", True),
        (Reply(500), "We keep asking what became of your claim", True),
        (reply(receipt(command="claim-promotion")), "It is yours.", False),
        (reply(receipt("declined", command="close-key")), "Nothing was done; you can claim again.", False),
        (problem(410, "key_forgotten"), "too long ago", False),
    ],
)
def test_lost_claim_is_looked_up_by_its_key(
    promotions: Fragment, bff: FakeBff, answered: Reply, words: str, asks_again: bool
) -> None:
    """The key survives a reload; the engine is asked for its result, and nothing is claimed again."""
    bff.replies["/commands/close-key"] = answered
    answer = promotions.get(f"/offers?receipt=key_claim_1700000000_{KEY}", **player())
    assert words in answer.text
    assert ("fragment-state" in answer.headers) == asks_again
    assert (f"Reference {KEY}" in answer.text) == asks_again
    [sent] = [request for request in bff.requests if request.method == "POST"]
    assert (sent.path, sent.headers["idempotency-key"]) == ("/commands/close-key", KEY)
    assert msgspec.json.decode(sent.body, type=CloseKey).sent_at.timestamp() == 1_700_000_000


@pytest.mark.parametrize("promotion_id", ["", "../x", "a b", "<script>", "x" * 4_000])
def test_hostile_promotion_is_sent_nowhere(promotions: Fragment, bff: FakeBff, promotion_id: str) -> None:
    """An invalid promotion id is not sent to the engine."""
    answer = claim(promotions, promotion_id)
    assert answer.status == 422
    assert "There is no such offer." in answer.text
    assert not [request for request in bff.requests if request.method == "POST"]


def test_anonymous_claim_is_401(promotions: Fragment, bff: FakeBff) -> None:
    """Without a player nothing is claimed."""
    answer = promotions.post("/actions/claim", {"promotion_id": "pr_first", "idempotency_key": KEY})
    assert answer.status == 401
    assert not [request for request in bff.requests if request.method == "POST"]


@pytest.mark.parametrize(("state", "reason"), [("stale", "feed_stale"), ("down", "feed_down")])
def test_claims_wait_for_a_current_list(promotions: Fragment, bff: FakeBff, state: Any, reason: str) -> None:
    """A stale list shows its age once and has no claim button."""
    bff.replies["/views/promotions"] = reply(view(offers(), state))
    answer = promotions.get("/offers", **player())
    assert (
        answer.headers["fragment-state"]
        == f"degraded; reason={reason}; as-of=2026-03-14T20:14:03.000Z; upstream=promotions"
    )
    assert answer.text.count('role="status"') == 1
    buttons = re.findall(r"<button[^>]*>", answer.text)
    assert buttons
    assert all("disabled" in button for button in buttons)


def test_offers_out_of_reach_keep_their_place(promotions: Fragment, bff: FakeBff) -> None:
    """Without an answer there are placeholder cards, or the last known offers without claim buttons."""
    bff.replies["/views/promotions"] = problem(503, "store_down")
    shown = promotions.get("/offers", **player()).text
    assert "Wheel Nights" in shown
    assert "Ends in" not in shown
    assert all("disabled" in button for button in re.findall(r"<button[^>]*>", shown))
    answer = promotions.get("/offers", **player() | {"authorization": bearer("promotions", player="pl_never_seen")})
    assert answer.status == 200
    assert answer.headers["fragment-state"] == "degraded; reason=store_down; upstream=query-store"
    assert "We keep trying." in answer.text
    assert '<ul class="offers quiet" aria-hidden="true">' in answer.text


def test_receipt_crosses_a_redirect(promotions: Fragment, bff: FakeBff) -> None:
    """`?receipt=` shows the result of the claim; without a player no receipt is requested."""
    bff.replies["/views/receipts/rc_0a1b2c"] = reply(view({"receipt": receipt(command="claim-promotion")}))
    assert "It is yours." in promotions.get("/offers?receipt=rc_0a1b2c", **player()).text
    bff.requests.clear()
    promotions.get("/offers?receipt=rc_0a1b2c")
    assert [request.path for request in bff.requests] == ["/views/promotions"]
