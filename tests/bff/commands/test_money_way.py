"""Money from a command to the query store, through real processes."""

import asyncio
import concurrent.futures
import contextlib
import hashlib
import hmac
import json
import re
import secrets
import sqlite3
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from bff.broker import connect
from bff.commands.engine.policy import POLICY
from bff.contracts.event import Event
from bff.contracts.ledger import OFFERS_STREAM
from bff.contracts.player_context import LIVE_AUDIENCE
from bff.contracts.promotions import OfferAmounts, OfferState
from bff.contracts.seamless import game_audience
from tests.support import money_races
from tests.support.money_house import MoneyHouse, eventually


@pytest.fixture(scope="module")
def house():
    with MoneyHouse(wanted=("bff-commands", "relay", "offers-intake", "projector")) as running:
        yield running


@pytest.fixture(autouse=True)
def _approving(house):
    house.payments.mode = "approve"


def player():
    """A player who is new to every process."""
    return f"pl_{secrets.token_hex(5)}"


def test_opening_balances_are_given_once_and_reach_the_query_store(house):
    """The three demo players have what they were promised, however often the house is seeded."""
    house.manage("seed_demo")
    expected = {"pl_amber": 12500, "pl_birch": 4000, "pl_cedar": 15000}
    for name, amount in expected.items():
        eventually(lambda name=name, amount=amount: house.real(name) == amount)
    recent = house.wallet("pl_cedar")["recent"]
    assert [(line["kind"], line["amount_minor"], line["currency"]) for line in recent] == [("opening", 15000, "JPY")]


def test_deposit_is_done_and_visible(house):
    """A deposit answers a receipt with the sequence at which it can be read."""
    who = player()
    status, receipt = house.deposit(who, 2500)
    assert status == 200
    assert (receipt["state"], receipt["amount_minor"], receipt["command"]) == ("done", 2500, "deposit")
    wallet = eventually(lambda: (found := house.wallet(who)) and found["balances"]["real_minor"] == 2500 and found)
    assert wallet["balances"]["pending_minor"] == 0
    assert [line["reference"] for line in wallet["recent"]] == [receipt["receipt_id"]]
    records = house.read(f"wallet.{who}", f"receipts.{receipt['receipt_id']}").records
    assert list(records[f"wallet.{who}"].sequence) == receipt["sequence"]
    stored = records[f"receipts.{receipt['receipt_id']}"].data
    assert stored["player"] == who
    assert stored["receipt"]["state"] == "done"


@pytest.mark.parametrize(
    ("mode", "reason"),
    [
        ("decline", "The payment was declined (insufficient funds). Nothing was charged."),
        ("refuse", "The payment provider did not accept this deposit, so nothing was charged."),
    ],
)
def test_declined_deposit_is_a_receipt_with_a_sentence(house, mode, reason):
    """A decline and a refusal are answers, not errors, and move no money."""
    house.payments.mode = mode
    who = player()
    status, receipt = house.deposit(who, 900)
    assert (status, receipt["state"], receipt["reason"]) == (200, "declined", reason)
    eventually(lambda: house.real(who) == 0)
    eventually(lambda: house.wallet(who)["recent"][0]["state"] == "declined")


def test_fifty_parallel_posts_of_one_key_have_one_effect(house):
    """One charge, one entry, and every answer is the stored one or says that it is in flight."""
    who = money_races.fifty_posts_of_one_key(house)
    eventually(lambda: house.real(who) == 700)


def test_key_with_another_body_is_refused(house):
    """A key belongs to one command with one body."""
    who, key = player(), secrets.token_hex(8)
    house.deposit(who, 100, key=key)
    status, refusal = house.deposit(who, 101, key=key)
    assert (status, refusal["code"]) == (422, "idempotency_key_reused")


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"amount_minor": 0, "currency": "EUR"}, 422, "amount_too_small"),
        ({"amount_minor": -5, "currency": "EUR"}, 422, "amount_too_small"),
        ({"amount_minor": 10**30, "currency": "EUR"}, 422, "amount_too_large"),
        ({"amount_minor": 1.5, "currency": "EUR"}, 422, "body_invalid"),
        ({"amount_minor": "7", "currency": "EUR"}, 422, "body_invalid"),
        ({"amount_minor": 7, "currency": "eur"}, 422, "body_invalid"),
        ({"amount_minor": 7, "currency": "THB"}, 422, "currency_unknown"),
        ({"amount_minor": 7, "currency": "GBP"}, 422, "currency_differs"),
        ({"amount_minor": 7, "currency": "EUR", "fee": 1}, 422, "body_invalid"),
        (b"{", 400, "body_malformed"),
        (b"\xff\xfe", 400, "body_malformed"),
        (b"[" + b" " * 20_000 + b"]", 413, "body_too_large"),
    ],
)
def test_bad_amounts_and_bodies_are_typed_problems(house, body, status, code):
    """What can not be paid is refused by name, and nothing is written."""
    headers = {"Authorization": house.bearer("pl_amber"), "Idempotency-Key": secrets.token_hex(8)}
    before = house.real("pl_amber")
    answer = house.post("/commands/deposit", body, headers=headers)
    assert (answer[0], answer[1]["code"]) == (status, code)
    assert house.real("pl_amber") == before


def test_missing_key_missing_bearer_and_missing_scope_are_told_apart(house):
    """400, 401 and 403, each with its word."""
    body, key = {"amount_minor": 1, "currency": "EUR"}, {"Idempotency-Key": "k"}
    assert house.post("/commands/deposit", body, headers=key)[1]["code"] == "context_missing"
    status, refusal = house.post("/commands/deposit", body, headers={"Authorization": house.bearer("pl_amber")})
    assert (status, refusal["code"]) == (400, "idempotency_key_missing")
    status, refusal = house.command("deposit", "pl_amber", body, scopes=("wallet.read",))
    assert (status, refusal["code"]) == (403, "scope_missing")
    assert house.post("/commands/nothing", body)[1]["code"] == "path_unknown"


TABLE = Path("bff/commands/handlers/table.py").read_text()
COMMANDS = [*re.findall(r'MoneyCommand\("([a-z-]+)"', TABLE), "close-key"]


@pytest.mark.parametrize("command", COMMANDS)
def test_a_game_token_or_live_ticket_commands_nothing(house, command):
    """Whatever their scopes say, who is no fragment gets 403 and the same words for every body."""
    for audience in (game_audience("203"), LIVE_AUDIENCE):
        answers = [
            house.command(command, "pl_amber", body, audience=audience)
            for body in ({"amount_minor": 100, "currency": "EUR"}, b"{")
        ]
        assert answers[0] == answers[1]
        assert (answers[0][0], answers[0][1]["code"]) == (403, "context_audience")


def test_lost_answer_stays_pending_and_resolves_with_one_entry(house):
    """A time-out after charging is pending, survives, resolves by itself and is never posted again."""
    house.payments.mode = "hang_after"
    who, key = player(), secrets.token_hex(8)
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        answer = pool.submit(house.deposit, who, 1200, key=key)
        eventually(lambda: house.wallet(who))
        assert money(house, who) == (0, 1200), "on its way in while nobody knows more"
        status, receipt = answer.result()
    assert (status, receipt["state"]) == (202, "pending")
    eventually(lambda: house.real(who) == 1200)
    assert money(house, who) == (1200, 0)
    assert entries(house, receipt) == 2, "one movement, with its two sides"
    status, again = house.deposit(who, 1200, key=key)
    assert (status, again["state"], again["receipt_id"]) == (200, "done", receipt["receipt_id"])
    assert house.payments.posts.count(receipt["receipt_id"]) == 1


@pytest.mark.parametrize("mode", ["hang", "error"])
def test_deposit_that_never_reached_the_provider_is_declined_in_the_end(house, mode):
    """Timed out, or failed, and never charged: pending while it may still arrive, then declined, and nothing taken."""
    house.payments.mode = mode
    who = player()
    receipt = pending_deposit(house, who, 800)
    eventually(lambda: house.wallet(who) and money(house, who) == (0, 800))
    house.payments.mode = "approve"
    time.sleep(POLICY.check_s_initial + 0.5)
    assert money(house, who) == (0, 800), "a provider that has not heard of it yet may still hear of it"
    age_charge(house, receipt, POLICY.lost_after_s)
    eventually(lambda: house.wallet(who)["recent"][0]["state"] == "declined")
    assert money(house, who) == (0, 0)
    assert entries(house, receipt) == 0
    assert house.payments.posts.count(receipt["receipt_id"]) == 1


def money(house, who):
    """(the player's money on the read side, the money on its way in)."""
    balances = house.wallet(who)["balances"]
    return balances["real_minor"], balances["pending_minor"]


def entries(house, receipt):
    """The number of entries of the receipt's movements."""
    [(count,)] = house.books(
        "SELECT count(*) FROM commands_entry e JOIN commands_transaction t ON t.transaction_id = e.transaction_id "
        f"WHERE t.receipt_id = '{receipt['receipt_id']}'"
    )
    return count


def age_charge(house, receipt, seconds):
    """Makes the charge so much older that it is looked up at once."""
    wanted = datetime.now(UTC) - timedelta(seconds=seconds)
    with contextlib.closing(sqlite3.connect(house.data / "commands.sqlite3", timeout=10)) as books, books:
        books.execute(
            "UPDATE commands_charge SET sent_at = ?, check_at = ? WHERE receipt_id = ?",
            (str(wanted.replace(tzinfo=None)), str(wanted.replace(tzinfo=None)), receipt["receipt_id"]),
        )


def test_provider_away_is_declined_without_a_charge(house):
    """A provider that can not be reached has charged nothing, and that is what the player is told."""
    house.payments.stop()
    try:
        who = player()
        status, receipt = house.deposit(who, 300)
        assert (status, receipt["state"]) == (200, "declined")
        assert "nothing was charged" in receipt["reason"]
        eventually(lambda: house.read(feeds=["engine"]).feeds["engine"].data == {"payments": "down"})
    finally:
        house.payments.start()
    eventually(lambda: house.read(feeds=["engine"]).feeds["engine"].data == {"payments": "up"})
    eventually(lambda: house.deposit(who, 300)[1]["state"] == "done")


def signed(house, body, at=None, secret=None):
    raw = json.dumps(body).encode()
    stamp = str(int(at if at is not None else time.time()))
    digest = hmac.new((secret or house.webhook_secret).encode(), stamp.encode() + b"." + raw, hashlib.sha256)
    return raw, {"Payments-Signature": f"t={stamp},v1={digest.hexdigest()}"}


def pending_deposit(house, who, amount_minor):
    """The receipt of a deposit that the provider has not decided; while the provider is unreachable deposits are
    declined."""
    began = time.monotonic()
    while True:
        status, receipt = house.deposit(who, amount_minor)
        if (status, receipt["state"]) == (202, "pending"):
            return receipt
        assert time.monotonic() - began < 15, receipt
        time.sleep(0.3)


def test_late_and_duplicate_webhooks_settle_once(house):
    """A webhook settles what is pending; the second and the tenth change nothing. Asked, the provider still thinks."""
    house.payments.mode = "process"
    who = player()
    receipt = pending_deposit(house, who, 450)
    report = {"charge_id": "ch_1", "reference": receipt["receipt_id"], "status": "approved"}
    for _ in range(10):
        raw, headers = signed(house, report)
        assert house.post("/webhooks/payments", raw, headers=headers)[0] == 204
    eventually(lambda: house.real(who) == 450)
    time.sleep(0.3)
    assert money(house, who) == (450, 0)
    assert entries(house, receipt) == 2, "one movement, with its two sides"


def test_forged_old_and_future_webhooks_are_refused(house):
    """Only the provider's own and recent word counts; one from the future could be kept for later."""
    report = {"charge_id": "ch_1", "reference": "rc_x", "status": "approved"}
    for raw, headers in (
        signed(house, report, secret="another"),
        signed(house, report, at=time.time() - 3600),
        signed(house, report, at=time.time() + 3600),
        signed(house, report, at=253_402_300_799),
        (b"{}", {}),
        (b"{}", {"Payments-Signature": "t=ä,v1=ü".encode().decode("latin-1")}),
    ):
        status, refusal = house.post("/webhooks/payments", raw, headers=headers)
        assert (status, refusal["code"]) == (401, "webhook_refused")
    [(opening,)] = house.books("SELECT receipt_id FROM commands_receipt WHERE command = 'opening' LIMIT 1")
    for reference in ("rc_x", opening):
        raw, headers = signed(house, {**report, "reference": reference})
        status, refusal = house.post("/webhooks/payments", raw, headers=headers)
        assert (status, refusal["code"]) == (404, "reference_unknown")


def test_webhook_of_another_amount_or_currency_moves_nothing(house):
    """What was charged must be what was asked for; until people have looked at it the deposit is pending."""
    house.payments.mode = "process"
    who = player()
    for differing in ({"amount_minor": 451, "currency": "EUR"}, {"amount_minor": 450, "currency": "GBP"}):
        reference = pending_deposit(house, who, 450)["receipt_id"]
        raw, headers = signed(house, {"charge_id": "ch_1", "reference": reference, "status": "approved", **differing})
        assert house.post("/webhooks/payments", raw, headers=headers)[0] == 204
        of_it = f"WHERE receipt_id = '{reference}'"
        [(state, charged)] = house.books(f"SELECT state, said FROM commands_charge {of_it}")
        assert (state, charged) == ("differs", f"{differing['amount_minor']} {differing['currency']}")
        assert house.books(f"SELECT state FROM commands_receipt {of_it}") == [("pending",)]
    eventually(lambda: house.real(who) == 0)


def test_feeds_of_ledger_and_engine_are_heard(house):
    """The query store hears the relay and the engine about once a second."""

    def live():
        feeds = house.read(feeds=["ledger", "engine"]).feeds
        return all(feed.state == "live" and feed.age_s < 2 for feed in feeds.values())

    eventually(live)


def offer(promotion_id, *, ends_in_s=3600, grants_max=1):
    """An offer as the feeds publish it."""
    state = OfferState(
        promotion_id=promotion_id,
        title="Welcome",
        summary="Ten for you",
        kind="bonus",
        terms="Wager 20 times",
        amounts={"EUR": OfferAmounts(1000, 500)},
        wagering=20,
        contribution={"roulette": 10},
        days=7,
        grants_max=grants_max,
        ends_at=datetime.now(UTC) + timedelta(seconds=ends_in_s),
    )
    return msgspec.to_builtins(state)


def tell(house, event_type, data):
    """Publishes it on the stream `offers`."""
    event = Event(secrets.token_hex(8), event_type, 1, "promotions", ("o1", 1), datetime.now(UTC), data)

    async def say():
        broker = connect(house.valkey.url)
        await broker.publish(OFFERS_STREAM, [event])
        await broker.aclose()

    asyncio.run(say())


def claim(house, who, promotion_id, **more):
    return house.command("claim-promotion", who, {"promotion_id": promotion_id}, **more)


def test_claim_is_granted_once_over_two_tabs(house):
    """Two keys at once: one grant, one clear refusal, and the bonus is there once."""
    tell(house, "OfferPublished", offer("welcome"))
    eventually(lambda: claim(house, player(), "welcome")[0] == 200)
    who = player()
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: claim(house, who, "welcome"), range(8)))
    assert sorted(status for status, _ in answers) == [200] + [409] * 7
    assert {answer["code"] for status, answer in answers if status == 409} == {"promotion_already_claimed"}
    eventually(lambda: (found := house.wallet(who)) and found["balances"]["bonus_minor"] == 1000)
    claims = house.read(f"claims.{who}").records[f"claims.{who}"].data
    assert claims["claimed"] == {"welcome": 1}
    [grant] = claims["grants"]
    assert (grant["state"], grant["wagered_minor"], grant["wagering_minor"]) == ("running", 0, 20_000)


def test_claim_again_with_its_key_is_the_stored_answer(house):
    """A repeated claim is answered, not refused."""
    who, key = player(), secrets.token_hex(8)
    first = claim(house, who, "welcome", key=key)
    assert first[0] == 200
    assert claim(house, who, "welcome", key=key) == first


def test_offers_that_can_not_be_claimed_say_why(house):
    """Unknown, over, withdrawn and in another currency are told apart."""
    tell(house, "OfferPublished", offer("over", ends_in_s=-1))
    tell(house, "OfferPublished", offer("gone"))
    tell(house, "OfferWithdrawn", {"promotion_id": "gone"})
    tell(house, "OfferPublished", {"promotion_id": "half"})
    tell(house, "OfferPublished", offer("last"))
    eventually(lambda: claim(house, player(), "last")[0] == 200)
    codes = {name: claim(house, player(), name)[1]["code"] for name in ("over", "gone", "half")}
    assert codes == {"over": "promotion_ended", "gone": "promotion_ended", "half": "promotion_unknown"}
    assert claim(house, "pl_birch", "last")[1]["code"] == "promotion_not_in_currency"
    assert house.health("offers-intake")["dead_lettered"] == 1
