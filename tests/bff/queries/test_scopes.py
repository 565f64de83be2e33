"""Who may read a view: every view refuses every wrong token."""

import time

import httpx
import pytest

from bff.contracts.games import SCOPE_GAMES, SCOPE_GAMES_WRITE
from bff.contracts.paths import VIEWS_PREFIX
from bff.contracts.player_context import LIVE_AUDIENCE, PlayerContext, mint, new_key_pair
from bff.contracts.promotions import SCOPE_PROMOTIONS
from bff.contracts.seamless import SCOPE_PLAY, game_audience
from bff.contracts.wallet import SCOPE_CLAIM, SCOPE_DEPOSIT, SCOPE_LIMITS, SCOPE_READ, SCOPE_WITHDRAW
from bff.queries.app import Queries
from bff.queries.policy import QueriesPolicy
from bff.queries.routes import Route, views_of

pytestmark = pytest.mark.quick

PRIVATE, PUBLIC = new_key_pair()
ALL = {SCOPE_READ, SCOPE_PROMOTIONS, SCOPE_CLAIM, SCOPE_DEPOSIT, SCOPE_LIMITS, SCOPE_WITHDRAW, SCOPE_PLAY}
ALL |= {SCOPE_GAMES, SCOPE_GAMES_WRITE}


class UnreadStore:
    """A store that must not be read."""

    async def read(self, topics=(), feeds=()):
        raise AssertionError(f"read {list(topics)} for somebody who may not")

    async def announce(self):
        """Nothing to announce."""


VIEWS = views_of(UnreadStore(), QueriesPolicy()).routes
PLAYERS = [route for route in VIEWS if route.scopes]


def bearer(scopes, audience="wallet", player="pl_amber"):
    now = int(time.time())
    context = PlayerContext(player, audience, "EUR", "en-GB", frozenset(scopes), now + 60)
    return {"Authorization": f"Bearer {mint(context, PRIVATE, now=now)}"}


async def refusal(route: Route, headers, query="currency=EUR"):
    """Status, code and the rest of the answer of `route` to these headers."""
    transport = httpx.ASGITransport(app=Queries(UnreadStore(), PUBLIC))
    async with httpx.AsyncClient(transport=transport, base_url="http://queries") as client:
        answer = await client.get(f"{VIEWS_PREFIX}{route.path}{'r1' if route.named else ''}?{query}", headers=headers)
    return answer.status_code, answer.json()["code"], answer.content


def test_every_view_of_a_player_is_in_the_table_with_its_scope():
    """A view that shows a player anything names a scope; what has none shows the same to everybody."""
    assert {route.name for route in VIEWS if not route.scopes} == {"tables", "table"}
    assert {route.name for route in VIEWS if not route.anonymous} == {"wallet", "history", "limits", "receipt"}


@pytest.mark.parametrize("route", VIEWS, ids=lambda route: route.name)
@pytest.mark.parametrize("audience", [LIVE_AUDIENCE, game_audience("203"), "", "Wallet", "a b"])
async def test_a_game_token_or_live_ticket_reads_no_view(route, audience):
    """The wrong audience is 403 whatever the scopes say, and the store is not looked at."""
    scopes = {SCOPE_PLAY} if audience.startswith("game:") else ALL
    status, code, body = await refusal(route, bearer(scopes, audience))
    assert (status, code) == (403, "context_audience")
    assert (status, code, body) == await refusal(route, bearer(ALL, audience), query="min_sequence=x")


@pytest.mark.parametrize("route", PLAYERS, ids=lambda route: route.name)
async def test_a_view_without_its_scope_is_refused_and_says_nothing(route):
    """Every other scope together is not enough, and a question that can not be read gets the same answer."""
    status, code, body = await refusal(route, bearer(ALL - route.scopes))
    assert (status, code) == (403, "scope_missing")
    assert (status, code, body) == await refusal(route, bearer(set()), query="min_sequence=x&until=never")


@pytest.mark.parametrize("route", [route for route in PLAYERS if not route.anonymous], ids=lambda route: route.name)
async def test_a_view_of_a_player_is_nobodys_without_one(route):
    """No bearer, and the bearer of a visitor, are 401."""
    for headers in ({}, bearer(ALL, player="")):
        assert (await refusal(route, headers))[:2] == (401, "context_missing")
