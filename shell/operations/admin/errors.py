"""The admin's error pages: a sentence, without the players' layout.

Public: `bad_request`, `forbidden`, `not_found`, `broken`.
"""

from django.http import HttpRequest, HttpResponse


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _answer(400, "This request could not be read. Nothing was changed.")


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _answer(403, "This is not yours to do or to see. Nothing was changed.")


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _answer(404, "There is no such page. The admin begins at /.")


def broken(request: HttpRequest) -> HttpResponse:
    return _answer(500, "Something broke here, and the log says what. Look at the audit before you repeat a change.")


def _answer(status: int, sentence: str) -> HttpResponse:
    return HttpResponse(sentence + "\n", status=status, content_type="text/plain; charset=utf-8")
