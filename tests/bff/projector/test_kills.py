"""Engine, relay, projector and database are killed again and again under load: ledger and wallets stay right.

A longer one, with its figures: `tests/benchmarks/soak_kills.py`.
"""

import concurrent.futures
import contextlib
import http.client
import json
import random
import secrets
import threading
import time
from dataclasses import dataclass

import pytest

from bff.contracts.player_context import PlayerContext, mint
from bff.contracts.seamless import sign
from tests.support.kafka_mock import KafkaMock
from tests.support.ledgers import ledger_on
from tests.support.money_house import MoneyHouse, eventually

SECRET = "games-secret-for-tests"
REBUILD_EVERY_S = 2.0
TOKEN_S_MAX = 20


class Worker:
    """One player who deposits, bets, wins, rolls back and withdraws, and computes the expected result."""

    def __init__(self, house, seed):
        self.house, self.random = house, random.Random(seed)
        self.player = f"pl_{secrets.token_hex(5)}"
        self.money = self.held = 0
        self._token, self._minted_s = "", 0.0

    @property
    def token(self):
        """A game token as a page gets it: a restarted engine accepts none that is minutes old."""
        if time.time() - self._minted_s > TOKEN_S_MAX:
            now = int(time.time())
            context = PlayerContext(self.player, "game:g", "EUR", "en", frozenset({"games.play"}), now + 3600)
            self._token, self._minted_s = mint(context, self.house.private_key, now=now), now
        return self._token

    def insist(self, ask):
        """The final answer, requested with the same key until there is one."""
        end = time.monotonic() + 90
        while time.monotonic() < end:
            try:
                status, answer = ask()
            except (OSError, ValueError, http.client.HTTPException):
                status, answer = 0, None
            if status in (200, 403, 404, 422) or (status == 409 and answer["code"] != "command_in_flight"):
                return status, answer
            time.sleep(0.1)
        raise AssertionError(f"no answer in time: {answer}")

    def play(self, path, **fields):
        fields = {"request_uuid": secrets.token_hex(8), "game_code": "g", "round": "r", **fields}

        def ask():
            raw = json.dumps({**fields, "token": self.token}).encode()
            signature = sign(path, raw, SECRET, now=int(time.time()))
            headers = {"Wallet-Provider": "sandbox-tables", "Wallet-Signature": signature}
            return self.house.post(path, raw, headers=headers, timeout=8)

        return self.insist(ask)[1]["status"]

    def act(self):
        amount, name = self.random.randint(1, 400), secrets.token_hex(8)
        choice = self.random.choice(["deposit", "round", "undone", "withdraw"])
        if choice == "deposit" or self.money < 400:
            _, receipt = self.insist(lambda: self.house.deposit(self.player, amount, key=name))
            # Killed before it sent the charge: the provider has none, and the player is told so.
            never_sent = receipt["state"] == "declined" and receipt["receipt_id"] not in self.house.payments.charges
            assert receipt["state"] == "done" or never_sent, receipt
            self.money += amount if receipt["state"] == "done" else 0
        elif choice == "withdraw":
            body = {"amount_minor": amount, "currency": "EUR"}
            assert self.insist(lambda: self.withdraw(body, name))[0] == 200
            self.money -= amount
            self.held += amount
        else:
            bet = {"transaction_uuid": name, "currency": "EUR", "amount": amount}
            assert self.play("/transaction/bet", **bet) == "RS_OK"
            end = {"transaction_uuid": secrets.token_hex(8), "reference_transaction_uuid": name}
            if choice == "undone":
                assert self.play("/transaction/rollback", **end) == "RS_OK"
            else:
                won = self.random.choice([0, amount * 2])
                assert self.play("/transaction/win", **end, currency="EUR", amount=won) == "RS_OK"
                self.money += won - amount

    def withdraw(self, body, key):
        status, answer = self.house.command("withdraw", self.player, body, key=key)
        return (200 if status == 202 else status), answer

    def work(self, count):
        for _ in range(count):
            self.act()
        return self


class Killer(threading.Thread):
    """Kills one process after the other, waits a moment, and starts it again; `server` is one of them if given."""

    def __init__(self, house, kills, server=None):
        super().__init__()
        self.house, self.server, self.chance = house, server, random.Random(20)
        names = [*house.wanted, *(["server"] if server else [])]
        self.victims = [names[n % len(names)] for n in range(kills)]
        self.made = 0

    def run(self):
        for victim in self.victims:
            time.sleep(self.chance.uniform(0.2, 0.8))
            kill, start = (self.server.stop, self.server.start) if victim == "server" else self.process(victim)
            kill()
            time.sleep(self.chance.uniform(0.0, 0.3))
            start()
            self.made += 1

    def process(self, name):
        def start():
            self.house.start(name)
            self.house.wait_ready(name)

        return lambda: self.house.kill(name), start


class Rebuilder(threading.Thread):
    """An operator who rebuilds the read side over and over until `ended`, whatever is killed meanwhile."""

    def __init__(self, house, ended):
        super().__init__()
        self.house, self.ended = house, ended
        self.refused = []

    def run(self):
        while not self.ended.is_set():
            output = self.house.manage("rebuild_views", check=False).stdout
            self.refused += [line for line in output.splitlines() if "left as it was" in line]
            self.ended.wait(REBUILD_EVERY_S)  # the others need CPU too


@dataclass(frozen=True)
class Run:
    """The number of commands, of simultaneous players, and of kills.

    With several partitions of the ledger's stream, two projectors and two relays share them; all of these are killed in
    turn.
    """

    commands: int
    workers: int
    kills: int
    partitions: int = 1

    @property
    def processes(self):
        more = ("relay#2", "projector#2") if self.partitions > 1 else ()
        return ("bff-commands", "relay", "projector", *more)


@pytest.mark.parametrize("vendor", ["sqlite", "postgresql"])
def test_kills_lose_and_double_nothing(vendor, request):
    """A fixed number of kill -9 under load: every command counts once, sums are zero, the query store is the ledger."""
    if vendor == "sqlite":
        kill_run(Run(commands=72, workers=6, kills=4))
    else:
        kill_run(Run(commands=48, workers=6, kills=5), request.getfixturevalue("postgres"))


@pytest.mark.full
@pytest.mark.timeout(300)
@pytest.mark.parametrize(("vendor", "broker"), [("sqlite", "streams"), ("sqlite", "kafka"), ("postgresql", "kafka")])
def test_kills_lose_and_double_nothing_over_partitions(vendor, broker, request):
    """Three partitions that two projectors and two relays share, all killed in turn: the same holds."""
    run = Run(commands=120, workers=6, kills=10, partitions=3)
    server = request.getfixturevalue("postgres") if vendor == "postgresql" else None
    with KafkaMock() if broker == "kafka" else contextlib.nullcontext() as kafka:
        kill_run(run, server, kafka.url if kafka else None)


def kill_run(run, server=None, broker_url=None):
    """The run over SQLite, or with two engines over the PostgreSQL `server`, which is killed too.

    Raises AssertionError.
    """
    address, wanted = ledger_on(server, "kills") if server else None, run.processes
    wanted += ("bff-commands#2",) if server else ()
    settings = {"GAMES_WALLET_SECRET": SECRET, "LEDGER_PARTITIONS": str(run.partitions)}
    with MoneyHouse(database_url=address, broker_url=broker_url, wanted=wanted, extra=settings) as house:
        workers, refused, lasted_s = under_kills(house, run, server)
        assert house.manage("audit_ledger").stdout == "The books are sound.\n"
        [(moves,)] = house.books("select count(*) from commands_transaction")
        print(f"{run}, {moves} moves in {lasted_s:.0f} s")
        check_books(house, workers)
        eventually(lambda: all(house.real(w.player) == w.money for w in workers), within_s=30)
        assert not refused
        assert ", 0 differ." in house.manage("rebuild_views").stdout
        if run.partitions > 1:
            check_shares(house, run.partitions)
        check_views(house, workers)


def under_kills(house, run, server):
    """(the players when they are done, refused rebuilds, seconds it took)."""
    killer, began = Killer(house, run.kills, server), time.monotonic()
    killer.start()
    ended = threading.Event()
    rebuilder = Rebuilder(house, ended)
    rebuilder.start()
    workers = [Worker(house, seed) for seed in range(run.workers)]
    try:
        with concurrent.futures.ThreadPoolExecutor(run.workers) as pool:
            working = [pool.submit(worker.work, run.commands // run.workers) for worker in workers]
            workers = [each.result() for each in working]
    finally:
        killer.join()
        ended.set()
        rebuilder.join()
    assert killer.made == run.kills, "every kill was made"
    return workers, rebuilder.refused, time.monotonic() - began


def check_books(house, workers, charged_before=0):
    """Every player has the expected money, and nobody was charged twice."""
    rows = house.books("select player_id, kind, balance_minor from commands_account where player_id is not null")
    ledger = {(player, kind): amount for player, kind, amount in rows}
    [(charged,)] = house.books("select count(*) from commands_charge where state = 'approved'")
    assert charged - charged_before == len(set(house.payments.posts)) == len(house.payments.posts)
    for worker in workers:
        assert ledger[worker.player, "real"] == worker.money
        assert ledger[worker.player, "held"] == worker.held


def check_shares(house, partitions):
    """After the last kill each relay sends some of the partitions, and together they send each once."""

    def are_shared():
        held = [house.health(name)["partitions"] for name in ("relay", "relay#2")]
        return all(held) and sorted(place for each in held for place in each) == list(range(partitions))

    eventually(are_shared, what="the relays do not share the partitions")


def check_views(house, workers):
    """The read side has the same history, line by line."""
    lines = dict(house.books("select player_id, lines from commands_player"))
    for worker in workers:
        wallet = house.wallet(worker.player)
        assert wallet["balances"]["held_minor"] == worker.held
        pages = [f"history.{worker.player}.{page}" for page in range(lines[worker.player] // 20 + 1)]
        pages_read = [record.data["lines"] for record in house.read(*pages).records.values() if record]
        receipts = [line["receipt"] for page in pages_read for line in page]
        assert len(receipts) == lines[worker.player]
        assert sum(each["amount_minor"] for each in receipts if each["state"] != "declined") == worker.money
