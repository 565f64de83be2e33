"""The session look-up behind the player cookie: bounded, off the event loop, the only I/O of authentication.

Public: `look_up`, `find_identity`, `record_reality_check`, `identity_of`, `in_database`, `SessionUnverified`.
"""

import re
from collections.abc import Callable
from typing import TypeVar

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.base import SessionBase
from django.contrib.sessions.backends.base import UpdateError as SessionGone
from django.contrib.sessions.models import Session
from django.db import Error
from django.utils import timezone
from django.utils.crypto import constant_time_compare

from shell.players.duties import CHECKED_AT, SIGNED_IN_AT
from shell.players.identity import Identity
from shell.players.mark import mark_of
from shell.players.models import Player
from shell.players.session_store import SessionStore
from shell.players.threads import Threads, ThreadsBusy

T = TypeVar("T")

LOOK_UP_MS = 250
# The limit for actions that a person waits for.
REQUEST_MS = 3000

# The format of a session key: a cookie may hold anything.
_KEY = re.compile(r"[a-z0-9]{8,40}")

# To connect costs more than to look up, and every player is looked up once a minute.
CONNECTION_AGE_S_MAX = 60.0

# Requests with invented sessions wait in another queue than those with a genuine, expired cookie.
_genuine = Threads("look-ups", 8, 64, connection_age_s_max=CONNECTION_AGE_S_MAX)
_any = Threads("look-ups-any", 4, 8)
# Likewise what a player does, money above all: it waits for no sign-in, and for nobody who invents sessions.
_actions = Threads("look-ups-actions", 4, 64, connection_age_s_max=CONNECTION_AGE_S_MAX)
_requests = Threads("requests", 4, 32)


class SessionUnverified(Exception):
    """The session could not be verified in time; the caller decides whether to accept the cookie."""


async def look_up(session_key: str, *, genuine: bool) -> Identity | None:
    """Whose session it is, None when it is nobody's; raises `SessionUnverified` after `LOOK_UP_MS`.

    `genuine` says that a signed cookie came with it that names this session.
    """
    threads = _genuine if genuine else _any
    return await _bounded(threads, lambda: _load(session_key), LOOK_UP_MS)


async def in_database(call: Callable[[], T]) -> T:
    """What `call` returns, which a person waits for; raises `SessionUnverified` after `REQUEST_MS`."""
    return await _bounded(_requests, call, REQUEST_MS)


async def find_identity(session_key: str, *, genuine: bool = False) -> Identity | None:
    """As `look_up`, for what a player does: it waits longer, and nothing else than the database is believed."""
    if not session_key:
        return None
    return await _bounded(_actions if genuine else _requests, lambda: _load(session_key), REQUEST_MS)


async def record_reality_check(session_key: str, now: int) -> Identity | None:
    """The player looked up from the game at `now` (Unix seconds); who it was."""
    return await in_database(lambda: _check(session_key, now)) if session_key else None


async def _bounded(threads: Threads, call: Callable[[], T], deadline_ms: float) -> T:
    try:
        return await threads.run(call, deadline_ms=deadline_ms)
    except (Error, ThreadsBusy) as error:
        raise SessionUnverified(str(error)) from error


def _check(session_key: str, now: int) -> Identity | None:
    if _load(session_key) is None:
        return None
    session = SessionStore(session_key)
    session[CHECKED_AT] = now
    try:
        session.save()
    except SessionGone:
        return None
    return _load(session_key)


def _load(session_key: str) -> Identity | None:
    if not _KEY.fullmatch(session_key):
        return None
    row = Session.objects.filter(pk=session_key, expire_date__gt=timezone.now()).first()
    session = row.get_decoded() if row else {}
    pk = session.get(SESSION_KEY)
    if row is None or pk is None or session.get(BACKEND_SESSION_KEY) not in settings.AUTHENTICATION_BACKENDS:
        return None
    player = Player.objects.filter(pk=pk, is_active=True).first()
    if player is None or not constant_time_compare(session.get(HASH_SESSION_KEY, ""), player.get_session_auth_hash()):
        return None
    return _identity(player, session_key, session, int(row.expire_date.timestamp()))


def identity_of(player: Player, session: SessionBase) -> Identity:
    """What the cookie says about a player whose session has just been saved."""
    values = {name: session.get(name) for name in (SIGNED_IN_AT, CHECKED_AT)}
    return _identity(player, session.session_key or "", values, int(session.get_expiry_date().timestamp()))


def _identity(player: Player, session_key: str, session: dict[str, object], ends: int) -> Identity:
    def moment(name: str) -> int:
        value = session.get(name)
        return value if isinstance(value, int) else 0

    return Identity(
        player=player.player_id,
        name=player.get_short_name() or player.username,
        currency=player.currency,
        mark=mark_of(session_key),
        since=moment(SIGNED_IN_AT),
        checked=moment(CHECKED_AT),
        epoch=player.sessions_epoch,
        ends=ends,
    )
