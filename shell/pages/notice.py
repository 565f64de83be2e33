"""A sentence in answer to something a player did: beside the untouched form with htmx, on a page of its own without.

Public: `notice`, `unavailable`, `holds_the_form`.
"""

import json

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from bff.contracts import headers
from bff.contracts.idempotency import FORM_KEY_FIELD
from shell.responses import NOTICE_EVENT

RETRY_AFTER_S = 5
_HEADINGS = {200: "That went through", 504: "No answer came"}


def notice(
    request: HttpRequest,
    status: int,
    words: str,
    *,
    link: str = "",
    ends: str = "",
    again: bool = False,
    back: str = "/",
    key: str = "",
) -> HttpResponse:
    """`words` alone; `link` is where they lead.

    `ends` is what ends it besides the next form and the player (static/slots/notice.js). `again`: the page of its own
    holds the same form to be sent again under the same `key`; `back` is where it was.
    """
    if request.headers.get("HX-Request") == "true":
        response = HttpResponse(words, status=status, content_type="text/plain; charset=utf-8")
        response.headers["HX-Reswap"] = "none"
        response.headers["HX-Trigger"] = json.dumps({NOTICE_EVENT: {"words": words, "link": link, "ends": ends}})
        return response
    again = again and not request.FILES  # no page can hold a file for somebody
    fields = [(name, value) for name, values in request.POST.lists() for value in values] if again else []
    if again and key and FORM_KEY_FIELD not in request.POST:
        fields.append((FORM_KEY_FIELD, key))
    heading = _HEADINGS.get(status, "That did not work")
    shown = {"heading": heading, "words": words, "action": request.path, "fields": fields, "back": back}
    return render(request, "notice.html", shown, status=status)


def holds_the_form(request: HttpRequest) -> bool:
    """Whether the form is still there under its key, to be sent again: in its page, or in that of a notice."""
    if request.headers.get("HX-Request") == "true":
        return headers.IDEMPOTENCY_KEY in request.headers or FORM_KEY_FIELD in request.POST
    return not request.FILES or FORM_KEY_FIELD in request.POST


def unavailable(request: HttpRequest, words: str) -> HttpResponse:
    """503: something the shell needs for this is away, and will be back."""
    response = notice(request, 503, words)
    response.headers["Retry-After"] = str(RETRY_AFTER_S)
    response.headers["Cache-Control"] = "private, no-store"
    return response
