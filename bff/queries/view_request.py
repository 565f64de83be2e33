"""A parsed and checked request for a view.

Public: `ViewRequest`, `currency_of`, `min_sequence_of`, `kinds_of`, `page_of`, `limit_of`, `until_of`.
"""

import re
from dataclasses import dataclass

from bff.contracts.own_write import MIN_SEQUENCE_QUERY, parse_sequence
from bff.contracts.player_context import PlayerContext
from bff.contracts.view import Sequence
from bff.queries.refusal import ViewRefused

_CURRENCY = re.compile(r"[A-Z]{3}")
_KIND = re.compile(r"[a-z_]{1,16}")
_MONTH = re.compile(r"[0-9]{4}-(?:0[1-9]|1[0-2])")
_PAGE = re.compile(r"[1-9][0-9]{0,5}")
_LIMIT = re.compile(r"[1-9][0-9]{0,3}")


@dataclass(frozen=True, slots=True)
class ViewRequest:
    """`name` is the last part of the path where the view has one; `player` is None for an anonymous reader."""

    query: dict[str, str]
    player: PlayerContext | None = None
    name: str = ""

    @property
    def owner(self) -> PlayerContext:
        """The player of a view that belongs to one; `bff.queries.routes` has let nobody else in."""
        assert self.player is not None, "the view's route lets nobody in without a player"
        return self.player


def currency_of(request: ViewRequest) -> str:
    """The `currency` asked for; required, because a limit without one says nothing."""
    currency = request.query.get("currency", "")
    if not _CURRENCY.fullmatch(currency):
        problem = "is missing" if not currency else "is not an ISO 4217 code"
        raise ViewRefused(
            400, "currency_invalid", f"The query's currency {problem}.", {"currency": "three capitals, such as EUR"}
        )
    return currency


def min_sequence_of(request: ViewRequest) -> Sequence | None:
    """The `min_sequence` asked for, None when none was."""
    text = request.query.get(MIN_SEQUENCE_QUERY)
    if text is None:
        return None
    sequence = parse_sequence(text)
    if sequence is None:
        raise ViewRefused(
            400,
            "min_sequence_invalid",
            "min_sequence can not be read.",
            {MIN_SEQUENCE_QUERY: "<epoch>:<n>, such as a1b2:7"},
        )
    return sequence


def kinds_of(request: ViewRequest, most: int) -> frozenset[str]:
    """The kinds of movement asked for; empty for all of them."""
    text = request.query.get("kind", "")
    kinds = text.split(",") if text else []
    if len(kinds) > most or not all(_KIND.fullmatch(kind) for kind in kinds):
        hint = {"kind": f"at most {most} words with commas between them, such as bet,win"}
        raise ViewRefused(400, "kind_invalid", "The query's kind can not be read.", hint)
    return frozenset(kinds)


def page_of(request: ViewRequest) -> int:
    """The page asked for, from 1; the first when none was."""
    text = request.query.get("page", "1")
    if not _PAGE.fullmatch(text):
        raise ViewRefused(400, "page_invalid", "The query's page can not be read.", {"page": "a number from 1 on"})
    return int(text)


def limit_of(request: ViewRequest, most: int) -> int | None:
    """How many rows are asked for, from 1 to `most`; None when no number was."""
    text = request.query.get("limit")
    if text is None:
        return None
    if not _LIMIT.fullmatch(text) or int(text) > most:
        hint = {"limit": f"a number from 1 to {most}"}
        raise ViewRefused(400, "limit_invalid", "The query's limit can not be read.", hint)
    return int(text)


def until_of(request: ViewRequest, earliest: str, latest: str) -> str:
    """The last month asked for (`2026-11`), `latest` when none was; what is further away is refused."""
    until = request.query.get("until", latest)
    if not _MONTH.fullmatch(until) or not earliest <= until <= latest:
        hint = {"until": f"a month from {earliest} to {latest}"}
        raise ViewRefused(400, "until_out_of_reach", "The history does not reach that month.", hint)
    return until
