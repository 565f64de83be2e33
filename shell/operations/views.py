"""Metrics and the status board of this shell process, for staff who signed in. The inner port needs no sign-in."""

from collections.abc import Callable
from functools import wraps

from django.conf import settings
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.template.loader import render_to_string
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from shell.operations.status import fragments
from shell.players.models import Player
from shell.wiring import Parts, parts

View = Callable[[HttpRequest], HttpResponse]


def staff_only(view: View) -> View:
    """Redirect anonymous visitors to sign-in; answer 404 to players who are not staff."""

    @wraps(view)
    def guarded(request: HttpRequest) -> HttpResponse:
        if not isinstance(request.user, Player):
            return redirect_to_login(request.path, settings.LOGIN_URL)
        if not (request.user.is_active and request.user.is_staff):
            return render(request, "404.html", status=404)
        return view(request)

    return guarded


@never_cache
@require_safe
def gallery(request: HttpRequest) -> HttpResponse:
    """The gallery of the workbench that runs beside a shell for development; 404 where there is none."""
    if not settings.GALLERY_URL:
        return render(request, "404.html", status=404)
    return HttpResponseRedirect(settings.GALLERY_URL)


@never_cache
@require_safe
@staff_only
def metrics(request: HttpRequest) -> HttpResponse:
    return HttpResponse(generate_latest(), content_type=CONTENT_TYPE_LATEST)


@never_cache
@require_safe
@staff_only
def board(request: HttpRequest) -> HttpResponse:
    """Each fragment with its release, its last outcome and the last minute."""
    return HttpResponse(board_page(request, parts()))


def board_page(request: HttpRequest, parts: Parts) -> str:
    """The board as HTML."""
    context = {
        "rows": fragments(parts),
        "environment": settings.ENVIRONMENT,
        "generation": parts.registry.current.generation,
        "door": parts.limiter,
    }
    return render_to_string("board.html", context, request)
