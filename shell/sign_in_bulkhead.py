"""A bulkhead around sign-ins, so that pages do not wait for them.

Public: `sign_in_bulkhead`.
A sign-in costs some twenty times a page, in threads and in the loop. This stands before all that Django does for one,
and after its body has been read: who waits here costs nothing, and a client that sends slowly holds nobody up.
"""

from collections.abc import Awaitable, Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase
from django.utils.decorators import async_only_middleware

from bff.resilience.bulkhead import Bulkhead
from shell.pages.notice import notice, unavailable
from shell.players.device import has_signed_in
from shell.players.hashing import HASHES_MAX
from shell.wiring import parts

# As many at once as may hash; what waits longer than this is sent away, and so is who finds the queue full.
_bulkhead = Bulkhead(HASHES_MAX, 64)
WAIT_MS = 4000
_FULL = "Many people are signing in just now, so nothing was tried. Pages still work; try again in a moment."
_REFUSED = "Too many tries from this connection, so nothing was tried. Wait five minutes, then try again."

Next = Callable[[HttpRequest], Awaitable[HttpResponseBase]]


@async_only_middleware
def sign_in_bulkhead(get_response: Next) -> Next:
    """Middleware: one sign-in after the other. An address that is over its limit here is refused before it waits."""

    async def answer(request: HttpRequest) -> HttpResponseBase:
        if request.method != "POST" or request.path != settings.LOGIN_URL:
            return await get_response(request)
        wait_s = parts().throttle.address_wait_s(request.META.get("REMOTE_ADDR", ""))
        if wait_s and not has_signed_in(request.COOKIES):
            refused = notice(request, 429, _REFUSED)
            refused.headers["Retry-After"] = str(wait_s)
            return refused
        place = await _bulkhead.enter(WAIT_MS)
        if place is None:
            return unavailable(request, _FULL)
        try:
            return await get_response(request)
        finally:
            place.leave()

    return answer
