"""A form with files is judged by its headers: if it is too large, not signed in, or over the limit, its body is not
read.
"""

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import pytest

from shell.composition.proxy_policy import ProxyPolicy
from shell.players.authentication import AuthResult
from shell.proxy import file_forms
from shell.proxy.file_forms import FileForms

pytestmark = pytest.mark.quick
POLICY = ProxyPolicy(
    form_files_bytes_max=100,
    form_files_open_max=1,
    form_files_waiting_max=0,
    form_passed_by_bytes_max=150,
    small_body_ms=50,
)


class Border:
    """Passes forms to `onward`, which records what reached it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *, signed_in: bool = True) -> None:
        self.read: list[bytes] = []
        self.answers: list[tuple[int, str]] = []
        self.going_on = asyncio.Event()
        self.going_on.set()
        parts = SimpleNamespace(upstreams=SimpleNamespace(proxy_policy=POLICY), revocations=None)
        self.forms = FileForms(cast(Any, parts), self._onward)

        async def authenticate(*_: Any) -> AuthResult:
            return AuthResult(cast(Any, SimpleNamespace(player="amber")) if signed_in else None)

        monkeypatch.setattr(file_forms, "authenticate_cookies", authenticate)

    async def _onward(self, scope: Any, receive: Any, send: Any) -> None:
        body, more = b"", True
        while more:
            message = await receive()
            body, more = body + message["body"], message.get("more_body", False)
        self.read.append(body)
        await self.going_on.wait()

    async def post(
        self,
        *pieces: bytes,
        length: int | None = None,
        ends: bool = True,
        path: str = "/slots/l/w/form",
        host: str = "",
    ) -> bool:
        headers = {"host": host or "localhost", "content-type": "Multipart/Form-Data; boundary=b", "hx-request": "true"}
        headers["content-length"] = str(sum(map(len, pieces)) if length is None else length)
        scope = {"type": "http", "method": "POST", "path": path, "query_string": b"", "scheme": "http"}
        scope |= {"headers": [(name.encode(), value.encode()) for name, value in headers.items()], "client": None}
        waiting = list(pieces)

        async def receive() -> Any:
            if not waiting and not ends:
                await asyncio.Event().wait()
            if not waiting:
                return {"type": "http.disconnect"}
            return {"type": "http.request", "body": waiting.pop(0), "more_body": bool(waiting) or not ends}

        async def send(message: Any) -> None:
            if message["type"] == "http.response.start":
                self.answers.append((message["status"], ""))
            else:
                self.answers[-1] = (self.answers[-1][0], message["body"].decode())

        return await self.forms.serve(scope, cast(Any, receive), cast(Any, send))


async def test_form_of_a_player_goes_on_as_it_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    border = Border(monkeypatch)
    assert await border.post(b"one", b"two")
    assert (border.read, border.answers) == ([b"onetwo"], [])
    assert not await border.post(b"one", path="/elsewhere/")


@pytest.mark.parametrize("ends", [True, False])
async def test_too_large_form_is_refused_once_it_has_arrived(monkeypatch: pytest.MonkeyPatch, ends: bool) -> None:
    """The refusal is sent once the body has arrived, or after a limit of time or bytes."""
    border = Border(monkeypatch)
    assert await border.post(b"x" * 60, b"x" * 60, ends=ends)
    assert await border.post(b"x" * 200, b"x" * 200, ends=ends)
    assert border.read == []
    assert [status for status, _ in border.answers] == [413, 413]
    assert "MiB that this site takes. Nothing was done." in border.answers[0][1]


async def test_body_of_a_form_without_a_sign_in_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a sign-in `onward` gets an empty body and answers itself."""
    border = Border(monkeypatch, signed_in=False)
    assert await border.post(b"one")
    assert border.read == [b""]


async def test_one_form_too_many_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    border = Border(monkeypatch)
    border.going_on.clear()
    first = asyncio.create_task(border.post(b"one"))
    await asyncio.sleep(0)
    assert await border.post(b"two")
    border.going_on.set()
    assert await first
    assert await border.post(b"three")
    assert border.read == [b"one", b"three"]
    assert border.answers == [(503, file_forms._BUSY)]


async def test_form_for_another_host_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    border = Border(monkeypatch)
    assert await border.post(b"one", host="evil.example")
    assert (border.read, border.answers[0][0]) == ([], 400)


def test_border_lets_as_much_come_as_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """A body that is too large by its Content-Length is left to the forms' own limit."""
    border = Border(monkeypatch)
    for length, bytes_max in ((b"100", 100), (b"101", None), (b"x", 100)):
        assert border.forms.bytes_max({"headers": [(b"content-length", length)]}) == bytes_max
