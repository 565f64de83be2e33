"""Django's own middlewares, step by step in the event loop: none of their steps waits for anything.

Django gives each step of a middleware to a thread, thirteen times for one request, and each time the request stands in
line for the thread and for the loop again: under load that took a deposit longer than all that it is for.
Public: `SecurityMiddleware`, `SessionMiddleware`, `LocaleMiddleware`, `CommonMiddleware`, `CsrfViewMiddleware`,
`AuthenticationMiddleware`, `XFrameOptionsMiddleware`.
"""

from collections.abc import Callable
from typing import Any

from asgiref.sync import sync_to_async
from django.contrib.auth import middleware as auth
from django.contrib.sessions import middleware as sessions
from django.http import HttpRequest, HttpResponseBase
from django.middleware import clickjacking, common, csrf, locale, security


class _Inline:
    """Before the class of Django's whose steps it takes in the loop."""

    get_response: Callable[[HttpRequest], Any]

    async def __acall__(self, request: HttpRequest) -> HttpResponseBase:
        response: HttpResponseBase | None = None
        if hasattr(self, "process_request"):
            response = self.process_request(request)
        response = response or await self.get_response(request)
        return await self._after(request, response)

    async def _after(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        if hasattr(self, "process_response"):
            response = self.process_response(request, response)
        return response


class SecurityMiddleware(_Inline, security.SecurityMiddleware):
    """Headers, and the way to TLS."""


class SessionMiddleware(_Inline, sessions.SessionMiddleware):
    """A session is loaded on first access. Only a changed one is saved, in a thread."""

    async def _after(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        if request.session.modified:
            process: Callable[..., HttpResponseBase] = self.process_response
            return await sync_to_async(process, thread_sensitive=True)(request, response)
        return await super()._after(request, response)


class LocaleMiddleware(_Inline, locale.LocaleMiddleware):
    """The language of what Django renders."""


class CommonMiddleware(_Inline, common.CommonMiddleware):
    """Slashes and lengths."""


class CsrfViewMiddleware(_Inline, csrf.CsrfViewMiddleware):
    """The form's token. Bodies are small here and have been read."""

    async def process_view(self, request: HttpRequest, *view: Any) -> Any:  # type: ignore[override]
        """In the loop, as the others: Django awaits it."""
        return super().process_view(request, *view)


class AuthenticationMiddleware(_Inline, auth.AuthenticationMiddleware):
    """The user, loaded on first access."""


class XFrameOptionsMiddleware(_Inline, clickjacking.XFrameOptionsMiddleware):
    """No frame of others."""
