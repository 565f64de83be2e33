"""Who a request is from, by its cookies: the signed one alone where that is enough, one bounded look-up where not.

Public: `Known`, `know`.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from django.conf import settings

from bff.resilience import log
from shell.cookies import delete_cookie, set_cookie
from shell.players.identity import Expired, Identity, decode, encode
from shell.players.revocation import Revocations
from shell.players.session import SessionUnknown, look_up, mark_of

logger = log.get("players")


@dataclass(frozen=True, slots=True)
class Known:
    """`identity` is None for a visitor; `cookies` are Set-Cookie values that the answer must carry."""

    identity: Identity | None
    cookies: tuple[str, ...] = ()


async def know(cookies: Mapping[str, str], revocations: Revocations) -> Known:
    """Who it is. Redis and the database may be away: then a genuine cookie is believed a while longer."""
    session_key = cookies.get(settings.SESSION_COOKIE_NAME, "")
    stamped = cookies.get(settings.PLAYER_COOKIE_NAME, "")
    if not session_key:
        return Known(None, (delete_cookie(settings.PLAYER_COOKIE_NAME),) if stamped else ())
    mark = mark_of(session_key)
    if revocations.is_over(mark):
        return Known(None, (delete_cookie(settings.PLAYER_COOKIE_NAME),))
    expired = None
    try:
        identity = decode(stamped, age_s_max=settings.PLAYER_COOKIE_AGE_S) if stamped else None
        # A cookie that goes with another session says nothing about this one.
        if identity is not None and identity.mark == mark:
            return Known(identity)
    except Expired as old:
        expired = old.identity if old.identity.mark == mark else None
    try:
        identity = await look_up(session_key)
    except SessionUnknown as error:
        logger.warning("session_unknown", detail=str(error), believed=expired is not None)
        return Known(expired)
    if identity is None:
        return Known(None, (delete_cookie(settings.PLAYER_COOKIE_NAME),))
    # The browser keeps it for the session's length: the stamp inside says when it must be looked up again.
    return Known(identity, (stamp(identity),))


def stamp(identity: Identity) -> str:
    """The Set-Cookie value that lets the page path know this player for the next minute."""
    return set_cookie(settings.PLAYER_COOKIE_NAME, encode(identity), age_s=settings.SESSION_COOKIE_AGE)
