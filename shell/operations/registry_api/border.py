"""Checks every request before it is parsed: plain text only, and a token only in its header.

Public: `PlainParser`, `check_address`.
What comes through here is stored, shown to people and sent to logs: a control character breaks a line in two and is
refused by one database and taken by another, and a token that stands in an address is in every log on the way.
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

import msgspec
from django.http import HttpRequest
from django.utils.datastructures import MultiValueDict
from ninja.parser import Parser

from bff.contracts import text
from bff.resilience import log
from shell.operations.registry_api.problem import Problem
from shell.registry.tokens import token_within

logger = log.get("registry")


def check_address(request: HttpRequest) -> None:
    """Raises `Problem` for an address that is no plain text, and for one with a token in it."""
    if not text.is_plain(request.path):
        raise Problem(400, "The address holds a control character; nothing was done.")
    if prefix := token_within(request.path) or token_within(unquote(request.META.get("QUERY_STRING", ""))):
        logger.warning("token_in_address", prefix=prefix)
        raise Problem(
            400,
            f"The token {prefix} stands in the address, where logs on the way have kept it; nothing was done. Revoke "
            "it, and send another as Authorization: Bearer mullion_….",
        )


class PlainParser(Parser):
    """Bodies and queries of every operation."""

    def parse_body(self, request: HttpRequest) -> dict[str, Any]:
        """Raises `Problem`."""
        try:
            body = text.decode(request.body, dict[str, Any])
        except msgspec.DecodeError as error:
            raise Problem(400, f"The body is no JSON object that can be read ({error}); nothing was done.") from error
        if prefix := token_within(request.body.decode()):
            raise Problem(
                400,
                f"The token {prefix} stands in the body, which people are shown; nothing was done. Send it as "
                "Authorization: Bearer mullion_… alone.",
            )
        return body

    def parse_querydict(
        self, data: "MultiValueDict[str, Any]", list_fields: list[str], request: HttpRequest
    ) -> dict[str, Any]:
        """Raises `Problem`."""
        fields: Mapping[str, Any] = super().parse_querydict(data, list_fields, request)
        try:
            text.check_fields(fields)
        except text.TextRefused as error:
            raise Problem(400, f"{error}; nothing was done.") from error
        return dict(fields)
