"""Checks before anything is started; each failure is one sentence.

Public: `PreflightFailed`, `ports_free`, `port_taken`, `services_answer`, `kafka_answers`, `kafka_hop_stands`,
`programs_present`.
"""

import errno
import importlib.util
import socket
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from urllib.parse import SplitResult, unquote, urlsplit

from shell.operations.up.kafka_hop import ADVERTISED, AdvertisedBroken, Place, advertised_of
from shell.operations.up.kafka_places import KafkaRefused, advertised_places

ANSWER_S = 2.0
POSTGRES = {"postgres", "postgresql"}


class PreflightFailed(Exception):
    """`up` does not start; the message says what happened and what to do."""


def ports_free(ports: Mapping[str, int], port_base: int) -> None:
    """Every port can be bound on loopback; else `PreflightFailed` names port and process."""
    for name, port in sorted(ports.items(), key=lambda item: item[1]):
        if port_taken(port):
            raise PreflightFailed(
                f"Port {port} (for {name}) is taken by another program. Nothing was started. "
                f"Stop that program, or move all of Mullion: --port-base {_other_base(port_base)}"
            )


def port_taken(port: int) -> bool:
    """Whether somebody listens on it; raises `PreflightFailed` where this user may not."""
    for family, host in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
        with closing(socket.socket(family, socket.SOCK_STREAM)) as caller:
            # macOS lets one bind beside a wildcard listener, and a browser tries ::1 for localhost: so ask both ways.
            caller.settimeout(0.5)
            try:
                answered = caller.connect_ex((host, port)) == 0
            except OSError:
                answered = False
        if answered:
            return True
    with closing(socket.socket(socket.AF_INET, socket.SOCK_STREAM)) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", port))
        except PermissionError as error:
            raise PreflightFailed(f"Port {port} needs rights that this user lacks. Choose one above 1024.") from error
        except OSError as error:
            return error.errno == errno.EADDRINUSE
    return False


def _other_base(port_base: int) -> int:
    return port_base + 1000 if port_base + 1000 < 65_000 else 8000


def services_answer(environ: Mapping[str, str]) -> None:
    """Every address of the environment answers now; else `PreflightFailed`. Passwords never reach the message."""
    if environ.get("REDIS_URL"):
        _redis_answers(environ["REDIS_URL"])
    for variable in ("DATABASE_URL", "SHELL_DATABASE_URL"):
        if environ.get(variable):
            _database_answers(variable, environ[variable])


def kafka_answers(environ: Mapping[str, str]) -> None:
    """The Kafka at `KAFKA_BOOTSTRAP` answers now whoever signs in as the houses will; else `PreflightFailed`."""
    servers = environ.get("KAFKA_BOOTSTRAP", "")
    if not servers:
        raise PreflightFailed(
            "--broker kafka needs a Kafka to use, and KAFKA_BOOTSTRAP names none. Nothing was started. "
            "Set KAFKA_BOOTSTRAP=host:port, or leave --broker out."
        )
    _kafka_places(servers, environ)


def kafka_hop_stands(given: str, servers: str, ports: Mapping[str, int], environ: Mapping[str, str]) -> None:
    """The proxy of the hop to Kafka can listen where the Kafka at `servers` says that it is, which is `given`; else
    `PreflightFailed`. `ports` are those that other processes will listen on, and `environ` says how Kafka is signed in
    to."""
    try:
        wanted = advertised_of(given, servers)
    except AdvertisedBroken as broken:
        raise PreflightFailed(str(broken)) from broken
    own = next((name for name, port in ports.items() if port == wanted.port), "")
    if own or port_taken(wanted.port):
        raise PreflightFailed(
            f"Port {wanted.port} of {ADVERTISED} is {f'that of {own}' if own else 'taken by another program'}. Nothing "
            "was started. Start Kafka with another advertised address, and name that."
        )
    places = _kafka_places(servers, environ)
    if places != {wanted}:
        raise PreflightFailed(
            f"The Kafka at {servers} advertises {', '.join(sorted(map(str, places)))} and not {given}, as {ADVERTISED} "
            "says, so that callers would go around the fault proxy. Nothing was started. "
            f"Start it with that advertised address, or unset {ADVERTISED}."
        )


def _kafka_places(servers: str, environ: Mapping[str, str]) -> set[Place | None]:
    """What its servers advertise."""
    try:
        return advertised_places(servers, environ)
    except KafkaRefused as refused:
        raise PreflightFailed(str(refused)) from refused


def _redis_answers(url: str) -> None:
    # 0.3 s, and only a run with REDIS_URL needs it
    import redis

    from bff.resilience.redis_clients import blocking_client

    try:
        with closing(blocking_client(url, connect_s=ANSWER_S, answer_s=ANSWER_S)) as client:
            client.ping()
    except ValueError as error:
        # redis-py's own words may hold the password; those about Sentinel and clusters do not.
        ours = f" ({error})" if url.startswith(("sentinel", "cluster")) else ""
        wanted = "an address such as redis://host:6379/0"
        raise PreflightFailed(
            f"REDIS_URL is not {wanted}{ours}. Correct it, or unset it to use the embedded Valkey."
        ) from error
    except (redis.RedisError, OSError) as error:
        raise PreflightFailed(
            f"REDIS_URL does not answer: {_place(urlsplit(url))} ({_error_text(error, urlsplit(url))}). "
            "Nothing was started. Start that server, correct REDIS_URL, or unset it to use the embedded Valkey."
        ) from error


def _database_answers(variable: str, url: str) -> None:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError as error:
        raise PreflightFailed(f"{variable} is not an address such as postgres://user@host:5432/name.") from error
    if parts.scheme == "sqlite":
        _sqlite_opens(variable, parts)
    elif parts.scheme in POSTGRES:
        _postgres_answers(variable, url, parts)
    else:
        raise PreflightFailed(
            f"{variable} begins with '{parts.scheme}://'; Mullion knows postgres:// and sqlite:///file."
        )


def _sqlite_opens(variable: str, parts: SplitResult) -> None:
    file = Path(unquote(parts.path).removeprefix("/") or ":memory:")
    try:
        with closing(sqlite3.connect(file, timeout=ANSWER_S)) as connection:
            connection.execute("PRAGMA schema_version")
    except sqlite3.Error as error:
        raise PreflightFailed(
            f"{variable} does not open: {file} ({error}). Nothing was started. Correct or unset it."
        ) from error


def _postgres_answers(variable: str, url: str, parts: SplitResult) -> None:
    if importlib.util.find_spec("psycopg") is None:
        raise PreflightFailed(f"{variable} names PostgreSQL, and its driver is missing: uv sync --extra postgres")
    import psycopg

    try:
        with closing(psycopg.connect(url, connect_timeout=int(ANSWER_S))) as connection:
            connection.execute("SELECT 1")
    except psycopg.Error as error:
        raise PreflightFailed(
            f"{variable} does not answer: {_place(parts)} ({_error_text(error, parts)}). Nothing was started. "
            f"Start that server, correct {variable}, or unset it to use SQLite in the data folder."
        ) from error


def _place(parts: SplitResult) -> str:
    """Where the address points, without user and password."""
    hosts = parts.netloc.rpartition("@")[2] or "localhost"  # several, where Sentinels or nodes of a cluster are named
    return f"{hosts}{parts.path}"


def _error_text(error: Exception, parts: SplitResult) -> str:
    words = next(iter(str(error).strip().splitlines()), type(error).__name__)
    for secret in {parts.password, unquote(parts.password or "")} - {None, ""}:
        words = words.replace(str(secret), "***")
    return words[:200]


def programs_present(modules: Mapping[str, str]) -> None:
    """Every module that will be run is installed; else `PreflightFailed`. `modules` maps a module to what needs it."""
    missing = [f"{module} ({reason})" for module, reason in modules.items() if importlib.util.find_spec(module) is None]
    if missing:
        raise PreflightFailed(
            f"Not installed: {', '.join(missing)}. Run it by uv, which installs all: uv run manage.py up"
        )
