"""A process's log, and a worker's life cycle, in processes of their own and in this one."""

import asyncio
import json
import logging
import os
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog

from bff.resilience import log, worker

pytestmark = pytest.mark.quick

ROOT = Path(__file__).parents[3]


@pytest.fixture
def logging_restored() -> Iterator[None]:
    """Restores the test's own logging afterwards."""
    root = logging.getLogger()
    handlers, level, configured = root.handlers[:], root.level, structlog.get_config()
    yield
    root.handlers[:], root.level = handlers, level
    structlog.configure(**configured)


@pytest.mark.parametrize("level", [logging.INFO, logging.DEBUG])
def test_what_is_for_who_looks_closely_is_written_where_somebody_does(
    logging_restored: None, capsys: pytest.CaptureFixture[str], level: int
) -> None:
    log.configure(level=level)
    log.get("closely").debug("seen", slot="wallet")
    assert ("slot" in capsys.readouterr().err) is (level == logging.DEBUG)


def test_a_process_that_logs_imports_no_way_of_logging_that_it_does_not_use() -> None:
    """Each start is shorter by as long as that took; whoever wants those libraries still gets them."""
    say = "import sys; import bff.resilience.log; print(sorted({'rich', 'twisted'} & set(sys.modules))); import twisted"
    done = subprocess.run([sys.executable, "-c", say], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "[]"


def say_things() -> None:
    log.get("shop").info("breaker_moved", upstream="wallet")
    logging.getLogger("django").warning("odd %s", "thing", extra={"page": "lobby"})
    secret = "s3cret"  # a local that no traceback may show
    try:
        raise ValueError("broken" + secret[:0])
    except ValueError:
        log.get("shop").exception("it_broke")


@pytest.mark.usefixtures("logging_restored")
def test_one_json_object_a_line_in_production(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Our lines and the standard library's alike, with time, level, logger and process."""
    monkeypatch.delenv("DEBUG", raising=False)
    monkeypatch.setenv("PROCESS_NAME", "relay")
    log.configure()
    log.configure()
    say_things()
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [line["event"] for line in lines] == ["breaker_moved", "odd thing", "it_broke"]
    assert all(line["process"] == "relay" and line["timestamp"].endswith("Z") for line in lines)
    assert (lines[0]["upstream"], lines[0]["logger"], lines[0]["level"]) == ("wallet", "shop", "info")
    assert (lines[1]["page"], lines[1]["level"]) == ("lobby", "warning")
    assert "ValueError: broken" in lines[2]["exception"]
    monkeypatch.delenv("PROCESS_NAME")
    log.configure(level=logging.WARNING)
    log.get("quiet").info("unheard")
    log.get("quiet").warning("heard")
    (line,) = capsys.readouterr().err.splitlines()
    assert "process" not in json.loads(line)


@pytest.mark.usefixtures("logging_restored")
def test_short_lines_for_people_under_debug(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """No colour, no time, no columns, and no local variables in a traceback."""
    monkeypatch.setenv("DEBUG", "1")
    log.configure()
    say_things()
    lines = capsys.readouterr().err.splitlines()
    assert lines[:2] == ["[info] breaker_moved [shop] upstream=wallet", "[warning] odd thing [django] page=lobby"]
    assert "ValueError: broken" in lines
    assert "s3cret" not in "\n".join(lines)


def test_what_is_only_rehearsed_is_not_logged(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], logging_restored: None
) -> None:
    """It happened to nobody; what comes after it did."""
    monkeypatch.delenv("DEBUG", raising=False)
    log.configure()
    with log.silenced():
        log.get("test.rehearsal").error("never_happened")
    log.get("test.rehearsal").error("happened")
    err = capsys.readouterr().err
    assert [json.loads(line)["event"] for line in err.splitlines()] == ["happened"]


@pytest.mark.usefixtures("logging_restored")
@pytest.mark.parametrize(("status", "traceback"), [(400, False), (499, False), (500, True)])
def test_a_callers_mistake_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], status: int, traceback: bool
) -> None:
    """As Django logs what it refuses; what the house did wrong keeps its traceback."""
    monkeypatch.setenv("DEBUG", "1")
    log.configure()
    try:
        raise ValueError("too many fields")
    except ValueError:
        logging.getLogger("django.security").error("refused", exc_info=True, extra={"status_code": status})
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == f"[error] refused [django.security] status_code={status}"
    assert ("Traceback (most recent call last):" in lines) == traceback
    assert traceback or len(lines) == 1


WORK = """
import asyncio, sys
from bff.resilience import worker
async def main(stop):
    {body}
worker.run(main, healthy=lambda: {{"ready": {ready}, "lag": 3}})
"""


class Running:
    """A worker in a process of its own."""

    def __init__(self, body: str, port: int, ready: bool = True) -> None:
        environment = {**os.environ, "PORT": str(port), "DEBUG": "1", "PYTHONPATH": str(ROOT)}
        code = WORK.format(body=body, ready=ready)
        self.process = subprocess.Popen(
            [sys.executable, "-c", code], env=environment, stderr=subprocess.PIPE, text=True
        )
        self.port = port

    async def get(self, path: str) -> tuple[int, str, str]:
        """(status, content type, body), as soon as it answers."""
        for _ in range(500):
            try:
                return await asyncio.to_thread(self._get, path)
            except (ConnectionError, urllib.error.URLError) as error:
                if isinstance(error, urllib.error.HTTPError):
                    return error.code, error.headers["content-type"], error.read().decode()
                await asyncio.sleep(0.02)
        raise AssertionError("the worker never answered")

    def _get(self, path: str) -> tuple[int, str, str]:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}") as answer:
            return answer.status, answer.headers["content-type"], answer.read().decode()

    def ended(self) -> tuple[int, str]:
        """(exit code, log)."""
        _, output = self.process.communicate(timeout=20)
        return self.process.returncode, output


async def test_worker_that_waits_for_a_store_lives_and_is_not_ready() -> None:
    """Nobody starts it again for what it goes on from by itself."""
    answered: list[dict[str, Any]] = []

    async def send(message: dict[str, Any]) -> None:
        answered.append(message)

    application = worker._application(lambda: {"ready": False})
    for path in ("/livez", "/healthz"):
        await application({"path": path}, None, send)
    assert [message["status"] for message in answered if "status" in message] == [200, 503]


async def test_a_worker_answers_for_its_health_and_drains_on_sigterm(unused_tcp_port: int) -> None:
    """Life, health and metrics while it works; SIGTERM lets it finish what it is at, and it ends cleanly."""
    running = Running("await stop.wait(); await asyncio.sleep(0.3); print('drained', file=sys.stderr)", unused_tcp_port)
    assert await running.get("/healthz") == (200, "application/json", '{"ready":true,"lag":3}')
    assert await running.get("/livez") == (200, "text/plain; charset=utf-8", "alive\n")
    status, kind, body = await running.get("/metrics")
    assert (status, kind.partition(";")[0]) == (200, "text/plain")
    assert "process_cpu_seconds_total" in body
    assert (await running.get("/else"))[0] == 404
    running.process.send_signal(signal.SIGTERM)
    code, output = await asyncio.to_thread(running.ended)
    assert code == 0
    assert "drained" in output


async def test_a_worker_whose_port_is_taken_says_so_and_ends(unused_tcp_port: int) -> None:
    """One line that names the address, exit code 1, and the work never starts."""
    server = await asyncio.start_server(lambda _reader, _writer: None, "127.0.0.1", unused_tcp_port)
    running = Running("print('working', file=sys.stderr)", unused_tcp_port)
    code, output = await asyncio.to_thread(running.ended)
    server.close()
    assert code == 1
    (line,) = output.splitlines()
    assert line.startswith(f"[error] worker_can_not_listen [worker] address=127.0.0.1:{unused_tcp_port}")


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch, unused_tcp_port: int, logging_restored: None) -> int:
    monkeypatch.setenv("HOST", "127.0.0.1")
    monkeypatch.setenv("PORT", str(unused_tcp_port))
    return unused_tcp_port


def supervise(main: worker.Main, healthy: worker.Healthy = dict) -> int:
    """Runs a worker in this process; returns its exit code."""
    with pytest.raises(SystemExit) as ended:
        worker.run(main, healthy=healthy)
    assert isinstance(ended.value.code, int)
    return ended.value.code


async def ask(port: int, path: str) -> tuple[int, bytes]:
    """(status, body) of a GET, as soon as the port is open."""
    for _ in range(500):
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            break
        except ConnectionError:
            await asyncio.sleep(0.01)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
    head, _, body = (await reader.read()).partition(b"\r\n\r\n")
    writer.close()
    return int(head.split()[1]), body


def test_what_is_not_ready_says_so(environment: int) -> None:
    """`ready` False is 503, anything else 200; metrics and the unknown have their answers."""
    state: dict[str, Any] = {"ready": False}
    seen: list[tuple[int, bytes]] = []

    async def main(stop: asyncio.Event) -> None:
        seen.append(await ask(environment, "/healthz"))
        state["ready"] = True
        seen.append(await ask(environment, "/healthz"))
        seen.append(await ask(environment, "/metrics"))
        seen.append(await ask(environment, "/else"))
        os.kill(os.getpid(), signal.SIGTERM)
        await stop.wait()

    assert supervise(main, lambda: state) == 0
    assert [status for status, _ in seen] == [503, 200, 200, 404]
    assert seen[1][1] == b'{"ready":true}'
    assert b"process_max_fds" in seen[2][1]


def test_a_port_that_is_taken_ends_it_before_it_began(environment: int) -> None:
    """Exit code 1, and no work."""
    with socket.create_server(("127.0.0.1", environment)):
        assert supervise(lambda stop: pytest.fail("it worked")) == 1


@pytest.mark.usefixtures("environment")
def test_work_that_fails_or_ends_by_itself_is_to_be_started_again() -> None:
    """Exit code 1 tells the supervisor."""

    async def fails(stop: asyncio.Event) -> None:
        raise RuntimeError("odd")

    async def ends(stop: asyncio.Event) -> None:
        return

    assert supervise(fails) == 1
    assert supervise(ends) == 1


@pytest.mark.usefixtures("environment")
def test_work_that_does_not_drain_is_cancelled(monkeypatch: pytest.MonkeyPatch) -> None:
    """After the limit, or at a second signal."""
    monkeypatch.setenv("HOUSE_POLICIES", '{"worker": {"drain_s_max": 0.1}}')
    cancelled: list[str] = []

    def stubborn(name: str, signals: int) -> worker.Main:
        async def main(stop: asyncio.Event) -> None:
            try:
                for _ in range(signals):
                    os.kill(os.getpid(), signal.SIGINT)
                    await asyncio.sleep(0.02)
                await asyncio.sleep(3600)
            except asyncio.CancelledError:
                cancelled.append(name)
                raise

        return main

    assert supervise(stubborn("limit", 1)) == 0
    monkeypatch.setenv("HOUSE_POLICIES", '{"worker": {"drain_s_max": 60}}')
    assert supervise(stubborn("second signal", 2)) == 0
    assert cancelled == ["limit", "second signal"]
