"""Adapters of providers' protocols: names, units and signatures; and the list of providers."""

import base64
import json

import pytest
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given, settings
from hypothesis import strategies as st

from bff.commands.ledger.currencies import LIMITS
from bff.commands.seamless.adapters.adapter import SignedRequest
from bff.commands.seamless.adapters.hub88 import SIGNATURE, UNITS_PER_MAJOR, Hub88Adapter
from bff.commands.seamless.adapters.mullion import MullionAdapter
from bff.commands.seamless.providers import GameProvider, ProvidersBroken, read_providers
from bff.commands.seamless.requests import Denied
from bff.contracts.money import CURRENCIES, CurrencyUnknown, minor_digits
from bff.contracts.seamless import (
    BetRequest,
    PrizeRequest,
    RollbackRequest,
    SignatureRefused,
    Status,
    WalletAnswer,
    WinRequest,
)

HUB, OWN = Hub88Adapter(), MullionAdapter()
BET = {
    "request_uuid": "r" * 8, "transaction_uuid": "t" * 8, "token": "tok", "game_code": "g", "round": "r1",
    "currency": "EUR", "amount": 150_000, "user": "pl_1", "bet": "zero", "is_free": False, "round_closed": True,
}  # fmt: skip


def read(operation, body, adapter=HUB):
    return adapter.read(operation, json.dumps(body).encode())


def refused(operation, body, adapter=HUB):
    with pytest.raises(Denied) as caught:
        read(operation, body, adapter)
    return caught.value.status


@settings(deadline=None)
@given(st.sampled_from(sorted(LIMITS)), st.integers(0, 10**12))
def test_an_amount_goes_through_the_other_unit_and_comes_back(currency, amount_minor):
    """Whatever the currency's digits: what is asked for, and what is answered, is exactly that many minor units."""
    units = UNITS_PER_MAJOR // 10 ** minor_digits(currency)
    parsed = read("transaction/bet", {**BET, "currency": currency, "amount": amount_minor * units})
    assert parsed.request.amount_minor == amount_minor
    answer = json.loads(HUB.write(WalletAnswer(Status.OK, "r" * 8, "pl_1", currency, amount_minor)))
    assert answer["balance"] == amount_minor * units


@pytest.mark.parametrize(
    ("currency", "amount", "minor"),
    [("EUR", 1_000, 1), ("EUR", 150_000, 150), ("JPY", 100_000, 1), ("KWD", 100, 1), ("KWD", 150_000, 1_500)],
)
def test_one_unit_in_each_kind_of_currency(currency, amount, minor):
    """1.50 EUR, 1 JPY and 1.500 KWD, by hand."""
    assert read("transaction/bet", {**BET, "currency": currency, "amount": amount}).request.amount_minor == minor


@pytest.mark.parametrize(("currency", "amount"), [("EUR", 1), ("EUR", 150_500), ("JPY", 150_000), ("KWD", 99)])
def test_an_amount_finer_than_the_currency_is_refused(currency, amount):
    """Nothing is rounded, in nobody's favour."""
    assert refused("transaction/bet", {**BET, "currency": currency, "amount": amount}) is Status.WRONG_TYPES


def test_what_is_no_amount_or_currency_is_refused_in_both_protocols():
    """Fractions, text, nothing; a currency of yesterday, of nowhere, in small letters."""
    for adapter in (HUB, OWN):
        for amount in (1.5, "100", None, True, [1]):
            assert refused("transaction/bet", {**BET, "amount": amount}, adapter) is Status.WRONG_TYPES
    assert refused("transaction/bet", {**BET, "currency": "eur"}) is Status.WRONG_TYPES
    for currency in ("DEM", "XXX", "ZZZ"):
        assert refused("transaction/bet", {**BET, "currency": currency}) is Status.WRONG_CURRENCY


def test_each_operation_is_read_by_its_own_names():
    """Bet, win, rollback; a win of a reward without a bet is a prize, any other without one is none."""
    assert isinstance(read("transaction/bet", BET).request, BetRequest)
    win = {**BET, "reference_transaction_uuid": "b" * 8}
    assert isinstance(read("transaction/win", win).request, WinRequest)
    assert isinstance(read("transaction/rollback", win).request, RollbackRequest)
    prize = read("transaction/win", {**BET, "reward_uuid": "w" * 8}).request
    assert isinstance(prize, PrizeRequest)
    assert prize.kind == "promotion"
    assert refused("transaction/win", BET) is Status.TRANSACTION_DOES_NOT_EXIST
    assert refused("transaction/bet", win) is Status.WRONG_TYPES
    assert refused("transaction/prize", BET) is Status.WRONG_SYNTAX
    assert refused("transaction/refund", BET, OWN) is Status.WRONG_SYNTAX
    assert read("user/balance", BET).user == "pl_1"


def test_answers_speak_the_protocols_words():
    """A limit has another name there, and an answer without an account holds no amount."""
    assert json.loads(HUB.write(WalletAnswer(Status.LIMIT_EXCEEDED, "r" * 8)))["status"] == "RS_ERROR_LIMIT_REACHED"
    bare = json.loads(HUB.write(WalletAnswer(Status.INVALID_SIGNATURE)))
    assert bare == {"status": "RS_ERROR_INVALID_SIGNATURE"}


def test_the_body_is_signed_and_nothing_else_opens_it():
    """RSA over the body: another body, another key, another scheme's signature and none are refused."""
    keys = [rsa.generate_private_key(public_exponent=65537, key_size=2048) for _ in range(2)]
    pem = keys[0].public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()

    def signed(key, body):
        return base64.b64encode(key.sign(body, padding.PKCS1v15(), SHA256())).decode()

    HUB.verify(SignedRequest("/x", {SIGNATURE: signed(keys[0], b"{}")}, b"{}"), pem, now=0)
    for given_signature, body in (
        (signed(keys[0], b"{}"), b"{ }"), (signed(keys[1], b"{}"), b"{}"), ("t=1,v1=00", b"{}"), ("", b"{}"),
    ):  # fmt: skip
        with pytest.raises(SignatureRefused):
            HUB.verify(SignedRequest("/x", {SIGNATURE: given_signature}, body), pem, now=0)


def test_providers_come_from_a_file_beside_the_usual_one(tmp_path):
    """Keys inline or in files of their own; the usual provider stays unless it is named."""
    usual = {"sandbox-tables": GameProvider(key="k")}
    key = tmp_path / "hub.pem"
    key.write_text("-----BEGIN PUBLIC KEY-----\nx\n-----END PUBLIC KEY-----\n")
    file = tmp_path / "providers.toml"
    file.write_text(
        f'[providers.hub]\nprotocol = "hub88"\nkey_file = "{key}"\nprizes = true\n[providers.own]\nkey = "secret"\n'
    )
    found = read_providers(str(file), usual)
    assert set(found) == {"sandbox-tables", "hub", "own"}
    assert (found["hub"].protocol, found["hub"].prizes, found["own"].prizes) == ("hub88", True, False)
    assert found["hub"].key.startswith("-----BEGIN")
    assert read_providers("", usual) == usual


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("[providers.a]\n", "no key"),
        ('[providers.a]\nkey = "s"\nprotocol = "soap"\n', "protocol"),
        ('[providers.a]\nkey = "s"\nprotocol = "hub88"\n', "PEM"),
        ('[providers.a]\nkey_file = "/nowhere/at/all"\n', "can not be read"),
        ('[providers.a]\nkey = "s"\nprize = true\n', "prize"),
        ("providers = 1", "providers"),
        ("[", "providers.toml"),
    ],
)
def test_a_broken_list_of_providers_stops_the_start_in_a_sentence(content, words, tmp_path):
    """It names the file and what is wrong with it."""
    file = tmp_path / "providers.toml"
    file.write_text(content)
    with pytest.raises(ProvidersBroken, match=words):
        read_providers(str(file), {})


def test_currencies_are_those_of_iso_4217_that_are_in_use():
    """With 0, 2 and 3 digits; where people drop digits that the standard has, the standard counts."""
    expected = {"EUR": 2, "USD": 2, "JPY": 0, "KRW": 0, "CLP": 0, "ISK": 0, "BHD": 3, "KWD": 3, "TND": 3, "IQD": 3,
                "RSD": 2, "HUF": 2, "IDR": 2, "ALL": 2}  # fmt: skip
    assert {code: minor_digits(code) for code in expected} == expected
    assert set(CURRENCIES.values()) == {0, 2, 3}
    assert len(CURRENCIES) > 140
    for gone in ("DEM", "XXX", "eur", "", "EU"):
        with pytest.raises(CurrencyUnknown):
            minor_digits(gone)
    assert set(LIMITS) <= set(CURRENCIES)
