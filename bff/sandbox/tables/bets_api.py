"""The provider's bets over HTTP. Public: `bets_answer`. The protocol stands in `bff.contracts.bets`."""

import asyncio
import re

import msgspec

from bff.contracts import text
from bff.contracts.bets import Bet, BetRefusal, BetsData, PlaceBet
from bff.contracts.problem import PROBLEM_TYPE, Problem
from bff.sandbox.http import HttpRequest, HttpResponse, json_response
from bff.sandbox.tables.betting import Betting, Unavailable

_KEY = re.compile(r"[A-Za-z0-9._~-]{8,128}", re.ASCII)
LOST_S = 30.0


async def bets_answer(betting: Betting, request: HttpRequest, *, answer_lost: bool) -> HttpResponse:
    """The answer to `/v1/bets`. `answer_lost`: the bet is placed, and its answer is dropped."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        return _problem(401, "token_missing", "A bet needs a game token.")
    try:
        if request.method == "GET":
            return await _latest(betting, token, request.query.get("game", ""))
        if request.method == "POST":
            answer = await _place(betting, token, request)
            if answer_lost:
                await asyncio.sleep(LOST_S)
            return answer
    except Unavailable as error:
        return _problem(503, "wallet_unavailable", f"The wallet can not be asked: {error}")
    return json_response(405, {"error": "method_not_allowed"}, Allow="GET, POST")


async def _latest(betting: Betting, token: str, game: str) -> HttpResponse:
    found = await betting.latest(token, game[:64])
    if isinstance(found, BetRefusal):
        return _problem(401, found.value, "This token opens nothing here.")
    return json_response(200, BetsData(found))


async def _place(betting: Betting, token: str, request: HttpRequest) -> HttpResponse:
    key = request.headers.get("idempotency-key", "")
    if not _KEY.fullmatch(key):
        return _problem(400, "key_missing", "A bet needs an Idempotency-Key of 8 to 128 characters.")
    try:
        wanted = text.decode(request.body, PlaceBet)
        if wanted.closes_at.tzinfo is None:
            raise msgspec.ValidationError("closes_at has no time zone")
    except msgspec.DecodeError as error:
        return _problem(400, "bet_unreadable", str(error))
    placed: Bet | BetRefusal = await betting.place(token, key, wanted)
    if isinstance(placed, BetRefusal):
        return _problem(422, placed.value, "The bet does not stand, and nothing was taken.")
    return json_response(202 if placed.state == "placing" else 200, placed)


def _problem(status: int, code: str, detail: str) -> HttpResponse:
    body = msgspec.json.encode(Problem(status, "Refused", code, detail))
    return HttpResponse(status, body, {"content-type": PROBLEM_TYPE})
