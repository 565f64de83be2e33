"""A request for a command: who asks, by which key, for what. Everything that can be wrong with it is a problem.

Public: `read`, `whole_body`, `problem`, `answer`.
"""

import re
import time
from typing import TypeVar

import msgspec
from django.conf import settings
from django.http import HttpRequest, HttpResponse

from bff.commands.engine.policy import POLICY
from bff.commands.ledger.currencies import LIMITS, limits_of
from bff.commands.ledger.receipts import Asked, Refused
from bff.contracts import headers as names
from bff.contracts import text
from bff.contracts.player_context import ContextRefused, PlayerContext, check
from bff.contracts.problem import PROBLEM_TYPE, Problem

T = TypeVar("T", bound=msgspec.Struct)

_PLAYER = re.compile(r"[A-Za-z0-9_-]{1,64}")
_KEY = re.compile(r"[\x21-\x7e]+")
_TITLES = {
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    409: "Conflict",
    410: "Gone",
    413: "Content Too Large",
    422: "Unprocessable Content",
    503: "Service Unavailable",
    504: "Gateway Timeout",
}


def read(request: HttpRequest, command: str, scope: str | frozenset[str], body_type: type[T]) -> tuple[Asked, T]:
    """Who asks and what for; raises `Refused`. Of several scopes one is enough."""
    context = _player(request, frozenset({scope}) if isinstance(scope, str) else scope)
    if limits_of(context.currency) is None:
        detail = f"Accounts are kept in one of {', '.join(LIMITS)}. Nothing was done."
        raise Refused(422, "currency_unknown", detail)
    key = request.headers.get(names.IDEMPOTENCY_KEY, "")
    if not key:
        detail = "Send the header Idempotency-Key with a value of your own, the same one when you try again."
        raise Refused(400, "idempotency_key_missing", detail)
    if len(key) > POLICY.key_length_max or not _KEY.fullmatch(key):
        detail = f"Idempotency-Key takes 1 to {POLICY.key_length_max} printable ASCII characters without spaces."
        raise Refused(400, "idempotency_key_malformed", detail)
    body = _body(request, body_type)
    return Asked.of(context.player, context.currency, command, key, body), body


def _player(request: HttpRequest, scopes: frozenset[str]) -> PlayerContext:
    try:
        context = check(request.headers.get("Authorization"), settings.PLAYER_CONTEXT_PUBLIC_KEY, now=int(time.time()))
    except ContextRefused as refused:
        raise Refused(refused.status, refused.code, "Sign in again. Nothing was done.") from refused
    if not _PLAYER.fullmatch(context.player):
        raise Refused(401, "context_malformed", "Sign in to do this. Nothing was done.")
    if not scopes & context.scopes:
        raise Refused(403, "scope_missing", f"This needs the scope {' or '.join(sorted(scopes))}. Nothing was done.")
    return context


def whole_body(request: HttpRequest) -> bytes:
    """The body; raises `Refused` where it is longer than the engine reads."""
    if int(request.headers.get("Content-Length") or 0) > POLICY.body_bytes_max:
        raise Refused(413, "body_too_large", f"A command has at most {POLICY.body_bytes_max} bytes. Nothing was done.")
    raw = request.read(POLICY.body_bytes_max + 1)
    if len(raw) > POLICY.body_bytes_max:
        raise Refused(413, "body_too_large", f"A command has at most {POLICY.body_bytes_max} bytes. Nothing was done.")
    return raw


def _body(request: HttpRequest, body_type: type[T]) -> T:
    raw = whole_body(request)
    try:
        return text.decode(raw, body_type)
    except msgspec.ValidationError as error:
        what, _, where = str(error).partition(" - at `$.")
        fields = {where.rstrip("`"): what} if where else {}
        raise Refused(422, "body_invalid", f"{what}. Nothing was done.", fields) from error
    except text.TextRefused as error:
        raise Refused(400, "text_refused", f"The body is no plain text: {error}. Nothing was done.") from error
    except msgspec.DecodeError as error:
        raise Refused(400, "body_malformed", "The body is not JSON. Nothing was done.") from error


def problem(refused: Refused) -> HttpResponse:
    """The refusal on the wire."""
    body = Problem(
        status=refused.status,
        title=_TITLES.get(refused.status, "Error"),
        code=refused.code,
        detail=refused.detail,
        fields=refused.fields,
    )
    response = HttpResponse(msgspec.json.encode(body), status=refused.status, content_type=PROBLEM_TYPE)
    if refused.status in (503, 504):
        response["Retry-After"] = "1"
    if refused.status == 401:
        response["WWW-Authenticate"] = "Bearer"
    response["Cache-Control"] = "no-store"
    return response


def answer(body: msgspec.Struct, status: int = 200) -> HttpResponse:
    """An answer on the wire."""
    response = HttpResponse(msgspec.json.encode(body), status=status, content_type="application/json")
    response["Cache-Control"] = "no-store"
    return response
