"""The policy of the admin's pages: nothing from elsewhere, nothing inline, no frames, no cache.

Public: `policy_middleware`.
"""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponseBase

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'none'"
)
View = Callable[[HttpRequest], HttpResponseBase]


def policy_middleware(get_response: View) -> View:
    """Django's admin needs no more than this."""

    def answer(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        response.headers["Content-Security-Policy"] = POLICY
        response.headers["Cache-Control"] = "no-store"
        return response

    return answer
