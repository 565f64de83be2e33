"""The pages that say what went wrong, what still works and what to do.

They need no fragment; the last one needs nothing at all. Public: the four handlers and `BROKEN`.
"""

import sys

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from shell.database import DATABASE_AWAY
from shell.pages.notice import unavailable

BROKEN = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Mullion</title>
<meta name="viewport" content="width=device-width, initial-scale=1"></head>
<body><h1>Something broke on our side</h1><p>Your balance and your bets are kept elsewhere and are not affected.
Try again in a moment, or go to the <a href="/">lobby</a>.</p></body></html>"""


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return render(request, "404.html", status=404)


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    words = "This request can not be read, so nothing was done. Check the address and try again."
    return render(request, "notice.html", {"words": words}, status=400)


def forbidden(request: HttpRequest, exception: Exception | None = None, reason: str = "") -> HttpResponse:
    words = "This is not allowed, so nothing was done. Reload the page you came from and try again."
    return render(request, "notice.html", {"words": words}, status=403)


def broken(request: HttpRequest) -> HttpResponse:
    """Django calls this while it handles what a view raised. A database that is away is no mistake of ours."""
    if isinstance(sys.exc_info()[1], DATABASE_AWAY):
        words = "This needs a database that can not be used for the moment. Pages still work; try again in a moment."
        return unavailable(request, words)
    return HttpResponse(BROKEN, status=500)
