"""`up` reports that it is ready once the shells serve what it has published."""

import asyncio
import io
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from bff.resilience.backoff import BackoffPolicy
from shell.operations.up.board import Board, State
from shell.operations.up.console import Console
from shell.operations.up.launch import Launch, Step
from shell.operations.up.orphan_guard import OrphanGuard
from shell.operations.up.plan import Plan
from shell.operations.up.process_supervisor import SupervisorContext
from shell.operations.up.publish import CURRENT_PATH, publish_all
from shell.operations.up.supervisor import Supervisor
from tests.support.free_ports import free_port

PATIENCE_S = 30
AGAIN = BackoffPolicy(initial_s=0.01, max_s=0.01, jitter=0.0)


class Shells:
    """Inner ports of two processes; each answers 503 until the test lets it follow."""

    def __init__(self) -> None:
        self.ports: list[int] = []
        self.status = ["503 Service Unavailable"] * 2
        self.paths: list[str] = []
        self.often = asyncio.Event()

    @asynccontextmanager
    async def listening(self) -> AsyncIterator["Shells"]:
        async def answer(place: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            self.paths.append((await reader.readline()).decode().split(" ")[1])
            if len(self.paths) > 3:
                self.often.set()
            writer.write(f"HTTP/1.1 {self.status[place]}\r\nContent-Length: 0\r\n\r\n".encode())
            writer.close()

        servers = [
            await asyncio.start_server(lambda reader, writer, place=place: answer(place, reader, writer), "127.0.0.1")  # type: ignore[misc]
            for place in range(2)
        ]
        self.ports = [server.sockets[0].getsockname()[1] for server in servers]
        try:
            yield self
        finally:
            for server in servers:
                server.close()


def launch(name: str, house: str = "shell", **more: object) -> Launch:
    return Launch(name, house, ("true",), {}, free_port(), "/healthz", **more)  # type: ignore[arg-type]


@asynccontextmanager
async def publishing(
    tmp_path: Path, ports: list[int], *command: str, late: bool = False
) -> AsyncIterator[tuple[asyncio.Event, Board, Supervisor, asyncio.Task[None]]]:
    """(set once the first publish is over, states, who runs it, all of it): shell processes and a fragment, ready."""
    shells = [launch(f"shell-{place}", inner_port=port) for place, port in enumerate(ports)]
    pane = launch("pane", "pane", publish_url="http://127.0.0.1:9/manifest.json")
    publish = Step("shell", command or ("true",), {"PATH": os.environ["PATH"]})
    plan = Plan(None, (*shells, pane), (), publish, front="shell-0", front_url="", welcome=())
    board = Board(dict.fromkeys(plan.names(), 0), tmp_path)
    for name in plan.names():
        await board.set(name, State.DOWN if late and name == "pane" else State.READY)
    guard = OrphanGuard()
    console = Console(plan.names(), io.StringIO(), {})
    supervisor = Supervisor(SupervisorContext(tmp_path, tmp_path, guard, console, board, asyncio.Event()))
    first = asyncio.Event()
    task = asyncio.create_task(publish_all(plan, supervisor, first, PATIENCE_S, AGAIN))
    try:
        yield first, board, supervisor, task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        guard.close()


async def test_it_stands_once_every_shell_serves_what_was_published(tmp_path: Path) -> None:
    """One of two shells is not enough."""
    async with Shells().listening() as shells, publishing(tmp_path, shells.ports) as (first, _, _, _):
        shells.status[0] = "200 OK"
        await asyncio.wait_for(shells.often.wait(), PATIENCE_S)
        assert not first.is_set()
        shells.status[1] = "200 OK"
        await asyncio.wait_for(first.wait(), PATIENCE_S)
        assert set(shells.paths) == {CURRENT_PATH}


@pytest.mark.parametrize("why", ["down", "stopping"])
async def test_publishing_does_not_wait_for_a_shell_that_went_down(tmp_path: Path, why: str) -> None:
    """A shell that went down reads the registry when it starts again; Ctrl-C ends the wait."""
    async with Shells().listening() as shells, publishing(tmp_path, shells.ports) as (first, board, supervisor, _):
        shells.status[1] = "200 OK"
        await asyncio.wait_for(shells.often.wait(), PATIENCE_S)
        if why == "down":
            await board.set("shell-0", State.DOWN)
        else:
            supervisor.stopping.set()
        await asyncio.wait_for(first.wait(), PATIENCE_S / 2)


# Each call is a line with its arguments; the third and all later ones succeed.
THIRD_SUCCEEDS = 'echo "$0" >> calls; test $(wc -l < calls) -ge 3'


@pytest.mark.parametrize("late", [False, True])
async def test_fragment_that_is_refused_is_published_again_until_it_is_taken(tmp_path: Path, late: bool) -> None:
    """`up` is ready without it and says so; it is published again until it succeeds, and no more after that. A fragment
    that starts late is published, too.
    """
    calls = tmp_path / "calls"

    def made() -> list[str]:
        return calls.read_text("utf-8").splitlines() if calls.exists() else []

    async with publishing(tmp_path, [0], "sh", "-c", THIRD_SUCCEEDS, late=late) as (first, board, supervisor, task):
        await asyncio.wait_for(first.wait(), PATIENCE_S)
        if late:
            assert made() == []
            await board.set("pane", State.READY)
        await asyncio.wait_for(task, PATIENCE_S)
        assert made() == ["http://127.0.0.1:9/manifest.json"] * 3
        words = supervisor.console._stream.getvalue()  # type: ignore[attr-defined]  # a text in memory
    assert words.count("not every fragment was published (pane)") == 2
