"""One request through Django's handler, without its threads: what is read, when it ends, and what is sent."""

import asyncio
from typing import Any

import pytest

from bff.resilience.lean_handler import LeanHandler

pytestmark = pytest.mark.quick


class Answer(dict[str, str]):
    """The part of a Django response that is used."""

    streaming = False
    closed = False

    def __init__(self, content: bytes = b"done") -> None:
        super().__init__()
        self.content = content

    def close(self) -> None:
        self.closed = True


class Handler:
    """The part of Django's handler that is used. `refusal` is its answer to any request, if given."""

    def __init__(self, answer: Answer, refusal: Answer | None = None) -> None:
        self.answer, self.refusal = answer, refusal
        self.bodies: list[bytes] = []
        self.sent: list[Answer] = []
        self.may_answer = asyncio.Event()
        self.may_answer.set()
        self.closed = 0

    def create_request(self, scope: Any, body_file: Any) -> tuple[Any, Any]:
        self.bodies.append(body_file.read())
        return (self, None) if self.refusal is None else (None, self.refusal)

    def close(self) -> None:
        self.closed += 1

    async def get_response_async(self, request: Any) -> Answer:
        await self.may_answer.wait()
        return self.answer

    async def send_response(self, response: Any, send: Any) -> None:
        self.sent.append(response)


def body(data: bytes, *, more: bool = False) -> dict[str, Any]:
    return {"type": "http.request", "body": data, "more_body": more}


async def serve(handler: LeanHandler, *messages: dict[str, Any], kind: str = "http") -> None:
    """One exchange in which the caller sends `messages` and then nothing more."""
    waiting = iter(messages)

    async def receive() -> dict[str, Any]:
        return next(waiting, None) or await asyncio.Future()

    async def send(message: Any) -> None: ...

    await asyncio.wait_for(handler({"type": kind}, receive, send), 30)


async def test_body_in_pieces_is_read_whole() -> None:
    django = Handler(Answer())
    await serve(LeanHandler(django), body(b"one ", more=True), body(b"two"))
    assert (django.bodies, django.sent, django.answer.closed, django.closed) == ([b"one two"], [django.answer], True, 1)


@pytest.mark.parametrize(("size", "read"), [(3, 3), (4, 4), (5, 5), (9, 5)])
async def test_body_is_cut_one_byte_behind_what_a_view_takes(size: int, read: int) -> None:
    """Enough to see that it is too long, whatever else the caller would send."""
    django = Handler(Answer())
    await serve(LeanHandler(django, outlives_caller=True, body_bytes_max=4), body(b"x" * size, more=size > 4))
    assert [len(each) for each in django.bodies] == [read]


async def test_caller_that_leaves_before_its_body_is_whole_reaches_no_view() -> None:
    django = Handler(Answer())
    await serve(LeanHandler(django), body(b"half", more=True), {"type": "http.disconnect"})
    assert (django.bodies, django.sent) == ([], [])


async def test_request_that_outlives_its_caller_is_answered_with_its_length() -> None:
    """Nobody looks whether the caller is there, and nothing signals the end to Django's receivers."""
    django = Handler(Answer(b"receipt"))
    await serve(LeanHandler(django, outlives_caller=True), body(b""), {"type": "http.disconnect"})
    assert django.sent == [{"Content-Length": "7"}]
    assert not django.answer.closed
    empty = Handler(Answer(b""))
    await serve(LeanHandler(empty, outlives_caller=True), body(b""))
    assert empty.sent == [{}]


async def test_request_of_a_caller_that_leaves_is_ended() -> None:
    django = Handler(Answer())
    django.may_answer.clear()
    await serve(LeanHandler(django), body(b""), {"type": "http.disconnect"})
    assert (django.sent, django.closed) == ([], 1)


async def test_what_django_refuses_is_answered_with_its_refusal() -> None:
    django = Handler(Answer(), refusal=Answer(b"bad request"))
    await serve(LeanHandler(django), body(b""))
    assert [each.content for each in django.sent] == [b"bad request"]


async def test_scope_is_prepared_before_django_sees_it() -> None:
    prepared: list[dict[str, Any]] = []
    await serve(LeanHandler(Handler(Answer()), prepare=prepared.append), body(b""))
    assert prepared == [{"type": "http"}]


async def test_nothing_but_http_is_served() -> None:
    with pytest.raises(ValueError, match="no websocket"):
        await serve(LeanHandler(Handler(Answer())), kind="websocket")
