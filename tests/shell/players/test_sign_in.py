"""Signing in and out as a browser does it, while the database or Redis may be away."""

import asyncio
import re
import sqlite3
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.conf import settings
from django.db import InternalError, OperationalError, connections
from django.test import AsyncClient

from bff.resilience.bulkhead import Bulkhead
from shell import sign_in, sign_in_bulkhead
from shell.fleet.redis_stores import connect
from shell.players import hashing, session_store
from shell.players import session as session_module
from shell.players.hashing import Argon2
from shell.players.models import Player
from shell.players.threads import Threads
from shell.players.throttle import SignInThrottle, ThrottlePolicy
from shell.wiring import parts
from tests.support.valkey_server import ValkeyServer

pytestmark = pytest.mark.django_db(transaction=True)
NOWHERE = "redis://127.0.0.1:1/0"
SAME_ORIGIN = {"sec-fetch-site": "same-origin"}
AWAY = [
    OperationalError("database is locked"),
    OperationalError("database or disk is full"),
    OperationalError("attempt to write a readonly database"),
    InternalError("cannot execute INSERT in a read-only transaction"),
]


@pytest.fixture(autouse=True)
def own_parts(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Threads and counters of this test's own; Redis is away unless a test has one.

    Hashing has normal priority here, as beside other tests it would otherwise wait for them.
    """
    settings.REDIS_URL = NOWHERE
    monkeypatch.setattr(hashing, "_threads", ThreadPoolExecutor(1, thread_name_prefix="test-argon2"))
    monkeypatch.setattr(sign_in, "_hashing", Threads("test-hashing", 1, 32))
    for name in ("_genuine", "_any", "_actions", "_requests"):
        monkeypatch.setattr(session_module, name, Threads(f"test{name}", 2, 32))
    count_with(NOWHERE)


def count_with(url: str) -> None:
    object.__setattr__(parts(), "throttle", SignInThrottle(connect(url), ThrottlePolicy()))


@pytest.fixture
def amber() -> Player:
    return Player.objects.create_user("amber", password="mullion-demo", player_id="pl_amber")


async def tried(client: AsyncClient, name: str, password: str, address: str = "10.0.0.1") -> Any:
    form = {"username": name, "password": password}
    return await client.post("/sign-in/", form, headers=SAME_ORIGIN, REMOTE_ADDR=address)


async def test_player_signs_in_and_out(amber: Player) -> None:
    """Signing in sets the cookies and opens a session; signing out removes both."""
    client = AsyncClient()
    answer = await tried(client, "amber", "mullion-demo")
    assert answer.status_code == 302
    assert {settings.SESSION_COOKIE_NAME, settings.PLAYER_COOKIE_NAME, settings.DEVICE_COOKIE_NAME} <= set(
        answer.cookies
    )
    again = await client.get("/sign-in/", headers=SAME_ORIGIN)
    assert again.status_code == 302
    out = await client.post("/sign-out/", headers=SAME_ORIGIN)
    assert out.status_code == 302
    assert [out.cookies[name].value for name in (settings.SESSION_COOKIE_NAME, settings.PLAYER_COOKIE_NAME)] == ["", ""]
    assert (await client.get("/sign-in/", headers=SAME_ORIGIN)).status_code == 200


async def test_sign_out_everywhere_ends_the_other_devices_too(amber: Player) -> None:
    """One button ends all sessions of the player; another player's devices stay signed in."""
    phone, laptop = AsyncClient(), AsyncClient()
    for client in (phone, laptop):
        await tried(client, "amber", "mullion-demo")
    assert (await phone.post("/sign-out/everywhere/", headers=SAME_ORIGIN)).status_code == 302
    assert (await laptop.post("/reality-check/", headers=SAME_ORIGIN)).cookies == {}
    del laptop.cookies[settings.PLAYER_COOKIE_NAME]
    assert (await laptop.get("/sign-in/", headers=SAME_ORIGIN)).status_code == 200


async def test_look_up_from_the_game_is_noted_in_the_session(amber: Player) -> None:
    """The next reality check is due after a whole interval, in every process."""
    client = AsyncClient()
    await tried(client, "amber", "mullion-demo")
    answer = await client.post("/reality-check/", headers={**SAME_ORIGIN, "sec-fetch-dest": "empty"})
    assert answer.status_code == 204
    assert settings.PLAYER_COOKIE_NAME in answer.cookies


@pytest.mark.parametrize("store", ["there", "away"])
async def test_48_tries_at_once_reach_20_hashes(
    amber: Player, store: str, valkey: ValkeyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At most 20 of 48 simultaneous tries are hashed, with Redis there and away; refused ones get a Retry-After."""
    hashed = []
    verify = Argon2.verify
    monkeypatch.setattr(Argon2, "verify", lambda *given: hashed.append(1) or verify(*given))
    count_with(valkey.url if store == "there" else NOWHERE)
    # Tries are what counts, not how many of them this machine hashes in the seconds that one waits for its turn.
    monkeypatch.setattr(sign_in_bulkhead, "WAIT_MS", 60_000)
    tries = (tried(AsyncClient(), "amber", "wrong", f"10.0.0.{n}") for n in range(48))
    answers = await asyncio.gather(*tries)
    refused = [answer for answer in answers if answer.status_code == 429]
    assert (len(hashed), len(refused)) == (20, 28)
    assert all(1 <= int(answer.headers["Retry-After"]) <= 300 for answer in refused)
    assert b"Too many tries" in refused[0].content
    await parts().throttle._redis.aclose()


async def test_device_that_has_signed_in_before_is_let_in_while_its_name_is_attacked(amber: Player) -> None:
    """A stranger with the right password has to wait; the player on a known device does not."""
    own = AsyncClient()
    await tried(own, "amber", "mullion-demo")
    await own.post("/sign-out/", headers=SAME_ORIGIN)
    for n in range(22):
        await tried(AsyncClient(), "amber", "wrong", f"10.0.1.{n}")
    assert (await tried(AsyncClient(), "amber", "mullion-demo")).status_code == 429
    assert (await tried(own, "amber", "mullion-demo")).status_code == 302


async def test_sixteen_sign_ins_at_once_take_turns_and_all_come_through(
    amber: Player, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only as many run at once as may hash, so that pages do not wait for them; none is refused."""
    monkeypatch.setattr(sign_in_bulkhead, "_bulkhead", Bulkhead(1, 64))
    monkeypatch.setattr(sign_in_bulkhead, "WAIT_MS", 60_000)
    monkeypatch.setattr(sign_in, "HASHING_MS", 60_000)
    inside, most = [], []
    authenticate = sign_in.authenticate

    def counted(*given: Any, **more: Any) -> Any:
        inside.append(1)
        most.append(len(inside))
        try:
            return authenticate(*given, **more)
        finally:
            inside.pop()

    monkeypatch.setattr(sign_in, "authenticate", counted)
    monkeypatch.setattr(sign_in, "_hashing", Threads("test-wide", 16, 0))
    answers = await asyncio.gather(*(tried(AsyncClient(), "amber", "mullion-demo") for _ in range(16)))
    assert {answer.status_code for answer in answers} == {302}
    assert max(most) == 1


async def test_who_finds_the_line_full_is_sent_away_and_pages_of_signing_in_are_read_on(
    amber: Player, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a full queue a try is answered 503 with Retry-After before any hash; the form itself is always served."""
    line = Bulkhead(1, 0)
    monkeypatch.setattr(sign_in_bulkhead, "_bulkhead", line)
    place = await line.enter(10)
    assert place is not None
    answer = await tried(AsyncClient(), "amber", "mullion-demo")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert (await AsyncClient().get("/sign-in/")).status_code == 200
    place.leave()
    assert (await tried(AsyncClient(), "amber", "mullion-demo")).status_code == 302


async def test_who_comes_when_all_wait_for_a_hash_is_sent_away_with_a_sentence(
    amber: Player, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The answer is 503 with Retry-After, and the try is not counted."""
    hashing = Threads("test-full", 1, 0)
    monkeypatch.setattr(sign_in, "_hashing", hashing)
    over = threading.Event()
    busy = asyncio.ensure_future(hashing.run(lambda: over.wait(60), deadline_ms=60_000))
    await asyncio.sleep(0)
    answers = [await tried(AsyncClient(), "amber", "mullion-demo") for _ in range(15)]
    assert {answer.status_code for answer in answers} == {503}
    assert answers[0].headers["Retry-After"]
    assert b"Pages still work" in answers[0].content
    over.set()
    await busy
    assert (await tried(AsyncClient(), "amber", "mullion-demo")).status_code == 302


@pytest.mark.parametrize("error", AWAY, ids=str)
async def test_sign_in_while_the_database_can_not_be_written_is_a_503(
    amber: Player, error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For a locked, full or read-only database: a sentence, Retry-After, the typed name and no cookie."""

    def save(*given: Any, **options: Any) -> None:
        raise error

    monkeypatch.setattr(session_store.SessionStore, "save", save)
    answer = await tried(AsyncClient(), "amber", "mullion-demo")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert b"Signing in is not possible for the moment" in answer.content
    assert b'value="amber"' in answer.content
    assert settings.SESSION_COOKIE_NAME not in answer.cookies


@pytest.fixture
def own_database(tmp_path: Path) -> Iterator[Path | None]:
    """The shell's database as outside of tests, with amber in it: a file, or the PostgreSQL of this run."""
    wrapper = connections["default"]
    if wrapper.vendor == "postgresql":
        Player.objects.create_user("amber", password="mullion-demo", player_id="pl_amber")
        yield None
        return
    path = tmp_path / "shell.sqlite3"
    wrapper.ensure_connection()
    memory, name = wrapper.connection, wrapper.settings_dict["NAME"]
    with closing(sqlite3.connect(path)) as file:
        memory.backup(file)
    wrapper.connection, wrapper.settings_dict["NAME"] = None, str(path)
    Player.objects.create_user("amber", password="mullion-demo", player_id="pl_amber")
    yield path
    wrapper.close()
    wrapper.connection, wrapper.settings_dict["NAME"] = memory, name


@contextmanager
def broken(path: Path | None, fault: str) -> Iterator[None]:
    """The database is locked by another connection, or refuses writes."""
    options = connections["default"].settings_dict["OPTIONS"]
    if path is None:
        with psycopg.connect(**connections["default"].get_connection_params(), autocommit=True) as other:
            name = other.info.dbname
            if fault == "locked":
                other.execute("BEGIN; LOCK TABLE django_session, players_player")
            else:
                other.execute(f'ALTER DATABASE "{name}" SET default_transaction_read_only = on')
            yield
            other.execute("ROLLBACK; SET default_transaction_read_only = off")
            other.execute(f'ALTER DATABASE "{name}" RESET default_transaction_read_only')
        return
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        before = options["init_command"]
        if fault == "locked":
            other.execute("BEGIN IMMEDIATE")
        else:
            options["init_command"] = f"{before} PRAGMA query_only=1;"
        yield
        options["init_command"] = before


WRITES = ["/sign-in/", "/sign-out/", "/sign-out/everywhere/", "/reality-check/"]


@pytest.mark.parametrize("fault", ["locked", "read-only"])
@pytest.mark.parametrize("path", WRITES)
async def test_every_view_of_a_player_answers_in_time_while_the_database_is_broken(
    own_database: Path | None, path: str, fault: str
) -> None:
    """Each answers 503 with a sentence and Retry-After within both deadlines, signs nobody in or out, and works again
    afterwards.
    """
    client = AsyncClient()
    assert (await tried(client, "amber", "mullion-demo")).status_code == 302
    form = {"username": "amber", "password": "mullion-demo"}
    with broken(own_database, fault):
        began = time.monotonic()
        answer = await client.post(path, form, headers=SAME_ORIGIN)
        assert time.monotonic() - began < (sign_in.HASHING_MS + session_module.REQUEST_MS) / 1000 + 2
        assert answer.status_code == 503
        assert answer.headers["Retry-After"]
        assert re.search(rb"[Tt]ry again", answer.content)
    assert (await client.post(path, form, headers=SAME_ORIGIN)).status_code in (302, 303, 204)


@pytest.mark.parametrize("path", WRITES)
async def test_every_view_of_a_player_answers_in_time_while_the_database_hangs(
    amber: Player, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A database that never answers gives 503, a sentence and Retry-After, and holds only threads of its own."""
    client = AsyncClient()
    assert (await tried(client, "amber", "mullion-demo")).status_code == 302
    over = threading.Event()
    for name in ("save", "delete"):
        monkeypatch.setattr(session_store.SessionStore, name, lambda *given, **more: over.wait(20))
    monkeypatch.setattr(session_module, "_load", lambda key: over.wait(20))
    monkeypatch.setattr(session_module, "REQUEST_MS", 200)
    began = time.monotonic()
    answer = await client.post(path, {"username": "amber", "password": "mullion-demo"}, headers=SAME_ORIGIN)
    over.set()
    assert time.monotonic() - began < 15
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert re.search(rb"[Tt]ry again", answer.content)


@pytest.mark.parametrize("error", AWAY, ids=str)
async def test_any_other_view_says_the_same_while_the_database_is_away(
    amber: Player, error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A view's database error is answered with 503, Retry-After and a sentence, and not with a 500."""

    def broken(*_: Any) -> None:
        raise error

    client = AsyncClient(raise_request_exception=False)
    await tried(client, "amber", "mullion-demo")
    monkeypatch.setattr(session_store.SessionStore, "load", broken)
    answer = await client.get("/operations/")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert b"Pages still work; try again in a moment" in answer.content
