"""What players read during a full restatement: after a ledger was restored from a backup, in a rebuild, in a
new epoch."""

import json
import re
import secrets
import threading
import urllib.error
import urllib.request

import pytest

from bff.contracts.ledger import HISTORY_PAGE
from bff.contracts.wallet import SCOPE_READ
from tests.bff.projector.test_rebuild import bend
from tests.support.money_house import MoneyHouse, eventually

PROCESSES = ("bff-commands", "relay", "projector", "bff-queries")
BOOKS = ("bff-commands", "relay")
PLAYS_EVERY_S = 0.05


@pytest.fixture(scope="module")
def house():
    with MoneyHouse(wanted=PROCESSES) as running:
        yield running


def ask(house, player, path):
    """Status and body of the player's view."""
    url = f"http://127.0.0.1:{house.ports['bff-queries']}/views/{path}"
    request = urllib.request.Request(url, headers={"Authorization": house.bearer(player, scopes=(SCOPE_READ,))})
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def shown(house, player, path="wallet"):
    """On a busy machine the query store may answer too late; then the view is requested again."""
    return eventually(lambda: ask(house, player, path)[1].get("data"))


def set_back(house, copy):
    """Restore `copy` into a fresh database; returns the new epoch."""
    for name in BOOKS:
        house.kill(name)
    for path in house.data.glob("commands.sqlite3*"):
        path.unlink()
    house.manage("migrate", "--noinput")
    house.manage("restore_commands", str(copy))
    for name in BOOKS:
        house.start(name)
        house.wait_ready(name)
    [(epoch,)] = house.books("select epoch from commands_relaystate")
    eventually(lambda: house.read(feeds=["ledger"]).feeds["ledger"].epoch == epoch)
    return epoch


def test_restored_ledger_leaves_no_phantom_money(house):
    """Whoever the copy does not know has nothing, whoever it knows has what it says; each can go on at once."""
    stranger, copy = f"pl_{secrets.token_hex(5)}", house.data / "copy.gz"
    eventually(lambda: house.real("pl_amber") == 12500)
    house.manage("backup_commands", str(copy))
    lost = {who: house.deposit(who, 700)[1]["receipt_id"] for who in (stranger, "pl_amber")}
    limit = {"period": "day", "amount_minor": 5000, "currency": "EUR"}
    assert house.command("set-deposit-limit", stranger, limit)[1]["state"] == "done"
    eventually(lambda: shown(house, stranger)["balances"]["real_minor"] == 700)
    eventually(lambda: shown(house, stranger, "limits")["deposit"][0]["amount_minor"] == 5000)
    epoch = set_back(house, copy)

    for who, real in ((stranger, 0), ("pl_amber", 12500)):
        _, wallet = ask(house, who, "wallet")
        assert (wallet["freshness"]["state"], wallet["data"]["balances"]["real_minor"]) == ("live", real)
        assert lost[who] not in {line["reference"] for line in wallet["data"]["recent"]}
        assert lost[who] not in {line["reference"] for line in shown(house, who, "history")["lines"]}
        assert ask(house, who, f"receipts/{lost[who]}")[0] == 404
    assert shown(house, stranger, "history")["kinds"] == {}
    assert shown(house, stranger, "limits")["deposit"][0]["amount_minor"] is None

    assert house.deposit(stranger, 50)[1]["state"] == "done"
    eventually(lambda: house.real(stranger) == 50)
    assert shown(house, stranger)["balances"]["real_minor"] == 50
    assert [line["amount_minor"] for line in shown(house, stranger)["recent"]] == [50]
    history = shown(house, stranger, "history")
    assert ([line["amount_minor"] for line in history["lines"]], history["kinds"]) == ([50], {"deposit": 1})
    assert shown(house, stranger, "limits")["deposit"][0]["amount_minor"] is None
    assert house.books("select epoch from commands_relaystate") == [(epoch,)], "nothing had to be told again for it"
    assert ", 0 differ." in house.manage("rebuild_views", "--compare-only").stdout


def test_answers_that_are_no_line_of_the_history_are_told_again(house):
    """A new epoch does not make the answer to a limit unknown, however the ledger came to begin it."""
    who = f"pl_{secrets.token_hex(5)}"
    limit = {"period": "week", "amount_minor": 900, "currency": "EUR"}
    receipt = house.command("set-deposit-limit", who, limit)[1]["receipt_id"]
    eventually(lambda: ask(house, who, f"receipts/{receipt}")[0] == 200)
    house.manage("rebuild_views", "--new-epoch")
    status, answer = ask(house, who, f"receipts/{receipt}")
    assert (status, answer["data"]["receipt"]["state"]) == (200, "done")


def test_records_that_differ_from_the_ledger_are_made_anew_without_anybodys_command(house):
    """A balance that is wrong, a month that is cut, a page that is gone: each is found and mended while all is live."""
    who = f"pl_{secrets.token_hex(5)}"
    for _ in range(HISTORY_PAGE + 5):
        house.deposit(who, 100)
    eventually(lambda: shown(house, who)["balances"]["real_minor"] == 100 * (HISTORY_PAGE + 5))
    [month] = {line["at"][:7] for line in shown(house, who)["recent"]}
    topics = [f"wallet.{who}", f"month.{who}.{month}", f"history.{who}.0"]
    right = house.read(*topics).records
    wallet, counted = right[topics[0]].data, right[topics[1]].data
    bend(house, {topics[0]: {**wallet, "balances": {**wallet["balances"], "real_minor": 1}}})
    mended(house, topics, right)
    bend(house, {topics[1]: {**counted, "pages": {"0": counted["pages"]["0"]}}})
    house.forget(topics[2])
    mended(house, topics, right)
    found = re.findall(r"relay_player_differs.*?player=(\w+)", (house.data / "relay.log").read_text())
    assert set(found) == {who}, "and nobody else"


def mended(house, topics, right):
    """The records become what they were, and the wallets stay live meanwhile."""

    def as_it_was():
        snapshot = house.read(*topics, feeds=["ledger"])
        assert snapshot.feeds["ledger"].state == "live"
        return all(record and record.data == right[topic].data for topic, record in snapshot.records.items())

    eventually(as_it_was, within_s=40, what="nobody mends it")


class Player(threading.Thread):
    """Deposits one cent at a time until `ended`, and reads each back with its sequence; older views are counted as
    `wrong`."""

    def __init__(self, house, ended):
        super().__init__()
        self.house, self.ended, self.who = house, ended, f"pl_{secrets.token_hex(5)}"
        self.deposits, self.wrong, self.reached = 0, [], {}

    def run(self):
        while not self.ended.is_set():
            receipt = self.house.deposit(self.who, 1)[1]
            assert receipt["state"] == "done"
            self.deposits += 1
            self.read(*receipt["sequence"])
            self.ended.wait(PLAYS_EVERY_S)

    def read(self, epoch, n):
        for path in ("wallet", "history", "limits"):
            _, view = ask(self.house, self.who, f"{path}?min_sequence={epoch}:{n}")
            if view["pending"]:
                continue
            self.reached[path] = self.reached.get(path, 0) + 1
            data, at = view["data"], tuple(view["freshness"]["sequence"])
            has = self.deposits
            if path == "wallet":
                has = data["balances"]["real_minor"]
            elif path == "history":
                has = data["kinds"].get("deposit", 0)
            if at < (epoch, n) or has < self.deposits:
                self.wrong.append((path, (epoch, n), at, has, self.deposits))


def test_a_read_of_ones_own_write_is_never_older_while_all_is_told_again(house):
    """In a rebuild and over the change of an epoch what is not pending holds the write that was asked for."""
    ended = threading.Event()
    player = Player(house, ended)
    player.start()
    try:
        eventually(lambda: len(player.reached) == 3)
        for how in ([], ["--new-epoch"], []):
            before = player.deposits
            assert ", 0 differ." in house.manage("rebuild_views", *how).stdout
            eventually(lambda before=before: player.deposits > before)
    finally:
        ended.set()
        player.join()
    assert player.wrong == []
    eventually(lambda: house.real(player.who) == player.deposits)
