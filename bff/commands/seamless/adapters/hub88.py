"""An aggregator's protocol, as Hub88 documents its wallet: 1/100,000 of a currency's unit, and the body signed.

Public: `Hub88Adapter`, `SIGNATURE`, `UNITS_PER_MAJOR`.
Source: https://docs.hub88.io/developer-docs/operator-api-reference/wallet-api

The signature holds no time and no path. What is sent again counts once by its names, and a token opens nothing for a
stake after twelve hours, so that an old body moves nothing; a body of one operation is none of another.
"""

from collections.abc import Mapping
from typing import Annotated

import msgspec

from bff.commands.seamless.adapters.adapter import ParsedRequest, SignedRequest
from bff.commands.seamless.requests import Denied
from bff.contracts import text
from bff.contracts.money import Currency, CurrencyUnknown, minor_digits
from bff.contracts.seamless import (
    BalanceRequest,
    BetRequest,
    PrizeRequest,
    RollbackRequest,
    Status,
    Token,
    Uuid,
    WalletAnswer,
    WinRequest,
    Word,
    verify_rsa,
)

SIGNATURE = "x-hub88-signature"
UNITS_PER_MAJOR = 100_000

# The protocol's names that differ from the engine's.
_STATUSES: Mapping[Status, str] = {
    Status.LIMIT_EXCEEDED: "RS_ERROR_LIMIT_REACHED",
    Status.PRIZE_FORBIDDEN: Status.TRANSACTION_DOES_NOT_EXIST.value,
}

User = Annotated[str, msgspec.Meta(max_length=64)]


class _Balance(msgspec.Struct, frozen=True):
    request_uuid: Uuid
    token: Token
    game_code: Word
    user: User = ""


class _Money(msgspec.Struct, frozen=True, kw_only=True):
    request_uuid: Uuid
    transaction_uuid: Uuid
    token: Token
    game_code: Word
    round: Word
    currency: Currency
    amount: int
    user: User = ""
    reference_transaction_uuid: Uuid | None = None
    reward_uuid: Uuid | None = None


class _Rollback(msgspec.Struct, frozen=True, kw_only=True):
    request_uuid: Uuid
    transaction_uuid: Uuid
    reference_transaction_uuid: Uuid
    token: Token
    game_code: Word
    round: Word
    user: User = ""


class Hub88Adapter:
    """A win that names no bet is a prize where it names the reward that it pays, and nothing where it does not."""

    def verify(self, received: SignedRequest, key: str, *, now: float) -> None:
        """RSA with SHA-256 over the body alone."""
        verify_rsa(received.body, received.headers.get(SIGNATURE, ""), key)

    def read(self, operation: str, body: bytes) -> ParsedRequest:
        """Names and units of the engine."""
        try:
            if operation == "user/balance":
                message = text.decode(body, _Balance)
                return ParsedRequest(
                    "balance", BalanceRequest(message.request_uuid, message.token, message.game_code), message.user
                )
            if operation == "transaction/rollback":
                return _rollback(text.decode(body, _Rollback))
            if operation in ("transaction/bet", "transaction/win"):
                money = text.decode(body, _Money)
                return _bet(money) if operation == "transaction/bet" else _win(money)
        except msgspec.ValidationError as error:
            raise Denied(Status.WRONG_TYPES) from error
        except msgspec.DecodeError as error:
            raise Denied(Status.WRONG_SYNTAX) from error
        raise Denied(Status.WRONG_SYNTAX)

    def write(self, answer: WalletAnswer) -> bytes:
        """`balance` in its unit; nothing else is an amount."""
        body: dict[str, str | int] = {"status": _STATUSES.get(answer.status, answer.status.value)}
        optional = {"request_uuid": answer.request_uuid, "user": answer.user, "currency": answer.currency}
        body |= {name: value for name, value in optional.items() if value}
        if answer.balance is not None and answer.currency:
            body["balance"] = answer.balance * _units_per_minor(answer.currency)
        return msgspec.json.encode(body)


def _bet(message: _Money) -> ParsedRequest:
    if message.reference_transaction_uuid is not None:
        raise Denied(Status.WRONG_TYPES)
    names = (message.request_uuid, message.transaction_uuid, message.token, message.game_code, message.round)
    return ParsedRequest("bet", BetRequest(*names, message.currency, _minor(message)), message.user)


def _win(message: _Money) -> ParsedRequest:
    names = (message.token, message.game_code, message.round)
    if message.reference_transaction_uuid is not None:
        bet = message.reference_transaction_uuid
        win = WinRequest(message.request_uuid, message.transaction_uuid, bet, *names, message.currency, _minor(message))
        return ParsedRequest("win", win, message.user)
    if message.reward_uuid is None:
        raise Denied(Status.TRANSACTION_DOES_NOT_EXIST)
    prize = PrizeRequest(
        message.request_uuid, message.transaction_uuid, *names, "promotion", message.currency, _minor(message)
    )
    return ParsedRequest("prize", prize, message.user)


def _rollback(message: _Rollback) -> ParsedRequest:
    names = (message.request_uuid, message.transaction_uuid, message.reference_transaction_uuid)
    return ParsedRequest(
        "rollback", RollbackRequest(*names, message.token, message.game_code, message.round), message.user
    )


def _minor(message: _Money) -> int:
    """Minor units. An amount that is finer than the currency is refused, as rounding it would favour one side."""
    try:
        whole, rest = divmod(message.amount, _units_per_minor(message.currency))
    except CurrencyUnknown as error:
        raise Denied(Status.WRONG_CURRENCY) from error
    if rest:
        raise Denied(Status.WRONG_TYPES)
    return whole


def _units_per_minor(currency: str) -> int:
    minor_per_major: int = 10 ** minor_digits(currency)
    return UNITS_PER_MAJOR // minor_per_major
