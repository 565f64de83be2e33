"""The seamless wallet: how a game provider moves a player's money, in the words the field uses.

Public: `Status`, `BalanceRequest`, `BetRequest`, `WinRequest`, `PrizeRequest`, `RollbackRequest`, `WalletAnswer`,
`PrizeKind`, `game_audience`, `SCOPE_PLAY`, `PROVIDER_HEADER`, `SIGNATURE_HEADER`, `sign`, `sign_rsa`, `verify`,
`verify_rsa`, `SignatureRefused`, `Uuid`, `Word`, `Token`.

A provider posts to `/user/balance`, `/transaction/bet`, `/transaction/win`, `/transaction/prize` and
`/transaction/rollback` of the commands house, always with JSON, its own name and a signature. Amounts are integers in
minor units. The answer is 200 with a `WalletAnswer`, also when the business says no: who calls must look at `status`.
503 means that nobody knows; the same request may be sent again, with a fresh token too, for every transaction counts
once by its `transaction_uuid`. 413 is a body of more than 16 KiB.
"""

import base64
import binascii
import hashlib
import hmac
from enum import StrEnum, unique
from functools import lru_cache
from typing import Annotated, Literal

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key

from bff.contracts.money import Currency

PROVIDER_HEADER = "wallet-provider"
SIGNATURE_HEADER = "wallet-signature"
SIGNATURE_AGE_S_MAX = 300

SCOPE_PLAY = "games.play"

PrizeKind = Literal["jackpot", "tournament", "promotion"]

Uuid = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_-]{8,64}\Z")]
Word = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
Token = Annotated[str, msgspec.Meta(max_length=4096)]


@unique
class Status(StrEnum):
    """How a call ended. Everything but `RS_OK` means that the call moved nothing."""

    OK = "RS_OK"
    UNKNOWN = "RS_ERROR_UNKNOWN"
    INVALID_SIGNATURE = "RS_ERROR_INVALID_SIGNATURE"
    WRONG_SYNTAX = "RS_ERROR_WRONG_SYNTAX"
    WRONG_TYPES = "RS_ERROR_WRONG_TYPES"
    INVALID_TOKEN = "RS_ERROR_INVALID_TOKEN"  # noqa: S105
    TOKEN_EXPIRED = "RS_ERROR_TOKEN_EXPIRED"  # noqa: S105
    INVALID_GAME = "RS_ERROR_INVALID_GAME"
    WRONG_CURRENCY = "RS_ERROR_WRONG_CURRENCY"
    NOT_ENOUGH_MONEY = "RS_ERROR_NOT_ENOUGH_MONEY"
    LIMIT_EXCEEDED = "RS_ERROR_LIMIT_EXCEEDED"
    USER_DISABLED = "RS_ERROR_USER_DISABLED"
    DUPLICATE_TRANSACTION = "RS_ERROR_DUPLICATE_TRANSACTION"
    TRANSACTION_DOES_NOT_EXIST = "RS_ERROR_TRANSACTION_DOES_NOT_EXIST"
    PRIZE_FORBIDDEN = "RS_ERROR_PRIZE_FORBIDDEN"
    TRANSACTION_ROLLED_BACK = "RS_ERROR_TRANSACTION_ROLLED_BACK"


class BalanceRequest(msgspec.Struct, frozen=True):
    """Body of `/user/balance`."""

    request_uuid: Uuid
    token: Token
    game_code: Word


class BetRequest(msgspec.Struct, frozen=True):
    """Body of `/transaction/bet`. The token must be valid at this moment, but for a bet that was taken before.

    An amount of 0 is a free bet: what it wins is real money. A bet that was denied stays denied under its
    `request_uuid`; another attempt takes a fresh one.
    `game_kind` is the kind of game in the words of promotions (`roulette`, `slots`), for what a stake counts towards a
    bonus; without it, the part of `game_code` before the first `-`.
    """

    request_uuid: Uuid
    transaction_uuid: Uuid
    token: Token
    game_code: Word
    round: Word
    currency: Currency
    amount_minor: int = msgspec.field(name="amount")
    game_kind: Annotated[str, msgspec.Meta(max_length=32)] = ""


class WinRequest(msgspec.Struct, frozen=True):
    """Body of `/transaction/win`: what the bet `reference_transaction_uuid` brought, 0 for nothing.

    The token may have expired: the round was played while it was valid.
    """

    request_uuid: Uuid
    transaction_uuid: Uuid
    reference_transaction_uuid: Uuid
    token: Token
    game_code: Word
    round: Word
    currency: Currency
    amount_minor: int = msgspec.field(name="amount")


class PrizeRequest(msgspec.Struct, frozen=True):
    """Body of `/transaction/prize`: a win without a bet, for providers that may give some. Declared by its `kind`.

    `round` is the provider's name for the jackpot, tournament or promotion, and what a rollback of the prize names. The
    token may have expired. One prize, and all prizes of a provider in a day (UTC), have a largest amount a currency.
    """

    request_uuid: Uuid
    transaction_uuid: Uuid
    token: Token
    game_code: Word
    round: Word
    kind: PrizeKind
    currency: Currency
    amount_minor: int = msgspec.field(name="amount")


class RollbackRequest(msgspec.Struct, frozen=True):
    """Body of `/transaction/rollback`: undo the bet, win or prize that it refers to, or forbid it before it comes.

    It is always taken: what a player has spent of a win by then is owed to the house, and kept from later wins.
    """

    request_uuid: Uuid
    transaction_uuid: Uuid
    reference_transaction_uuid: Uuid
    token: Token
    game_code: Word
    round: Word


class WalletAnswer(msgspec.Struct, frozen=True, omit_defaults=True):
    """`balance` is what the player can stake (real and bonus) in minor units, given wherever the player is known."""

    status: Status
    request_uuid: str = ""
    user: str = ""
    currency: str = ""
    balance: int | None = None


def game_audience(game_code: str) -> str:
    """The audience of a game token: a player context (scope `games.play`) that the shell mints for one game."""
    return f"game:{game_code}"


class SignatureRefused(Exception):
    """The signature is missing, malformed, too old or wrong; the message says which."""


def sign(path: str, body: bytes, secret: str, *, now: int) -> str:
    """`Wallet-Signature` by a shared secret: HMAC-SHA256 over `t.path.body`."""
    return f"t={now},v1={hmac.new(secret.encode(), _signed(path, body, now), hashlib.sha256).hexdigest()}"


def sign_rsa(path: str, body: bytes, private_key_pem: str, *, now: int) -> str:
    """`Wallet-Signature` by an RSA key: SHA-256 with PKCS #1 v1.5 over `t.path.body`, base64."""
    key = load_pem_private_key(private_key_pem.encode(), password=None)
    if not isinstance(key, rsa.RSAPrivateKey):
        raise ValueError("this signature needs an RSA key")
    signature = key.sign(_signed(path, body, now), padding.PKCS1v15(), SHA256())
    return f"t={now},rsa={base64.b64encode(signature).decode()}"


def verify(path: str, body: bytes, signature: str, key: str, *, now: float) -> None:
    """Raises `SignatureRefused`. `key` is the provider's shared secret, or its RSA public key as PEM."""
    parts = dict(part.strip().partition("=")[::2] for part in signature.split(","))
    stamp = parts.get("t", "")
    if not (stamp.isascii() and stamp.isdigit() and len(stamp) <= 12):
        raise SignatureRefused("there is no time in the signature")
    if key.startswith("-----BEGIN"):
        verify_rsa(_signed(path, body, int(stamp)), parts.get("rsa", ""), key)
    else:
        expected = sign(path, body, key, now=int(stamp)).partition("v1=")[2]
        given = parts.get("v1", "")
        if not given.isascii() or not hmac.compare_digest(expected, given):
            raise SignatureRefused("the signature does not match")
    if abs(now - int(stamp)) > SIGNATURE_AGE_S_MAX:
        raise SignatureRefused("the signature is too old")


def verify_rsa(signed: bytes, given: str, public_key_pem: str) -> None:
    """Raises `SignatureRefused` unless `given` (base64, PKCS #1 v1.5, SHA-256) is the key's signature of `signed`."""
    key = _rsa_key(public_key_pem)
    if key is None:
        raise SignatureRefused("the provider's key is no RSA key")
    try:
        key.verify(base64.b64decode(given, validate=True), signed, padding.PKCS1v15(), SHA256())
    except (InvalidSignature, binascii.Error, ValueError) as error:
        raise SignatureRefused("the signature does not match") from error


# To read a PEM costs more than the signature, and each provider has one.
@lru_cache(maxsize=64)
def _rsa_key(public_key_pem: str) -> rsa.RSAPublicKey | None:
    key = load_pem_public_key(public_key_pem.encode())
    return key if isinstance(key, rsa.RSAPublicKey) else None


def _signed(path: str, body: bytes, now: int) -> bytes:
    return f"{now}.{path}.".encode() + body
