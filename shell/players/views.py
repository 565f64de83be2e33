"""Sign-in, sign-out and the look up from the game, in plain forms."""

import time

from asgiref.sync import sync_to_async
from django.conf import settings
from django.contrib.auth import authenticate, login, logout
from django.core.cache import cache
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_POST

from bff.contracts.text import is_plain
from shell.cookies import delete_cookie
from shell.players.duties import CHECKED_AT, SIGNED_IN_AT
from shell.players.knowing import stamp
from shell.players.models import Player
from shell.players.session import identity_of, mark_of
from shell.wiring import parts

TRIES_MAX = 10
TRIES_S = 300
_NAME_MAX = 150
_PASSWORD_MAX = 1024


class _SeeOther(HttpResponseRedirect):
    status_code = 303


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def sign_in(request: HttpRequest) -> HttpResponse:
    """The form, and the session that it opens. A wrong password keeps the name that was typed."""
    target = _next(request)
    if request.method != "POST":
        if isinstance(request.user, Player):
            return HttpResponseRedirect(target)
        return _form(request, target)
    name = request.POST.get("username", "")[:_NAME_MAX].strip()
    tries_key = f"sign-in-tries:{name.lower()}:{request.META.get('REMOTE_ADDR', '')}"
    if (cache.get(tries_key) or 0) >= TRIES_MAX:
        return _form(request, target, name, "Too many tries for this name. Wait five minutes, then try again.", 429)
    # A name that holds control characters is nobody's; one database would say so by an error.
    password = request.POST.get("password", "")[:_PASSWORD_MAX]
    player = authenticate(request, username=name, password=password) if is_plain(name) else None
    if not isinstance(player, Player):
        cache.add(tries_key, 0, TRIES_S)
        # With the cache away the count is lost and signing in still works: the password hash is slow by itself.
        cache.set(tries_key, (cache.get(tries_key) or 0) + 1, TRIES_S)
        return _form(request, target, name, "This name and password do not go together. Check both.", 422)
    login(request, player)
    request.session[SIGNED_IN_AT] = int(time.time())
    response = HttpResponseRedirect(target)
    response.headers["Set-Cookie"] = stamp(identity_of(player, request.session))
    return response


# The middleware has required the same origin; the streamed pages that hold this form carry no token.
@csrf_exempt
@never_cache
@require_POST
async def sign_out(request: HttpRequest) -> HttpResponse:
    """End the session everywhere: in the store, in this browser, in every shell process."""
    player = await request.auser()
    session_key = request.session.session_key
    if isinstance(player, Player) and session_key:
        await parts().revocations.push(mark_of(session_key), player.player_id)
    await sync_to_async(logout)(request)
    response = HttpResponseRedirect(settings.LOGIN_REDIRECT_URL)
    response.headers["Set-Cookie"] = delete_cookie(settings.PLAYER_COOKIE_NAME)
    return response


@csrf_exempt
@require_POST
async def reality_check(request: HttpRequest) -> HttpResponse:
    """The player has looked up from the game and goes on: the next look is due after the whole interval."""
    player = await request.auser()
    response = (
        HttpResponse(status=204) if request.headers.get("Sec-Fetch-Dest") == "empty" else _SeeOther(_next(request))
    )
    if isinstance(player, Player):
        await request.session.aset(CHECKED_AT, int(time.time()))
        response.headers["Set-Cookie"] = stamp(identity_of(player, request.session))
    return response


def _next(request: HttpRequest) -> str:
    """Where to go afterwards: a path of this site, or the front page."""
    target = request.POST.get("next") or request.GET.get("next") or ""
    if url_has_allowed_host_and_scheme(target, allowed_hosts={request.get_host()}, require_https=request.is_secure()):
        return target
    return settings.LOGIN_REDIRECT_URL


def _form(request: HttpRequest, target: str, name: str = "", problem: str = "", status: int = 200) -> HttpResponse:
    context = {"next": target, "name": name, "problem": problem, "ended": "ended" in request.GET}
    return render(request, "sign_in.html", context, status=status)
