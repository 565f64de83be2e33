"""Which answers of the operator's wallet count as failures for a game provider."""

import msgspec
import pytest

from bff.contracts.seamless import Status, WalletAnswer
from bff.resilience.breaker import Position
from bff.resilience.guard import Guard
from bff.resilience.message import Headers, Response
from bff.resilience.outcome import Failure
from bff.resilience.reason import Reason
from bff.sandbox.tables.wallet import WALLET, SeamlessWallet
from tests.support.resilience_fakes import FakeUpstream

pytestmark = pytest.mark.quick


async def call_wallet(body: bytes) -> tuple[WalletAnswer | Failure, Position]:
    """(the last answer, the breaker's state) after as many such answers as would open it if they were failures."""
    guard = Guard("seamless-wallet", WALLET, FakeUpstream(lambda: Response(200, Headers(), body), took_ms=1))
    wallet = SeamlessWallet("http://wallet.test", "provider", "secret", guard=guard)
    answers = [await wallet.balance("token", "201", "request-1") for _ in range(WALLET.consecutive_max)]
    await wallet.aclose()
    return answers[-1], guard.breaker.position


async def test_error_inside_a_200_counts_against_the_wallet() -> None:
    """A wallet that does not know what it did is not well."""
    answer, position = await call_wallet(msgspec.json.encode(WalletAnswer(Status.UNKNOWN)))
    assert isinstance(answer, Failure)
    assert (answer.reason, position) == (Reason.UPSTREAM_ERROR, Position.OPEN)


@pytest.mark.parametrize("body", [b"<html>", b"{}", b'{"status": "RS_ERROR_OF_ANOTHER_KIND"}'])
async def test_answer_that_nobody_can_read_counts_against_what_was_asked_for(body: bytes) -> None:
    """That operation is asked no more for a moment; the wallet's others are."""
    upstream = FakeUpstream(lambda: Response(200, Headers(), body), took_ms=1)
    guard = Guard("seamless-wallet", WALLET, upstream)
    wallet = SeamlessWallet("http://wallet.test", "provider", "secret", guard=guard)
    answers = [await wallet.balance("token", "201", f"request-{time}") for time in range(WALLET.consecutive_max + 1)]
    await wallet.aclose()
    reasons = [answer.reason for answer in answers if isinstance(answer, Failure)]
    assert reasons[: WALLET.consecutive_max] == [Reason.ENCODING] * WALLET.consecutive_max
    assert reasons[WALLET.consecutive_max :] == [Reason.BREAKER_OPEN]
    assert guard.breaker.position is Position.CLOSED


@pytest.mark.parametrize("status", [Status.OK, Status.NOT_ENOUGH_MONEY, Status.TOKEN_EXPIRED, Status.USER_DISABLED])
async def test_business_error_is_an_answer(status: Status) -> None:
    """A player without money is no outage."""
    answer, position = await call_wallet(msgspec.json.encode(WalletAnswer(status)))
    assert isinstance(answer, WalletAnswer)
    assert (answer.status, position) == (status, Position.CLOSED)
