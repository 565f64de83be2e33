"""Authenticates a request by its cookies: by the signed cookie alone where that is enough, otherwise by one bounded
session look-up.

Public: `AuthResult`, `authenticate_cookies`, `find_actor`, `player_cookie`, `read_player_cookie`.
What is accepted while the database is down: decisions/0001.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass

from django.conf import settings

from bff.resilience import log
from shell.cookies import delete_cookie, set_cookie
from shell.players.identity import Expired, Identity, decode, encode
from shell.players.mark import mark_of
from shell.players.revocation import Revocations
from shell.players.session import SessionUnverified, find_identity, look_up

logger = log.get("players")


@dataclass(frozen=True, slots=True)
class AuthResult:
    """`identity` is None for a visitor; `cookies` are Set-Cookie values that the answer must carry.

    `certain` is False when a session could not be verified in time: the request is served as a visitor's, and the
    browser keeps its cookies.
    """

    identity: Identity | None
    cookies: tuple[str, ...] = ()
    certain: bool = True


async def authenticate_cookies(cookies: Mapping[str, str], revocations: Revocations) -> AuthResult:
    """Authenticate by cookies. While the database is slow or down, a genuine cookie is accepted a while longer, unless
    its session may have ended meanwhile.
    """
    session_key = cookies.get(settings.SESSION_COOKIE_NAME, "")
    if not session_key:
        orphaned = settings.PLAYER_COOKIE_NAME in cookies
        return AuthResult(None, (delete_cookie(settings.PLAYER_COOKIE_NAME),) if orphaned else ())
    gone = AuthResult(None, (delete_cookie(settings.PLAYER_COOKIE_NAME),))
    fresh, expired = read_player_cookie(cookies)
    claimed = fresh or expired
    if revocations.revoked_sessions.is_revoked(mark_of(session_key)) or (
        claimed is not None and revocations.covers(claimed)
    ):
        return gone
    if fresh is not None:
        return AuthResult(fresh)
    try:
        identity = await look_up(session_key, genuine=expired is not None)
    except SessionUnverified as error:
        believed = expired if expired is not None and revocations.is_certainly_live(expired) else None
        logger.warning("session_unverified", detail=str(error), believed=believed is not None)
        return AuthResult(believed, certain=believed is not None)
    # The session may have ended during the look-up.
    if identity is None or revocations.covers(identity):
        return gone
    # The browser keeps it for the session's length: the stamp inside says when it must be looked up again.
    return AuthResult(identity, (player_cookie(identity),))


async def find_actor(cookies: Mapping[str, str]) -> Identity | None:
    """Whose session it is, by the database alone, for a request that does something. The signed cookie decides only
    whom it waits behind. Raises `SessionUnverified`."""
    genuine = any(read_player_cookie(cookies))
    return await find_identity(cookies.get(settings.SESSION_COOKIE_NAME, ""), genuine=genuine)


def read_player_cookie(cookies: Mapping[str, str]) -> tuple[Identity | None, Identity | None]:
    """What the signed cookie says of the session beside it: (fresh, None), (None, expired), or nothing at all."""
    session_key = cookies.get(settings.SESSION_COOKIE_NAME, "")
    stamped = cookies.get(settings.PLAYER_COOKIE_NAME, "")
    if not session_key or not stamped:
        return None, None
    fresh = expired = None
    try:
        fresh = decode(stamped, age_s_max=settings.PLAYER_COOKIE_AGE_S, now=time.time())
    except Expired as old:
        expired = old.identity
    # The signed cookie belongs to another session, so it is ignored.
    mark = mark_of(session_key)
    return (fresh if fresh and fresh.mark == mark else None), (expired if expired and expired.mark == mark else None)


def player_cookie(identity: Identity) -> str:
    """The Set-Cookie value that lets the page path know this player for the next minute."""
    value = encode(identity, now=time.time())
    return set_cookie(settings.PLAYER_COOKIE_NAME, value, age_s=settings.SESSION_COOKIE_AGE)
