"""`small` as plain processes on this machine: two of everything, each with the environment that its manifest gives it.

Public: `Small`.

In place of the cluster it has, for each Service, a port that leads to the ready processes; it restarts processes that
died; and it brings what an installation needs from outside: PostgreSQL, Valkey, the providers (sandboxes), secrets.
Only these sandboxes run with DEBUG. Without `KAFKA_BOOTSTRAP` events go over Valkey Streams.
"""

import asyncio
import os
import re
import secrets
import signal
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self

from bff.contracts.player_context import new_key_pair
from tests.support import plain_http, preloaded
from tests.support.free_ports import free_port
from tests.support.postgres_server import PostgresServer
from tests.support.preloaded import PreloadedProcess
from tests.support.small.manifests import PORT, Deployment, config, deployments
from tests.support.small.service import HOST, Replica, Service, ready
from tests.support.valkey_server import ValkeyServer

ROOT = Path(__file__).parents[3]
STANDS_S_MAX = 150
RESTART_S = 1.0
SANDBOXES = {
    "tables": "bff.sandbox.tables.asgi",
    "promotions": "bff.sandbox.promotions.asgi",
    "payments": "bff.sandbox.payments.asgi",
    "games": "bff.sandbox.games.asgi",
}
PASSED_ON = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "VIRTUAL_ENV")


class Process:
    """One replica: how it is started, and its process."""

    def __init__(self, name: str, command: tuple[str, ...], env: dict[str, str], replica: Replica, log: Path) -> None:
        self.name, self.command, self.env, self.replica, self.log = name, command, env, replica, log
        self.running: PreloadedProcess | None = None
        self.starts = 0

    def start(self) -> None:
        assert self.command[:2] == ("python", "-m"), self.command
        with self.log.open("ab") as log:
            out = log.fileno()
            self.running = preloaded.start(*self.command[2:], env=self.env, stdout=out, stderr=out)
        self.starts += 1

    def end(self, number: int = signal.SIGKILL) -> None:
        if self.running is not None:
            self.running.send_signal(number)


class Small:
    """`with Small(postgres) as small: small.url`: the ingress; `small.host` is the name that browsers type.

    Requests come as from the proxy that ends TLS, with `Host`, `X-Forwarded-Proto` and `X-Forwarded-For`
    (`small.headers`).
    """

    def __init__(self, postgres: PostgresServer, origin: str = "") -> None:
        """`origin` is the address that browsers use, if not the manifests' `PUBLIC_URL`."""
        self._postgres = postgres
        self.origin = origin or config()["PUBLIC_URL"]
        self._folder = tempfile.TemporaryDirectory(prefix="small-", ignore_cleanup_errors=True)
        self.data = Path(self._folder.name)
        self.valkey = ValkeyServer()
        self.deployments = {each.name: each for each in deployments()}
        self._service_ports = {name: free_port() for name, each in self.deployments.items() if each.has_service}
        self._sandbox_ports = {name: free_port() for name in SANDBOXES}
        self.url = f"http://{HOST}:{self._service_ports['shell']}"
        self.host = self.origin.removeprefix("https://")
        self.headers = {"Host": self.host, "X-Forwarded-Proto": "https", "X-Forwarded-For": "203.0.113.7"}
        self._secrets = self._make_secrets()
        self.processes: dict[str, Process] = {}
        self.services: dict[str, Service] = {}
        self._sandboxes: list[PreloadedProcess] = []
        self._stack = ExitStack()
        self._over = threading.Event()

    # --- what the files leave to whoever installs it

    def _make_secrets(self) -> dict[str, str]:
        private, public = new_key_pair()
        names = ("SHELL_SECRET_KEY", "COMMANDS_SECRET_KEY", "PAYMENTS_WEBHOOK_SECRET", "GAMES_WALLET_SECRET")
        return {
            **{name: secrets.token_urlsafe(48) for name in names},
            "PLAYER_CONTEXT_PRIVATE_KEY": private,
            "PLAYER_CONTEXT_PUBLIC_KEY": public,
        }

    def _installed(self) -> dict[str, str]:
        """The ConfigMap with addresses of this machine; a Service's address leads to its port here."""
        sandbox = {name: f"{HOST}:{port}" for name, port in self._sandbox_ports.items()}
        ours = {
            "PUBLIC_URL": self.origin,
            "BFF_PUBLIC_URL": self.origin,
            "PROXY_HOPS": HOST,
            "FRAGMENT_NETWORKS": f"{HOST}/32",
            "REDIS_URL": self.valkey.url,
            "PAYMENTS_URL": f"http://{sandbox['payments']}",
            "GAMES_PROVIDER": "sandbox-tables",
            "BETS_PROVIDER_URL": f"http://{sandbox['tables']}",
            "TABLES_PROVIDER_URL": f"ws://{sandbox['tables']}/ws",
            "PROMOTIONS_PROVIDER_URL": f"http://{sandbox['promotions']}/v1/offers",
            "GAMES_CSV_URL": f"http://{sandbox['games']}/oakmill/export.csv",
        }
        if kafka := os.environ.get("KAFKA_BOOTSTRAP"):
            ours["KAFKA_BOOTSTRAP"] = kafka
        return {name: self._here(value) for name, value in {**config(), **ours}.items()}

    def _here(self, value: str) -> str:
        def local(found: re.Match[str]) -> str:
            return f"//{HOST}:{self._service_ports[found[1]]}" if found[1] in self._service_ports else found[0]

        return re.sub(rf"//([a-z-]+):{PORT}\b", local, value)

    def environment(self, deployment: Deployment, data: Path) -> dict[str, str]:
        """The environment of its manifest, and nothing of this test run; ports and folders are of this machine."""
        sources = {"configMapKeyRef": self._installed(), "secretKeyRef": self._secrets}
        env = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
        for name, value in deployment.env.items():
            env[name] = value if isinstance(value, str) else sources[value[0]][value[2]]
        env["HOST"] = HOST
        if "MULLION_DATA" in env:
            env["MULLION_DATA"] = str(data)
        if "KAFKA_BOOTSTRAP" in env and "KAFKA_BOOTSTRAP" not in os.environ:
            del env["KAFKA_BOOTSTRAP"]
            env["BROKER_URL"] = self.valkey.url
        return env

    # --- starting and stopping

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            stack.push(lambda *_: self._folder.cleanup())
            stack.enter_context(self.valkey)
            stack.callback(self._end_all)
            databases = {"SHELL_DATABASE_URL": "small_shell", "DATABASE_URL": "small_engine"}
            self._secrets |= {name: self._postgres.url(database) for name, database in databases.items()}
            self._prepare()
            self._start_processes()
            self._cluster = threading.Thread(target=lambda: asyncio.run(self._run_cluster()), daemon=True)
            self._cluster.start()
            self.wait(lambda: all(each.replica.is_ready for each in self.processes.values()), STANDS_S_MAX)
            self._publish()
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def _end_all(self) -> None:
        self._over.set()
        if hasattr(self, "_cluster"):
            self._cluster.join(10)
        for each in [*(process.running for process in self.processes.values()), *self._sandboxes]:
            if each is not None:
                each.kill()
                each.wait(10)

    def manage(self, process: str, *arguments: str, **more: str) -> str:
        """`manage.py …` with the environment of `process`; returns its output."""
        env = self.environment(self.deployments[process], self.data) | {"MULLION_DATA": str(self.data), **more}
        command = [sys.executable, "manage.py", *arguments]
        done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=120)
        if done.returncode:
            raise AssertionError(f"{arguments} failed: {done.stdout}{done.stderr}")
        return done.stdout

    def _prepare(self) -> None:
        """The job before an upgrade; and the demo players, which only a local run has."""
        engine = ("--settings", "bff.commands.settings")
        self.manage("shell", "migrate", "--noinput")
        self.manage("bff-commands", "migrate", "--noinput", *engine)
        self.manage("shell", "seed_players", DEBUG="1")
        self.manage("bff-commands", "seed_demo", *engine, DEBUG="1")

    def _publish(self) -> None:
        manifests = [f"{origin}/manifest.json" for origin in self._installed()["FRAGMENT_ORIGINS"].split(",")]
        self.manage("shell", "fragment", "publish", "--trust", "first-party", *manifests)

    def _start_processes(self) -> None:
        engine = f"http://{HOST}:{self._service_ports['bff-commands']}"
        for name, port in self._sandbox_ports.items():
            env = {key: os.environ[key] for key in PASSED_ON if key in os.environ} | {
                "DEBUG": "1", "HOST": HOST, "PORT": str(port), "MULLION_DATA": str(self.data),
                "BFF_COMMANDS_URL": engine, "SANDBOX_CASINO_ID": config()["TABLES_CASINO_ID"],
                **{key: self._secrets[key] for key in ("PAYMENTS_WEBHOOK_SECRET", "GAMES_WALLET_SECRET")},
            }  # fmt: skip
            with (self.data / f"sandbox-{name}.log").open("ab") as log:
                out = log.fileno()
                words = ("bff.resilience.serving", f"{SANDBOXES[name]}:application")
                self._sandboxes.append(preloaded.start(*words, env=env, stdout=out, stderr=out))
        for deployment in self.deployments.values():
            replicas = [self._process(deployment, number) for number in range(1, deployment.replicas + 1)]
            if deployment.has_service:
                port = self._service_ports[deployment.name]
                behind = [each.replica for each in replicas]
                self.services[deployment.name] = Service(port, behind, replay=deployment.name == "shell")

    def _process(self, deployment: Deployment, number: int) -> Process:
        name = f"{deployment.name}#{number}"
        data = self.data / name
        data.mkdir()
        env = self.environment(deployment, data)
        ports = {"http": free_port(), "inner": free_port()}
        env["PORT"] = str(ports["http"])
        if "INNER_PORT" in env:
            env["INNER_PORT"] = str(ports["inner"])
        path, port = deployment.ready
        replica = Replica(ports["http"], ports[port], path, deployment.ready_failures)
        process = self.processes[name] = Process(name, deployment.command, env, replica, self.data / f"{name}.log")
        process.start()
        return process

    # --- in place of the cluster

    async def _run_cluster(self) -> None:
        for service in self.services.values():
            await service.start()
        loops = [self._care(process) for process in self.processes.values()]
        tasks = [asyncio.ensure_future(each) for each in loops]
        while not self._over.is_set():
            await asyncio.sleep(0.1)
            for task in tasks:
                if task.done():
                    task.result()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.gather(*(service.aclose() for service in self.services.values()))

    async def _care(self, process: Process) -> None:
        """Probes the process as often as its manifest says, at first more often, and restarts it when it has died."""
        every_s = self.deployments[process.name.partition("#")[0]].ready_every_s
        replica = process.replica
        while True:
            ended = await asyncio.to_thread(process.running.poll) if process.running else None
            if ended is not None:
                replica.failures = replica.failures_max
                await asyncio.sleep(RESTART_S)
                await asyncio.to_thread(process.start)
            replica.failures = 0 if await ready(replica) else replica.failures + 1
            await asyncio.sleep(every_s if replica.is_ready else min(every_s, 0.5))

    # --- looking and breaking

    def get(self, path: str) -> tuple[int, str]:
        """(status, body) for a visitor behind the ingress."""
        with plain_http.Client(base_url=self.url, timeout=30, headers=self.headers) as client:
            answer = client.get(path)
            return answer.status_code, answer.text

    def service_port(self, name: str) -> int:
        return self._service_ports[name]

    @property
    def payments_url(self) -> str:
        """The address of the payments provider."""
        return self._installed()["PAYMENTS_URL"]

    @property
    def database_url(self) -> str:
        """The address of the engine's ledger."""
        return self._secrets["DATABASE_URL"]

    def kill(self, name: str, number: int = signal.SIGKILL) -> None:
        """End the process with this signal, and wait until its successor is ready."""
        process = self.processes[name]
        starts = process.starts
        process.end(number)
        self.wait(lambda: process.starts > starts and process.replica.is_ready, STANDS_S_MAX)

    def log(self, name: str) -> str:
        return (self.data / f"{name}.log").read_text("utf-8", "replace")[-3000:]

    def wait(self, holds: Any, within_s: float = 60) -> None:
        deadline = time.monotonic() + within_s
        while not holds():
            if time.monotonic() > deadline:
                late = [name for name, each in self.processes.items() if not each.replica.is_ready]
                logs = "\n".join(f"--- {name}\n{self.log(name)}" for name in late[:3])
                raise AssertionError(f"not within {within_s:g} s; not ready: {late}\n{logs}")
            time.sleep(0.05)
