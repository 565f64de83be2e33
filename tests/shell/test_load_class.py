"""Who is who at the shell's door: by the cookie that only the shell can make, before anything is looked up."""

import time
from dataclasses import replace
from typing import Any

import pytest
from django.conf import settings

from bff.contracts.load_class import LoadClass
from shell.composition.assets import static_url
from shell.load_class import classify
from shell.players.identity import Identity, encode
from shell.players.mark import mark_of
from shell.proxy.header_rules import request_headers

pytestmark = pytest.mark.quick

SESSION = "s" * 32
AMBER = Identity("pl_amber", "amber", "EUR", mark_of(SESSION), since=int(time.time()))


def cookies(identity: Identity = AMBER, *, age_s: float = 0, session: str = SESSION) -> str:
    stamped = encode(identity, now=time.time() - age_s)
    return f"{settings.SESSION_COOKIE_NAME}={session}; {settings.PLAYER_COOKIE_NAME}={stamped}"


def class_of(path: str, *, method: str = "GET", query: str = "", cookie: str = "", **headers: str) -> LoadClass | None:
    named = {"cookie": cookie, **{name.replace("_", "-"): value for name, value in headers.items()}}
    scope: dict[str, Any] = {"type": "http", "method": method, "path": path, "query_string": query.encode()}
    pairs = [(name.encode(), value.encode()) for name, value in named.items() if value]
    return classify({**scope, "headers": pairs, "server": ("127.0.0.1", 8000)})


@pytest.mark.parametrize(
    ("path", "more", "visitor", "player"),
    [
        ("/slots/lobby/tables", {}, LoadClass.REFRESH, LoadClass.READ),
        ("/slots/lobby/tables", {"query": "attempt=0"}, LoadClass.REFRESH, LoadClass.READ),
        ("/slots/lobby/tables", {"query": "tables.page=2&attempt=3"}, LoadClass.RETRY, LoadClass.RETRY),
        ("/", {}, LoadClass.PAGE, LoadClass.READ),
        ("/", {"method": "HEAD"}, LoadClass.PAGE, LoadClass.READ),
        ("/live/ticket", {}, LoadClass.PAGE, LoadClass.READ),
        ("/nothing/", {}, LoadClass.PAGE, LoadClass.READ),
        ("/sign-in/", {"method": "POST"}, LoadClass.READ, LoadClass.MONEY),
        ("/slots/lobby/wallet/actions/deposit", {"method": "POST"}, LoadClass.READ, LoadClass.MONEY),
        ("/healthz", {}, None, None),
        (static_url("slots.js"), {}, None, None),
        ("/assets/wallet/x/main.js", {}, None, None),
        ("/", {"mullion_load_class": "money"}, LoadClass.PAGE, LoadClass.READ),
    ],
)
def test_a_request_has_a_class(path: str, more: dict[str, Any], visitor: LoadClass | None, player: LoadClass | None):
    """By method, path and who asks; what a browser says of it is nothing."""
    assert class_of(path, **more) is visitor
    assert class_of(path, cookie=cookies(), **more) is player


@pytest.mark.parametrize(
    "cookie",
    [
        "",
        f"{settings.SESSION_COOKIE_NAME}={SESSION}",
        cookies()[:-4] + "aaaa",
        cookies(session="t" * 32),
        cookies(replace(AMBER, ends=int(time.time()) - 1)),
        cookies().partition("; ")[2],
    ],
)
def test_who_only_says_that_they_are_signed_in_is_a_visitor(cookie: str):
    """No player cookie, a touched one, another session's, one whose session is over, one without its session."""
    assert class_of("/", cookie=cookie) is LoadClass.PAGE


def test_an_old_cookie_is_a_players():
    """It has to be looked up before it is believed, and nobody is looked up at the door."""
    assert class_of("/", cookie=cookies(age_s=settings.PLAYER_COOKIE_AGE_S + 60)) is LoadClass.READ


def test_whatever_comes_to_the_inner_port_is_let_in(settings: Any):
    """What operators and their machines read is read most in a surge."""
    settings.INNER_PORT = 8000
    assert class_of("/metrics") is None
    assert class_of("/operations/") is None


def test_a_browsers_word_on_its_class_reaches_no_fragment():
    """The name is the shell's."""
    assert "mullion-load-class" not in dict(request_headers({"mullion-load-class": "money", "accept": "*/*"}))
