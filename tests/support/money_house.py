"""The money side of the house as real processes, for tests: engine, relay, offers intake, projector, a Valkey.

Use: `with MoneyHouse() as house: house.deposit("pl_amber", 1000)`. Every process can be killed and started again.
"""

import asyncio
import base64
import contextlib
import itertools
import json
import os
import secrets
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import psycopg
from redis import Redis

from bff.contracts.player_context import PlayerContext, mint, new_key_pair
from bff.store import Store, StorePolicy, StoreUnavailable
from tests.support import preloaded
from tests.support.free_ports import free_port
from tests.support.ledgers import ledger_file, manage
from tests.support.preloaded import PreloadedProcess
from tests.support.valkey_server import ValkeyServer

ROOT = Path(__file__).parents[2]
APPLICATIONS = {"bff-commands": "bff.commands.asgi:application", "bff-queries": "bff.queries.asgi:application"}
MODULES = {
    "relay": "bff.commands.relay",
    "offers-intake": "bff.commands.bonuses.offers_intake",
    "projector": "bff.queries.projector",
}
POLL_S, POLL_S_MAX = 0.02, 0.2
CURRENCIES = {"pl_amber": "EUR", "pl_birch": "GBP", "pl_cedar": "JPY"}


def eventually(condition, within_s=30.0, what="it did not come about in time"):
    """The result of `condition` as soon as it is truthy; connection errors count as not yet.

    It is called ever more rarely: polling takes processor time from the houses that a test waits for.
    """
    end = time.monotonic() + within_s
    last, pause_s = None, POLL_S
    while time.monotonic() < end:
        try:
            if value := condition():
                return value
        except (OSError, StoreUnavailable) as error:
            last = error
        time.sleep(pause_s)
        pause_s = min(pause_s * 1.2, POLL_S_MAX)
    raise AssertionError(f"{what} ({last})")


@dataclass
class FakePayments:
    """A payment provider that behaves as `mode` says: approve, decline, process, refuse, error, hang, hang_after.

    `process` never decides; `hang_after` charges and never answers, which is the time-out that costs money; `error` and
    `hang` charge nothing.
    """

    mode: str = "approve"
    charges: dict[str, dict[str, Any]] = field(default_factory=dict)
    posts: list[str] = field(default_factory=list)
    sockets: list[socket.socket] = field(default_factory=list)

    def __post_init__(self):
        fake = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self):
                super().setup()
                fake.sockets.append(self.connection)

            def log_message(self, *_):
                pass

            def do_GET(self):
                if self.path == "/healthz":
                    return self.reply(200, {"status": "ok"})
                reference = self.path.partition("reference=")[2]
                found = fake.charges.get(reference)
                return self.reply(200, {"charges": [found] if found else []})

            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                status, answer = fake.charge(body)
                if status:
                    self.reply(status, answer)
                else:
                    self.close_connection = True

            def reply(self, status, answer):
                raw = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(raw)))
                self.end_headers()
                self.wfile.write(raw)

        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._handler = Handler
        self.start()

    def start(self):
        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), self._handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def stop(self):
        self._server.shutdown()
        self._server.server_close()
        # An old keep-alive connection would still be answered.
        for connection in self.sockets:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        self.sockets.clear()

    def charge(self, body):
        reference = body["reference"]
        self.posts.append(reference)
        if self.mode == "error":
            return 500, {"error": "broken"}
        if self.mode == "refuse":
            return 422, {"error": "no"}
        if self.mode == "hang":
            time.sleep(4)
            return 0, None
        status = {"decline": "declined", "process": "processing"}.get(self.mode, "approved")
        made = {**body, "charge_id": f"ch_{secrets.token_hex(4)}", "status": status}
        if status == "declined":
            made["decline_reason"] = "insufficient_funds"
        made = self.charges.setdefault(reference, made)
        if self.mode == "hang_after":
            time.sleep(4)
            return 0, None
        return 201, made


class MoneyHouse:
    """Real processes around one command database. Files are under `folder`; `database_url` may come from
    `tests.support.ledgers.ledger_on`.

    With several engines (`bff-commands`, `bff-commands#2`) posts go to them in turn.
    """

    def __init__(
        self,
        *,
        database_url: str | None = None,
        broker_url: str | None = None,
        wanted=("bff-commands", "relay", "projector"),
        extra: dict[str, str] | None = None,
        folder: str | None = None,
    ):
        self._folder = tempfile.TemporaryDirectory(prefix="money-", dir=folder)
        self.valkey = ValkeyServer()
        self.payments = FakePayments()
        self.private_key, public_key = new_key_pair()
        self.wanted = wanted
        ports = {name: free_port() for name in (*MODULES, *APPLICATIONS)}
        self.url = f"http://127.0.0.1:{ports['bff-commands']}"
        self.ports = ports
        engines = [name for name in wanted if name.partition("#")[0] == "bff-commands"] or ["bff-commands"]
        ports.update({name: free_port() for name in engines if name not in ports})
        self._engines = itertools.cycle(f"http://127.0.0.1:{ports[name]}" for name in engines)
        self.webhook_secret = "whsec-for-tests"
        self.environment = {
            **os.environ,
            "DEBUG": "1",
            "REDIS_URL": self.valkey.url,
            "MULLION_DATA": self._folder.name,
            "PAYMENTS_URL": self.payments.url,
            "PAYMENTS_WEBHOOK_SECRET": self.webhook_secret,
            "PLAYER_CONTEXT_PUBLIC_KEY": public_key,
            "HOST": "127.0.0.1",
        }
        self.environment.pop("DJANGO_SETTINGS_MODULE", None)
        # An existing cluster keeps its topics, but a house has to begin with empty ones.
        self.environment.pop("KAFKA_BOOTSTRAP", None)
        self.environment.update(extra or {})
        if database_url:
            self.environment["DATABASE_URL"] = database_url
        if broker_url:
            self.environment["BROKER_URL"] = broker_url
        self.data = Path(self._folder.name)
        self.processes: dict[str, subprocess.Popen[bytes] | PreloadedProcess] = {}
        self._bearers: dict[str, str] = {}

    def __enter__(self):
        try:
            self.valkey.start()
            if "DATABASE_URL" not in self.environment:
                shutil.copytree(ledger_file(), self.data, dirs_exist_ok=True)
            for name in self.wanted:
                self.start(name)
            for name in self.wanted:
                self.wait_ready(name)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for name in list(self.processes):
            self.kill(name)
        self.payments.stop()
        self.valkey.stop()
        self._folder.cleanup()

    def manage(self, *arguments, check=True):
        done = manage(self.environment, *arguments)
        if check and done.returncode:
            raise AssertionError(f"{arguments} failed: {done.stdout}{done.stderr}")
        return done

    def start(self, name, before=None):
        """Start the process `name`; `before` is code to run first in it. `relay#2` is a second relay."""
        kind = name.partition("#")[0]
        self.ports.setdefault(name, free_port())
        environment = {**self.environment, "PORT": str(self.ports[name]), "PROCESS_NAME": name}
        words = [MODULES[kind]] if kind in MODULES else ["bff.resilience.serving", APPLICATIONS[kind]]
        with (self.data / f"{name}.log").open("ab") as log:
            if before is None:
                out = log.fileno()
                self.processes[name] = preloaded.start(*words, env=environment, stdout=out, stderr=out)
                return
            command = [sys.executable, "-m", *words]
            self.processes[name] = subprocess.Popen(
                command, cwd=ROOT, env=environment, stdout=log, stderr=log, preexec_fn=before
            )

    def wait_ready(self, name):
        url = f"http://127.0.0.1:{self.ports[name]}/healthz"
        eventually(lambda: urllib.request.urlopen(url, timeout=2).status == 200, 60, f"{name} is not ready")

    def kill(self, name, number=signal.SIGKILL):
        process = self.processes.pop(name, None)
        if process is not None:
            process.send_signal(number)
            process.wait()

    def restart(self, name):
        self.kill(name)
        self.start(name)
        self.wait_ready(name)

    def lock_database(self, path):
        """Hold the write lock of a SQLite database; returns a function that releases it."""
        holder = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        holder.execute("BEGIN IMMEDIATE")

        def let_go():
            holder.execute("ROLLBACK")
            holder.close()

        return let_go

    def log(self, name):
        path = self.data / f"{name}.log"
        return path.read_text()[-4000:] if path.exists() else ""

    def books(self, sql):
        """Rows of the command database, whichever it is."""
        if url := self.environment.get("DATABASE_URL"):
            with psycopg.connect(url) as connection:
                return connection.execute(sql).fetchall()
        with contextlib.closing(sqlite3.connect(self.data / "commands.sqlite3")) as connection:
            return connection.execute(sql).fetchall()

    def health(self, name):
        return json.load(urllib.request.urlopen(f"http://127.0.0.1:{self.ports[name]}/healthz", timeout=30))

    def bearer(
        self,
        player,
        scopes=("wallet.deposit", "promotions.claim", "wallet.withdraw", "wallet.limits"),
        currency=None,
        audience="wallet",
    ):
        key = (player, scopes, currency, audience)
        if key not in self._bearers:
            context = PlayerContext(
                player=player,
                audience=audience,
                currency=currency or CURRENCIES.get(player, "EUR"),
                locale="en",
                scopes=frozenset(scopes),
                expires_at=int(time.time()) + 3600,
            )
            self._bearers[key] = "Bearer " + mint(context, self.private_key, now=int(time.time()))
        return self._bearers[key]

    def post(self, path, body, *, headers=None, timeout=10):
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        request = urllib.request.Request(next(self._engines) + path, raw, headers or {}, method="POST")
        try:
            with urllib.request.urlopen(request, timeout=timeout) as response:
                return response.status, json.loads(response.read() or b"null")
        except urllib.error.HTTPError as error:
            raw = error.read()
            if raw and "json" not in error.headers.get("Content-Type", ""):
                raise AssertionError(f"{path} was not answered in words of ours: {error.code} {raw[:2000]!r}") from None
            return error.code, json.loads(raw) if raw else None

    def command(self, name, player, body, *, key=None, **more):
        headers = {"Authorization": self.bearer(player, **more), "Idempotency-Key": key or secrets.token_hex(8)}
        return self.post(f"/commands/{name}", body, headers=headers)

    def deposit(self, player, amount_minor, *, key=None, currency=None):
        body = {"amount_minor": amount_minor, "currency": currency or CURRENCIES.get(player, "EUR")}
        return self.command("deposit", player, body, key=key)

    def read(self, *topics, feeds=()):
        """Records and feeds in the query store, at this moment."""

        async def look():
            store = Store.connect(self.valkey.url, StorePolicy(connect_ms=1000, op_ms=2000))
            try:
                return await store.read(topics, feeds)
            finally:
                await store.aclose()

        return asyncio.run(look())

    def forget(self, *topics):
        """Delete records from the query store, so that a test may write what the store would refuse to overwrite."""
        store = Redis.from_url(self.valkey.url)
        store.delete(*(f"view:{topic}" for topic in topics))
        store.close()

    def wallet(self, player):
        record = self.read(f"wallet.{player}").records[f"wallet.{player}"]
        return record.data if record else None

    def real(self, player):
        found = self.wallet(player)
        return found["balances"]["real_minor"] if found else None


def unsigned_claims(bearer: str) -> dict[str, Any]:
    """The claims of a bearer, for tests that tamper with them."""
    payload = bearer.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
