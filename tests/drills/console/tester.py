"""The tester's session: the mark that this browser carries, so that a fault can hit it alone.

Public: `carried`, `set_cookie`.
"""

from http.cookies import CookieError, SimpleCookie

from tests.drills.mark import COOKIE


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
