"""The seamless wallet's HTTP answers: signature, provider, token, and then the engine.

Public: `own_view`, `own_transaction_view`, `aggregator_view`.
Our own protocol is spoken at `/user/balance` and `/transaction/…` with the provider's name in a header, any other below
`/aggregators/<provider>/`. A provider speaks the one protocol that it is registered with.
"""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.db import IntegrityError
from django.http import HttpRequest, HttpResponse

from bff.commands.engine.threads import EngineUnavailable
from bff.commands.http.requests import read_body
from bff.commands.http.runtime import runtime
from bff.commands.ledger.command_request import CommandRejected
from bff.commands.seamless import play, prizes, providers
from bff.commands.seamless.adapters.adapter import Adapter, Operation, ParsedRequest, SignedRequest
from bff.commands.seamless.adapters.hub88 import Hub88Adapter
from bff.commands.seamless.adapters.mullion import MullionAdapter
from bff.commands.seamless.requests import Denied, ProviderCall
from bff.contracts.player_context import ContextRefused, PlayerContext, check
from bff.contracts.seamless import PROVIDER_HEADER, SCOPE_PLAY, SignatureRefused, Status, WalletAnswer, game_audience
from bff.resilience import log

logger = log.get("seamless")

Act = Callable[[ProviderCall, Any, datetime], WalletAnswer]

_OWN: providers.Protocol = "mullion"
_ADAPTERS: dict[providers.Protocol, Adapter] = {_OWN: MullionAdapter(), "hub88": Hub88Adapter()}
_ACTS: dict[Operation, Act] = {
    "balance": play.balance,
    "bet": play.place_bet,
    "win": play.settle_win,
    "prize": prizes.give,
    "rollback": play.roll_back,
}


async def own_view(request: HttpRequest, operation: str) -> HttpResponse:
    """Our own protocol; the provider's name is in a header."""
    return await _answered(request, request.headers.get(PROVIDER_HEADER, ""), operation, own=True)


async def own_transaction_view(request: HttpRequest, name: str) -> HttpResponse:
    """`/transaction/<name>` of our own protocol."""
    return await own_view(request, f"transaction/{name}")


async def aggregator_view(request: HttpRequest, provider: str, operation: str) -> HttpResponse:
    """Another protocol; the provider's name is in the path."""
    return await _answered(request, provider, operation, own=False)


async def _answered(request: HttpRequest, provider: str, operation: str, *, own: bool) -> HttpResponse:
    registered = settings.GAME_PROVIDERS.get(provider)
    adapter = _ADAPTERS[registered.protocol if registered else _OWN]
    request_uuid = ""
    try:
        received = SignedRequest(request.path, request.headers, read_body(request))
        if registered is None or request.method != "POST" or (registered.protocol == _OWN) is not own:
            raise Denied(Status.INVALID_SIGNATURE)
        _verify(adapter, provider, received, registered.key)
        parsed = adapter.read(operation, received.body)
        request_uuid = parsed.request.request_uuid
        call = _call(provider, received.path, parsed)
        answer = await runtime().finish(_act(_ACTS[parsed.operation], call, parsed.request))
    except CommandRejected as refused:
        logger.warning("seamless_refused", path=request.path, detail=refused.detail)
        return _response(adapter, WalletAnswer(Status.WRONG_SYNTAX), refused.status)
    except Denied as denied:
        answer = WalletAnswer(denied.status, request_uuid)
    except EngineUnavailable as error:
        # Whether or not the command had begun, the provider reacts the same way: it sends the same request again, or a
        # rollback.
        logger.warning("seamless_unavailable", path=request.path, detail=str(error))
        return _response(adapter, WalletAnswer(Status.UNKNOWN, request_uuid), 503)
    return _response(adapter, answer, 200)


async def _act(act: Act, call: ProviderCall, request: Any) -> WalletAnswer:
    try:
        return await runtime().engine.run(act, call, request, datetime.now(UTC))
    except IntegrityError:
        # Two players' requests met under one name; the second look finds the first one's row.
        return await runtime().engine.run(act, call, request, datetime.now(UTC))


def _verify(adapter: Adapter, provider: str, received: SignedRequest, key: str) -> None:
    try:
        adapter.verify(received, key, now=time.time())
    except SignatureRefused as refused:
        logger.warning("seamless_signature_refused", provider=provider, detail=str(refused))
        raise Denied(Status.INVALID_SIGNATURE) from refused


def _call(provider: str, path: str, parsed: ParsedRequest) -> ProviderCall:
    """The call's provider and player; raises `Denied` for a token that was never issued for this player at this game.
    An expired token is not refused here: a repeated request is still answered, and wins and rollbacks of its bets are
    still owed.
    """
    request = parsed.request
    bearer, audience = f"Bearer {request.token}", game_audience(request.game_code)
    try:
        player = check(bearer, settings.PLAYER_CONTEXT_PUBLIC_KEY, now=0, audience=audience)
    except ContextRefused as refused:
        wrong_game = refused.code == "context_audience"
        raise Denied(Status.INVALID_GAME if wrong_game else Status.INVALID_TOKEN) from refused
    if SCOPE_PLAY not in player.scopes or not player.player or parsed.user not in ("", player.player):
        raise Denied(Status.INVALID_TOKEN)
    return ProviderCall.of(provider, player, path, request, _refusal(player))


def _refusal(player: PlayerContext) -> Status | None:
    now = time.time()
    live = player.expires_at > now and runtime().sessions.is_live(player, now)
    return None if live else Status.TOKEN_EXPIRED


def _response(adapter: Adapter, answer: WalletAnswer, status: int) -> HttpResponse:
    response = HttpResponse(adapter.write(answer), status=status, content_type="application/json")
    response["Cache-Control"] = "no-store"
    return response
