"""Errors that a program reads: RFC 9457 problem details.

Public: `Problem`, `PROBLEM_TYPE`, `read_problem`.
"""

import msgspec

from bff.contracts import text

PROBLEM_TYPE = "application/problem+json"


class Problem(msgspec.Struct, frozen=True, omit_defaults=True):
    """`code` is the stable word for programs; `detail` says what happened, what still works, what to do.

    `fields` maps a field of the request to what is wrong with it. Source: RFC 9457 (`type` is `about:blank`
    unless given, `title` then is the status phrase).
    """

    status: int
    title: str
    code: str
    detail: str = ""
    type: str = "about:blank"
    instance: str = ""
    fields: dict[str, str] = {}


def read_problem(content_type: str | None, body: bytes) -> Problem | None:
    """The problem that an answer is, None for an answer that is none or can not be read."""
    if not (content_type or "").startswith(PROBLEM_TYPE):
        return None
    try:
        return text.decode(body, Problem)
    except msgspec.DecodeError:
        return None
