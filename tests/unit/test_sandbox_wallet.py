"""What counts against the operator's wallet, as a game provider calls it."""

import msgspec
import pytest

from bff.contracts.seamless import Status, WalletAnswer
from bff.resilience.breaker import Position
from bff.resilience.guard import Guard
from bff.resilience.message import Headers, Response
from bff.resilience.outcome import Failure
from bff.resilience.reason import Reason
from bff.sandbox.tables.wallet import WALLET, SeamlessWallet
from tests.resilience_fakes import FakeUpstream


async def asked(body: bytes) -> tuple[WalletAnswer | Failure, Position]:
    """(the last answer, where the breaker stands) after as many such answers as open it when they are failures."""
    guard = Guard("seamless-wallet", WALLET, FakeUpstream(lambda: Response(200, Headers(), body), took_ms=1))
    wallet = SeamlessWallet("http://wallet.test", "provider", "secret", guard=guard)
    answers = [await wallet.balance("token", "201", "request-1") for _ in range(WALLET.consecutive_max)]
    await wallet.aclose()
    return answers[-1], guard.breaker.position


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (msgspec.json.encode(WalletAnswer(Status.UNKNOWN)), Reason.UPSTREAM_ERROR),
        (b"<html>", Reason.ENCODING),
        (b"{}", Reason.ENCODING),
        (b'{"status": "RS_ERROR_OF_ANOTHER_KIND"}', Reason.ENCODING),
    ],
)
async def test_error_inside_a_200_counts_against_the_wallet(body: bytes, reason: Reason) -> None:
    """A wallet that does not know what it did, or says what nobody can read, is not well."""
    answer, position = await asked(body)
    assert isinstance(answer, Failure)
    assert (answer.reason, position) == (reason, Position.OPEN)


@pytest.mark.parametrize("status", [Status.OK, Status.NOT_ENOUGH_MONEY, Status.TOKEN_EXPIRED, Status.USER_DISABLED])
async def test_business_error_is_an_answer(status: Status) -> None:
    """A player without money is no outage."""
    answer, position = await asked(msgspec.json.encode(WalletAnswer(status)))
    assert isinstance(answer, WalletAnswer)
    assert (answer.status, position) == (status, Position.CLOSED)
