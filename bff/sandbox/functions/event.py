"""A request as a function is handed it, and its answer as a browser gets it: payload format 2.0 of function URLs.

Public: `FunctionRequest`, `FunctionAnswer`, `event_of`, `answer_of`, `AnswerBroken`.
Source: AWS, "Invoking Lambda function URLs", request and response payloads.
"""

import base64
import binascii
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

STATUS_MIN, STATUS_MAX = 200, 599
# What the platform says itself, of the connection that it has.
_DROPPED = frozenset({"connection", "content-length", "transfer-encoding", "date", "server"})


class AnswerBroken(Exception):
    """What a function returned is no answer; the message says why."""


@dataclass(frozen=True, slots=True)
class FunctionRequest:
    """Header names are in lower case, in the order in which they came; `query` is raw."""

    method: str
    path: str
    query: str
    headers: Sequence[tuple[str, str]]
    body: bytes


@dataclass(frozen=True, slots=True)
class FunctionAnswer:
    status: int
    headers: Sequence[tuple[str, str]]
    body: bytes


def event_of(request: FunctionRequest, request_id: str) -> dict[str, Any]:
    """Headers that came several times are one, with commas; cookies stand apart."""
    headers: dict[str, str] = {}
    cookies: list[str] = []
    for name, value in request.headers:
        if name == "cookie":
            cookies += [part.strip() for part in value.split(";") if part.strip()]
        else:
            headers[name] = f"{headers[name]},{value}" if name in headers else value
    event = {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": request.path,
        "rawQueryString": request.query,
        "headers": headers,
        "requestContext": {
            "http": {
                "method": request.method,
                "path": request.path,
                "protocol": "HTTP/1.1",
                "sourceIp": "127.0.0.1",
                "userAgent": headers.get("user-agent", ""),
            },
            "requestId": request_id,
            "stage": "$default",
            "timeEpoch": int(time.time() * 1000),
        },
        "isBase64Encoded": bool(request.body),
    }
    if cookies:
        event["cookies"] = cookies
    if request.body:
        event["body"] = base64.b64encode(request.body).decode()
    return event


def answer_of(returned: Any) -> FunctionAnswer:
    """What `returned` says; raises `AnswerBroken`."""
    if not isinstance(returned, dict) or "statusCode" not in returned:
        raise AnswerBroken("it has no statusCode")
    status = returned["statusCode"]
    if isinstance(status, bool) or not isinstance(status, int) or not STATUS_MIN <= status <= STATUS_MAX:
        raise AnswerBroken(f"its statusCode is {status!r}")
    given, cookies = (
        none if returned.get(name) is None else returned[name] for name, none in (("headers", {}), ("cookies", []))
    )
    if not isinstance(given, dict) or not isinstance(cookies, list):
        raise AnswerBroken("its headers are no object, or its cookies no list")
    headers = [(str(name).lower(), str(value)) for name, value in given.items()]
    headers += [("set-cookie", str(cookie)) for cookie in cookies]
    return FunctionAnswer(status, [pair for pair in headers if pair[0] not in _DROPPED], _body_of(returned))


def _body_of(returned: dict[str, Any]) -> bytes:
    body = "" if returned.get("body") is None else returned["body"]
    if not isinstance(body, str):
        raise AnswerBroken("its body is no text")
    if not returned.get("isBase64Encoded"):
        return body.encode()
    try:
        return base64.b64decode(body, validate=True)
    except binascii.Error as error:
        raise AnswerBroken("its body is not Base64") from error
