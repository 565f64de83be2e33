"""Errors that a program reads: RFC 9457 problem details.

Public: `Problem`, `PROBLEM_TYPE`.
"""

import msgspec

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
