"""What keeps `up` from starting is told in a sentence, before anything is started."""

import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.free_ports import free_port_base
from tests.support.up_repository import COMMAND, ENVIRON, ROOT, make_repository


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    return make_repository(tmp_path / "repository")


def up(repository: Path, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """One `up` that is expected to end by itself."""
    if "--port-base" not in arguments:
        arguments = (*arguments, "--port-base", str(free_port_base()))
    clean = {
        name: value
        for name, value in os.environ.items()
        if name not in ("REDIS_URL", "DATABASE_URL", "KAFKA_BOOTSTRAP")
    }
    return subprocess.run(
        [*COMMAND, *arguments],
        cwd=repository,
        env={**clean, **ENVIRON, "MULLION_DATA_ROOT": str(repository.parent / "data"), **environ},
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_taken_port_is_one_sentence_with_the_port(repository: Path):
    """Port, process and what to do; and nothing was started."""
    base = free_port_base()
    with socket.socket() as other:
        other.bind(("127.0.0.1", base + 11))
        other.listen()
        refused = up(repository, "--port-base", str(base))
    assert refused.returncode == 1
    assert refused.stdout == ""
    assert refused.stderr.count("\n") == 1
    assert f"Port {base + 11} (for worker) is taken" in refused.stderr
    assert "--port-base" in refused.stderr


def test_port_taken_on_ipv6_only_is_seen(repository: Path):
    """A browser tries ::1 for localhost first, and would meet the stranger there."""
    if not Path("/proc/net/if_inet6").exists():
        pytest.fail("this machine has no IPv6 loopback, which this claim is about: enable it")
    base = free_port_base()
    with socket.socket(socket.AF_INET6) as other:
        other.bind(("::1", base))
        other.listen()
        refused = up(repository, "--port-base", str(base))
    assert f"Port {base} (for front) is taken" in refused.stderr


def test_broken_house_starts_no_half_house(repository: Path):
    """One broken file keeps all from starting; file, field and fault are named."""
    (repository / "back" / "house.toml").write_text('[house]\nname = "back"\nsettings = "back.settings"\n')
    refused = up(repository)
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "back/house.toml: process: a house has at least one [[process]]" in refused.stderr


def test_missing_module_starts_no_half_house(repository: Path):
    """A worker whose module is not there is found before the start."""
    (repository / "back" / "worker.py").unlink()
    refused = up(repository)
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "back/house.toml: process 'worker': run: there is no module 'back.worker'" in refused.stderr


@pytest.mark.parametrize(
    ("variable", "url", "words"),
    [
        ("REDIS_URL", "redis://:hunter2@127.0.0.1:1/0", "REDIS_URL does not answer: 127.0.0.1:1/0"),
        ("REDIS_URL", "hunter2", "REDIS_URL is not an address"),
        ("REDIS_URL", "redis://127.0.0.1:hunter2/0", "REDIS_URL is not an address"),
        ("DATABASE_URL", "postgres://me:hunter2@127.0.0.1:1/money", "DATABASE_URL does not answer: 127.0.0.1:1/money"),
        ("SHELL_DATABASE_URL", "postgres://me:hunter2@127.0.0.1:1/s", "SHELL_DATABASE_URL does not answer"),
        ("DATABASE_URL", "mysql://me:hunter2@127.0.0.1/money", "DATABASE_URL begins with 'mysql://'"),
        ("DATABASE_URL", "sqlite:////no/such/folder/money", "DATABASE_URL does not open: /no/such/folder/money"),
        ("DATABASE_URL", "postgres://me@[hunter2/money", "DATABASE_URL is not an address"),
    ],
)
def test_address_that_does_not_answer_is_one_sentence(repository: Path, variable: str, url: str, words: str):
    """Variable, place and reason are told; a password never is; nothing was started."""
    refused = up(repository, **{variable: url})
    assert (refused.returncode, refused.stdout) == (1, "")
    assert words in refused.stderr
    assert "hunter2" not in refused.stderr
    assert refused.stderr.count("\n") == 1


def test_redis_that_accepts_and_says_nothing_does_not_answer(repository: Path):
    """An open port is not an answer here either."""
    with socket.socket() as mute:
        mute.bind(("127.0.0.1", 0))
        mute.listen()
        refused = up(repository, REDIS_URL=f"redis://127.0.0.1:{mute.getsockname()[1]}/0")
    assert refused.returncode == 1
    assert "REDIS_URL does not answer" in refused.stderr


@pytest.mark.parametrize(
    ("environ", "words"),
    [
        ({}, "--broker kafka needs a Kafka to use, and KAFKA_BOOTSTRAP names none."),
        ({"KAFKA_BOOTSTRAP": "127.0.0.1:1"}, "KAFKA_BOOTSTRAP does not answer: 127.0.0.1:1"),
    ],
)
def test_kafka_that_is_not_there_is_one_sentence(repository: Path, environ: dict[str, str], words: str):
    """Without an address, or with one where nobody answers, nothing is started and the way out is told."""
    refused = up(repository, "--broker", "kafka", **environ)
    assert (refused.returncode, refused.stdout) == (1, "")
    assert words in refused.stderr
    assert "leave --broker out" in refused.stderr
    assert refused.stderr.count("\n") == 1


def test_unknown_name_lists_all(repository: Path):
    """Code 2, and every name there is."""
    refused = up(repository, "--only", "fornt")
    assert refused.returncode == 2
    assert "Did you mean front? Known: back, front, pane, valkey, worker." in refused.stderr


def test_unknown_flag_is_refused(repository: Path):
    """Code 2, and the flag is named."""
    refused = up(repository, "--fersh")
    assert refused.returncode == 2
    assert "unrecognized arguments: --fersh" in refused.stderr


def test_data_folder_that_can_not_be_used_is_told(repository: Path):
    """A file in the folder's place gets a sentence, not a traceback."""
    (repository.parent / "data").write_text("in the way")
    refused = up(repository)
    assert refused.returncode == 1
    assert "data folder" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_manage_without_django_says_how_to_run(tmp_path: Path):
    """A plain Python without the dependencies gets the command that brings them."""
    shutil.copy(ROOT / "manage.py", tmp_path)
    bare = subprocess.run(
        [sys.executable, "-I", "-S", "manage.py", "check"], cwd=tmp_path, capture_output=True, text=True, timeout=30
    )
    assert bare.returncode == 1
    assert bare.stderr.strip().endswith("pip install uv && uv run manage.py up")


def test_up_without_dependencies_says_how_to_run():
    """`up` itself starts on a bare Python, and names what is missing."""
    bare = subprocess.run(
        [sys.executable, "-S", "manage.py", "up"], cwd=ROOT, capture_output=True, text=True, timeout=30
    )
    assert bare.returncode == 1
    assert bare.stderr.startswith("Not installed: msgspec.")
    assert "uv run manage.py up" in bare.stderr
