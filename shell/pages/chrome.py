"""What the bar around Django's own pages shows: the same values that the compiler leaves holes for.

Public: `chrome`.
"""

import time
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils.translation import get_language

from shell.players.duties import words_for
from shell.players.identity import Expired, decode


def chrome(request: HttpRequest) -> dict[str, Any]:
    """By the signed cookie alone: an error page must not need the database that may be its cause."""
    stamped = request.COOKIES.get(settings.PLAYER_COOKIE_NAME, "")
    try:
        identity = decode(stamped, age_s_max=settings.PLAYER_COOKIE_AGE_S) if stamped else None
    except Expired as old:
        identity = old.identity if settings.SESSION_COOKIE_NAME in request.COOKIES else None
    return {
        **words_for(identity, now=int(time.time())),
        "language": get_language() or settings.LANGUAGE_CODE,
        "signed_in": identity is not None,
        "player_name": identity.name if identity else "",
        "path": "/",
        "key": "",
    }
