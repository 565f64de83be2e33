"""The session look-up behind the player cookie: bounded, off the event loop, the only I/O that knowing a player costs.

Public: `look_up`, `identity_of`, `mark_of`, `SessionUnknown`.
"""

import asyncio
import hashlib
from importlib import import_module

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.base import SessionBase
from django.db import Error, close_old_connections, connection
from django.utils.crypto import constant_time_compare

from shell.players.duties import CHECKED_AT, SIGNED_IN_AT
from shell.players.identity import Identity
from shell.players.models import Player

LOOK_UP_MS = 250
LOOK_UPS_MAX = 16

_engine = import_module(settings.SESSION_ENGINE)
_slots = asyncio.Semaphore(LOOK_UPS_MAX)


class SessionUnknown(Exception):
    """Nobody could say in time whether the session stands; the caller decides how far to trust what it holds."""


def mark_of(session_key: str) -> str:
    """What stands for a session in a cookie and in a revocation: useless for signing in."""
    return hashlib.sha256(f"mark:{session_key}".encode()).hexdigest()[:32]


async def look_up(session_key: str) -> Identity | None:
    """Whose session it is, None when it is nobody's; raises `SessionUnknown` after `LOOK_UP_MS`.

    The permit belongs to the call, not to the caller: a look-up that hangs keeps its place until it ends, so a
    hanging store can not use up the process's threads.
    """
    if _slots.locked():
        raise SessionUnknown("too many look-ups are waiting")
    await _slots.acquire()
    call = asyncio.ensure_future(asyncio.to_thread(_load, session_key))
    call.add_done_callback(_ended)
    try:
        return await asyncio.wait_for(asyncio.shield(call), LOOK_UP_MS / 1000)
    except (TimeoutError, Error) as error:
        raise SessionUnknown(str(error) or "no answer in time") from error


def _ended(call: "asyncio.Future[Identity | None]") -> None:
    _slots.release()
    if not call.cancelled():
        call.exception()  # read here, so that a look-up nobody waits for any more is not reported as lost


def _load(session_key: str) -> Identity | None:
    close_old_connections()
    try:
        session = _engine.SessionStore(session_key=session_key)
        pk = session.get(SESSION_KEY)
        if pk is None or session.get(BACKEND_SESSION_KEY) not in settings.AUTHENTICATION_BACKENDS:
            return None
        player = Player.objects.filter(pk=pk, is_active=True).first()
        if player is None or not constant_time_compare(
            session.get(HASH_SESSION_KEY, ""), player.get_session_auth_hash()
        ):
            return None
        return identity_of(player, session)
    finally:
        if not connection.in_atomic_block:
            connection.close()


def identity_of(player: Player, session: SessionBase) -> Identity:
    """What the cookie says about a signed-in player."""
    return Identity(
        player=player.player_id,
        name=player.get_short_name() or player.username,
        currency=player.currency,
        mark=mark_of(session.session_key or ""),
        since=int(session.get(SIGNED_IN_AT, 0)),
        checked=int(session.get(CHECKED_AT, 0)),
    )
