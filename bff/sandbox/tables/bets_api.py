"""The provider's bets over HTTP. Public: `bets_answer`. The protocol stands in `bff.contracts.bets`."""

import asyncio
import re

import msgspec

from bff.contracts import text
from bff.contracts.bets import Bet, BetRefusal, BetsData, PlaceBet
from bff.contracts.problem import PROBLEM_TYPE, Problem
from bff.sandbox.plain_asgi import Answer, Asked, json_answer
from bff.sandbox.tables.betting import Betting, Unavailable

_KEY = re.compile(r"[A-Za-z0-9._~-]{8,128}", re.ASCII)
LOST_S = 30.0


async def bets_answer(betting: Betting, asked: Asked, *, answer_lost: bool) -> Answer:
    """The answer to `/v1/bets`. `answer_lost`: the bet is placed all the same, and nobody hears of it."""
    scheme, _, token = asked.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        return _problem(401, "token_missing", "A bet needs a game token.")
    try:
        if asked.method == "GET":
            return await _latest(betting, token, asked.query.get("game", ""))
        if asked.method == "POST":
            answer = await _place(betting, token, asked)
            if answer_lost:
                await asyncio.sleep(LOST_S)
            return answer
    except Unavailable as error:
        return _problem(503, "wallet_unavailable", f"The wallet can not be asked: {error}")
    return json_answer(405, {"error": "method_not_allowed"}, Allow="GET, POST")


async def _latest(betting: Betting, token: str, game: str) -> Answer:
    found = await betting.latest(token, game[:64])
    if isinstance(found, BetRefusal):
        return _problem(401, found.value, "This token opens nothing here.")
    return json_answer(200, BetsData(found))


async def _place(betting: Betting, token: str, asked: Asked) -> Answer:
    key = asked.headers.get("idempotency-key", "")
    if not _KEY.fullmatch(key):
        return _problem(400, "key_missing", "A bet needs an Idempotency-Key of 8 to 128 characters.")
    try:
        wanted = text.decode(asked.body, PlaceBet)
        if wanted.closes_at.tzinfo is None:
            raise msgspec.ValidationError("closes_at has no time zone")
    except msgspec.DecodeError as error:
        return _problem(400, "bet_unreadable", str(error))
    placed: Bet | BetRefusal = await betting.place(token, key, wanted)
    if isinstance(placed, BetRefusal):
        return _problem(422, placed.value, "The bet does not stand, and nothing was taken.")
    return json_answer(202 if placed.state == "placing" else 200, placed)


def _problem(status: int, code: str, detail: str) -> Answer:
    body = msgspec.json.encode(Problem(status, "Refused", code, detail))
    return Answer(status, body, {"content-type": PROBLEM_TYPE})
