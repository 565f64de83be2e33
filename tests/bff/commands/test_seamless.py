"""The seamless wallet API over HTTP, as a game provider uses it."""

import base64
import json
import time

import pytest
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from redis import Redis

from bff.contracts.seamless import SignatureRefused, sign, sign_rsa, verify
from tests.support import money_races
from tests.support.game_provider import SECRET, Provider, uuid
from tests.support.money_house import MoneyHouse, eventually


@pytest.fixture(scope="module")
def hub_key():
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture(scope="module")
def house(hub_key, tmp_path_factory):
    """The usual provider, one that may give prizes, and an aggregator with its own protocol."""
    public = hub_key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    file = tmp_path_factory.mktemp("providers") / "providers.toml"
    file.write_text(
        f'[providers.hub]\nprotocol = "hub88"\nprizes = true\nkey = """{public}"""\n'
        f'[providers.jackpots]\nprizes = true\nkey = "{SECRET}"\n'
    )
    extra = {"GAMES_WALLET_SECRET": SECRET, "GAME_PROVIDERS_FILE": str(file)}
    with MoneyHouse(wanted=("bff-commands",), extra=extra) as running:
        yield running


@pytest.fixture
def provider(house):
    return Provider(house)


def test_a_round_is_played(provider):
    """Balance, bet, win and rollback answer RS_OK with what the player can stake."""
    bet, common = uuid(), {"round": "r1", "currency": "EUR"}
    assert provider.call("/user/balance")[1]["balance"] == 10_000
    http, answer = provider.bet(2500, transaction_uuid=bet)
    assert (http, answer["status"], answer["balance"], answer["user"]) == (200, "RS_OK", 7500, provider.player)
    win = {"transaction_uuid": uuid(), "reference_transaction_uuid": bet, "amount": 5000}
    assert provider.call("/transaction/win", **win, **common)[1]["balance"] == 12_500
    assert provider.call("/transaction/win", **win, **common)[1]["balance"] == 12_500
    back = {"transaction_uuid": uuid(), "reference_transaction_uuid": bet, "round": "r1"}
    assert provider.call("/transaction/rollback", **back)[1]["balance"] == 15_000


def test_forty_stakes_and_withdrawals_take_no_more_than_there_is(house):
    """Different commands on one balance, several in one transaction: the ten that it allows."""
    money_races.forty_stakes_and_withdrawals(house)


def test_denied_bet_that_is_replayed_after_a_deposit_takes_nothing(house, provider):
    """The provider holds it as refused, so the very same bytes hear the same while their signature holds."""
    fields = {"transaction_uuid": uuid(), "round": "r1", "currency": "EUR", "amount": 15_000}
    raw = json.dumps({"request_uuid": uuid(), "token": provider.token, "game_code": "roulette-1", **fields}).encode()
    signature = sign("/transaction/bet", raw, SECRET, now=int(time.time()))
    headers = {"Wallet-Provider": "sandbox-tables", "Wallet-Signature": signature}
    first = house.post("/transaction/bet", raw, headers=headers)
    assert first[1]["status"] == "RS_ERROR_NOT_ENOUGH_MONEY"
    assert house.deposit(provider.player, 10_000)[1]["state"] == "done"
    assert house.post("/transaction/bet", raw, headers=headers) == first
    assert provider.call("/user/balance")[1]["balance"] == 20_000
    assert provider.bet(15_000)[1]["balance"] == 5_000


def test_signatures_are_checked_before_anything_else(provider):
    """Another secret, an old or a future signature, an unknown provider and a changed body are all refused."""
    assert provider.status("/user/balance", secret="wrong") == "RS_ERROR_INVALID_SIGNATURE"
    for off_s in (-900, 900, 86_400 * 365 * 73):
        assert provider.status("/user/balance", at=time.time() + off_s) == "RS_ERROR_INVALID_SIGNATURE"
    assert provider.status("/user/balance", provider="somebody") == "RS_ERROR_INVALID_SIGNATURE"
    raw = json.dumps({"request_uuid": uuid(), "token": provider.token, "game_code": "roulette-1"}).encode()
    signature = sign("/transaction/bet", raw, SECRET, now=int(time.time()))
    headers = {"Wallet-Provider": "sandbox-tables", "Wallet-Signature": signature}
    assert provider.house.post("/user/balance", raw, headers=headers)[1]["status"] == "RS_ERROR_INVALID_SIGNATURE"


def test_tokens_are_for_one_player_one_game_and_a_time(provider):
    """Broken, expired, for another game or without the scope: each has its status, and nothing is staked."""
    wrong = {
        "RS_ERROR_INVALID_TOKEN": "not-a-token",
        "RS_ERROR_TOKEN_EXPIRED": provider.issue(expires_in_s=-5),
        "RS_ERROR_INVALID_GAME": provider.issue(game="blackjack-1"),
    }
    for status, token in wrong.items():
        assert provider.bet(100, token=token)[1]["status"] == status
    unscoped = provider.issue(scope="wallet.read")
    assert provider.bet(100, token=unscoped)[1]["status"] == "RS_ERROR_INVALID_TOKEN"
    assert provider.call("/user/balance")[1]["balance"] == 10_000


def test_player_that_nobody_knows_has_nothing_and_leaves_nothing(house, provider):
    """A good token for an account that never saw money: a balance of nothing, no stake, no win, and no entry."""
    before = house.books("SELECT count(*) FROM commands_entry")
    provider.token = provider.issue(player="pl_nobody")
    assert provider.call("/user/balance")[1]["balance"] == 0
    assert provider.bet(100)[1]["status"] == "RS_ERROR_NOT_ENOUGH_MONEY"
    win = {"transaction_uuid": uuid(), "reference_transaction_uuid": uuid(), "round": "r1", "currency": "EUR"}
    assert provider.status("/transaction/win", amount=100, **win) == "RS_ERROR_TRANSACTION_DOES_NOT_EXIST"
    assert house.books("SELECT count(*) FROM commands_entry") == before


@pytest.mark.parametrize("amount", [-1, 10**30, 2**63, 1.5, 1.0, "100", None, True])
def test_amount_that_is_none_leaves_the_ledger_as_it_was(amount, house, provider):
    """Negative, huge, fractional, or no number at all: refused by kind, no entry, the balance as before."""
    before = house.books("SELECT count(*) FROM commands_entry")
    bet = uuid()
    provider.bet(100, transaction_uuid=bet)
    win = {"transaction_uuid": uuid(), "reference_transaction_uuid": bet, "round": "r1", "currency": "EUR"}
    statuses = {provider.bet(amount)[1]["status"], provider.status("/transaction/win", amount=amount, **win)}
    assert statuses <= {"RS_ERROR_WRONG_TYPES", "RS_ERROR_WRONG_SYNTAX", "RS_ERROR_LIMIT_EXCEEDED"}
    assert provider.call("/user/balance")[1]["balance"] == 9_900
    assert house.books("SELECT count(*) FROM commands_entry")[0][0] == before[0][0] + 2


def test_wins_and_rollbacks_are_taken_after_the_token_expired(provider):
    """The round was played while the token was valid, so its end counts."""
    bet, other = uuid(), uuid()
    provider.bet(1000, transaction_uuid=bet)
    provider.bet(1000, transaction_uuid=other)
    provider.token = provider.issue(expires_in_s=-60)
    win = {"transaction_uuid": uuid(), "reference_transaction_uuid": bet, "round": "r1", "currency": "EUR"}
    assert provider.status("/transaction/win", amount=2000, **win) == "RS_OK"
    back = {"transaction_uuid": uuid(), "reference_transaction_uuid": other, "round": "r1"}
    _, answer = provider.call("/transaction/rollback", **back)
    assert (answer["status"], answer["balance"]) == ("RS_OK", 11_000)
    assert provider.bet(1)[1]["status"] == "RS_ERROR_TOKEN_EXPIRED"


def test_what_is_not_a_request_is_told_by_kind(provider):
    """Missing and fractional fields, wrong currency and broken JSON."""
    assert provider.status("/transaction/bet", amount=1) == "RS_ERROR_WRONG_TYPES"
    assert provider.bet(1.5)[1]["status"] == "RS_ERROR_WRONG_TYPES"
    assert provider.bet(100, currency="GBP")[1]["status"] == "RS_ERROR_WRONG_CURRENCY"
    assert provider.bet(10_001)[1]["status"] == "RS_ERROR_NOT_ENOUGH_MONEY"
    raw = b"{"
    headers = {"Wallet-Provider": "sandbox-tables"}
    headers["Wallet-Signature"] = sign("/user/balance", raw, SECRET, now=int(time.time()))
    assert provider.house.post("/user/balance", raw, headers=headers)[1]["status"] == "RS_ERROR_WRONG_SYNTAX"


def test_database_away_is_503_and_the_same_request_counts_once_later(house, provider):
    """A read-only ledger answers that nobody knows; commands say so in a sentence, and nothing is half done."""
    database = house.data / "commands.sqlite3"
    bet = {"transaction_uuid": uuid(), "request_uuid": uuid()}
    locker = house.lock_database(database)
    try:
        http, answer = provider.bet(500, **bet)
        assert (http, answer["status"]) == (503, "RS_ERROR_UNKNOWN")
        status, problem = house.deposit(provider.player, 100)
        assert (status, problem["code"]) == (503, "engine_down")
        assert "try again" in problem["detail"]
    finally:
        locker()
    assert provider.bet(500, **bet)[1]["balance"] == 9500


def test_rsa_signatures_hold_for_one_path_and_body():
    """A provider may sign by its own key; what it did not sign is refused."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    signature = sign_rsa("/transaction/bet", b"{}", private, now=1000)
    verify("/transaction/bet", b"{}", signature, public, now=1000.0)
    for path, body, now in (
        ("/transaction/win", b"{}", 1000),
        ("/transaction/bet", b"{ }", 1000),
        ("/transaction/bet", b"{}", 2000),
        ("/transaction/bet", b"{}", 0),
    ):
        with pytest.raises(SignatureRefused):
            verify(path, body, signature, public, now=now)
    with pytest.raises(SignatureRefused):
        verify("/transaction/bet", b"{}", "t=1000,rsa=AAAA", public, now=1000)


@pytest.mark.parametrize("control", ["\x00", "\n", "\x7f", "\x85"], ids=ascii)
def test_control_characters_end_at_the_door(control, house, provider):
    """In any string of a provider, a player's command or a webhook: a typed refusal, and the ledger as it was."""
    before = house.books("SELECT count(*) FROM commands_gametransaction")
    assert provider.bet(100, round=f"r{control}")[1]["status"] == "RS_ERROR_WRONG_SYNTAX"
    assert provider.bet(100, game_kind=f"slots{control}")[1]["status"] == "RS_ERROR_WRONG_SYNTAX"
    assert provider.bet(100, unheard_of=control)[1]["status"] == "RS_ERROR_WRONG_SYNTAX"
    status, problem = house.command("claim-promotion", provider.player, {"promotion_id": f"p{control}"})
    assert (status, problem["code"]) == (400, "text_refused")
    assert house.books("SELECT count(*) FROM commands_gametransaction") == before


def test_body_over_the_limit_is_said_to_be_too_large(house, provider):
    """413 from the seamless wallet and for a webhook, before any signature is looked at."""
    http, answer = provider.bet(100, unheard_of="x" * 20_000)
    assert (http, answer["status"]) == (413, "RS_ERROR_WRONG_SYNTAX")
    status, problem = house.post("/webhooks/payments", b"x" * 20_000, headers={})
    assert (status, problem["code"]) == (413, "body_too_large")


def test_repeated_bet_is_answered_alike_with_an_expired_and_with_a_fresh_token(provider):
    """RS_OK and the same balance, signed anew; a fresh bet with the expired token is not taken."""
    bet = {"transaction_uuid": uuid(), "request_uuid": uuid()}
    first = provider.bet(1000, **bet)
    assert provider.bet(1000, token=provider.issue(expires_in_s=-5), **bet) == first
    assert provider.bet(1000, token=provider.issue(expires_in_s=900), **bet) == first
    assert provider.bet(1000, token=provider.issue(expires_in_s=-5))[1]["status"] == "RS_ERROR_TOKEN_EXPIRED"


def test_not_enough_money_says_how_much_there_is(provider):
    """The balance and its currency come with the denial."""
    _, answer = provider.bet(10_001)
    assert (answer["status"], answer["balance"], answer["currency"]) == ("RS_ERROR_NOT_ENOUGH_MONEY", 10_000, "EUR")


def test_prizes_come_only_from_providers_that_may(provider):
    """Declared, signed, once; another provider's are refused, and so is a kind that is none."""
    prize = {"transaction_uuid": uuid(), "round": "May jackpot", "currency": "EUR", "amount": 500}
    assert provider.status("/transaction/prize", kind="jackpot", **prize) == "RS_ERROR_PRIZE_FORBIDDEN"
    given = {"provider": "jackpots", **prize}
    assert provider.status("/transaction/prize", kind="gift", **given) == "RS_ERROR_WRONG_TYPES"
    assert provider.call("/transaction/prize", kind="jackpot", **given)[1]["balance"] == 10_500
    assert provider.call("/transaction/prize", kind="jackpot", **given)[1]["balance"] == 10_500
    assert provider.status("/transaction/prize", secret="wrong", kind="jackpot", **given) == (
        "RS_ERROR_INVALID_SIGNATURE"
    )


class Aggregator:
    """Speaks the other protocol for the provider's player."""

    def __init__(self, provider, key):
        self.provider, self.key = provider, key

    def call(self, operation, *, path="/aggregators/hub/", **fields):
        body = {
            "request_uuid": uuid(), "token": self.provider.token, "game_code": "roulette-1", "round": "r1",
            "user": self.provider.player, "currency": "EUR", **fields,
        }  # fmt: skip
        raw = json.dumps(body).encode()
        signature = base64.b64encode(self.key.sign(raw, padding.PKCS1v15(), SHA256())).decode()
        return self.provider.house.post(path + operation, raw, headers={"X-Hub88-Signature": signature})[1]


def test_aggregator_plays_a_round_in_its_own_unit(provider, hub_key):
    """2.50 staked as 250,000, a free bet, a prize and a rollback: the ledger has cents, the answers have its unit."""
    hub, bet = Aggregator(provider, hub_key), uuid()
    assert hub.call("user/balance")["balance"] == 10_000_000
    answer = hub.call("transaction/bet", transaction_uuid=bet, amount=250_000)
    assert (answer["status"], answer["balance"], answer["user"]) == ("RS_OK", 9_750_000, provider.player)
    assert provider.call("/user/balance")[1]["balance"] == 9_750
    win = {"transaction_uuid": uuid(), "reference_transaction_uuid": bet, "amount": 500_000}
    assert hub.call("transaction/win", **win)["balance"] == 10_250_000
    assert hub.call("transaction/win", **win)["balance"] == 10_250_000
    back = {"transaction_uuid": uuid(), "reference_transaction_uuid": win["transaction_uuid"]}
    assert hub.call("transaction/rollback", **back)["balance"] == 9_750_000
    prize = hub.call("transaction/win", transaction_uuid=uuid(), reward_uuid=uuid(), amount=100_000)
    assert prize["balance"] == 9_850_000
    assert hub.call("transaction/bet", transaction_uuid=uuid(), amount=0)["balance"] == 9_850_000
    assert provider.call("/user/balance")[1]["balance"] == 9_850


def test_aggregator_is_refused_what_is_not_whole_not_signed_or_not_its_own(provider, hub_key, house):
    """Half a cent, somebody else's player, another key, our own addresses, and our signature at its."""
    hub = Aggregator(provider, hub_key)
    bet = {"transaction_uuid": uuid(), "amount": 250_500}
    assert hub.call("transaction/bet", **bet)["status"] == "RS_ERROR_WRONG_TYPES"
    assert hub.call("user/balance", user="pl_other")["status"] == "RS_ERROR_INVALID_TOKEN"
    stranger = Aggregator(provider, rsa.generate_private_key(public_exponent=65537, key_size=2048))
    assert stranger.call("user/balance")["status"] == "RS_ERROR_INVALID_SIGNATURE"
    assert hub.call("user/balance", path="/")["status"] == "RS_ERROR_INVALID_SIGNATURE"
    assert hub.call("user/balance", path="/aggregators/sandbox-tables/")["status"] == "RS_ERROR_INVALID_SIGNATURE"
    assert provider.status("/user/balance", provider="hub") == "RS_ERROR_INVALID_SIGNATURE"
    assert provider.call("/user/balance")[1]["balance"] == 10_000


def test_session_that_ended_takes_no_bet_and_is_still_paid(house, provider):
    """Heard over Valkey: within a second its token stakes nothing more, while what it staked repeats and wins."""
    provider.token = provider.issue(expires_in_s=43_200, session=f"{provider.player}-mark.0")
    bet = {"transaction_uuid": uuid(), "request_uuid": uuid()}
    assert provider.bet(100, **bet)[1]["status"] == "RS_OK"
    with Redis.from_url(house.valkey.url) as valkey:
        ended = {"player": provider.player, "mark": f"{provider.player}-mark", "epoch": 0}
        valkey.publish("mullion:revoked", json.dumps(ended))
    eventually(lambda: provider.status("/user/balance") == "RS_ERROR_TOKEN_EXPIRED")
    assert provider.bet(100)[1]["status"] == "RS_ERROR_TOKEN_EXPIRED"
    assert provider.bet(100, **bet)[1]["status"] == "RS_OK"
    win = {"transaction_uuid": uuid(), "reference_transaction_uuid": bet["transaction_uuid"], "round": "r1"}
    assert provider.status("/transaction/win", amount=300, currency="EUR", **win) == "RS_OK"


def test_token_older_than_what_this_process_has_heard_is_renewed(provider):
    """Minted before the engine listened: no bet, until the page's next one."""
    provider.token = provider.issue(expires_in_s=43_200, session="m.0", age_s=3600)
    assert provider.bet(100)[1]["status"] == "RS_ERROR_TOKEN_EXPIRED"
    provider.token = provider.issue(expires_in_s=43_200, session="m.0")
    assert provider.bet(100)[1]["status"] == "RS_OK"
