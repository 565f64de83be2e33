"""Client of the provider that takes the bets: typed answers or a typed failure, never raises.

Public: `place`, `latest`, `Unknown`, `close`.
"""

import os
import time
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeVar
from urllib.parse import urlencode

import msgspec
from msgspec import structs

from bff.contracts import headers, text
from bff.contracts.bets import Bet, BetRefusal, BetsData, PlaceBet
from bff.contracts.problem import Problem
from bff.resilience.deadline import Deadline
from bff.resilience.guard import Guard, Request, Response
from bff.resilience.outcome import Failure
from bff.resilience.policy import Policy
from bff.resilience.reason import Reason
from fragments.kit.context import Context

T = TypeVar("T")

UPSTREAM = "game-provider"
READ_MS = 250
PATIENCE_MS = 150  # more than that, for as long as it answers near to its limit, and where the page still has it
PLACE_MS = 3_000  # more than the provider waits for the wallet, so that its own word arrives
RENDER_MS = 300  # kept back for the table's view and the rendering
OPEN_MS_MAX = 2_000  # the slip and the bets can not heal before the provider is asked again
_GUARDS = {
    "bets": Policy(deadline_ms=READ_MS, patience_ms=PATIENCE_MS, open_ms_max=OPEN_MS_MAX),
    "bets.place": Policy(deadline_ms=PLACE_MS, open_ms_max=OPEN_MS_MAX),
}
_DEFAULT_URL = "http://127.0.0.1:8030"


@dataclass(frozen=True, slots=True)
class Unknown:
    """A bet that may have been placed. Asking again with the same key can not place it twice."""

    failure: Failure


async def place(wanted: PlaceBet, context: Context, key: str) -> Bet | BetRefusal | Unknown | Failure:
    """Place a bet: the bet, its refusal, `Failure` when nothing was done, or `Unknown` when the
    outcome is not known.
    """
    own = (("content-type", "application/json"), (headers.IDEMPOTENCY_KEY, key))
    request = Request("POST", _url(), _bearer(context) + own, msgspec.json.encode(wanted))
    answer = await _guard("bets.place").call(request, _within(context, PLACE_MS), resource=(_player(context), "place"))
    if isinstance(answer, Failure):
        answer = structs.replace(answer, upstream=UPSTREAM)
        # 503 is the provider's word that nothing was done.
        return answer if not answer.sent or answer.status == 503 else Unknown(answer)
    if answer.status in (200, 202):
        bet = _read(answer, Bet)
        return Unknown(bet) if isinstance(bet, Failure) else bet
    problem = _read(answer, Problem)
    is_refusal = isinstance(problem, Problem) and problem.code in set(BetRefusal)
    return BetRefusal(problem.code) if is_refusal and isinstance(problem, Problem) else BetRefusal.REFUSED


async def latest(game: str, context: Context) -> list[Bet] | Failure:
    """The player's last bets at one table, newest first."""
    request = Request("GET", f"{_url()}?{urlencode({'game': game})}", _bearer(context))
    answer = await _guard("bets").call(
        request,
        _within(context, READ_MS + PATIENCE_MS),
        resource=(_player(context), game),
        steady=bool(_player(context)),
    )
    if isinstance(answer, Failure):
        return structs.replace(answer, upstream=UPSTREAM)
    if answer.status != 200:
        return Failure(Reason.REJECTED, f"answered {answer.status}", status=answer.status, upstream=UPSTREAM)
    data = _read(answer, BetsData)
    return data if isinstance(data, Failure) else data.bets


async def close() -> None:
    """Close the connections of this process."""
    for name in _GUARDS:
        await _guard(name).aclose()
    _guard.cache_clear()


@lru_cache(maxsize=4)
def _guard(name: str) -> Guard:
    return Guard(name, _GUARDS[name])


def _url() -> str:
    base = os.environ.get("BETS_PROVIDER_URL") or os.environ.get("SANDBOX_TABLES_URL", _DEFAULT_URL)
    return f"{base.rstrip('/')}/v1/bets"


def _player(context: Context) -> str:
    # What can not be read of one player's is nothing to another's.
    return context.player.player if context.player else ""


def _bearer(context: Context) -> tuple[tuple[str, str], ...]:
    return (("accept", "application/json"), ("authorization", f"Bearer {context.grant}"))


def _within(context: Context, ms: int) -> Deadline:
    now = time.monotonic()
    left_ms = context.deadline.remaining_ms(now)
    return Deadline.after_ms(now, min(ms, max(left_ms - RENDER_MS, left_ms / 2)))


def _read(answer: Response, kind: type[T]) -> T | Failure:
    try:
        return text.decode(answer.body, kind)
    except msgspec.DecodeError as error:
        return Failure(Reason.ENCODING, str(error), upstream=UPSTREAM)
