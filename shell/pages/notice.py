"""A sentence in answer to something a player did: beside the untouched form with htmx, on a page of its own without.

Public: `notice`, `unavailable`.
"""

import json

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

RETRY_AFTER_S = 5


def notice(request: HttpRequest, status: int, words: str, link: str = "") -> HttpResponse:
    """`words` alone; `link` is where they lead."""
    if request.headers.get("HX-Request") == "true":
        response = HttpResponse(words, status=status, content_type="text/plain; charset=utf-8")
        response.headers["HX-Reswap"] = "none"
        response.headers["HX-Trigger"] = json.dumps({"mullion:notice": {"words": words, "link": link}})
        return response
    return render(request, "notice.html", {"words": words}, status=status)


def unavailable(request: HttpRequest, words: str) -> HttpResponse:
    """503: something the shell needs for this is away, and will be back."""
    response = notice(request, 503, words)
    response.headers["Retry-After"] = str(RETRY_AFTER_S)
    response.headers["Cache-Control"] = "private, no-store"
    return response
