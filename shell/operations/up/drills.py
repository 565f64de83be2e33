"""The hops of the fault proxy with `--drills`. Pure, like the plan.

Public: `Layout`, `Drills`, `Hop`, `HOST`, `FRONT_OFFSET`, `DRILLS_NAME`.

A hop leads from one process to one address that it calls. Its caller is given the proxy's address in that address's
place; nothing else of it changes. Where an address is also known to others, in a browser or in a published manifest,
the proxy listens on the port that they know and the process behind it moves. To Kafka one hop leads for all callers.
"""

import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from urllib.parse import SplitResult, urlsplit

from shell.operations.up.house import (
    GALLERY_OFFSET,
    PORT_OFFSET_MAX,
    PORTS_MAX,
    VALKEY_NAME,
    VALKEY_OFFSET,
    House,
    Process,
)
from shell.operations.up.kafka_hop import ADVERTISED, KAFKA_HOP, NOT_ADVERTISED, advertised_of, place_of, servers_of

HOST = "127.0.0.1"
FRONT_OFFSET = 0
DRILLS_NAME = "drills"
BROWSER = "browser"
SPEAKS = {"http": "http", "redis": "redis", "valkey": "redis", "postgres": "postgres", "postgresql": "postgres"}
BROKER_URL = "BROKER_URL"
DEFAULT_PORTS = {"http": 80, "redis": 6379, "postgres": 5432}


@dataclass(frozen=True, slots=True)
class Hop:
    """`upstream` is host:port; `speaks` says what travels."""

    name: str
    listen: int
    upstream: str
    speaks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Layout:
    """Which ports drills take: that of the proxy's HTTP API, those that processes move to, one for each call,
    whether or not there will be a hop, and the console's."""

    control: int = 0
    front: str = ""
    moved: Mapping[str, int] = field(default_factory=dict)
    published: Mapping[str, int] = field(default_factory=dict)
    calls: Mapping[tuple[str, str], int] = field(default_factory=dict)
    console: int = 0

    @classmethod
    def of(cls, processes: Sequence[Process], port_base: int) -> "Layout":
        ports = (port_base + offset for offset in _offsets(processes))
        front = next((process.name for process in processes if process.port == FRONT_OFFSET), "")
        published = {each.name: port_base + each.port for each in processes if each.public or (each.publish and front)}
        return cls(
            control=next(ports),
            front=front,
            moved={name: next(ports) for name in published},
            published=published,
            calls={(each.name, call): next(ports) for each in processes for call in each.calls},
            console=next(ports),
        )

    def ports(self) -> dict[str, int]:
        """Purpose to port, for each port that only drills listen on."""
        moved = {f"{name}, behind the fault proxy": port for name, port in self.moved.items()}
        calls = {f"{a} to {b}": port for (a, b), port in self.calls.items()}
        return {DRILLS_NAME: self.control, **moved, **calls, "the outage console": self.console}


def _offsets(processes: Sequence[Process]) -> Iterator[int]:
    """Those above what a process may have; then, from the highest down, those that none of `processes` has."""
    taken = {VALKEY_OFFSET, GALLERY_OFFSET, *(each.port for each in processes), *(each.inner for each in processes)}
    yield from range(PORT_OFFSET_MAX + 1, PORTS_MAX)
    yield from (offset for offset in range(PORT_OFFSET_MAX, 0, -1) if offset not in taken)
    yield from itertools.count(PORTS_MAX)


@dataclass(frozen=True, slots=True)
class Drills:
    """`environ` has the variables with addresses of hops, by process; `absent` the hops that there are not, with the
    reason.
    """

    layout: Layout
    hops: tuple[Hop, ...] = ()
    environ: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    absent: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        houses: Sequence[House],
        processes: Sequence[Process],
        layout: Layout,
        shared: Mapping[str, str],
        given: Mapping[str, str],
    ) -> "Drills":
        """`shared` is what every process is told without drills, `given` what `up` itself was."""
        if not layout.control:
            return cls(layout)
        everybody = {process.name: process for house in houses for process in house.processes}
        kafka, absent, to_kafka = _kafka(processes, shared)
        hops = [*_published_hops(processes, layout), *kafka]
        environ: dict[str, dict[str, str]] = {}
        for process in processes:
            names: dict[str, str] = {}  # two variables with one address are one hop
            own = environ.setdefault(process.name, {})
            for call in process.calls:
                if call == BROKER_URL and servers_of(shared):
                    own |= to_kafka
                    continue
                called = everybody.get(call)
                variable, name = (called.variable, called.name) if called else (call, _short(call))
                address, hop_name = shared.get(variable, ""), f"{process.name}:{name}"
                if address in names:
                    own[variable] = names[address]
                    continue
                if called and called not in processes and variable not in given:
                    absent[hop_name] = f"{call} is not run here"
                    continue
                hop = _hop(hop_name, address, layout.calls[process.name, call], called)
                if isinstance(hop, Hop) and hop.speaks == ("redis",) and _carries_events(process, call, shared):
                    hop = replace(hop, speaks=(*hop.speaks, "events"))
                if isinstance(hop, str):
                    absent[hop_name] = hop
                    continue
                hops.append(hop)
                own[variable] = names[address] = _proxied_url(urlsplit(address), hop.listen)
        return cls(layout, tuple(hops), environ, absent)

    def own_environ(self) -> dict[str, str]:
        """The proxy's own variables."""
        hops = [
            {"name": hop.name, "listen": f"{HOST}:{hop.listen}", "upstream": hop.upstream, "speaks": list(hop.speaks)}
            for hop in self.hops
        ]
        return {"DRILL_HOPS": json.dumps(hops), "DRILL_ABSENT": json.dumps(dict(self.absent))}

    def welcome(self) -> list[tuple[str, str]]:
        """Lines for the block that `up` prints."""
        if not self.layout.control:
            return []
        return [("Drills", f"http://{HOST}:{self.layout.control} · {len(self.hops)} hops · manage.py drill hops")]


def _published_hops(processes: Sequence[Process], layout: Layout) -> Iterator[Hop]:
    for process in processes:
        if process.name in layout.published:
            caller = BROWSER if process.public else layout.front
            upstream = f"{HOST}:{layout.moved[process.name]}"
            yield Hop(f"{caller}:{process.name}", layout.published[process.name], upstream, _http(process))


def _carries_events(process: Process, call: str, shared: Mapping[str, str]) -> bool:
    """Whether the broker's events travel over what `call` leads to. Where no broker has an address of its own they are
    kept in streams of the store."""
    broker = shared.get(BROKER_URL) or shared.get("REDIS_URL")
    return BROKER_URL in process.calls and not servers_of(shared) and broker == shared.get(call)


def _kafka(processes: Sequence[Process], shared: Mapping[str, str]) -> tuple[list[Hop], dict[str, str], dict[str, str]]:
    """The hop to Kafka, or why there is none, and what its callers are told; nothing where no event travels there."""
    servers, given = servers_of(shared), shared.get(ADVERTISED, "")
    if not servers or not any(BROKER_URL in process.calls for process in processes):
        return [], {}, {}
    if not given:
        return [], {KAFKA_HOP: NOT_ADVERTISED}, {}
    listen = advertised_of(given, servers)
    hop = Hop(KAFKA_HOP, listen.port, str(place_of(servers)), ("kafka",))
    return [hop], {}, {BROKER_URL: f"kafka://{listen}"}


def _http(process: Process | None) -> tuple[str, ...]:
    return ("http", "websocket") if process and process.websocket else ("http",)


def _hop(name: str, address: str, listen: int, called: Process | None) -> Hop | str:
    """The hop, or why there is none."""
    if not address:
        return "no address is set for it, and SQLite has no wire" if name.endswith(":database") else "none is set"
    scheme = address.partition("://")[0]
    kind = SPEAKS.get(scheme)
    if scheme in ("sentinel", "sentinels", "cluster", "clusters"):
        return "those who are asked there say where the server is, so callers would go around a hop; name one server"
    try:
        parts = urlsplit(address)
        port = parts.port
    except ValueError:
        return "its address can not be read"
    if parts.scheme == "sqlite":
        return "SQLite has no wire; with PostgreSQL there is one"
    if kind is None:
        return f"what travels over {parts.scheme}:// can not be broken here"
    if not parts.hostname or "host=" in parts.query:
        return "its address names no host and port"
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return Hop(name, listen, f"{host}:{port or DEFAULT_PORTS[kind]}", _http(called) if kind == "http" else (kind,))


def _proxied_url(parts: SplitResult, port: int) -> str:
    user, at, _ = parts.netloc.rpartition("@")
    return parts._replace(netloc=f"{user}{at}{HOST}:{port}").geturl()


def _short(variable: str) -> str:
    """What a hop to the address in `variable` is called: valkey, database, broker."""
    return VALKEY_NAME if variable == "REDIS_URL" else variable.removesuffix("_URL").rpartition("_")[2].lower()
