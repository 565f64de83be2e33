"""Template values of the bar around Django's own pages: the same as those of the compiler's holes.

Public: `chrome`.
"""

import time
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils.translation import get_language

from shell.players.authentication import read_player_cookie
from shell.players.duties import duty_values
from shell.wiring import parts


def chrome(request: HttpRequest) -> dict[str, Any]:
    """By the signed cookie alone: an error page must not need the database that may be its cause."""
    fresh, expired = read_player_cookie(request.COOKIES)
    identity = fresh if fresh is not None and not parts().revocations.covers(fresh) else None
    if expired is not None and parts().revocations.is_certainly_live(expired):
        identity = expired
    return {
        **duty_values(identity, now=int(time.time())),
        "language": get_language() or settings.LANGUAGE_CODE,
        "signed_in": identity is not None,
        "player_name": identity.name if identity else "",
        "path": "/",
        "key": "",
    }
