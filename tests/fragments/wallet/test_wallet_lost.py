"""Answers lost between the wallet and the engine: real processes, with a proxy between them that drops answers."""

import re
import secrets
import time
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.support.fragments_house import Answer, Fragment
from tests.support.losing_proxy import LosingProxy
from tests.support.money_house import MoneyHouse, eventually

DEPOSIT, CLOSE = "/commands/deposit", "/commands/close-key"
SCOPES = ("wallet.read", "wallet.deposit", "wallet.withdraw", "wallet.limits")


@dataclass
class Cashier:
    """The wallet, connected to the engine through the proxy."""

    wallet: Fragment
    engine: LosingProxy
    house: MoneyHouse
    player: str = ""
    key: str = ""

    def _sent(self) -> dict[str, str]:
        return {
            "authorization": self.house.bearer(self.player, SCOPES),
            "podium_locale": "en-GB",
            "podium_public_pathname": "/slots/cashier/cashier",
            "podium_mount_pathname": "/cashier/",
            "mullion_deadline_ms": "3000",
        }

    def press(self, name: str, **fields: str) -> Answer:
        return self.wallet.post(f"/actions/{name}", {"idempotency_key": self.key, **fields}, **self._sent())

    def reload(self, receipt: str, pathname: str = "/cashier") -> Answer:
        return self.wallet.get(f"{pathname}?receipt={receipt}", **self._sent())

    def entries(self) -> int:
        player = self.player
        [(count,)] = self.house.books(
            "SELECT count(*) FROM commands_entry e JOIN commands_account a ON a.id = e.account_id "
            f"WHERE a.player_id = '{player}'"
        )
        return int(count)


@pytest.fixture(scope="module")
def parts() -> Iterator[Cashier]:
    with MoneyHouse(wanted=("bff-commands", "relay", "projector", "bff-queries")) as house:
        public_key = house.environment["PLAYER_CONTEXT_PUBLIC_KEY"]
        queries = f"http://127.0.0.1:{house.ports['bff-queries']}"
        with (
            LosingProxy(house.url) as proxy,
            Fragment("wallet", queries, commands_url=proxy.url, public_key=public_key) as wallet,
        ):
            yield Cashier(wallet, proxy, house)


@pytest.fixture
def cashier(parts: Cashier) -> Cashier:
    """A new player with a new key."""
    parts.player, parts.key = f"pl_{secrets.token_hex(5)}", secrets.token_hex(16)
    parts.engine.away.clear()
    parts.engine.seen.clear()
    parts.house.payments.mode = "approve"
    return parts


def title(answer: Answer) -> str:
    found = re.search(r'id="receipt-title">([^<]*)<', answer.text)
    return found[1] if found else ""


def test_lost_answer_is_pending_and_becomes_what_the_engine_did(cashier: Cashier) -> None:
    """The connection is reset after the deposit: the page is pending with the key, then has the receipt; the deposit is
    not posted again.
    """
    cashier.engine.lose(DEPOSIT, 1)
    answer = cashier.press("deposit", amount="20")
    assert (answer.status, title(answer)) == (202, "We are checking your deposit")
    assert f"Reference {cashier.key}" in answer.text
    for _ in range(2):
        again = cashier.reload(answer.headers["mullion-receipt"])
        assert title(again) == "€20.00 added"
        assert "Reference rc_" in again.text
        assert "fragment-state" not in again.headers
        assert "€20</span>" in again.text, "the figures know of what the card says"
    assert (cashier.engine.seen[DEPOSIT], cashier.entries()) == (1, 1)


def test_lost_answer_to_what_is_still_pending_is_pending_under_its_receipt(cashier: Cashier) -> None:
    """While the provider decides, the card is pending with the receipt's reference."""
    cashier.house.payments.mode = "process"
    cashier.engine.lose(DEPOSIT, 1)
    answer = cashier.press("deposit", amount="20")
    again = cashier.reload(answer.headers["mullion-receipt"])
    assert title(again) == "Deposit of €20.00 pending"
    assert re.search(r"Reference rc_\w+", again.text)


def test_command_that_never_arrived_is_closed_for_good(cashier: Cashier) -> None:
    """The connection is reset before the command arrives: the key is checked for a while, then closed, and a late
    command is refused.
    """
    cashier.engine.away.add(DEPOSIT)
    answer = cashier.press("deposit", amount="20")
    assert (answer.status, title(answer)) == (202, "We are checking your deposit")
    cashier.engine.away.clear()
    receipt = answer.headers["mullion-receipt"]
    checked = cashier.reload(receipt)
    assert title(checked) == "We are checking your deposit"
    assert checked.headers["fragment-state"].startswith("degraded; reason=engine_down")
    assert "This opens again as soon as" in checked.text
    charges = list(cashier.house.payments.posts)
    aged = receipt.replace(receipt.split("_")[2], f"{int(time.time()) - 11}")
    for _ in range(2):
        closed = cashier.reload(aged)
        assert title(closed) == "Your deposit was not carried out"
        assert "fragment-state" not in closed.headers
    late = cashier.press("deposit", amount="20")
    assert late.status == 422
    assert "This came too late and was not carried out." in late.text
    assert (cashier.entries(), cashier.house.payments.posts) == (0, charges)


def test_engine_away_keeps_what_is_unknown_unknown(cashier: Cashier) -> None:
    """While the engine is away no result is shown, however long ago the command was."""
    cashier.engine.lose(DEPOSIT, 1)
    receipt = cashier.press("deposit", amount="20").headers["mullion-receipt"]
    aged = receipt.replace(receipt.split("_")[2], f"{int(time.time()) - 600}")
    cashier.engine.away.add(CLOSE)
    assert title(cashier.reload(aged)) == "We are checking your deposit"
    cashier.engine.away.clear()
    assert title(cashier.reload(aged)) == "€20.00 added"


def test_lost_withdrawal_and_limit_are_found_by_their_keys(cashier: Cashier) -> None:
    """Every command of the wallet is looked up in the same way."""
    cashier.press("deposit", amount="20")
    eventually(lambda: cashier.house.real(cashier.player) == 2000)
    for name, pathname, fields, words in (
        ("withdraw", "/cashier", {"amount": "5"}, "€5.00 set aside for you"),
        ("limit", "/limits", {"period": "day", "amount": "30"}, "Your deposit limit is set"),
    ):
        cashier.key = secrets.token_hex(16)
        cashier.engine.lose({"limit": "/commands/set-deposit-limit"}.get(name, f"/commands/{name}"), 1)
        answer = cashier.press(name, **fields)
        assert title(answer).startswith("We are checking your")
        assert title(cashier.reload(answer.headers["mullion-receipt"], pathname)) == words
