"""The seamless wallet's HTTP answers: signature, provider, token, and then the engine.

Public: `balance_view`, `bet_view`, `win_view`, `rollback_view`.
"""

import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import msgspec
from django.conf import settings
from django.db import IntegrityError
from django.http import HttpRequest, HttpResponse

from bff.commands import play
from bff.commands.asked import whole_body
from bff.commands.engine import EngineUnavailable
from bff.commands.play import Call, Denied
from bff.commands.receipts import Refused
from bff.commands.runtime import runtime
from bff.contracts import text
from bff.contracts.player_context import ContextRefused, PlayerContext, check
from bff.contracts.seamless import (
    PROVIDER_HEADER,
    SCOPE_PLAY,
    SIGNATURE_HEADER,
    BalanceRequest,
    BetRequest,
    RollbackRequest,
    SignatureRefused,
    Status,
    WalletAnswer,
    WinRequest,
    game_audience,
    verify,
)
from bff.resilience import log

logger = log.get("seamless")

Act = Callable[[Call, Any, datetime], WalletAnswer]


def _view(
    request_type: type[msgspec.Struct], act: Act, *, expired: bool
) -> Callable[[HttpRequest], Awaitable[HttpResponse]]:
    """A view over `act`. `expired`: whether a token that has run out will do."""

    async def view(request: HttpRequest) -> HttpResponse:
        request_uuid = ""
        try:
            body = whole_body(request)
            provider = _signed(request, body)
            asked: Any = _decoded(body, request_type)
            request_uuid = asked.request_uuid
            call = Call.of(provider, _player(asked, expired=expired), request.path, asked)
            answer = await runtime().finish(_act(act, call, asked))
        except Refused as refused:
            logger.warning("seamless_refused", path=request.path, detail=refused.detail)
            return _answer(WalletAnswer(Status.WRONG_SYNTAX), refused.status)
        except Denied as denied:
            answer = WalletAnswer(denied.status, request_uuid)
        except EngineUnavailable as error:
            # Begun or not, a provider does the same: it sends the same request again, or a rollback.
            logger.warning("seamless_unavailable", path=request.path, detail=str(error))
            return _answer(WalletAnswer(Status.UNKNOWN, request_uuid), 503)
        return _answer(answer, 200)

    return view


async def _act(act: Act, call: Call, asked: Any) -> WalletAnswer:
    try:
        return await runtime().engine.run(act, call, asked, datetime.now(UTC))
    except IntegrityError:
        # Two players' requests met under one name; the second look finds the first one's row.
        return await runtime().engine.run(act, call, asked, datetime.now(UTC))


def _signed(request: HttpRequest, body: bytes) -> str:
    provider = request.headers.get(PROVIDER_HEADER, "")
    key = settings.GAME_PROVIDERS.get(provider)
    if key is None or request.method != "POST":
        raise Denied(Status.INVALID_SIGNATURE)
    try:
        verify(request.path, body, request.headers.get(SIGNATURE_HEADER, ""), key, now=time.time())
    except SignatureRefused as refused:
        logger.warning("seamless_signature_refused", provider=provider, detail=str(refused))
        raise Denied(Status.INVALID_SIGNATURE) from refused
    return provider


def _decoded(body: bytes, request_type: type[msgspec.Struct]) -> msgspec.Struct:
    try:
        return text.decode(body, request_type)
    except msgspec.ValidationError as error:
        raise Denied(Status.WRONG_TYPES) from error
    except msgspec.DecodeError as error:
        raise Denied(Status.WRONG_SYNTAX) from error


def _player(asked: Any, *, expired: bool) -> PlayerContext:
    now = 0 if expired else int(time.time())
    audience = game_audience(asked.game_code)
    try:
        player = check(f"Bearer {asked.token}", settings.PLAYER_CONTEXT_PUBLIC_KEY, now=now, audience=audience)
    except ContextRefused as refused:
        refusals = {"context_expired": Status.TOKEN_EXPIRED, "context_audience": Status.INVALID_GAME}
        raise Denied(refusals.get(refused.code, Status.INVALID_TOKEN)) from refused
    if SCOPE_PLAY not in player.scopes or not player.player:
        raise Denied(Status.INVALID_TOKEN)
    return player


def _answer(answer: WalletAnswer, status: int) -> HttpResponse:
    response = HttpResponse(msgspec.json.encode(answer), status=status, content_type="application/json")
    response["Cache-Control"] = "no-store"
    return response


balance_view = _view(BalanceRequest, play.balance, expired=False)
bet_view = _view(BetRequest, play.place_bet, expired=False)
win_view = _view(WinRequest, play.settle_win, expired=True)
rollback_view = _view(RollbackRequest, play.roll_back, expired=True)
