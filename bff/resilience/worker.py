"""A process that works in the background and answers for its health over HTTP.

Public: `run`, `Healthy`, `WorkerPolicy`.

`GET /livez` answers 200: the process runs. `GET /healthz` answers 200 (503 when `healthy()` holds `"ready": False`)
with `healthy()` as JSON; `GET /metrics` answers in Prometheus' text format. All on $HOST:$PORT.
"""

import asyncio
import os
import signal
import socket
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Protocol

import msgspec
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from bff.contracts.paths import ALIVE_PATH, HEALTH_PATH, METRICS_PATH
from bff.resilience import log, memory, serving
from bff.resilience.border import Border
from bff.resilience.environment import number_of
from bff.resilience.policies import check_policies, house_policy

Healthy = Callable[[], dict[str, Any]]
Main = Callable[[asyncio.Event], Awaitable[None]]


class _Send(Protocol):
    async def __call__(self, message: dict[str, Any], /) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerPolicy:
    """The numbers of a worker's end: `worker` of `HOUSE_POLICIES`."""

    # How long the work may take to drain, before it is cancelled.
    drain_s_max: float = 5.0
    # What a scrape may still take once the work has ended.
    answer_s_max: int = 1


def run(main: Main, *, healthy: Healthy) -> None:
    """Run `main(stop)` until SIGTERM or SIGINT sets `stop`, then until it returns; exits the process.

    `main` is to drain when `stop` is set; it is cancelled when that takes longer than `WorkerPolicy.drain_s_max`, or
    at a second signal. The exit code is 0 after a signal; 1 when `main` ended or failed by itself, for a supervisor to
    start it again, and when the port is taken.
    """
    log.configure()
    check_policies(os.environ)
    policy = house_policy("worker", WorkerPolicy())
    memory.for_long_running()
    host, port = os.environ.get("HOST", "127.0.0.1"), number_of(os.environ, "PORT", 0)
    try:
        listening = socket.create_server((host, port))
    except OSError as error:
        log.get("worker").error("worker_can_not_listen", address=f"{host}:{port}", error=str(error))
        sys.exit(1)
    sys.exit(asyncio.run(_supervise(main, healthy, listening, policy)))


async def _supervise(main: Main, healthy: Healthy, listening: socket.socket, policy: WorkerPolicy) -> int:
    stop = asyncio.Event()
    served = serving.config(
        Border(_application(healthy)), drain_s_max=policy.answer_s_max, lifespan="off", log_config=None
    )
    server = serving.ServingBesideWork(served)
    working = asyncio.create_task(_awaited(main(stop)))
    answering = asyncio.create_task(server.serve(sockets=[listening]))
    _on_signals(stop, working)
    try:
        return await _work(working, stop, policy.drain_s_max)
    finally:
        server.end()
        await answering


def _on_signals(stop: asyncio.Event, working: asyncio.Task[None]) -> None:
    def on_signal() -> None:
        if stop.is_set():
            working.cancel()
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, on_signal)


async def _awaited(work: Awaitable[None]) -> None:
    await work


async def _work(working: asyncio.Task[None], stop: asyncio.Event, drain_s_max: float) -> int:
    logger = log.get("worker")
    stop_requested = asyncio.create_task(stop.wait())
    either: set[asyncio.Task[Any]] = {working, stop_requested}
    await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
    stop_requested.cancel()
    if not working.done():
        await asyncio.wait({working}, timeout=drain_s_max)
        if not working.done():
            logger.warning("worker_drain_too_long", limit_s=drain_s_max)
            working.cancel()
            await asyncio.wait({working})
    failed = None if working.cancelled() else working.exception()
    if failed is not None:
        logger.error("worker_failed", exc_info=failed)
        return 1
    if not stop.is_set():
        logger.error("worker_ended", detail="the work ended though nobody asked it to")
        return 1
    return 0


def _application(healthy: Healthy) -> Callable[..., Awaitable[None]]:
    async def application(scope: dict[str, Any], _receive: object, send: _Send) -> None:
        path = scope["path"]
        if path == METRICS_PATH:
            await _answer(send, 200, CONTENT_TYPE_LATEST, generate_latest())
        elif path == ALIVE_PATH:
            await _answer(send, 200, "text/plain; charset=utf-8", b"alive\n")
        elif path == HEALTH_PATH:
            state = healthy()
            status = 503 if state.get("ready") is False else 200
            await _answer(send, status, "application/json", msgspec.json.encode(state))
        else:
            here = f"Here are {ALIVE_PATH}, {HEALTH_PATH} and {METRICS_PATH}.\n"
            await _answer(send, 404, "text/plain; charset=utf-8", here.encode())

    return application


async def _answer(send: _Send, status: int, content_type: str, body: bytes) -> None:
    headers = [(b"content-type", content_type.encode()), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
