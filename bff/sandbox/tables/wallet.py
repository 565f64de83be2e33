"""The operator's seamless wallet, in the provider's words: the border to `/user/balance` and `/transaction/…`.

Public: `SeamlessWallet`, `WALLET`.
Every transaction is named by the bet that it belongs to, so sending one again can not move money twice.
"""

import time

import msgspec

from bff.contracts import text
from bff.contracts.seamless import (
    PROVIDER_HEADER,
    SIGNATURE_HEADER,
    BalanceRequest,
    BetRequest,
    RollbackRequest,
    Status,
    WalletAnswer,
    WinRequest,
    sign,
)
from bff.resilience.deadline import Deadline
from bff.resilience.guard import Guard
from bff.resilience.message import Request, Response
from bff.resilience.outcome import Failure
from bff.resilience.policy import Policy
from bff.resilience.reason import Reason
from bff.sandbox.tables.book import Ticket

WALLET = Policy(deadline_ms=1500, connect_ms=500)


class SeamlessWallet:
    """Calls never raise. A `Failure` means that the outcome is unknown; a business error means that
    nothing was done.
    """

    def __init__(
        self, url: str, provider: str, secret: str, policy: Policy = WALLET, guard: Guard | None = None
    ) -> None:
        self._url = url.rstrip("/")
        self._provider = provider
        self._secret = secret
        self._policy = policy
        self._guard = guard or Guard("seamless-wallet", policy)

    async def balance(self, token: str, game: str, request_uuid: str) -> WalletAnswer | Failure:
        """Whom a token is for, and what they can stake."""
        return await self._call("/user/balance", BalanceRequest(request_uuid, token, game))

    async def bet(self, ticket: Ticket) -> WalletAnswer | Failure:
        """Take the stake."""
        bet = ticket.bet
        request = BetRequest(
            request_uuid=bet.bet_id,
            transaction_uuid=bet.bet_id,
            token=ticket.token,
            game_code=bet.game,
            round=bet.round_id,
            currency=bet.currency,
            amount_minor=bet.amount_minor,
            game_kind="roulette",  # the one kind that takes bets here
        )
        return await self._call("/transaction/bet", request)

    async def win(self, ticket: Ticket) -> WalletAnswer | Failure:
        """Pay what the bet brought; nothing closes the round."""
        bet, name = ticket.bet, f"{ticket.bet.bet_id}-win"
        request = WinRequest(
            request_uuid=name,
            transaction_uuid=name,
            reference_transaction_uuid=bet.bet_id,
            token=ticket.token,
            game_code=bet.game,
            round=bet.round_id,
            currency=bet.currency,
            amount_minor=bet.won_minor,
        )
        return await self._call("/transaction/win", request)

    async def rollback(self, ticket: Ticket) -> WalletAnswer | Failure:
        """Give the stake back, or forbid that it is ever taken."""
        bet, name = ticket.bet, f"{ticket.bet.bet_id}-back"
        request = RollbackRequest(
            request_uuid=name,
            transaction_uuid=name,
            reference_transaction_uuid=bet.bet_id,
            token=ticket.token,
            game_code=bet.game,
            round=bet.round_id,
        )
        return await self._call("/transaction/rollback", request)

    async def aclose(self) -> None:
        await self._guard.aclose()

    async def _call(self, path: str, message: msgspec.Struct) -> WalletAnswer | Failure:
        body = msgspec.json.encode(message)
        headers = (
            ("content-type", "application/json"),
            (PROVIDER_HEADER, self._provider),
            (SIGNATURE_HEADER, sign(path, body, self._secret, now=int(time.time()))),
        )
        deadline = Deadline.after_ms(time.monotonic(), self._policy.deadline_ms)
        reader = _Reader()
        request = Request("POST", self._url + path, headers, body)
        answer = await self._guard.call(request, deadline, judge=reader.judge)
        return answer if isinstance(answer, Failure) else reader.answer


class _Reader:
    """Reads inside the guard: a 200 that carries an error of the operator's counts against it, a player without money
    does not. For one call.
    """

    answer: WalletAnswer

    def judge(self, answer: Response) -> Failure | None:
        if answer.status != 200:
            return Failure(Reason.REJECTED, f"answered {answer.status}", status=answer.status)
        try:
            self.answer = text.decode(answer.body, WalletAnswer)
        except msgspec.DecodeError as error:
            return Failure(Reason.ENCODING, str(error))
        return Failure(Reason.UPSTREAM_ERROR, self.answer.status) if self.answer.status is Status.UNKNOWN else None
