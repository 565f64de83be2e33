"""Many simultaneous commands to one engine, for every database."""

import concurrent.futures
import secrets
import time

from tests.support.game_provider import Provider, uuid

ANSWER_S_MAX = 60


def balances(house, player):
    rows = house.books(f"SELECT kind, balance_minor FROM commands_account WHERE player_id = '{player}'")
    return dict(rows)


def insist(ask):
    """The final answer of `ask`: it is repeated while the engine answers that the outcome is unknown or that it is
    busy."""
    deadline = time.monotonic() + ANSWER_S_MAX
    while (answer := ask())[0] in (503, 504) and time.monotonic() < deadline:
        time.sleep(0.1)
    return answer


def forty_stakes_and_withdrawals(house):
    """A balance that covers ten of forty commands, half stakes and half withdrawals: exactly ten are taken."""
    provider = Provider(house)

    def take(number):
        names = {"transaction_uuid": uuid(), "request_uuid": uuid()}
        if number % 2:
            return insist(lambda: provider.bet(1000, **names))[1]["status"] == "RS_OK"
        body, key = {"amount_minor": 1000, "currency": "EUR"}, names["request_uuid"]
        status, answer = insist(lambda: house.command("withdraw", provider.player, body, key=key))
        assert status == 202 or answer["code"] == "not_enough_money", answer
        return status == 202

    with concurrent.futures.ThreadPoolExecutor(40) as pool:
        taken = list(pool.map(take, range(40)))
    assert sum(taken) == 10
    held = 1000 * sum(taken[::2])
    assert balances(house, provider.player) == {"real": 0, "bonus": 0, "held": held}
    assert house.manage("audit_ledger").stdout == "The books are sound.\n"


def fifty_posts_of_one_key(house):
    """One charge, one entry; every answer is the stored one or says that the command is in flight."""
    who, key = f"pl_{secrets.token_hex(5)}", secrets.token_hex(8)
    with concurrent.futures.ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(lambda _: house.deposit(who, 700, key=key), range(50)))
    receipts = {answer["receipt_id"] for status, answer in answers if status in (200, 202)}
    assert {status for status, _ in answers} <= {200, 202, 409}
    assert {answer["code"] for status, answer in answers if status == 409} <= {"command_in_flight"}
    status, last = house.deposit(who, 700, key=key)
    assert (status, last["state"], receipts) == (200, "done", {last["receipt_id"]})
    assert house.payments.posts.count(last["receipt_id"]) == 1
    assert balances(house, who) == {"real": 700, "bonus": 0, "held": 0}
    return who
