"""A command in another terminal uses the running copy, and otherwise says in one sentence which copies there are."""

import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError

from shell.operations.up.data import locked
from shell.operations.up.running import NotJoined, join, note, running
from tests.support.mullion import ROOT

pytestmark = pytest.mark.quick

HOLD = ["hold", "wallet", "--reason", "why"]


@contextmanager
def up(root: Path, *bases: int, **environ: str) -> Iterator[None]:
    """Fakes running copies on these port bases."""
    with ExitStack() as stack:
        for base in bases:
            stack.enter_context(locked(root / str(base), fresh=False))
            note(root / str(base), environ)
        yield


def test_the_only_copy_that_runs_is_meant(tmp_path: Path) -> None:
    """The copy is found on any port base, with the services that it uses; copies that no longer run do not count."""
    with up(tmp_path, 8000):
        """It ends."""
    with up(tmp_path, 9000, SHELL_DATABASE_URL="postgres://u:secret@db/shell", HOME="/home/olga"):
        assert running(tmp_path) == [9000]
        assert join(HOLD, {}, tmp_path) == {
            "DEBUG": "1",
            "MULLION_DATA": str(tmp_path / "9000"),
            "PUBLIC_URL": "http://localhost:9000",
            "REDIS_URL": "redis://127.0.0.1:9040/0",
            "SHELL_DATABASE_URL": "postgres://u:secret@db/shell",
        }
        assert (tmp_path / "9000" / "services.json").stat().st_mode & 0o077 == 0
    assert running(tmp_path) == []


@pytest.mark.parametrize("named", [["--port-base", "9000"], ["--port-base=9000"]])
def test_of_several_copies_one_is_named(tmp_path: Path, named: list[str]) -> None:
    """The name may stand before or behind the verb; without one the message lists all copies."""
    with up(tmp_path, 8000, 9000):
        for argv in ([*named, *HOLD], [*HOLD, *named]):
            assert join(argv, {}, tmp_path)["MULLION_DATA"] == str(tmp_path / "9000")
        with pytest.raises(NotJoined, match="Several copies run: 8000, 9000"):
            join(HOLD, {"DEBUG": "1"}, tmp_path)


def test_copy_that_does_not_run_can_be_named(tmp_path: Path) -> None:
    """The command uses its database, so a hold counts at its next start; a copy that never ran is reported as such."""
    with up(tmp_path, 9000):
        """It ends."""
    (tmp_path / "9000" / "services.json").write_text(json.dumps({"SHELL_DATABASE_URL": 3, "PATH": "/evil"}))
    there = {
        "DEBUG": "1",
        "MULLION_DATA": str(tmp_path / "9000"),
        "PUBLIC_URL": "http://localhost:9000",
        "REDIS_URL": "redis://127.0.0.1:9040/0",
    }
    assert join([*HOLD, "--port-base", "9000"], {}, tmp_path) == there
    with pytest.raises(NotJoined, match="never ran on port base 9100"):
        join([*HOLD, "--port-base", "9100"], {}, tmp_path)


@pytest.mark.parametrize("name", ["MULLION_DATA", "SHELL_DATABASE_URL", "SHELL_SECRET_KEY"])
def test_shell_that_the_environment_names_is_meant(tmp_path: Path, name: str) -> None:
    """The environment's shell is used even while a copy runs beside it."""
    with up(tmp_path, 9000):
        assert join(HOLD, {name: "x"}, tmp_path) == {}
        assert join([*HOLD, "--port-base", "9000"], {name: "x"}, tmp_path)["DEBUG"] == "1"


def test_without_any_copy_the_sentence_says_what_to_do(tmp_path: Path) -> None:
    """With DEBUG the command runs with the settings' defaults, which are the data of port base 8000."""
    with pytest.raises(NotJoined, match="No Mullion runs here") as refused:
        join(HOLD, {}, tmp_path)
    assert "--port-base" in str(refused.value)
    assert join(HOLD, {"DEBUG": "1"}, tmp_path) == {}
    assert running(tmp_path / "nowhere") == []


def test_help_needs_nothing(tmp_path: Path) -> None:
    """`--help` works without a copy, without DEBUG and without keys."""
    assert join(["--help"], {}, tmp_path) == {"DEBUG": "1"}
    assert join(["hold", "-h"], {"SHELL_SECRET_KEY": "k"}, tmp_path) == {}


def manage(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """Runs `manage.py` with an otherwise empty environment."""
    inherited = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    command = [sys.executable, "manage.py", *arguments]
    return subprocess.run(command, cwd=ROOT, env={**inherited, **environ}, capture_output=True, text=True, timeout=60)


def test_what_is_missing_is_one_sentence_and_no_traceback(tmp_path: Path) -> None:
    """Neither a copy nor DEBUG is there; other commands need DEBUG, too."""
    for arguments, words in ((["fragment", *HOLD], "No Mullion runs here"), (["check"], "SHELL_SECRET_KEY is not set")):
        done = manage(*arguments, MULLION_DATA_ROOT=str(tmp_path))
        assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1), done.stderr
        assert words in done.stderr
    done = manage("fragment", "hold", "--help", MULLION_DATA_ROOT=str(tmp_path))
    assert (done.returncode, done.stderr) == (0, "")
    assert "--port-base" in done.stdout


@pytest.fixture
def plain_http() -> Iterator[int]:
    """The port of a server that answers anything, TLS included, in plain HTTP."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            while True:
                try:
                    line, _ = listening.accept()
                except OSError:
                    return
                with line:
                    line.recv(1000)
                    line.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")

        threading.Thread(target=serve, daemon=True).start()
        yield listening.getsockname()[1]
        listening.shutdown(socket.SHUT_RDWR)


def test_address_that_can_not_be_published_is_refused_in_one_sentence(tmp_path: Path, plain_http: int) -> None:
    """For https:// to a plain port and for a missing scheme it says what to write instead, and the command ends."""
    assert manage("migrate", "--noinput", DEBUG="1", MULLION_DATA=str(tmp_path)).returncode == 0
    address = f"127.0.0.1:{plain_http}/manifest.json"
    done = manage("fragment", "publish", f"https://{address}", address, DEBUG="1", MULLION_DATA=str(tmp_path))
    assert done.returncode == 1, done.stderr
    lines = done.stderr.strip().splitlines()
    tls, scheme = (line for line in lines if line.startswith("refused "))
    verdict = lines[-1]
    assert tls.endswith("where it speaks plain HTTP, write http://")
    assert "write it with its scheme: http://" in scheme
    assert "2 of 2 not published; what was live is still live" in verdict


def test_unusable_database_is_refused_in_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    """The sentence says which address to name instead."""

    def broken(*_: object, **__: object) -> None:
        raise OperationalError("no such table: registry_hold\nLINE 1: …")

    monkeypatch.setattr("shell.registry.holds.hold", broken)
    with pytest.raises(CommandError) as refused:
        call_command("fragment", *HOLD)
    assert str(refused.value).startswith("The shell's database can not be used (no such table: registry_hold). Nothing")
