"""The tester's session: the mark that this browser carries, so that a fault can hit it alone.

Public: `SessionMark`, `carried`, `set_cookie`.
"""

import time
from collections.abc import Callable
from http.cookies import CookieError, SimpleCookie

from tests.drills.mark import COOKIE, LIFE_S, mint

# A mark that has so little left is not given to a browser any more.
SPARE_S = 3600
NAME = "console"


class SessionMark:
    """That of whoever looks at the console. Without a key there is none, and the mark is empty."""

    def __init__(self, key: str, clock: Callable[[], float] = time.time) -> None:
        self._key, self._clock = key, clock
        self._mark, self._until = "", 0.0

    @property
    def mark(self) -> str:
        """The same one for hours, then another."""
        now = self._clock()
        if self._key and now >= self._until:
            self._mark, self._until = mint(self._key, NAME, now=now), now + LIFE_S - SPARE_S
        return self._mark


def carried(header: str) -> str:
    """The mark in a Cookie header; empty where there is none."""
    try:
        found = SimpleCookie(header).get(COOKIE)
    except CookieError:
        return ""
    return found.value if found else ""


def set_cookie(mark: str) -> str:
    """A Set-Cookie header that makes this browser the tester's, or, without a mark, nobody's.

    Cookies know no ports: the shell at localhost is sent it too, which is what it is for.
    """
    life = "" if mark else "; Max-Age=0"
    return f"{COOKIE}={mark}; Path=/; HttpOnly; SameSite=Lax{life}"
