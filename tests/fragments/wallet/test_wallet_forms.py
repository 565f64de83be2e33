"""The wallet's other forms and its history as a real process, with a fake BFF whose replies a test sets."""

import re
from typing import Any

import msgspec
import pytest

from bff.contracts.wallet import CancelWithdrawal, ReceiptData, SelfExclude, SetDepositLimit, Withdraw
from tests.support.fragments_fake_bff import FakeBff, Reply, problem, reply, view
from tests.support.fragments_house import Answer, Fragment, bearer
from tests.support.fragments_samples import history_data, limits_data, receipt, wallet_data

ROOM = "wallet"
KEY = "key-0123456789"


def replies() -> dict[str, Reply]:
    return {
        "/views/wallet": reply(view(wallet_data(held_minor=2_500))),
        "/views/history": reply(view(history_data())),
        "/views/limits": reply(view(limits_data())),
    }


def player(slot: str = "history") -> dict[str, str]:
    return {
        "authorization": bearer("wallet"),
        "podium_locale": "en-GB",
        "podium_public_pathname": f"/slots/{slot}/{slot}",
        "podium_mount_pathname": f"/{slot}/",
    }


def act(wallet: Fragment, name: str, key: str = KEY, **fields: str) -> Answer:
    return wallet.post(f"/actions/{name}", {"idempotency_key": key, **fields}, **player())


def commanded(bff: FakeBff, kind: Any) -> Any:
    """The only command that the engine received."""
    [sent] = [request for request in bff.requests if request.method == "POST"]
    assert sent.headers["idempotency-key"] == KEY
    return msgspec.json.decode(sent.body, type=kind)


def test_history_asks_the_bff_for_what_the_page_asks_for(wallet: Fragment, bff: FakeBff) -> None:
    """Window, filter and page reach the BFF; every link stays on the page with the slot's parameter names."""
    answer = wallet.get("/history?until=2026-03&kind=play&page=2", **player())
    assert bff.requests[0].query == "until=2026-03&kind=bet%2Cwin%2Cprize%2Crollback&page=2"
    assert 'href="/history/?history.until=2026-03&amp;history.kind=play"' in answer.text
    assert "fragment-state" not in answer.headers


def test_window_that_is_out_of_reach_shows_the_newest(wallet: Fragment, bff: FakeBff) -> None:
    """An old link shows the newest months."""
    bff.replies["/views/history"] = lambda request: (
        problem(400, "until_out_of_reach") if "until" in request.query else reply(view(history_data()))
    )
    answer = wallet.get("/history?until=2020-01&kind=deposits", **player())
    assert "March 2026" in answer.text
    assert "fragment-state" not in answer.headers
    assert bff.requests[-1].query == "kind=deposit&page=1"


def test_single_transaction_is_shown_in_full(wallet: Fragment, bff: FakeBff) -> None:
    """State, reason and reference are above the history; an unreadable one says so and can be closed."""
    declined = receipt("declined", reason="Your bank said no.")
    bff.replies["/views/receipts/rc_0a1b2c"] = reply(view(ReceiptData(declined)))
    answer = wallet.get("/history?line=rc_0a1b2c&page=2", **player())
    assert "Your bank said no." in answer.text
    assert 'href="/history/?history.page=2">Close' in answer.text
    assert "This transaction can't be shown right now" in wallet.get("/history?line=rc_gone", **player()).text
    assert wallet.get("/history?line=../../x", **player()).status == 200


def test_withdrawal_is_commanded_and_taken_back(wallet: Fragment, bff: FakeBff) -> None:
    """Both answers have a receipt and the whole cashier with the held amount."""
    bff.replies["/commands/withdraw"] = reply(receipt("pending", command="withdraw"), 202)
    answer = act(wallet, "withdraw", amount="20")
    assert commanded(bff, Withdraw) == Withdraw(2000, "EUR")
    assert answer.headers["mullion-changed"] == "wallet; sequence=e1:8"
    assert "€20.00 set aside for you" in answer.text
    assert "Take it back" in answer.text
    bff.requests.clear()
    bff.replies["/commands/cancel-withdrawal"] = reply(receipt(command="cancel-withdrawal"))
    answer = act(wallet, "cancel", receipt_id="rc_held")
    assert commanded(bff, CancelWithdrawal) == CancelWithdrawal("rc_held")
    assert "€20.00 taken back" in answer.text


def test_withdrawal_taken_back_again_and_again_keeps_its_key(wallet: Fragment, bff: FakeBff) -> None:
    """While nothing can be sent, each retry is the same command, and the key does not grow."""
    bff.replies["/commands/cancel-withdrawal"] = problem(503, "engine_down")
    [key] = taking_back(wallet.get("/cashier", **player()))
    for _ in range(3):
        assert len(key) <= 64
        answer = act(wallet, "cancel", key, receipt_id="rc_held")
        assert "was not sent" in answer.text
        assert taking_back(answer) == [key]
    other = act(wallet, "cancel", key, receipt_id="rc_other")
    assert key not in taking_back(other), "another withdrawal is another command"
    bff.replies["/commands/cancel-withdrawal"] = reply(receipt(command="cancel-withdrawal"))
    assert "taken back" in act(wallet, "cancel", key, receipt_id="rc_held").text


def taking_back(answer: Answer) -> list[str]:
    """The keys of the forms that take a withdrawal back."""
    return re.findall(
        r'/actions/cancel"[^>]*>\s*<input type="hidden" name="idempotency_key" value="([^"]*)"', answer.text
    )


def test_refusals_stand_where_they_belong(wallet: Fragment, bff: FakeBff) -> None:
    """Beside the field, or on a card where there is none; the input stays in its own form."""
    fields = {"amount_minor": "This is more than you can withdraw."}
    bff.replies["/commands/withdraw"] = problem(409, "not_enough_money", "No.", fields)
    answer = act(wallet, "withdraw", amount="9999")
    assert (answer.status, answer.text.count('value="9999"')) == (422, 1)
    assert 'id="withdraw-amount-error" role="alert">This is more than you can withdraw.' in answer.text
    bff.replies["/commands/cancel-withdrawal"] = problem(409, "withdrawal_decided", "This withdrawal was paid already.")
    answer = act(wallet, "cancel", receipt_id="rc_held")
    assert "This withdrawal was paid already." in answer.text
    assert "fragment-state" not in answer.headers


def test_player_who_takes_a_break_stays_signed_in(wallet: Fragment, bff: FakeBff) -> None:
    """A 403 by the rules is not treated as a refused sign-in."""
    bff.replies["/commands/deposit"] = problem(403, "player_excluded", "You are on a break.")
    answer = act(wallet, "deposit", amount="20")
    assert answer.status == 422
    assert "You are on a break." in answer.text
    bff.replies["/commands/deposit"] = problem(403, "scope_missing")
    assert act(wallet, "deposit", amount="20").status == 401


@pytest.mark.parametrize(
    ("fields", "wanted"),
    [
        ({"period": "week", "amount": "12,50"}, SetDepositLimit("week", 1250, "EUR")),
        ({"period": "day", "amount": "0"}, SetDepositLimit("day", 0, "EUR")),
        ({"period": "month", "lifted": "1"}, SetDepositLimit("month", None, "EUR")),
    ],
)
def test_limit_is_commanded_in_minor_units(
    wallet: Fragment, bff: FakeBff, fields: dict[str, str], wanted: SetDepositLimit
) -> None:
    """Zero is a limit; removing a limit is sent as none."""
    bff.replies["/commands/set-deposit-limit"] = reply(receipt(command="set-deposit-limit"))
    answer = act(wallet, "limit", **fields)
    assert commanded(bff, SetDepositLimit) == wanted
    assert "Your deposit limit is set" in answer.text
    assert bff.requests[-1].query == "min_sequence=e1%3A8"


@pytest.mark.parametrize(
    ("name", "fields", "words"),
    [
        ("limit", {"period": "hour", "amount": "5"}, "Choose a day, a week or a month."),
        ("limit", {"period": "day", "amount": "-5"}, "digits only"),
        ("limit", {"period": "day"}, "Enter an amount."),
        ("break", {"days": "7"}, "Tick the box"),
        ("break", {"days": "0.5", "sure": "1"}, "Choose how long"),
        ("cancel", {"receipt_id": "../x"}, "had expired"),
    ],
)
def test_form_that_is_no_command_is_sent_nowhere(
    wallet: Fragment, bff: FakeBff, name: str, fields: dict[str, str], words: str
) -> None:
    """Hostile and incomplete forms get a sentence, and no request is sent."""
    answer = act(wallet, name, **fields)
    assert (answer.status, words in answer.text) == (422, True)
    assert not [request for request in bff.requests if request.method == "POST"]


@pytest.mark.parametrize(("days", "wanted"), [("7", 7), ("for-good", None)])
def test_break_begins_only_for_who_is_sure(wallet: Fragment, bff: FakeBff, days: str, wanted: int | None) -> None:
    """The command needs the ticked box and the days."""
    bff.replies["/commands/self-exclude"] = reply(receipt(command="self-exclude"))
    answer = act(wallet, "break", days=days, sure="1")
    assert commanded(bff, SelfExclude) == SelfExclude(wanted)
    assert "Your break has begun" in answer.text


def test_lost_answer_to_a_limit_is_looked_up_by_its_key(wallet: Fragment, bff: FakeBff) -> None:
    """The card links to the result; the forms stay open, as a stricter limit must always be possible."""
    bff.replies["/commands/set-deposit-limit"] = Reply(500)
    answer = act(wallet, "limit", period="week", amount="30")
    card = answer.text.partition("We are checking your limit")[2].partition("</section>")[0]
    assert f'href="/history/?history.receipt={answer.headers["mullion-receipt"]}"' in card
    assert "<form" not in card
    assert "send it again" not in card, "setting it twice sets it once"
    assert " disabled" not in answer.text


@pytest.mark.parametrize("refusal", [problem(503, "engine_down"), problem(429, "too_many")])
def test_engine_that_can_not_be_reached_keeps_form_and_key(wallet: Fragment, bff: FakeBff, refusal: Reply) -> None:
    """Nothing was sent, and the input can be sent again under the same key."""
    bff.replies["/commands/set-deposit-limit"] = refusal
    answer = act(wallet, "limit", period="month", amount="30")
    assert answer.headers["fragment-state"] == "degraded; reason=engine_down; upstream=engine"
    assert 'value="month" selected' in answer.text
    assert answer.text.count(f'value="{KEY}"') == 1


def test_break_can_be_begun_while_nothing_can_be_read(wallet: Fragment, bff: FakeBff) -> None:
    """Limits are closed while they are unknown; the break stays open."""
    bff.replies["/views/limits"] = Reply(503)
    caps, _, breaks = wallet.get("/limits", **player("limits")).text.partition("Take a break")
    assert (" disabled" in caps, " disabled" in breaks) == (True, False)
    bff.replies["/commands/self-exclude"] = reply(receipt(command="self-exclude"))
    answer = act(wallet, "break", days="7", sure="1")
    assert "Your break has begun" in answer.text
    assert commanded(bff, SelfExclude) == SelfExclude(7)


def test_visitor_is_invited_to_sign_in(wallet: Fragment, bff: FakeBff) -> None:
    """Without a player no page of the wallet shows data."""
    for path in ("/history", "/limits"):
        assert "Sign in" in wallet.get(path, podium_mount_pathname=f"{path}/").text
    for name in ("withdraw", "cancel", "limit", "break"):
        assert wallet.post(f"/actions/{name}", {"idempotency_key": KEY}).status == 401
    assert bff.requests == []


@pytest.mark.parametrize("control", ["\x00", "\n", "\x7f", "\x85"], ids=ascii)
def test_form_with_control_characters_is_refused_before_it_is_read(
    control: str, wallet: Fragment, bff: FakeBff
) -> None:
    """The answer is 400 with a sentence, for values and for names."""
    for fields in ({"amount": f"10{control}"}, {f"amount{control}": "10"}):
        answer = act(wallet, "withdraw", **fields)
        assert answer.status == 400
        assert "Nothing was changed" in answer.text
    assert not bff.requests
