"""Bets at the sandbox's tables, with the real engine behind the seamless wallet."""

import asyncio
import secrets
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import httpx
import pytest
import uvicorn

from bff.contracts.player_context import PlayerContext, mint
from bff.contracts.seamless import SCOPE_PLAY, game_audience
from bff.sandbox.clock import SandboxClock
from bff.sandbox.tables.book import BetBook
from bff.sandbox.tables.server import TablesProvider
from bff.sandbox.tables.wallet import SeamlessWallet
from tests.support import plain_http
from tests.support.free_ports import free_port
from tests.support.losing_proxy import LosingProxy
from tests.support.money_house import MoneyHouse, eventually

SECRET = "games-secret-for-tests"
GAME = "203"
START_MINOR = 100_000


@pytest.fixture(scope="module")
def house():
    with MoneyHouse(wanted=("bff-commands",), extra={"GAMES_WALLET_SECRET": SECRET}) as running:
        yield running


@pytest.fixture(scope="module")
def proxy(house):
    with LosingProxy(house.url) as between:
        yield between


class Running:
    """The provider under uvicorn in a thread of its own; `application` can be inspected."""

    def __init__(self, wallet_url, book_path):
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        wallet = SeamlessWallet(wallet_url, "sandbox-tables", SECRET)
        self.application = TablesProvider(
            "seed", "casino", SandboxClock(), "http://provider", wallet, BetBook(book_path)
        )
        config = uvicorn.Config(self.application, port=self.port, log_config=None, timeout_graceful_shutdown=1)
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run)
        self._thread.start()
        eventually(lambda: self._server.started, 20)

    def stop(self):
        self._server.should_exit = True
        self._thread.join()

    def fail(self, kind):
        plain_http.post(f"{self.url}/control/fault", json={"kind": kind, "for_s": 600}).raise_for_status()

    def window(self, game=GAME):
        """Advances the clock until bets are open for a while; returns when they close, on this machine's clock."""
        clock, table = self.application.clock, self.application.world.tables[game]

        def closes():
            now = clock.now()
            closes_s = table.bets_close_at(now)
            if closes_s is None or closes_s - now < 6:
                clock.set(held=False, step_s=1)
                return None
            return datetime.fromtimestamp(time.time() + closes_s - now, UTC)

        return eventually(closes)

    def finish_round(self):
        """Advances the clock past the end of the current round."""
        self.application.clock.set(held=False, step_s=25)


@pytest.fixture
def provider(proxy, tmp_path):
    proxy.away.clear()
    proxy.seen.clear()
    running = Running(proxy.url, tmp_path / "bets.jsonl")
    yield running
    running.stop()


class Guest:
    """A player with 1,000.00 in their account and a token for one table."""

    def __init__(self, house):
        self.house = house
        self.player = f"pl_{secrets.token_hex(5)}"
        assert house.deposit(self.player, START_MINOR)[1]["state"] == "done"
        self.token = self.issue()

    def issue(self, game=GAME, expires_in_s=300):
        now = int(time.time())
        context = PlayerContext(
            self.player, game_audience(game), "EUR", "en-GB", frozenset({SCOPE_PLAY}), now + expires_in_s
        )
        return mint(context, self.house.private_key, now=now)

    def bet(
        self, provider, *, key=None, closes_at=None, side="red", amount_minor=500, game=GAME, currency="EUR", wait_s=10
    ):
        closes_at = closes_at or provider.window()
        body = {
            "game": game,
            "side": side,
            "amount_minor": amount_minor,
            "currency": currency,
            "closes_at": closes_at.isoformat(),
        }
        headers = {"authorization": f"Bearer {self.token}", "idempotency-key": key or secrets.token_hex(8)}
        answer = plain_http.post(f"{provider.url}/v1/bets", json=body, headers=headers, timeout=wait_s)
        return answer.status_code, answer.json()

    def bets(self, provider, game=GAME):
        headers = {"authorization": f"Bearer {self.token}"}
        answer = plain_http.get(f"{provider.url}/v1/bets?game={game}", headers=headers)
        return answer.json()["bets"]

    def balance(self):
        """The engine's balance, requested as by a provider without failures."""
        wallet = SeamlessWallet(self.house.url, "sandbox-tables", SECRET)

        async def ask():
            answer = await wallet.balance(self.issue(), GAME, secrets.token_hex(8))
            await wallet.aclose()
            return answer.balance

        return asyncio.run(ask())


@pytest.fixture
def guest(house):
    return Guest(house)


def settled(guest, provider, *states):
    """The latest bet, once it is in one of `states` and its money has moved."""

    def look():
        bet = next(iter(guest.bets(provider)), None)
        return bet if bet and bet["state"] in states and bet["paid"] else None

    return eventually(look, 30, f"not {states}: {guest.bets(provider)}")


def test_a_round_is_bet_on_played_and_paid(provider, guest):
    """A stake leaves the balance at once; the round's own result decides; a win pays twice the stake."""
    closes_at = provider.window()
    status, red = guest.bet(provider, closes_at=closes_at, side="red")
    assert (status, red["state"]) == (200, "accepted")
    assert guest.balance() == START_MINOR - 500
    assert guest.bet(provider, closes_at=closes_at, side="black")[1]["round_id"] == red["round_id"]
    provider.finish_round()
    settled(guest, provider, "won", "lost")
    bets = eventually(lambda: all(bet["paid"] for bet in guest.bets(provider)) and guest.bets(provider))
    results = provider.application.world.tables[GAME].results
    shown = next(result for result in results if result.round_id == red["round_id"])
    for bet in bets:
        won = bet["side"] == shown.color
        assert (bet["result"], bet["state"], bet["won_minor"]) == (
            (shown.value, "won", 1000) if won else (shown.value, "lost", 0)
        )
    assert guest.balance() == START_MINOR - 1000 + sum(bet["won_minor"] for bet in bets)


def test_bets_close_and_a_bet_is_never_for_another_round(provider, guest):
    """Outside the window, and with the window of another round, nothing is taken."""
    closes_at = provider.window()
    other = closes_at + timedelta(seconds=25)
    assert guest.bet(provider, closes_at=other)[1]["code"] == "bets_closed"
    clock, table = provider.application.clock, provider.application.world.tables[GAME]
    eventually(lambda: table.bets_close_at(clock.now()) is None or clock.set(held=False, step_s=1))
    assert guest.bet(provider, closes_at=closes_at)[1]["code"] == "bets_closed"
    assert guest.balance() == START_MINOR


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"amount_minor": 19}, "under_limit"),
        ({"amount_minor": 100_001}, "over_limit"),
        ({"amount_minor": -500}, "under_limit"),
        ({"currency": "GBP"}, "wrong_currency"),
        ({"game": "301"}, "session_ended"),
    ],
)
def test_what_does_not_stand_is_refused_and_takes_nothing(provider, guest, change, code):
    """Limits, currency and another table's token each have their word."""
    status, problem = guest.bet(provider, **change)
    assert (status, problem["code"]) == (422, code)
    assert guest.balance() == START_MINOR


def test_stake_beyond_the_balance_is_refused_by_the_wallet(provider, guest):
    """The table would take it, the player can not pay it; the list does not show what was refused."""
    guest.token = guest.issue(game="205")
    status, problem = guest.bet(provider, game="205", closes_at=provider.window("205"), amount_minor=START_MINOR + 1)
    assert (status, problem["code"]) == (422, "not_enough_money")
    assert guest.balance() == START_MINOR
    assert guest.bets(provider, "205") == []


def test_limit_is_for_all_that_a_player_has_on_a_round(provider, guest):
    """Two bets that stand alone do not stand together above the table's most."""
    closes_at = provider.window()
    assert guest.bet(provider, closes_at=closes_at, amount_minor=60_000)[0] == 200
    status, problem = guest.bet(provider, closes_at=closes_at, amount_minor=40_001)
    assert (status, problem["code"]) == (422, "over_limit")


def test_ended_session_takes_nothing(provider, guest):
    """A token that has run out opens nothing."""
    guest.token = guest.issue(expires_in_s=-5)
    status, problem = guest.bet(provider)
    assert (status, problem["code"]) == (422, "session_ended")
    assert guest.balance() == START_MINOR


def test_token_of_another_table_is_asked_about_each_time(provider, guest, proxy):
    """One that the wallet vouched for is believed for a while; what it refused is not, so that each such bet asks."""
    closes_at = datetime.now(UTC)
    for game, requests in ((GAME, 1), ("no-such-table", 2)):
        before = proxy.seen["/user/balance"]
        answers = [guest.bet(provider, game=game, closes_at=closes_at)[1]["code"] for _ in range(2)]
        assert answers == ["bets_closed" if game == GAME else "session_ended"] * 2
        assert proxy.seen["/user/balance"] == before + requests


def test_twenty_presses_of_one_button_are_one_bet(provider, guest):
    """The same key in parallel places one bet; the same key for another bet is refused."""
    closes_at = provider.window()
    with ThreadPoolExecutor(20) as threads:
        answers = list(threads.map(lambda _: guest.bet(provider, key="the-same-key", closes_at=closes_at), range(20)))
    assert {(status, bet["bet_id"]) for status, bet in answers} == {(200, answers[0][1]["bet_id"])}
    assert guest.balance() == START_MINOR - 500
    other = guest.bet(provider, key="the-same-key", closes_at=closes_at, side="black")
    assert (other[0], other[1]["code"]) == (422, "key_reused")


def test_lost_answers_of_the_wallet_are_asked_for_again_and_count_once(provider, guest, proxy):
    """Bet and win are sent until they are answered, under one name each."""
    proxy.lose("/transaction/bet", 2)
    status, bet = guest.bet(provider)
    assert status in (200, 202)
    eventually(lambda: guest.bets(provider)[0]["state"] == "accepted")
    assert proxy.seen["/transaction/bet"] == 3
    assert guest.balance() == START_MINOR - 500
    proxy.lose("/transaction/win", 2)
    provider.finish_round()
    won = settled(guest, provider, "won", "lost")
    assert won["bet_id"] == bet["bet_id"]
    assert proxy.seen["/transaction/win"] == 3
    assert guest.balance() == START_MINOR - 500 + won["won_minor"]


def test_bet_that_nobody_can_vouch_for_is_rolled_back(provider, guest, proxy):
    """No answer for four seconds: the stake, taken or not, is given back once the wallet can be reached."""
    proxy.lose("/transaction/bet", 1)
    closes_at = provider.window()
    guest.bets(provider)  # the provider reads the player from the token
    threading.Timer(0.2, lambda: proxy.away.update({"/transaction/bet", "/transaction/rollback"})).start()
    status, bet = guest.bet(provider, closes_at=closes_at)
    assert (status, bet["state"]) == (202, "placing")
    eventually(lambda: guest.bets(provider)[0]["state"] == "returning")
    proxy.away.clear()
    settled(guest, provider, "returned")
    assert guest.balance() == START_MINOR


def test_killed_provider_gives_back_what_its_rounds_never_decided(provider, guest, proxy, tmp_path):
    """After a restart there is no round to settle by, so an open bet is returned, once."""
    assert guest.bet(provider)[1]["state"] == "accepted"
    journal = (tmp_path / "bets.jsonl").read_bytes()
    copy = tmp_path / "copy.jsonl"
    copy.write_bytes(journal + b'{"bet": {"half')
    successor = Running(proxy.url, copy)
    try:
        settled(guest, successor, "returned")
        assert guest.balance() == START_MINOR
    finally:
        successor.stop()


def test_answer_that_never_reached_the_player_is_the_same_bet_when_asked_again(provider, guest):
    """The provider took the bet and its answer was lost: the same key gives the bet that stands."""
    closes_at = provider.window()
    provider.fail("bets_unanswered")
    with pytest.raises(httpx.TimeoutException):
        guest.bet(provider, key="asked-again", closes_at=closes_at, wait_s=2)
    provider.fail("none")
    status, bet = guest.bet(provider, key="asked-again", closes_at=closes_at)
    assert (status, bet["state"]) == (200, "accepted")
    assert guest.balance() == START_MINOR - 500


def test_players_see_their_own_bets_only(provider, house, guest):
    """A list belongs to the player that the token was issued for."""
    guest.bet(provider)
    assert len(guest.bets(provider)) == 1
    assert Guest(house).bets(provider) == []
    assert plain_http.get(f"{provider.url}/v1/bets?game={GAME}").status_code == 401
