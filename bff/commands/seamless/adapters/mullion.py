"""Our own protocol (`bff.contracts.seamless`): minor units, a signature over time, path and body.

Public: `MullionAdapter`.
"""

import msgspec

from bff.commands.seamless.adapters.adapter import Operation, ParsedRequest, SignedRequest
from bff.commands.seamless.requests import Denied, TransactionRequest
from bff.contracts import text
from bff.contracts.seamless import (
    SIGNATURE_HEADER,
    BalanceRequest,
    BetRequest,
    PrizeRequest,
    RollbackRequest,
    Status,
    WalletAnswer,
    WinRequest,
    verify,
)

_REQUESTS: dict[str, tuple[Operation, type[BalanceRequest | TransactionRequest]]] = {
    "user/balance": ("balance", BalanceRequest),
    "transaction/bet": ("bet", BetRequest),
    "transaction/win": ("win", WinRequest),
    "transaction/prize": ("prize", PrizeRequest),
    "transaction/rollback": ("rollback", RollbackRequest),
}


class MullionAdapter:
    """Everything is as the engine has it, but for the checks."""

    def verify(self, received: SignedRequest, key: str, *, now: float) -> None:
        """HMAC or RSA, at most five minutes old."""
        verify(received.path, received.body, received.headers.get(SIGNATURE_HEADER, ""), key, now=now)

    def read(self, operation: str, body: bytes) -> ParsedRequest:
        """Amounts are whole numbers already; a fraction is another type."""
        try:
            name, body_type = _REQUESTS[operation]
            return ParsedRequest(name, text.decode(body, body_type))
        except KeyError as error:
            raise Denied(Status.WRONG_SYNTAX) from error
        except msgspec.ValidationError as error:
            raise Denied(Status.WRONG_TYPES) from error
        except msgspec.DecodeError as error:
            raise Denied(Status.WRONG_SYNTAX) from error

    def write(self, answer: WalletAnswer) -> bytes:
        """As it is."""
        return msgspec.json.encode(answer)
