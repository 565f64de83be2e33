"""Sign-in, sign-out and the look up from the game, in plain forms."""

import time
from functools import partial

from django.conf import settings
from django.contrib.auth import authenticate, login
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_POST

from bff.contracts.text import is_plain
from bff.resilience import log
from shell.cookies import delete_cookie, set_cookie
from shell.database import DATABASE_AWAY
from shell.pages.notice import RETRY_AFTER_S, unavailable
from shell.players.authentication import authenticate_cookies, find_actor, player_cookie
from shell.players.device import device_of, remember
from shell.players.duties import SIGNED_IN_AT
from shell.players.hashing import HASHES_MAX
from shell.players.identity import Identity
from shell.players.models import Player
from shell.players.revoke import end_session
from shell.players.session import SessionUnverified, identity_of, in_database, record_reality_check
from shell.players.threads import Threads, ThreadsBusy
from shell.players.throttle import ThrottlePolicy, attempt_counters
from shell.wiring import parts

_NAME_MAX = 150
_PASSWORD_MAX = 1024
# Sign-ins beyond this queue are refused.
_hashing = Threads("hashing", HASHES_MAX, 32)
HASHING_MS = 3000
_NOT_NOW = "Signing in is not possible for the moment, so nothing was changed. Pages still work; try again in a moment."
_STILL_SIGNED_IN = (
    "Your sign-out could not be confirmed, so this browser may still be signed in. Try again in a moment, and do not "
    "leave this device before it says so."
)

logger = log.get("players")


class _SeeOther(HttpResponseRedirect):
    status_code = 303


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
async def sign_in(request: HttpRequest) -> HttpResponse:
    """The form, and the session that it opens. A wrong password keeps the name that was typed."""
    target = _next(request)
    if request.method != "POST":
        auth_result = await authenticate_cookies(request.COOKIES, parts().revocations)
        return HttpResponseRedirect(target) if auth_result.identity is not None else _form(request, target)
    name = request.POST.get("username", "")[:_NAME_MAX].strip()
    device = device_of(request.COOKIES, name)
    throttle = parts().throttle
    tries = attempt_counters(throttle.policy, name=name, address=request.META.get("REMOTE_ADDR", ""), device=device)
    if wait_s := await throttle.take(tries):
        return _later(_form(request, target, name, _too_many(throttle.policy), 429), wait_s)
    password = request.POST.get("password", "")[:_PASSWORD_MAX]
    check = partial(authenticate, request, username=name, password=password)
    try:
        # A name that holds control characters is nobody's; one database would say so by an error.
        player = await _hashing.run(check, deadline_ms=HASHING_MS) if is_plain(name) else None
        if not isinstance(player, Player):
            return _form(request, target, name, "This name and password do not go together. Check both.", 422)
        identity, key = await in_database(partial(_open, request, player))
    except (*DATABASE_AWAY, ThreadsBusy, SessionUnverified) as error:
        logger.warning("sign_in_not_possible", detail=str(error))
        if not (isinstance(error, ThreadsBusy) and error.began):
            await throttle.refund(tries)
        return _later(_form(request, target, name, _NOT_NOW, 503), RETRY_AFTER_S)
    await throttle.refund(tries)
    session = set_cookie(settings.SESSION_COOKIE_NAME, key, age_s=settings.SESSION_COOKIE_AGE)
    return _with_cookies(
        HttpResponseRedirect(target), session, player_cookie(identity), remember(request.COOKIES, name)
    )


# The middleware has required the same origin; the streamed pages that hold these forms carry no token.
@csrf_exempt
@never_cache
@require_POST
async def sign_out(request: HttpRequest) -> HttpResponse:
    """End the session everywhere: in the store, in this browser, in every shell process."""
    try:
        await in_database(partial(end_session, _session_key(request)))
    except SessionUnverified as error:
        logger.warning("sign_out_not_possible", detail=str(error))
        return unavailable(request, _STILL_SIGNED_IN)
    return _signed_out()


@csrf_exempt
@never_cache
@require_POST
async def sign_out_everywhere(request: HttpRequest) -> HttpResponse:
    """End every session of the player, on every device."""
    try:
        identity = await find_actor(request.COOKIES)
        if identity is not None:
            await in_database(partial(_end_all, identity))
    except SessionUnverified as error:
        logger.warning("sign_out_not_possible", detail=str(error))
        return unavailable(request, _STILL_SIGNED_IN)
    return _signed_out()


@csrf_exempt
@require_POST
async def reality_check(request: HttpRequest) -> HttpResponse:
    """The player has looked up from the game and goes on: the next look is due after the whole interval."""
    try:
        identity = await record_reality_check(_session_key(request), int(time.time()))
    except SessionUnverified as error:
        logger.warning("reality_check_not_recorded", detail=str(error))
        return unavailable(request, "This could not be noted for the moment. Nothing else changed; try again.")
    quiet = request.headers.get("Sec-Fetch-Dest") == "empty"
    response = HttpResponse(status=204) if quiet else _SeeOther(_next(request))
    return response if identity is None else _with_cookies(response, player_cookie(identity))


def _open(request: HttpRequest, player: Player) -> tuple[Identity, str]:
    with transaction.atomic():
        login(request, player)
        request.session[SIGNED_IN_AT] = int(time.time())
        request.session.save()
    # Saved here, where it is bounded and what goes wrong is answered; the middleware has nothing left to write.
    request.session.modified = False
    return identity_of(player, request.session), request.session.session_key or ""


def _end_all(identity: Identity) -> None:
    for player in Player.objects.filter(player_id=identity.player):
        player.end_sessions()


def _session_key(request: HttpRequest) -> str:
    return request.COOKIES.get(settings.SESSION_COOKIE_NAME, "")


def _signed_out() -> HttpResponse:
    response = HttpResponseRedirect(settings.LOGIN_REDIRECT_URL)
    return _with_cookies(
        response, delete_cookie(settings.PLAYER_COOKIE_NAME), delete_cookie(settings.SESSION_COOKIE_NAME)
    )


def _with_cookies(response: HttpResponse, *cookies: str) -> HttpResponse:
    """`cookies` are Set-Cookie values; Django sends what its own jar holds, a line each."""
    for cookie in cookies:
        response.cookies.load(cookie)
    return response


def _next(request: HttpRequest) -> str:
    """Where to go afterwards: a path of this site, or the front page."""
    target = request.POST.get("next") or request.GET.get("next") or ""
    if url_has_allowed_host_and_scheme(target, allowed_hosts={request.get_host()}, require_https=request.is_secure()):
        return target
    return settings.LOGIN_REDIRECT_URL


def _too_many(policy: ThrottlePolicy) -> str:
    minutes = policy.window_s // 60
    return (
        f"Too many tries, here or for this name. Wait {minutes} minutes, or sign in on a device where you have signed "
        "in before: there you are not held up by anybody else's tries."
    )


def _later(response: HttpResponse, wait_s: int) -> HttpResponse:
    response.headers["Retry-After"] = str(wait_s)
    return response


def _form(request: HttpRequest, target: str, name: str = "", problem: str = "", status: int = 200) -> HttpResponse:
    context = {"next": target, "name": name, "problem": problem, "ended": "ended" in request.GET}
    return render(request, "sign_in.html", context, status=status)
