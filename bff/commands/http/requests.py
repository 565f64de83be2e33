"""Reads a command's request: its player, idempotency key and body. Whatever is invalid becomes a problem (RFC 9457).

Public: `read`, `read_body`.
"""

import re
import time
from typing import TypeVar

import msgspec
from django.conf import settings
from django.http import HttpRequest

from bff.commands.engine.policy import POLICY
from bff.commands.ledger.command_request import CommandRejected, CommandRequest
from bff.commands.ledger.currencies import LIMITS, limits_of
from bff.contracts import codes, text
from bff.contracts import headers as names
from bff.contracts.idempotency import COMMAND_KEY_CHARS_MAX, is_command_key
from bff.contracts.player_context import ContextRefused, PlayerContext, check

T = TypeVar("T", bound=msgspec.Struct)

_PLAYER = re.compile(r"[A-Za-z0-9_-]{1,64}")


def read(request: HttpRequest, command: str, scopes: frozenset[str], body_type: type[T]) -> tuple[CommandRequest, T]:
    """The player, key and body of the request; raises `CommandRejected`. Of several scopes one is enough."""
    context = _player(request, scopes)
    if limits_of(context.currency) is None:
        detail = f"Accounts are kept in one of {', '.join(LIMITS)}. Nothing was done."
        raise CommandRejected(422, "currency_unknown", detail)
    key = request.headers.get(names.IDEMPOTENCY_KEY, "")
    if not key:
        detail = "Send the header Idempotency-Key with a value of your own, the same one when you try again."
        raise CommandRejected(400, "idempotency_key_missing", detail)
    if not is_command_key(key):
        detail = f"Idempotency-Key takes 1 to {COMMAND_KEY_CHARS_MAX} printable ASCII characters without spaces."
        raise CommandRejected(400, "idempotency_key_malformed", detail)
    body = _body(request, body_type)
    return CommandRequest.of(context.player, context.currency, command, key, body), body


def _player(request: HttpRequest, scopes: frozenset[str]) -> PlayerContext:
    try:
        context = check(request.headers.get("Authorization"), settings.PLAYER_CONTEXT_PUBLIC_KEY, now=int(time.time()))
    except ContextRefused as refused:
        raise CommandRejected(refused.status, refused.code, "Sign in again. Nothing was done.") from refused
    if not _PLAYER.fullmatch(context.player):
        raise CommandRejected(401, "context_malformed", "Sign in to do this. Nothing was done.")
    if not scopes & context.scopes:
        raise CommandRejected(
            403, codes.SCOPE_MISSING, f"This needs the scope {' or '.join(sorted(scopes))}. Nothing was done."
        )
    return context


def read_body(request: HttpRequest) -> bytes:
    """The body; raises `CommandRejected` where it is longer than the engine reads."""
    if int(request.headers.get("Content-Length") or 0) > POLICY.body_bytes_max:
        raise CommandRejected(
            413, "body_too_large", f"A command has at most {POLICY.body_bytes_max} bytes. Nothing was done."
        )
    raw = request.read(POLICY.body_bytes_max + 1)
    if len(raw) > POLICY.body_bytes_max:
        raise CommandRejected(
            413, "body_too_large", f"A command has at most {POLICY.body_bytes_max} bytes. Nothing was done."
        )
    return raw


def _body(request: HttpRequest, body_type: type[T]) -> T:
    raw = read_body(request)
    try:
        return text.decode(raw, body_type)
    except msgspec.ValidationError as error:
        what, _, where = str(error).partition(" - at `$.")
        fields = {where.rstrip("`"): what} if where else {}
        raise CommandRejected(422, "body_invalid", f"{what}. Nothing was done.", fields) from error
    except text.TextRefused as error:
        raise CommandRejected(400, "text_refused", f"The body is no plain text: {error}. Nothing was done.") from error
    except msgspec.DecodeError as error:
        raise CommandRejected(400, "body_malformed", "The body is not JSON. Nothing was done.") from error
