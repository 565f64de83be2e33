"""Requests that the read side refuses before it reads anything."""

import asyncio
import time
from functools import partial

import httpx
import pytest

from bff.contracts.player_context import PlayerContext, mint, new_key_pair
from bff.contracts.wallet import SCOPE_READ
from bff.queries.app import Queries
from bff.store import StoreUnavailable

pytestmark = pytest.mark.quick

PRIVATE, PUBLIC = new_key_pair()


class DeadStore:
    """A store that never answers, so that a request which passes the checks is noticed."""

    async def read(self, topics=(), feeds=(), *, keys=()):
        raise StoreUnavailable("refused")

    async def announce(self):
        raise StoreUnavailable("refused")


def bearer(player="pl_amber", scopes=(SCOPE_READ,), ttl_s=60, private=PRIVATE):
    now = int(time.time())
    context = PlayerContext(player, "wallet", "EUR", "en-GB", frozenset(scopes), now + ttl_s)
    return {"Authorization": f"Bearer {mint(context, private, now=now)}"}


async def ask(path, headers=None, method="GET"):
    transport = httpx.ASGITransport(app=Queries(DeadStore(), PUBLIC))
    async with httpx.AsyncClient(transport=transport, base_url="http://queries") as client:
        return await client.request(method, path, headers=headers)


@pytest.mark.parametrize(
    ("path", "headers", "status", "code"),
    [
        ("/views/unknown", None, 404, "not_found"),
        ("/views/tables/", None, 400, "currency_invalid"),
        ("/views/tables?currency=eur", None, 400, "currency_invalid"),
        ("/views/tables?currency=EUR&kind=poker", None, 400, "kind_invalid"),
        ("/views/tables?currency=EUR&x=" + "y" * 3000, None, 400, "query_invalid"),
        ("/views/tables?currency=EUR&kind=%00", None, 400, "text_refused"),
        ("/views/games?limit=0", None, 400, "limit_invalid"),
        ("/views/games?limit=25", None, 400, "limit_invalid"),
        ("/views/games?limit=x", None, 400, "limit_invalid"),
        ("/views/tables?currency=EUR&%C2%85=1", None, 400, "text_refused"),
        ("/views/tables/r1", None, 400, "currency_invalid"),
        ("/views/wallet", None, 401, "context_missing"),
        ("/views/wallet", {"Authorization": "Bearer nonsense"}, 401, "context_malformed"),
        ("/views/wallet", partial(bearer, ttl_s=-1), 401, "context_expired"),
        ("/views/wallet", partial(bearer, private=new_key_pair()[0]), 401, "context_malformed"),
        ("/views/wallet", partial(bearer, player=""), 401, "context_missing"),
        ("/views/wallet", partial(bearer, scopes=()), 403, "scope_missing"),
        ("/views/wallet?min_sequence=7", bearer, 400, "min_sequence_invalid"),
        ("/views/receipts/r%20%22", bearer, 503, "store_down"),
        ("/views/receipts/r1", None, 401, "context_missing"),
        ("/views/promotions?currency=EUR", partial(bearer, ttl_s=-1), 401, "context_expired"),
        ("/views/promotions?currency=EUR", None, 503, "store_down"),
    ],
)
async def test_refusal_is_a_typed_problem(path, headers, status, code):
    """Whatever is wrong with a request is said by one stable word."""
    # Minted here: a token that was minted during collection may have expired by now.
    answer = await ask(path, headers() if callable(headers) else headers)
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert (answer.status_code, problem["status"], problem["code"]) == (status, status, code)
    assert problem["detail"]


async def test_dead_store_says_when_to_come_back():
    """A caller is told to wait a second, not to hammer."""
    answer = await ask("/views/tables?currency=EUR")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")


async def test_views_are_only_read():
    """Nothing can be written at the read side."""
    answer = await ask("/views/tables?currency=EUR", method="POST")
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD")


async def test_health_does_not_depend_on_the_store():
    """Ready means able to serve: a dead store makes views 503, not the process unready."""
    await ask("/views/tables?currency=EUR")
    assert (await ask("/healthz")).status_code == 200


async def test_lifespan_ends_its_background_work():
    """A stopped application leaves no task behind."""

    class QuietStore:
        closed = False

        async def announce(self):
            return None

        async def aclose(self):
            self.closed = True

    store, sent = QuietStore(), []
    messages = iter([{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}])

    async def receive():
        await asyncio.sleep(0.01)
        return next(messages)

    async def send(message):
        sent.append(message["type"])

    before = asyncio.all_tasks()
    await Queries(store, PUBLIC)({"type": "lifespan"}, receive, send)
    assert sent == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
    assert store.closed
    assert asyncio.all_tasks() == before
