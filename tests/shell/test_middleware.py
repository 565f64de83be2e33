"""What Django does for a request happens in the event loop, and in a thread only where something is written."""

from typing import Any

import pytest
from asgiref.sync import SyncToAsync
from django.conf import settings
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpResponse
from django.middleware.clickjacking import XFrameOptionsMiddleware
from django.middleware.csrf import CsrfViewMiddleware
from django.middleware.security import SecurityMiddleware
from django.test import AsyncClient
from django.utils.module_loading import import_string

from shell.middleware import SessionMiddleware

pytestmark = pytest.mark.quick


@pytest.fixture
def threads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was given to threads, by name, since the test began."""
    seen: list[str] = []
    call = SyncToAsync.__call__

    async def counted(self: Any, *given: Any, **named: Any) -> Any:
        seen.append(self.func.__name__)
        return await call(self, *given, **named)

    monkeypatch.setattr(SyncToAsync, "__call__", counted)
    return seen


async def test_no_step_of_a_middleware_takes_a_thread(threads: list[str]) -> None:
    """A form stood in line for one thirteen times."""
    response = await AsyncClient().get("/slots/lobby/nothing/form/deposit")
    assert response.status_code == 405, "the view was reached"
    assert response.headers["X-Frame-Options"] == "DENY"
    assert [name for name in threads if name.startswith("process_")] == []


@pytest.mark.parametrize("middleware", [SecurityMiddleware, XFrameOptionsMiddleware, CsrfViewMiddleware])
def test_each_middleware_that_djangos_checks_ask_for_is_there(middleware: type) -> None:
    """They ask by path, and are silenced; here the classes stand."""
    classes = [import_string(path) for path in settings.MIDDLEWARE]
    assert any(isinstance(each, type) and issubclass(each, middleware) for each in classes)


@pytest.mark.parametrize("modified", [True, False])
async def test_a_session_that_has_changed_is_written_in_a_thread(threads: list[str], modified: bool) -> None:
    """And one that has not is not written at all."""
    request = ASGIRequest({"type": "http", "method": "GET", "path": "/", "headers": [], "query_string": b""}, None)
    written: list[bool] = []

    async def view(request: Any) -> HttpResponse:
        request.session.save = lambda: written.append(True)
        if modified:
            request.session._session_cache = {"signed_in_at": 1}
            request.session.modified = True
        return HttpResponse()

    answer: Any = SessionMiddleware(view)
    response = await answer(request)
    assert (bool(written), "process_response" in threads) == (modified, modified)
    assert (settings.SESSION_COOKIE_NAME in response.cookies) is modified
