"""Answers on the wire.

Public: `problem`, `answer`.
"""

import msgspec
from django.http import HttpResponse

from bff.commands.ledger.command_request import CommandRejected
from bff.contracts.problem import PROBLEM_TYPE, Problem

_TITLES = {
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    409: "Conflict",
    410: "Gone",
    413: "Content Too Large",
    422: "Unprocessable Content",
    503: "Service Unavailable",
    504: "Gateway Timeout",
}


def problem(rejected: CommandRejected) -> HttpResponse:
    """The refusal on the wire."""
    body = Problem(
        status=rejected.status,
        title=_TITLES.get(rejected.status, "Error"),
        code=rejected.code,
        detail=rejected.detail,
        fields=rejected.fields,
    )
    response = HttpResponse(msgspec.json.encode(body), status=rejected.status, content_type=PROBLEM_TYPE)
    if rejected.status in (503, 504):
        response["Retry-After"] = "1"
    if rejected.status == 401:
        response["WWW-Authenticate"] = "Bearer"
    response["Cache-Control"] = "no-store"
    return response


def answer(body: msgspec.Struct, status: int = 200) -> HttpResponse:
    """An answer on the wire."""
    response = HttpResponse(msgspec.json.encode(body), status=status, content_type="application/json")
    response["Cache-Control"] = "no-store"
    return response
