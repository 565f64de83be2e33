"""A visitor of the target over HTTP, with a tester's mark or without, signed in or not.

Public: `Visitor`, `CanNotSignIn`, `signed_in`.
"""

import re
import time
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

import httpx

from tests.drills.control import CanNotRun
from tests.drills.mark import COOKIE
from tests.drills.runner import page
from tests.drills.runner.page import FAILED, View

PATIENCE_S = 10.0
PASSWORD = "mullion-demo"
_TOKEN = re.compile(r'name="csrfmiddlewaretoken" value="(\w+)"')


class CanNotSignIn(CanNotRun):
    """The message has the target's answer."""


class Visitor:
    """`async with Visitor(url, mark=mark) as visitor: view = await visitor.look("/")`.

    Each request has a connection of its own: one that was open before a fault would hide it.
    """

    def __init__(self, base_url: str, *, mark: str = "", cookies: Mapping[str, str] | None = None) -> None:
        self.base_url = base_url
        cookies = {**(cookies or {}), **({COOKIE: mark} if mark else {})}
        self._http = httpx.AsyncClient(
            base_url=base_url,
            cookies=cookies,
            headers={"Origin": base_url},
            timeout=PATIENCE_S,
            limits=httpx.Limits(max_keepalive_connections=0),
            trust_env=False,
            verify=base_url.startswith("https:"),
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, _type: type[BaseException] | None, _value: BaseException | None, _trace: TracebackType | None
    ) -> None:
        await self._http.aclose()

    @property
    def cookies(self) -> dict[str, str]:
        return dict(self._http.cookies)

    async def look(self, path: str) -> View:
        """Visit the page. It raises nothing: if no page came, the view says why."""
        began = time.monotonic()
        try:
            answer = await self._http.get(path)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            return View(began, (time.monotonic() - began) * 1000, FAILED, problem=type(error).__name__)
        took_ms = (time.monotonic() - began) * 1000
        return page.read(answer.text, at=began, took_ms=took_ms, status=answer.status_code)

    async def ask(self, path: str) -> Any:
        """The JSON that a script of the page would fetch; raises `httpx.HTTPError` or `ValueError`."""
        return (await self._http.get(path)).raise_for_status().json()

    async def sign_in(self, name: str, password: str) -> None:
        """Raises `CanNotSignIn`."""
        try:
            sign_in_page = await self._http.get("/sign-in/")
            token = _TOKEN.search(sign_in_page.text)
            if token is None:
                raise CanNotSignIn(f"the page to sign in answered {sign_in_page.status_code}, without a form")
            form = {"username": name, "password": password, "csrfmiddlewaretoken": token[1], "next": "/"}
            answer = await self._http.post("/sign-in/", data=form)
        except httpx.HTTPError as error:
            raise CanNotSignIn(f"the page to sign in did not come ({type(error).__name__})") from error
        if answer.status_code != httpx.codes.FOUND:
            raise CanNotSignIn(f"signing {name} in was answered {answer.status_code}")

    async def post(self, path: str, form: dict[str, str]) -> httpx.Response:
        """Post an action's form; raises `httpx.HTTPError`."""
        return await self._http.post(path, data=form)


async def signed_in(visitor: Visitor, name: str) -> dict[str, str]:
    """The cookies of a demo player after signing in; raises `CanNotSignIn`."""
    async with visitor:
        await visitor.sign_in(name, PASSWORD)
        return visitor.cookies
