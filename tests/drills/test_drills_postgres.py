"""A whole house over PostgreSQL, whose hops to its databases are broken: refused in words, and nothing counts twice."""

import json
import secrets
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from email.message import Message
from typing import Any

import psycopg
import pytest

from bff.contracts.player_context import PlayerContext, mint
from tests.drills.control import Control
from tests.support import plain_http
from tests.support.ledgers import ledger_on
from tests.support.lobby import PASSWORD
from tests.support.mullion import ROOT, Mullion
from tests.support.postgres_server import PostgresServer

pytestmark = [pytest.mark.full, pytest.mark.timeout(300)]

PARTS = ("shell", "wallet", "bff-queries", "bff-commands", "projector", "relay", "sandbox-payments")
FAULTS = {"latency": {"latency": 8000}, "down": {}, "reset_peer": {}}
# A command is answered in six seconds whatever happens.
ANSWERED_S_MAX = 7.0
BALANCE = """SELECT coalesce(sum(entry.amount_minor), 0) FROM commands_entry entry
JOIN commands_account account ON account.id = entry.account_id
WHERE account.player_id = %s AND account.kind = 'real'"""


class Bank:
    """The command database behind its own address, and commands as the wallet would send them."""

    def __init__(self, mullion: Mullion, database: str) -> None:
        self.mullion, self._database = mullion, database
        self.control = Control(mullion.url_of("drills"))
        stored = json.loads((mullion.data / "secrets.json").read_text("utf-8"))
        self._key = stored["PLAYER_CONTEXT_PRIVATE_KEY"]
        self.player = f"pl_{secrets.token_hex(5)}"

    def deposit(self, amount_minor: int, key: str) -> tuple[int, dict[str, Any], Message]:
        """Status, body and headers."""
        scopes, now = frozenset({"wallet.deposit"}), int(time.time())
        context = PlayerContext(self.player, "wallet", "EUR", "en", scopes, now + 60)
        headers = {"Authorization": "Bearer " + mint(context, self._key, now=now), "Idempotency-Key": key}
        body = json.dumps({"amount_minor": amount_minor, "currency": "EUR"}).encode()
        url = f"{self.mullion.url_of('bff-commands')}/commands/deposit"
        try:
            with urllib.request.urlopen(urllib.request.Request(url, body, headers), timeout=60) as answer:
                return answer.status, json.load(answer), answer.headers
        except urllib.error.HTTPError as error:
            return error.code, json.load(error), error.headers

    def balance(self) -> int:
        """The ledger's, read past every hop."""
        with psycopg.connect(self._database) as connection:
            row = connection.execute(BALANCE, (self.player,)).fetchone()
        return int(row[0]) if row else 0

    def audit(self) -> str:
        command = [sys.executable, "-m", "django", "audit_ledger", "--settings", "bff.commands.settings"]
        environ = {**self.mullion.environ, "DEBUG": "1", "DATABASE_URL": self._database}
        return subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=60).stdout


@pytest.fixture(scope="module")
def bank(postgres: PostgresServer) -> Iterator[Bank]:
    ledger, shell = ledger_on(postgres, "drilled"), postgres.url("drilled_shell")
    environ = {"DATABASE_URL": ledger, "SHELL_DATABASE_URL": shell}
    with Mullion("--drills", "--only", *PARTS, environ=environ) as mullion:
        yield Bank(mullion, ledger)


@pytest.fixture(autouse=True)
def _healed(bank: Bank) -> Iterator[None]:
    yield
    bank.control.heal()


@pytest.mark.parametrize("fault", FAULTS)
def test_deposit_over_a_broken_hop_is_refused_in_words_and_counts_once_by_its_key(bank: Bank, fault: str) -> None:
    """503 with a Retry-After: nothing was done; 504: nobody knows yet. The same key brings the money once, or
    never where the engine had begun, could not ask the provider and was told later that no such charge was made."""
    bank.player = f"pl_{secrets.token_hex(5)}"
    first = secrets.token_hex(8)
    bank.mullion.wait(lambda: bank.deposit(1000, first)[1].get("state") == "done", 60)
    key, codes = secrets.token_hex(8), set[str]()
    bank.control.break_("bff-commands:database", fault, FAULTS[fault], ttl_s=600)
    for _ in range(3):
        began = time.monotonic()
        status, body, headers = bank.deposit(300, key)
        assert time.monotonic() - began < ANSWERED_S_MAX
        codes.add(body["code"])
        if body["code"] == "engine_down":
            assert (status, headers["Retry-After"]) == (503, "1")
            assert "try again with the same key" in body["detail"]
        else:
            assert (status, body["code"]) in ((504, "outcome_unknown"), (409, "command_in_flight")), body
    # Whoever can not even connect has done nothing, and says so.
    assert fault != "down" or codes == {"engine_down"}
    assert bank.balance() in ((1000,) if codes == {"engine_down"} else (1000, 1300))
    bank.control.heal()
    bank.mullion.wait(lambda: bank.deposit(300, key)[1].get("state") in ("done", "declined"), 60)
    state = bank.deposit(300, key)[1]["state"]
    assert state == "done" or fault != "down", "whoever could not connect had begun nothing"
    assert (bank.balance(), bank.audit()) == (1300 if state == "done" else 1000, "The books are sound.\n")


@pytest.mark.parametrize("fault", FAULTS)
def test_lobby_stands_while_the_shells_database_does_not_and_sign_in_says_later(bank: Bank, fault: str) -> None:
    """A visitor's page does not need it; who signs in is asked to come back, and can once it is healed."""
    mullion = bank.mullion
    bank.control.break_("shell:database", fault, FAULTS[fault], ttl_s=600)
    began = time.monotonic()
    status, page = mullion.get("/")
    assert (status, page.rstrip().endswith("</html>"), time.monotonic() - began < 6) == (200, True, True)
    assert _sign_in(mullion) == (503, True)
    bank.control.heal()
    mullion.wait(lambda: _sign_in(mullion)[0] == 302, 30)


def _sign_in(mullion: Mullion) -> tuple[int, bool]:
    """Status, and whether it says when to come back."""
    with plain_http.Client(base_url=mullion.url, timeout=30, headers={"Origin": mullion.url}) as client:
        token = client.get("/sign-in/").text.partition('name="csrfmiddlewaretoken" value="')[2].partition('"')[0]
        form = {"username": "amber", "password": PASSWORD, "csrfmiddlewaretoken": token, "next": "/"}
        answer = client.post("/sign-in/", data=form)
        return answer.status_code, "Retry-After" in answer.headers
