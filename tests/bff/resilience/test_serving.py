"""A process that is told to stop under load serves all its clients: none is cut, nor refused while it lives."""

import asyncio
import http.client
import os
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from bff.resilience.deadline import Deadline
from bff.resilience.guard import Failure, Guard, Request
from bff.resilience.policy import Policy
from tests.support import preloaded
from tests.support.free_ports import free_port
from tests.support.preloaded import PreloadedProcess

CALLERS = 24
POLICY = Policy(deadline_ms=5000, connect_ms=4000, consecutive_max=10**6, failed_ratio_max=2.0, retry_budget_spare=0)
# The port is closed when no connection is open; an answer that was there by then is recorded after one turn of the
# loop.
RECORDED_S_MAX = 0.5


@contextmanager
def served(application: str) -> Iterator[tuple[PreloadedProcess, int]]:
    """A process that serves `application`, and its port."""
    port = free_port()
    environ = {**os.environ, "HOST": "127.0.0.1", "PORT": str(port)}
    process = preloaded.start("bff.resilience.serving", application, env=environ)
    end = time.monotonic() + 30
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            break
        except OSError:
            assert time.monotonic() < end
            time.sleep(0.05)
    yield process, port
    process.kill()
    process.wait()


@pytest.fixture
def server() -> Iterator[tuple[PreloadedProcess, str]]:
    """A process that serves, and its address."""
    with served("tests.support.unhurried_app:application") as (process, port):
        yield process, f"http://127.0.0.1:{port}/pid"


class Callers:
    """Clients that call all the time, some on open connections, some on new ones; every result is recorded with its
    moment."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.ended: list[tuple[float, str, str]] = []
        self.over = False
        self.are_many = asyncio.Event()

    async def call(self, method: str, *, anew: bool) -> None:
        guard = Guard("served", POLICY)
        while not self.over:
            request = Request(method, self.url, body=b"x" if method == "POST" else b"")
            answer = await guard.call(request, Deadline.after_ms(time.monotonic(), POLICY.deadline_ms))
            result = str(answer.reason) if isinstance(answer, Failure) else "served"
            self.ended.append((time.monotonic(), method, result))
            if len(self.ended) == 4 * CALLERS:
                self.are_many.set()
            if anew:
                await guard.aclose()
                guard = Guard("served", POLICY)
            if isinstance(answer, Failure):
                await asyncio.sleep(0.01)
        await guard.aclose()


@pytest.mark.parametrize("again", [0, *(pytest.param(again, marks=pytest.mark.full) for again in (1, 2))])
async def test_nobody_who_came_is_cut_or_refused(server: tuple[PreloadedProcess, str], again: int) -> None:
    """Old connections and new ones, GET and POST: all are served until the door is shut, then all are refused."""
    process, url = server
    callers = Callers(url)
    ways = [(method, anew) for method in ("GET", "POST") for anew in (False, True)]
    tasks = [asyncio.create_task(callers.call(method, anew=anew)) for method, anew in ways * (CALLERS // 4)]
    await callers.are_many.wait()
    process.send_signal(signal.SIGTERM)
    signalled_at = time.monotonic()
    await asyncio.to_thread(process.wait, 20)
    gone_at = time.monotonic()
    await asyncio.sleep(0.3)
    callers.over = True
    await asyncio.gather(*tasks)
    assert {result for _, _, result in callers.ended} == {"served", "connect"}
    served_at = [at for at, _, result in callers.ended if result == "served"]
    refused_at = [at for at, _, result in callers.ended if result == "connect"]
    assert signalled_at < max(served_at) < min(refused_at) + RECORDED_S_MAX
    assert signalled_at < min(refused_at)
    assert gone_at - signalled_at < 4


def test_what_came_on_an_old_connection_while_the_process_was_frozen_is_answered(
    server: tuple[PreloadedProcess, str],
) -> None:
    """However long a machine stands still, a connection that its caller still uses is not ended as an unused one."""
    process, url = server
    connection = http.client.HTTPConnection(url.split("/")[2], timeout=20)
    connection.request("GET", "/pid")
    assert connection.getresponse().read()
    process.send_signal(signal.SIGSTOP)
    connection.request("POST", "/pid", b"x")
    time.sleep(6)
    process.send_signal(signal.SIGCONT)
    assert connection.getresponse().status == 200
    connection.close()


async def test_process_that_nobody_calls_ends_at_once(server: tuple[PreloadedProcess, str]) -> None:
    """Without a connection there is nothing to wait for."""
    process, _ = server
    process.send_signal(signal.SIGTERM)
    signalled_at = time.monotonic()
    await asyncio.to_thread(process.wait, 20)
    assert time.monotonic() - signalled_at < 9


def test_whoever_comes_to_a_busy_process_is_accepted_with_all_who_wait() -> None:
    """And not one in each turn of its loop, where the last of a crowd would wait for as many turns as it is many."""
    with served("tests.support.busy_loop_app:application") as (_, port):
        crowd = [socket.create_connection(("127.0.0.1", port), 10) for _ in range(40)]
        for connection in crowd:
            connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        turns = []
        for connection in crowd:
            with connection, connection.makefile("rb") as answer:
                turns.append(int(answer.read().rpartition(b"\r\n\r\n")[2]))
    assert max(turns) - min(turns) <= 10
