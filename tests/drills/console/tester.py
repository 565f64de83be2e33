"""The tester's session: the mark that this browser carries, so that a fault can hit this browser alone.

Public: `SessionMark`, `carried`, `set_cookie`.
"""

import time
from collections.abc import Callable
from http.cookies import CookieError, SimpleCookie

from tests.drills.mark import COOKIE, LIFE_S, mint

# A mark with less time left than this is not given to a browser.
SPARE_S = 3600
NAME = "console"


class SessionMark:
    """The mark for the person at the console. Without a key it is empty."""

    def __init__(self, key: str, clock: Callable[[], float] = time.time) -> None:
        self._key, self._clock = key, clock
        self._mark, self._until = "", 0.0

    @property
    def mark(self) -> str:
        """The same mark for hours, then a new one."""
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
    """A Set-Cookie header that gives this browser the tester's mark, or removes it.

    Cookies do not depend on the port, so the shell at localhost gets this one too, as intended.
    """
    life = "" if mark else "; Max-Age=0"
    return f"{COOKIE}={mark}; Path=/; HttpOnly; SameSite=Lax{life}"
