"""Decides what to start and with which environment. Pure: no I/O.

Public: `Choice`, `Plan`, `NameUnknown`, `PARTITION_KEY`, `choose`, `plan`.
"""

import difflib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from bff.contracts.paths import HEALTH_PATH
from shell.operations.up import gallery, operators_admin, outage_console
from shell.operations.up.drills import DRILLS_NAME, FRONT_OFFSET, HOST, Drills, Layout
from shell.operations.up.functions import ENVIRONMENTS_PATH, as_function, check_functions
from shell.operations.up.house import VALKEY_NAME, VALKEY_OFFSET, House, Process, embedded_valkey
from shell.operations.up.launch import Launch, Step
from shell.operations.up.options import Options
from shell.operations.up.serve import serve

PARTITION_KEY = "PARTITION_KEY"
PROXY_MODULE = "tests.drills.proxy"
PREPARE = str(Path(__file__).with_name("prepare.py"))
# Advice for a server of its own, on every start, that takes root to follow.
VALKEY_ADVICE = ("WARNING Memory overcommit", "WARNING Your kernel has a bug")


class NameUnknown(Exception):
    """An option names or needs something that is not here; the message says what is."""


@dataclass(frozen=True, slots=True)
class Choice:
    """The houses with only those processes that shall run; `valkey` says whether the embedded one is started."""

    houses: tuple[House, ...]
    processes: tuple[Process, ...]
    valkey: bool

    def ports(self, port_base: int) -> dict[str, int]:
        """Purpose to port, for each port that will be listened on."""
        ports = {process.name: port_base + process.port for process in self.processes}
        inner = {f"{each.name}, inside": port_base + each.inner for each in self.processes if each.inner is not None}
        return ports | inner | ({VALKEY_NAME: port_base + VALKEY_OFFSET} if self.valkey else {})


@dataclass(frozen=True, slots=True)
class Plan:
    """All that `run` needs. `publish` is completed by manifest URLs; None when the front process is left out."""

    valkey: Launch | None
    launches: tuple[Launch, ...]
    prepares: tuple[Step, ...]
    publish: Step | None
    front: str
    front_url: str
    welcome: tuple[tuple[str, str], ...]
    drills: Launch | None = None

    def first(self) -> list[Launch]:
        """The launches that every house needs first."""
        return [launch for launch in (self.valkey, self.drills) if launch]

    def names(self) -> list[str]:
        return [launch.name for launch in (*self.first(), *self.launches)]


def choose(houses: Sequence[House], options: Options, environ: Mapping[str, str]) -> Choice:
    """What `--only` and `--without` leave. A house's name stands for all its processes.

    Raises `NameUnknown`, `FunctionUnknown`.
    """
    members = {process.name: {process.name} for house in houses for process in house.processes}
    for house in houses:
        members.setdefault(house.name, set()).update(process.name for process in house.processes)
    members[VALKEY_NAME] = {VALKEY_NAME}
    for name in (*options.only, *options.without):
        if name not in members:
            near = difflib.get_close_matches(name, members, n=1)
            hint = f" Did you mean {near[0]}?" if near else ""
            raise NameUnknown(
                f"There is no process or house named '{name}'.{hint} Known: {', '.join(sorted(members))}."
            )
    everything = {process.name for house in houses for process in house.processes}
    wanted = set().union(*(members[name] for name in options.only)) if options.only else everything
    # Every house needs its store, so --only never has to name it.
    wanted |= {VALKEY_NAME}
    wanted -= set().union(*(members[name] for name in options.without))
    chosen = tuple(process for house in houses for process in house.processes if process.name in wanted)
    running = tuple(house for house in houses if any(process in chosen for process in house.processes))
    check_functions(options.functions, chosen)
    if options.admin and not any(process.port == FRONT_OFFSET for process in chosen):
        raise NameUnknown(
            "--admin works on the database of the shell, which is left out here. Start the shell, too, or run "
            "manage.py admin beside a copy that has one."
        )
    return Choice(running, chosen, VALKEY_NAME in wanted and not environ.get("REDIS_URL"))


def plan(
    houses: Sequence[House],
    choice: Choice,
    options: Options,
    *,
    environ: Mapping[str, str],
    data: Path,
    secrets: "SecretValues",
    python: str,
    valkey_server: str,
    console_token: str = "",
) -> Plan:
    """The whole start, from values alone. `houses` are all of them: addresses of those left out are exported too."""
    layout = Layout.of(choice.processes, options.port_base) if options.drills else Layout()
    shared = _shared_environ(houses, choice, options, environ, data, layout) | dict(secrets.for_all)
    drills = Drills.of(houses, choice.processes, layout, shared, environ)
    launches, prepares = [], []
    publish: Step | None = None
    welcome: list[tuple[str, str]] = []
    for house in choice.houses:
        own = shared | {"DJANGO_SETTINGS_MODULE": house.settings} | dict(secrets.of_house.get(house.name, {}))
        if house.prepare:
            prepares.append(_step(house, own, python, PREPARE, json.dumps(house.prepare)))
        processes = [process for process in house.processes if process in choice.processes]
        launches += [
            _launch(house, process, options, own | dict(drills.environ.get(process.name, {})), python, layout)
            for process in processes
        ]
        welcome += _welcome(house, processes, options.port_base)
        if any(process.port == FRONT_OFFSET for process in processes):
            publish = _step(house, own, python, "manage.py", "fragment", "publish")
            if options.admin:
                launches.append(operators_admin.launch(house.name, options.port_base, own, python))
                welcome.append(operators_admin.welcome(options.port_base, own, data))
    if layout.console:
        launches.append(
            outage_console.launch(
                choice.houses,
                choice.processes,
                layout,
                options.port_base,
                dict(environ) | _partition_key(secrets),
                console_token,
                python,
            )
        )
    if options.gallery:
        launches.append(gallery.launch(options.port_base, environ, python))
        welcome.append(gallery.welcome(options.port_base))
    front = [process.name for process in choice.processes if process.port == FRONT_OFFSET]
    return Plan(
        valkey=_valkey(options, data, environ, valkey_server) if choice.valkey else None,
        launches=tuple(launches),
        prepares=tuple(prepares),
        publish=publish,
        front=front[0] if front else "",
        front_url=f"http://localhost:{options.port_base}" if front else "",
        welcome=(*welcome, *_functions(choice, options), *drills.welcome(), *_console_welcome(layout, console_token)),
        drills=_drills(drills, dict(environ) | _partition_key(secrets), python) if options.drills else None,
    )


@dataclass(frozen=True, slots=True)
class SecretValues:
    """Environment variables with secrets: those that every house may see, and those of one house only."""

    for_all: Mapping[str, str]
    of_house: Mapping[str, Mapping[str, str]]


def _shared_environ(
    houses: Sequence[House],
    choice: Choice,
    options: Options,
    environ: Mapping[str, str],
    data: Path,
    layout: Layout,
) -> dict[str, str]:
    shared = dict(environ)
    shared |= {
        "REDIS_URL": environ.get("REDIS_URL") or embedded_valkey(options.port_base),
        "HOST": HOST,
        "DEBUG": "1",
        "MULLION_DATA": str(data),
        "PYTHONUNBUFFERED": "1",
    }
    if options.broker:
        kafka = f"kafka://{environ.get('KAFKA_BOOTSTRAP', '')}"
        shared["BROKER_URL"] = kafka if options.broker == "kafka" else shared["REDIS_URL"]
    if options.gallery:
        shared |= gallery.shared_environ(options.port_base)
    for house in houses:
        for process in house.processes:
            port = options.port_base + process.port
            # A process that runs elsewhere keeps the address that the environment gives for it.
            if process in choice.processes or process.variable not in environ:
                shared[process.variable] = f"http://{HOST}:{layout.moved.get(process.name, port)}"
            if process.public and (process in choice.processes or process.public not in environ):
                shared[process.public] = f"http://localhost:{port}"
    return shared


def _console_welcome(layout: Layout, token: str) -> list[tuple[str, str]]:
    return [outage_console.welcome(layout, token)] if layout.console else []


def _welcome(house: House, processes: Sequence[Process], port_base: int) -> list[tuple[str, str]]:
    inner = [process.inner for process in processes if process.inner is not None]
    places = {"{url}": processes[0].port, "{inner}": inner[0] if inner else processes[0].port}
    lines = []
    for label, text in house.welcome.items():
        for place, offset in places.items():
            text = text.replace(place, f"http://localhost:{port_base + offset}")
        lines.append((label, text))
    return lines


def _functions(choice: Choice, options: Options) -> list[tuple[str, str]]:
    return [
        (f"{each.name}, as a function", f"http://{HOST}:{options.port_base + each.port}{ENVIRONMENTS_PATH}")
        for each in choice.processes
        if each.name in options.functions
    ]


def _launch(
    house: House, process: Process, options: Options, own: Mapping[str, str], python: str, layout: Layout
) -> Launch:
    of_platform: Mapping[str, str] = {}
    if process.name in options.functions:
        process, of_platform = as_function(process)
    public_port = options.port_base + process.port
    port = layout.moved.get(process.name, public_port)
    inner = None if process.inner is None else options.port_base + process.inner
    arguments = _arguments(process, options.server, port, inner)
    return Launch(
        name=process.name,
        house=house.name,
        command=(python, *arguments),
        environ={**own, **of_platform, "PROCESS_NAME": process.name, "PORT": str(port), "INNER_PORT": str(inner or "")},
        port=port,
        ready_path=process.ready,
        publish_url=f"http://{HOST}:{public_port}{process.publish}" if process.publish else "",
        trust=process.trust,
        socket_activation=process.socket_activation and options.server == "uvicorn",
        nice=process.nice,
        inner_port=inner or 0,
    )


def _partition_key(secrets: SecretValues) -> dict[str, str]:
    # Who breaks something for one session alone mints that session's mark.
    key = secrets.for_all.get(PARTITION_KEY)
    return {PARTITION_KEY: key} if key else {}


def _drills(drills: Drills, environ: Mapping[str, str], python: str) -> Launch:
    port = drills.layout.control
    return Launch(
        name=DRILLS_NAME,
        house=DRILLS_NAME,
        command=(python, "-m", PROXY_MODULE),
        environ={**environ, "PYTHONUNBUFFERED": "1", "PORT": str(port), **drills.own_environ()},
        port=port,
        ready_path=HEALTH_PATH,
    )


def _step(house: House, own: Mapping[str, str], *command: str) -> Step:
    return Step(house.name, command, {**own, "PROCESS_NAME": house.name})


def _valkey(options: Options, data: Path, environ: Mapping[str, str], valkey_server: str) -> Launch:
    port = options.port_base + VALKEY_OFFSET
    # An append-only file flushed once a second: a kill loses at most that second, and the next run finds the rest.
    place = ("--port", str(port), "--bind", HOST, "--dir", str(data / VALKEY_NAME), "--loglevel", "warning")
    keep = ("--appendonly", "yes", "--appendfsync", "everysec", "--save", "", "--maxmemory-policy", "noeviction")
    return Launch(
        VALKEY_NAME, VALKEY_NAME, (valkey_server, *place, *keep), dict(environ), port, "", muted=VALKEY_ADVICE
    )


def _arguments(process: Process, server: Literal["uvicorn", "daphne"], port: int, inner: int | None) -> tuple[str, ...]:
    if process.run and (server == "uvicorn" or not process.asgi):
        return ("-m", process.run)
    return serve(server, process.asgi, HOST, port, inner)
