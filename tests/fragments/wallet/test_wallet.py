"""The wallet as a real process, with a fake BFF whose replies a test sets."""

import re
from typing import Any

import jwt
import msgspec
import pytest

from bff.contracts.wallet import Availability, Deposit
from fragments.kit.policy import POLICY
from tests.support.fragments_fake_bff import BffRequest, FakeBff, Reply, problem, reply, view
from tests.support.fragments_house import UNHURRIED_VIEW_MS, Answer, Fragment, bearer
from tests.support.fragments_samples import receipt, wallet_data

ROOM = "wallet"
PREFIX = "/slots/lobby/wallet"
KEY = "key-0123456789"


def replies() -> dict[str, Reply]:
    return {"/views/wallet": reply(view(wallet_data()))}


def player(**more: str) -> dict[str, str]:
    return {
        "authorization": bearer("wallet"),
        "podium_locale": "en-GB",
        "podium_public_pathname": PREFIX,
        "podium_mount_pathname": "/cashier/",
        **more,
    }


def deposit(wallet: Fragment, amount: str, key: str = KEY, **more: str) -> Answer:
    return wallet.post("/actions/deposit", {"amount": amount, "idempotency_key": key}, **player(**more))


def test_summary_shows_the_balance(wallet: Fragment, bff: FakeBff) -> None:
    """A signed-in player sees all figures; the answer is not cacheable and has the release's version."""
    answer = wallet.get("/summary", **player())
    assert answer.status == 200
    assert answer.headers["content-length"] == str(len(answer.text.encode()))
    assert answer.headers["cache-control"] == "private, no-store"
    assert answer.headers["podlet-version"].startswith("1.")
    assert "fragment-state" not in answer.headers
    assert 'role="status"' not in answer.text
    assert "€1,284</span>" in answer.text
    assert "€1,204.50" in answer.text


def test_bff_gets_bearer_trace_and_deadline(wallet: Fragment, bff: FakeBff) -> None:
    """Bearer and trace are passed on; the deadline is the view's own, longer while the BFF is slow, shorter where the
    shell has less.
    """
    trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    assert (POLICY.view_ms, POLICY.view_patience_ms) == (250, 150)
    wallet.get("/summary", **player(traceparent=trace))
    wallet.get("/summary", **player(mullion_deadline_ms="1120"))
    first, second = (request.headers for request in bff.requests)
    assert first["authorization"].startswith("Bearer ")
    assert first["traceparent"] == trace
    assert int(first["mullion-deadline-ms"]) <= UNHURRIED_VIEW_MS + POLICY.view_patience_ms
    assert int(second["mullion-deadline-ms"]) <= 1080
    assert "cookie" not in first


def test_anonymous_player_is_invited_to_sign_in_and_back(wallet: Fragment, bff: FakeBff) -> None:
    """Without a player no view is requested, and the link returns to the page."""
    for path in ("/summary", "/cashier"):
        answer = wallet.get(path, podium_mount_pathname="/tables/rl-1/")
        assert answer.status == 200
        assert 'href="/sign-in/?next=/tables/rl-1/"' in answer.text
    assert bff.requests == []


def test_each_player_has_a_request_of_their_own(wallet: Fragment, bff: FakeBff) -> None:
    """Each request has its own bearer, and no answer is reused."""
    bff.replies["/views/wallet"] = by_player
    birch = wallet.get("/summary", **player(authorization=bearer("wallet", player="pl_birch", currency="GBP")))
    amber = wallet.get("/summary", **player())
    assert "£" in birch.text
    assert "£" not in amber.text


def by_player(request: BffRequest) -> Reply:
    token = request.headers["authorization"].removeprefix("Bearer ")
    claims = jwt.decode(token, options={"verify_signature": False})
    return reply(view(wallet_data(claims["cur"])))


def test_foreign_or_expired_bearer_is_401(wallet: Fragment, bff: FakeBff) -> None:
    """The sign-in card is shown, and the BFF gets no request."""
    for authorization in (bearer("promotions"), bearer("wallet", expires_in_s=-5), "Bearer x"):
        answer = wallet.get("/summary", **player(authorization=authorization))
        assert answer.status == 401
    assert bff.requests == []


def test_bff_that_refuses_the_player_is_401(wallet: Fragment, bff: FakeBff) -> None:
    """A refused bearer is a 401 and not a degraded wallet."""
    bff.replies["/views/wallet"] = problem(401, "context_expired")
    assert wallet.get("/summary", **player()).status == 401


@pytest.mark.parametrize(("state", "reason"), [("stale", "feed_stale"), ("down", "feed_down")])
def test_old_money_says_how_old(wallet: Fragment, bff: FakeBff, state: Any, reason: str) -> None:
    """Stale figures have their time in the page and in the header, and deposits are closed."""
    bff.replies["/views/wallet"] = reply(view(wallet_data(), state))
    answer = wallet.get("/cashier", **player())
    assert answer.status == 200
    assert (
        answer.headers["fragment-state"]
        == f"degraded; reason={reason}; as-of=2026-03-14T20:14:03.000Z; upstream=ledger"
    )
    assert '<time datetime="2026-03-14T20:14:03.000Z" data-age>20:14:03 UTC</time>' in answer.text
    assert 'role="status"' in answer.text
    assert re.search(r'<button class="button" type="submit" disabled>', answer.text)


def test_closed_engine_is_shown_with_its_own_sentence(wallet: Fragment, bff: FakeBff) -> None:
    """While deposits are paused both pages show the BFF's sentence."""
    bff.replies["/views/wallet"] = reply(view(wallet_data(deposit=Availability(False, "Deposits are paused: tests."))))
    for path in ("/summary", "/cashier"):
        answer = wallet.get(path, **player())
        assert answer.headers["fragment-state"].startswith("degraded; reason=engine_down")
        assert answer.text.count("Deposits are paused: tests.") == 1


def test_deposit_is_commanded_once_with_its_key(wallet: Fragment, bff: FakeBff) -> None:
    """The engine gets minor units under the form's key; the answer has receipt, topics and sequence."""
    bff.replies["/commands/deposit"] = reply(receipt())
    answer = deposit(wallet, "20,5")
    command = next(request for request in bff.requests if request.method == "POST")
    assert msgspec.json.decode(command.body, type=Deposit) == Deposit(2050, "EUR")
    assert command.headers["idempotency-key"] == KEY
    assert answer.status == 200
    assert answer.headers["mullion-changed"] == "wallet; sequence=e1:8"
    assert answer.headers["mullion-receipt"] == "rc_0a1b2c"
    assert "€20.00 added" in answer.text
    assert bff.requests[-1].query == "min_sequence=e1%3A8"
    assert KEY not in answer.text, "the next deposit must not run under this one's key"


@pytest.mark.parametrize("amount", ["", "abc", "1,000", "-5", "0.01", "99999999999", "<script>", "９", "a" * 9_000])
def test_bad_amount_is_refused_and_kept(wallet: Fragment, bff: FakeBff, amount: str) -> None:
    """Hostile input does not reach the engine, and is escaped in its field beside a sentence."""
    answer = deposit(wallet, amount)
    assert answer.status == 422
    assert not [request for request in bff.requests if request.method == "POST"]
    assert 'aria-invalid="true"' in answer.text
    assert 'aria-describedby="amount-hint amount-error"' in answer.text
    assert "<script>" not in answer.text
    if amount == "1,000":
        assert 'value="1,000"' in answer.text


def test_engines_refusal_stands_at_the_field(wallet: Fragment, bff: FakeBff) -> None:
    """The engine's message about the amount is at the field."""
    words = "The most you can deposit today is €50."
    bff.replies["/commands/deposit"] = problem(422, "amount_invalid", "No.", {"amount_minor": words})
    answer = deposit(wallet, "100")
    assert answer.status == 422
    assert f'id="amount-error" role="alert">{words}' in answer.text
    assert 'value="100"' in answer.text


@pytest.mark.parametrize("key", ["", "k k", "k" * 200])
def test_form_without_its_key_is_sent_nowhere(wallet: Fragment, bff: FakeBff, key: str) -> None:
    """Without a key a repetition could not be recognised, so nothing is sent."""
    answer = deposit(wallet, "20", key)
    assert answer.status == 422
    assert "nothing was sent" in answer.text
    assert not [request for request in bff.requests if request.method == "POST"]


def test_deposit_in_flight_is_pending_under_its_key(wallet: Fragment, bff: FakeBff) -> None:
    """A second press during the first command is answered as pending."""
    bff.replies["/commands/deposit"] = problem(409, "command_in_flight")
    answer = deposit(wallet, "20")
    assert answer.status == 202
    assert re.fullmatch(rf"key_deposit_[0-9]{{10}}_{KEY}", answer.headers["mullion-receipt"])


@pytest.mark.parametrize(
    "lost",
    [
        reply(receipt(), cut=True),
        reply(receipt(), delay_s=0.9),
        problem(504, "outcome_unknown"),
        problem(503, "another_word"),
        Reply(500),
        Reply(503, b"<html>", "text/html"),
        Reply(200, b"<html>", "text/html"),
        Reply(404, b"<html>", "text/html"),
    ],
)
def test_lost_answer_is_pending_under_its_key(wallet: Fragment, bff: FakeBff, lost: Reply) -> None:
    """A lost answer is not called failed; the key is the reference, also after a reload."""
    bff.replies["/commands/deposit"] = lost
    limit = {"mullion_deadline_ms": "1500"} if lost.delay_s else {}
    answer = deposit(wallet, "20", **limit)
    assert answer.status == 202
    assert "We are checking your deposit" in answer.text
    assert f"Reference {KEY}" in answer.text
    assert f'value="{KEY}"' not in answer.text, "no form may carry it out again under the player's hand"
    crossing = answer.headers["mullion-receipt"]
    assert re.fullmatch(rf"key_deposit_[0-9]{{10}}_{KEY}", crossing)
    assert f'href="/cashier/?wallet.receipt={crossing}"' in answer.text
    assert answer.headers["fragment-state"].startswith("degraded; reason=engine_down"), (
        "so the slot asks again by itself"
    )
    bff.replies["/commands/deposit"] = reply(receipt())
    assert "€20.00 added" in deposit(wallet, "20").text


@pytest.mark.parametrize("state", ["pending", "declined"])
def test_receipt_that_is_not_done_says_why(wallet: Fragment, bff: FakeBff, state: Any) -> None:
    """A pending or declined deposit shows the engine's reason and its reference."""
    bff.replies["/commands/deposit"] = reply(receipt(state, reason="Because."), 202 if state == "pending" else 200)
    answer = deposit(wallet, "20")
    assert answer.status == 200
    assert "Because." in answer.text
    assert "Reference rc_0a1b2c" in answer.text
    assert ('value="20"' in answer.text) == (state == "declined")


def test_receipt_crosses_a_redirect(wallet: Fragment, bff: FakeBff) -> None:
    """`?receipt=` shows the result of the command; an unreadable one is acknowledged."""
    bff.replies["/views/receipts/rc_0a1b2c"] = reply(view({"receipt": receipt()}))
    assert "€20.00 added" in wallet.get("/cashier?receipt=rc_0a1b2c", **player()).text
    assert "can&#x27;t be read right now" in wallet.get("/cashier?receipt=rc_gone", **player()).text
    assert wallet.get("/cashier?receipt=../../x", **player()).status == 200
    assert all(request.path[-1] != "x" for request in bff.requests)


def test_forms_stay_under_the_slots_prefix(wallet: Fragment, bff: FakeBff) -> None:
    """Every form posts below the prefix in the shell's header."""
    html = wallet.get("/cashier", **player()).text
    actions = re.findall(r'action="([^"]*)"', html)
    assert {f"{PREFIX}/actions/deposit", f"{PREFIX}/actions/withdraw"} <= set(actions)
    assert [action for action in actions if not action.startswith(f"{PREFIX}/actions/")] == []


def test_wrong_methods_are_405(wallet: Fragment, bff: FakeBff) -> None:
    """A GET never deposits, a POST never reads."""
    assert wallet.get("/actions/deposit?amount=20", **player()).status == 405
    assert wallet.post("/cashier", {"a": "b"}, **player()).status == 405


def test_large_body_is_413(wallet: Fragment, bff: FakeBff) -> None:
    """A body above 16 KiB is refused."""
    assert wallet.post("/actions/deposit", b"amount=" + b"1" * 20_000, **player()).status == 413
