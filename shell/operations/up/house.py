"""Parses a `house.toml` and checks it field by field.

Public: `House`, `Process`, `Secrets`, `HouseBroken`, `parse`, `embedded_valkey`.
"""

import difflib
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

NAME = re.compile(r"[a-z][a-z0-9-]{0,62}")
DOTTED = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*")
ASGI = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*")
VARIABLE = re.compile(r"[A-Z][A-Z0-9_]*")
CALL = re.compile(rf"{NAME.pattern}|{VARIABLE.pattern}")
TRUST = re.compile(r"first-party|sandboxed")
PATH = re.compile(r"/\S*")
PORT_OFFSET_MAX = 60
# The ports that one copy may use, drills included: copies are a hundred ports apart.
PORTS_MAX = 100
VALKEY_OFFSET = 40
GALLERY_OFFSET = 60
ADMIN_OFFSET = 9
_RESERVED = {
    VALKEY_OFFSET: "the embedded Valkey's",
    GALLERY_OFFSET: "the gallery's",
    ADMIN_OFFSET: "the operators' admin's",
}
VALKEY_NAME = "valkey"


def embedded_valkey(port_base: int) -> str:
    """Where the Valkey is that `up` brings along for the copy of `port_base`."""
    return f"redis://127.0.0.1:{port_base + VALKEY_OFFSET}/0"


class HouseBroken(Exception):
    """One `house.toml` can not be used: `file` says which, `where` the field, `problem` what is wrong with it."""

    def __init__(self, file: str, where: str, problem: str) -> None:
        super().__init__(f"{file}: {where}: {problem}" if where else f"{file}: {problem}")
        self.file, self.where, self.problem = file, where, problem


@dataclass(frozen=True, slots=True)
class Process:
    """One operating-system process. `port` is an offset from the port base.

    `asgi` is an app for the chosen server, `run` a worker. With both, `run` serves the app where uvicorn would. With
    `socket_activation` it is given its listening socket as `LISTEN_FD`, so that nobody is refused while it is replaced.
    `inner` is the offset of a second port, for those inside the network only: `INNER_PORT`. `calls` names the processes
    that it calls, and variables whose address it calls; `websocket` says that it takes WebSockets too. What is
    published is trusted as `trust` says.
    """

    name: str
    port: int
    ready: str
    asgi: str = ""
    run: str = ""
    public: str = ""
    publish: str = ""
    trust: str = ""
    socket_activation: bool = False
    inner: int | None = None
    calls: tuple[str, ...] = ()
    websocket: bool = False

    @property
    def variable(self) -> str:
        """The name under which every process learns this one's address."""
        return self.name.upper().replace("-", "_") + "_URL"


@dataclass(frozen=True, slots=True)
class Secrets:
    """Names of environment variables whose values are made once and kept."""

    own: tuple[str, ...] = ()
    shared: tuple[str, ...] = ()
    key_pair: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class House:
    """`file` is the path of its `house.toml` relative to the repository, for messages."""

    name: str
    settings: str
    file: str
    processes: tuple[Process, ...]
    prepare: tuple[tuple[str, ...], ...] = ()
    secrets: Secrets = field(default_factory=Secrets)
    welcome: Mapping[str, str] = field(default_factory=dict)


def parse(text: str, file: str) -> House:
    """The house that `text` describes, or `HouseBroken`."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise HouseBroken(file, "", f"this is not TOML: {error}") from error
    top = _Table(file, "", document)
    top.allow("house", "prepare", "process", "secrets", "welcome")
    house = top.table("house", required=True)
    house.allow("name", "settings")
    secrets = top.table("secrets")
    secrets.allow("own", "shared", "key_pair")
    steps = top.tables("prepare")
    for step in steps:
        step.allow("manage")
    processes = tuple(_process(table) for table in top.tables("process"))
    if not processes:
        raise HouseBroken(file, "process", "a house has at least one [[process]]")
    return House(
        name=house.text("name", NAME, "lower-case letters, digits and dashes, such as 'bff-queries'"),
        settings=house.text("settings", DOTTED, "a module, such as 'bff.queries.settings'"),
        file=file,
        processes=processes,
        prepare=tuple(step.texts("manage", required=True) for step in steps),
        secrets=Secrets(*(secrets.texts(kind, VARIABLE) for kind in ("own", "shared", "key_pair"))),
        welcome=top.welcome(),
    )


def _process(table: "_Table") -> Process:
    table.allow(
        *("name", "asgi", "run", "port", "ready", "public", "publish", "trust"),
        *("socket_activation", "inner", "calls", "websocket"),
    )
    process = Process(
        name=table.text("name", NAME, "lower-case letters, digits and dashes, such as 'bff-queries'"),
        asgi=table.text("asgi", ASGI, "'module:application'", default=""),
        run=table.text("run", DOTTED, "a module, such as 'bff.feeds.ingest'", default=""),
        port=table.offset("port"),
        ready=table.text("ready", PATH, "a path, such as '/healthz'"),
        public=table.text("public", VARIABLE, "the name of an environment variable", default=""),
        publish=table.text("publish", PATH, "a path, such as '/manifest.json'", default=""),
        trust=table.text("trust", TRUST, "first-party or sandboxed", default=""),
        socket_activation=table.flag("socket_activation"),
        inner=table.offset("inner") if "inner" in table.values else None,
        calls=table.texts("calls", CALL, wanted="the name of a process or of a variable with an address"),
        websocket=table.flag("websocket"),
    )
    if not (process.asgi or process.run):
        raise table.broken("", "needs 'asgi' (an app, served by uvicorn or daphne) or 'run' (a worker)")
    if process.name == VALKEY_NAME:
        raise table.broken("name", f"'{VALKEY_NAME}' is the embedded Valkey's name")
    return process


class _Table:
    """One table of the file, read field by field; every refusal names the file and the field."""

    def __init__(self, file: str, where: str, values: dict[str, Any]) -> None:
        self.file, self.where, self.values = file, where, values

    def broken(self, key: str, problem: str) -> HouseBroken:
        return HouseBroken(self.file, f"{self.where}.{key}".strip("."), problem)

    def allow(self, *keys: str) -> None:
        for key in self.values:
            if key not in keys:
                near = difflib.get_close_matches(key, keys, n=1)
                hint = f"did you mean '{near[0]}'?" if near else f"known here: {', '.join(keys)}"
                raise self.broken(key, f"unknown field; {hint}")

    def table(self, key: str, *, required: bool = False) -> "_Table":
        if required and key not in self.values:
            raise self.broken(key, f"the table [{key}] is missing")
        value = self.values.get(key, {})
        if not isinstance(value, dict):
            raise self.broken(key, f"must be a table, written [{key}]")
        return _Table(self.file, f"{self.where}.{key}".strip("."), value)

    def tables(self, key: str) -> list["_Table"]:
        values = self.values.get(key, [])
        if not isinstance(values, list) or not all(isinstance(value, dict) for value in values):
            raise self.broken(key, f"must be a list of tables, each written [[{key}]]")
        return [_Table(self.file, f"{key}[{place}]", value) for place, value in enumerate(values)]

    def text(self, key: str, pattern: re.Pattern[str], wanted: str, *, default: str | None = None) -> str:
        if key not in self.values:
            if default is not None:
                return default
            raise self.broken(key, f"is missing; wanted: {wanted}")
        value = self.values[key]
        if not isinstance(value, str) or not pattern.fullmatch(value):
            raise self.broken(key, f"{value!r} is not {wanted}")
        return value

    def texts(
        self,
        key: str,
        pattern: re.Pattern[str] | None = None,
        *,
        required: bool = False,
        wanted: str = "the name of an environment variable",
    ) -> tuple[str, ...]:
        values = self.values.get(key, [])
        if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
            raise self.broken(key, "must be a list of strings")
        if required and not values:
            raise self.broken(key, 'must be a list of at least one string, such as ["migrate", "--noinput"]')
        for value in values:
            if pattern and not pattern.fullmatch(value):
                raise self.broken(key, f"{value!r} is not {wanted}")
        return tuple(values)

    def flag(self, key: str) -> bool:
        value = self.values.get(key, False)
        if not isinstance(value, bool):
            raise self.broken(key, f"must be true or false, not {value!r}")
        return value

    def offset(self, key: str) -> int:
        value = self.values.get(key)
        # bool is an int in Python, and `port = true` is a slip, not port 1.
        if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= PORT_OFFSET_MAX:
            raise self.broken(key, f"must be an offset from the port base, 0 to {PORT_OFFSET_MAX}, not {value!r}")
        if value in _RESERVED:
            raise self.broken(key, f"offset {value} is {_RESERVED[value]}")
        return value

    def welcome(self) -> dict[str, str]:
        """`[welcome]`: label = text, shown by `up` once all is ready; `{url}` is the house's first public address,
        `{inner}` that of its first inner port."""
        values = self.table("welcome").values
        for label, text in values.items():
            if not isinstance(text, str):
                raise self.broken(f"welcome.{label}", "must be a string")
        return dict(values)
