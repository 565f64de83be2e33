"""A session that has ended is refused by every process and on every device, also while Redis or the database is slow or
away.
"""

import asyncio
import json
import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.conf import settings
from django.contrib.auth import login, logout
from django.contrib.sessions.models import Session
from django.core.management import call_command
from django.db import OperationalError, transaction
from django.http import HttpRequest
from django.utils import timezone
from redis import Redis

from bff.contracts.revocation import REVOCATION_CHANNEL, REVOCATION_LOG
from shell.players import session as session_module
from shell.players.authentication import AuthResult, authenticate_cookies, find_actor
from shell.players.duties import SIGNED_IN_AT
from shell.players.identity import Identity, encode
from shell.players.mark import mark_of
from shell.players.models import Player, Revocation
from shell.players.revocation import Revocations
from shell.players.revoke import OVERLAP, end_session, record
from shell.players.session import SessionUnverified, find_identity, look_up
from shell.players.session_store import SessionStore
from shell.players.threads import Threads
from tests.support.valkey_server import ValkeyServer

pytestmark = pytest.mark.django_db(transaction=True)
NOWHERE = "redis://127.0.0.1:1/0"
MINUTE_S = 60


class Clock:
    now = 5000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(autouse=True)
def redis_away(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Threads are this test's own, so that hanging ones do not block other tests."""
    settings.REDIS_URL = NOWHERE
    for name, threads_max in (("_genuine", 8), ("_any", 4), ("_actions", 4), ("_requests", 4)):
        monkeypatch.setattr(session_module, name, Threads(f"test{name}", threads_max, 0))


@pytest.fixture
def amber() -> Player:
    return Player.objects.create_user("amber", password="mullion-demo", player_id="pl_amber")


@pytest.fixture
def hanging_look_ups() -> Iterator[Callable[[], Any]]:
    """Occupies every thread for session look-ups, as a flood of invented sessions on a slow database does."""
    over = threading.Event()
    hanging = []

    async def hang() -> None:
        for threads, threads_max in ((session_module._genuine, 8), (session_module._any, 4)):
            runs = [threads.run(over.wait, deadline_ms=60_000) for _ in range(threads_max)]
            hanging.extend(asyncio.ensure_future(run) for run in runs)
        await asyncio.sleep(0)

    yield hang
    over.set()


def signed_in(player: Player) -> str:
    """The key of a session that `player` has just opened on another device."""
    request = HttpRequest()
    request.session = SessionStore()
    login(request, player, "django.contrib.auth.backends.ModelBackend")
    request.session[SIGNED_IN_AT] = int(time.time())
    request.session.save()
    assert request.session.session_key
    return request.session.session_key


async def cookies(key: str, *, age_s: float = 0) -> dict[str, str]:
    """The cookies of that session's browser, with a player cookie stamped that many seconds ago."""
    identity = await find_identity(key)
    assert identity is not None
    stamped = encode(identity, now=time.time() - age_s)
    return {settings.SESSION_COOKIE_NAME: key, settings.PLAYER_COOKIE_NAME: stamped}


def process(clock: Clock | None = None) -> Revocations:
    """The revocations of another shell process, which shares only the database."""
    return Revocations(NOWHERE, clock=clock or Clock())


async def test_ended_session_stays_ended_while_the_store_is_flooded(
    amber: Player, hanging_look_ups: Callable[[], Any]
) -> None:
    """64 s after signing out, with all look-ups hanging, the old cookies are a visitor's in a running process and in
    one that has just started.
    """
    clock = Clock()
    running, key = process(clock), await sync_to_async(signed_in)(amber)
    await running.catch_up()
    held = await cookies(key, age_s=64)
    await sync_to_async(end_session)(key)
    clock.now += 64
    await running.catch_up()
    started = process(clock)
    await started.catch_up()
    await hanging_look_ups()
    for revocations in (running, started):
        auth_result = await authenticate_cookies(held, revocations)
        assert auth_result.identity is None


async def test_session_that_stands_is_believed_while_the_store_is_flooded(
    amber: Player, hanging_look_ups: Callable[[], Any]
) -> None:
    """A flood of other people's sessions signs nobody out, as long as this process has read the revocations."""
    clock = Clock()
    revocations, key = process(clock), await sync_to_async(signed_in)(amber)
    held = await cookies(key, age_s=600)
    await revocations.catch_up()
    await hanging_look_ups()
    auth_result = await authenticate_cookies(held, revocations)
    assert auth_result.identity is not None
    assert auth_result.identity.player == "pl_amber"
    clock.now += MINUTE_S
    assert (await authenticate_cookies(held, revocations)).identity is not None
    clock.now += 1
    assert await authenticate_cookies(held, revocations) == AuthResult(None, certain=False)


async def test_process_that_has_read_nothing_believes_no_old_cookie(
    amber: Player, hanging_look_ups: Callable[[], Any]
) -> None:
    """A process that has just started, or has lost the database, can not verify old cookies; the browser keeps them
    until it can.
    """

    def away(after: int) -> list[Any]:
        raise OperationalError("away")

    held = await cookies(await sync_to_async(signed_in)(amber), age_s=64)
    await hanging_look_ups()
    for revocations in (process(), Revocations(NOWHERE, read=away)):
        await revocations.catch_up() if revocations._read is away else None
        assert await authenticate_cookies(held, revocations) == AuthResult(None, certain=False)


async def test_session_that_ended_is_over_for_as_long_as_its_cookie_could_be_believed(
    amber: Player, hanging_look_ups: Callable[[], Any]
) -> None:
    """Nearly an hour and very many revocations later it is still refused, in an old process and in a new one."""
    clock, hour_s = Clock(), settings.PLAYER_BELIEVED_S - 10
    running, key = process(clock), await sync_to_async(signed_in)(amber)
    held = await cookies(key, age_s=hour_s)
    await sync_to_async(end_session)(key)
    await running.catch_up()
    for later_s in (0, hour_s):
        clock.now += later_s
        ended = [Revocation(mark=f"other-{later_s}-{n}", player="pl_other") for n in range(OVERLAP + 1)]
        await sync_to_async(in_transaction)(lambda some=ended: record(some))
        await Revocation.objects.aupdate(pushed=True)
        await running.catch_up()
        past = timezone.now() - timedelta(seconds=hour_s)
        await Revocation.objects.filter(mark=mark_of(key)).aupdate(ended_at=past)
    started = process(clock)
    await started.catch_up()
    await hanging_look_ups()
    for revocations in (running, started):
        assert revocations.revoked_sessions.is_complete(clock(), age_s_max=MINUTE_S)
        assert (await authenticate_cookies(held, revocations)).identity is None


def in_transaction(call: Callable[[], None]) -> None:
    with transaction.atomic():
        call()


async def test_redis_away_signs_nobody_out(amber: Player) -> None:
    """Cookies stamped just now, a minute and hours ago are accepted, as the database has the session."""
    key, revocations = await sync_to_async(signed_in)(amber), process()
    for age_s in (0, 64, 3599, 7200):
        auth_result = await authenticate_cookies(await cookies(key, age_s=age_s), revocations)
        assert auth_result.identity is not None


async def test_sign_out_with_redis_away_is_known_to_every_process_at_its_next_reading(amber: Player) -> None:
    """A cookie that is less than a minute old is refused, too."""
    key, there = await sync_to_async(signed_in)(amber), process()
    held = await cookies(key)
    await there.catch_up()
    await sync_to_async(end_session)(key)
    await there.catch_up()
    assert (await authenticate_cookies(held, there)).identity is None


def _block_by_save(player: Player) -> None:
    stale = Player.objects.get(pk=player.pk)
    stale.is_active = False
    stale.save()


def _block_by_query(player: Player) -> None:
    Player.objects.filter(username="amber").update(is_active=False)


def _block_in_bulk(player: Player) -> None:
    player.is_active = False
    Player.objects.bulk_update([player], ["is_active"])


def _new_password(player: Player) -> None:
    player.set_password("another one")
    player.save()


def _command(player: Player) -> None:
    call_command("sign_out_everywhere", "amber")


ENDINGS = [
    _block_by_save,
    _block_by_query,
    _block_in_bulk,
    _new_password,
    _command,
    Player.delete,
    Player.end_sessions,
]


@pytest.mark.parametrize("ends", ENDINGS, ids=lambda ends: ends.__name__.strip("_"))
async def test_blocked_or_signed_out_player_is_a_visitor_on_every_device(
    amber: Player, ends: Callable[[Player], Any], hanging_look_ups: Callable[[], Any]
) -> None:
    """The process that knows it refuses fresh cookies at once, and old ones while look-ups hang."""
    phone, laptop = await sync_to_async(signed_in)(amber), await sync_to_async(signed_in)(amber)
    birch = await sync_to_async(Player.objects.create_user)("birch", password="mullion-demo")
    other = await cookies(await sync_to_async(signed_in)(birch))
    held = [await cookies(phone), await cookies(laptop, age_s=64)]
    revocations = process()
    await revocations.catch_up()
    await sync_to_async(ends)(amber)
    await revocations.catch_up()
    assert await find_identity(phone) is None
    assert await find_identity(laptop) is None
    await hanging_look_ups()
    assert [(await authenticate_cookies(jar, revocations)).identity for jar in held] == [None, None]
    assert (await authenticate_cookies(other, revocations)).identity is not None


async def test_object_loaded_before_a_sign_out_brings_no_session_back(amber: Player) -> None:
    """Saving a stale account object writes its names and leaves the sessions ended."""
    key = await sync_to_async(signed_in)(amber)
    old = await Player.objects.aget(pk=amber.pk)
    await sync_to_async(amber.end_sessions)()
    old.first_name = "Amber"
    await old.asave()
    assert await find_identity(key) is None
    fresh = await Player.objects.aget(pk=amber.pk)
    assert (fresh.first_name, fresh.sessions_epoch) == ("Amber", 1)


async def test_player_who_signs_in_again_after_signing_out_everywhere_is_let_in(amber: Player) -> None:
    """Only sessions from before the sign-out are ended."""
    await sync_to_async(amber.end_sessions)()
    key, revocations = await sync_to_async(signed_in)(amber), process()
    await revocations.catch_up()
    assert (await authenticate_cookies(await cookies(key), revocations)).identity is not None


async def test_signing_in_over_a_session_and_logging_out_leave_their_revocations(amber: Player) -> None:
    """Every way to end a session writes a revocation."""

    def over(key: str) -> str:
        birch = Player.objects.create_user("birch", password="mullion-demo")
        request = HttpRequest()
        request.session = SessionStore(key)
        login(request, birch, "django.contrib.auth.backends.ModelBackend")
        request.session.save()
        assert request.session.session_key
        return request.session.session_key

    def out(key: str) -> None:
        request = HttpRequest()
        request.session = SessionStore(key)
        logout(request)

    first = await sync_to_async(signed_in)(amber)
    second = await sync_to_async(over)(first)
    await sync_to_async(out)(second)
    marks = [mark async for mark in Revocation.objects.order_by("pk").values_list("mark", flat=True)]
    assert marks == [mark_of(first), mark_of(second)]
    assert await Session.objects.acount() == 0


async def test_sign_out_is_published_by_another_process_once_redis_is_back(
    amber: Player, valkey: ValkeyServer, settings: Any
) -> None:
    """A process that reads the revocation in the database publishes it for open sockets, and publishes it once."""
    key, other = await sync_to_async(signed_in)(amber), process()
    await sync_to_async(end_session)(key)
    await other.catch_up()
    settings.REDIS_URL = valkey.url
    with Redis.from_url(valkey.url) as client:
        listening = client.pubsub(ignore_subscribe_messages=True)
        listening.subscribe(REVOCATION_CHANNEL)
        listening.get_message(timeout=5)
        await other.catch_up()
        message = await asyncio.to_thread(lambda: listening.get_message(timeout=5))
        assert message is not None
        expected = {"player": "pl_amber", "mark": mark_of(key), "epoch": 0}
        assert json.loads(message["data"]) == expected
        assert [json.loads(raw) for raw in client.zrange(REVOCATION_LOG, 0, -1)] == [expected]
        assert client.ttl(REVOCATION_LOG) > MINUTE_S
        for _ in range(3):
            await other.catch_up()
        assert client.zcard(REVOCATION_LOG) == 1
        assert await Revocation.objects.aget() is not None
        assert (await Revocation.objects.aget()).pushed
        listening.close()


@pytest.mark.parametrize("key", ["", "x", "\0" * 32, "s" * 10_000, "../" * 10, "é" * 32])
async def test_hostile_session_key_opens_no_session(key: str) -> None:
    """Any bytes in a cookie are refused without an error, on every database."""
    assert await find_identity(key) is None
    await sync_to_async(end_session)(key)


async def test_invented_sessions_do_not_stand_in_the_way_of_genuine_ones(amber: Player) -> None:
    """Requests with a signed cookie for the session wait in a queue of their own."""
    over = threading.Event()
    key = await sync_to_async(signed_in)(amber)
    held = await cookies(key, age_s=64)
    waiting = [asyncio.ensure_future(session_module._any.run(over.wait, deadline_ms=60_000)) for _ in range(4)]
    await asyncio.sleep(0)
    try:
        with pytest.raises(SessionUnverified):
            await look_up("a" * 32, genuine=False)
        auth_result = await authenticate_cookies(held, process())
        assert isinstance(auth_result.identity, Identity)
    finally:
        over.set()
        await asyncio.gather(*waiting)


async def test_what_a_player_does_waits_for_no_sign_in_and_for_no_invented_session(amber: Player) -> None:
    """Commands with a genuine cookie have threads of their own while those of all other requests hang; requests without
    such a cookie wait for the latter.
    """
    over = threading.Event()
    key = await sync_to_async(signed_in)(amber)
    held = await cookies(key, age_s=64)
    waiting = [asyncio.ensure_future(session_module._requests.run(over.wait, deadline_ms=60_000)) for _ in range(4)]
    await asyncio.sleep(0)
    try:
        actor = await find_actor(held)
        assert isinstance(actor, Identity)
        with pytest.raises(SessionUnverified):
            await find_actor({settings.SESSION_COOKIE_NAME: key})
    finally:
        over.set()
        await asyncio.gather(*waiting)
