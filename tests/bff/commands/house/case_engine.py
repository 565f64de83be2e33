"""The engine's threads: a waiting command is answered in time, and one that has not begun by then never begins."""

import asyncio
import fcntl
import os
import socket
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest
from django.db import connection, transaction

from bff.commands.engine.policy import POLICY
from bff.commands.engine.threads import Engine, EngineUnavailable


@pytest.fixture
def engine():
    """An engine with one thread and a short time limit."""
    made = Engine(threads=1, policy=replace(POLICY, command_ms_max=250, silent_ms_max=500))
    yield made
    made.close()


def scalar(statement):
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchone()[0]


async def outcome_unknown(pending):
    """Whether a command that was not answered in time may still be carried out."""
    with pytest.raises(EngineUnavailable) as caught:
        await pending
    return caught.value.outcome_unknown


def test_what_has_not_begun_in_time_never_does(engine):
    """The first may be done, and is; the second was told that nothing was done, and nothing is."""
    done = []

    def slow():
        time.sleep(0.7)
        done.append("first")

    async def both():
        first = asyncio.ensure_future(engine.run(slow))
        await asyncio.sleep(0.1)
        second = asyncio.ensure_future(engine.run(done.append, "second"))
        return await outcome_unknown(first), await outcome_unknown(second), await _until_done(engine)

    assert asyncio.run(both()) == (True, False, 1)
    assert done == ["first"]


async def _until_done(engine):
    """Repeats the command until the engine takes it again, and returns the answer."""
    while True:
        try:
            return await engine.run(scalar, "SELECT 1")
        except EngineUnavailable:
            await asyncio.sleep(0.05)


def test_all_who_share_a_turn_that_breaks_at_its_end_hear_of_it():
    """A mistake that shows when the turn is committed is an answer to each of them: nobody is left to wait."""

    def breaks():
        with transaction.atomic():
            transaction.on_commit(lambda: 1 / 0)

    started, queued = threading.Event(), threading.Event()

    def holds_the_thread():
        started.set()
        queued.wait(5)

    async def pending():
        made = Engine(threads=1, policy=replace(POLICY, command_ms_max=10_000))
        try:
            first = asyncio.ensure_future(made.run(holds_the_thread))
            await asyncio.to_thread(started.wait, 5)
            others = [asyncio.ensure_future(made.run(breaks)) for _ in range(3)]
            await asyncio.sleep(0)
            queued.set()
            return await asyncio.gather(first, *others, return_exceptions=True)
        finally:
            made.close()

    first, *others = asyncio.run(pending())
    assert first is None
    assert [type(each) for each in others] == [ZeroDivisionError] * 3


def test_a_busy_writer_lets_others_have_their_turn():
    """Another process, such as the relay, is next when it asks, however many commands wait here."""
    passed = []

    def write():
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("UPDATE commands_player SET lines = lines")
            time.sleep(0.004)
        passed.append("busy")

    def write_once():
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("UPDATE commands_relaystate SET position = position")
        return len(passed)

    async def pending():
        busy = Engine(threads=1, policy=replace(POLICY, batch_commands_max=1))
        other = Engine(threads=1)
        load = [asyncio.ensure_future(busy.run(write)) for _ in range(200)]
        waited = []
        for _ in range(20):
            await asyncio.sleep(0.01)
            began = len(passed)
            waited.append(await other.run(write_once) - began)
        await asyncio.gather(*load)
        busy.close()
        other.close()
        return waited

    waited = asyncio.run(pending())
    # A command that has begun is finished, and one more may have begun before the lock was taken.
    assert sum(waited) <= 2 * len(waited), waited


def test_whoever_is_frozen_at_the_head_of_the_queue_is_passed_by():
    """A process that was next and does not come, nor go: commands are carried out all the same."""
    if connection.vendor == "postgresql":
        return  # it can not wait in a queue
    done = []

    def write():
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("UPDATE commands_player SET lines = lines")
        done.append("written")

    engine = Engine(threads=1)
    asyncio.run(engine.run(write))
    with Path(f"{connection.settings_dict['NAME']}-queue").open("rb") as queue:
        fcntl.flock(queue, fcntl.LOCK_EX)
        for _ in range(3):
            asyncio.run(engine.run(write))
    engine.close()
    assert len(done) == 4


def test_a_full_queue_refuses_before_anything_begins():
    """Whoever finds too many waiting is told at once that nothing was done."""
    engine = Engine(threads=1, policy=replace(POLICY, waiting_max=0))
    assert asyncio.run(outcome_unknown(engine.run(scalar, "SELECT 1"))) is False
    engine.close()


def test_a_thread_is_freed_from_a_server_that_says_nothing(engine):
    """PostgreSQL is hung up on long before it would answer; a file never keeps anybody waiting like that."""
    waiting = "SELECT pg_sleep(4)" if connection.vendor == "postgresql" else "SELECT 1"

    async def hang():
        began = time.monotonic()
        pending = engine.run(scalar, waiting)
        assert await (outcome_unknown(pending) if connection.vendor == "postgresql" else pending) is not False
        assert await _until_done(engine) == 1
        return time.monotonic() - began

    assert asyncio.run(hang()) < 3.5


def test_a_line_that_was_cut_between_two_commands_costs_none(engine):
    """A server that was restarted, or let go of an idle line: the next command finds a new one."""
    if connection.vendor != "postgresql":
        return  # a file has no connection that could be lost

    line = asyncio.run(engine.run(scalar, "SELECT pg_backend_pid()"))
    assert scalar(f"SELECT pg_terminate_backend({line}, 5000)")
    assert asyncio.run(engine.run(scalar, "SELECT 1")) == 1


def test_what_a_statement_says_no_to_has_done_nothing(engine):
    """A database that answers with an error has taken it all back."""

    def fail():
        with transaction.atomic(), connection.cursor() as cursor:
            if connection.vendor == "postgresql":
                cursor.execute("SET TRANSACTION READ ONLY")
                cursor.execute("UPDATE commands_player SET lines = lines")
            cursor.execute("SELECT nothing_like_it")

    assert asyncio.run(outcome_unknown(engine.run(fail))) is False


def test_lines_to_postgres_notice_a_network_that_swallows_everything():
    """The kernel gives up on a line within seconds; a file has no line."""
    if connection.vendor != "postgresql":
        assert "tcp_user_timeout" not in connection.settings_dict["OPTIONS"]
        return
    connection.ensure_connection()
    with socket.socket(fileno=os.dup(connection.connection.fileno())) as line:
        assert line.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 5000
        assert line.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        assert line.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == 5
        idle_s = 5 + line.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL) * 3
        assert idle_s <= 15
