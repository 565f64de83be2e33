"""Decodes a `house.toml`; each refusal names the file, the field and what is wanted there.

Public: `House`, `Process`, `Secrets`, `HouseBroken`, `TABLES`, `parse`, `decode`, `embedded_valkey`; the types of
fields, for whoever decodes other fields of it: `Name`, `Application`, `Call`, `Path`, `Trust`.
"""

import difflib
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import Meta

from bff.contracts.paths import HEALTH_PATH

_NAME = r"[a-z][a-z0-9-]{0,62}"
VARIABLE = re.compile(r"[A-Z][A-Z0-9_]*")
_DOTTED = r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*"
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

# \Z, as $ lets a line end through.
Name = Annotated[str, Meta(pattern=rf"^{_NAME}\Z")]
Variable = Annotated[str, Meta(pattern=rf"^{VARIABLE.pattern}\Z")]
Module = Annotated[str, Meta(pattern=rf"^{_DOTTED}\Z")]
Application = Annotated[str, Meta(pattern=rf"^{_DOTTED}:[A-Za-z_]\w*\Z")]
Call = Annotated[str, Meta(pattern=rf"^({_NAME}|{VARIABLE.pattern})\Z")]
Path = Annotated[str, Meta(pattern=r"^/\S*\Z")]
Trust = Annotated[str, Meta(pattern=r"^(first-party|sandboxed)\Z")]
Offset = Annotated[int, Meta(ge=0, le=PORT_OFFSET_MAX)]
Nice = Annotated[int, Meta(ge=-20, le=19)]
Words = Annotated[tuple[str, ...], Meta(min_length=1)]

Document = TypeVar("Document", bound=msgspec.Struct)

_AN_OFFSET = f"an offset from the port base, 0 to {PORT_OFFSET_MAX}"
_A_VARIABLE = "the name of an environment variable"
_WANTED = {
    "name": "lower-case letters, digits and dashes, such as 'bff-queries'",
    "settings": "a module, such as 'bff.queries.settings'",
    "asgi": "'module:application'",
    "run": "a module, such as 'bff.feeds.ingest'",
    "port": _AN_OFFSET,
    "inner": _AN_OFFSET,
    "ready": f"a path, such as '{HEALTH_PATH}'",
    "public": _A_VARIABLE,
    "publish": "a path, such as '/manifest.json'",
    "trust": "first-party or sandboxed",
    "socket_activation": "true or false",
    "nice": "a niceness, -20 (goes first) to 19",
    "websocket": "true or false",
}
_WANTED_IN_LISTS = {
    "calls": "the name of a process or of a variable with an address",
    **dict.fromkeys(("own", "shared", "key_pair"), _A_VARIABLE),
}
_WANTED_SHAPES = {
    "manage": 'a list of strings, at least one, such as ["migrate", "--noinput"]',
    "command": 'a list of strings, such as ["node", "server.mjs"]',
    **{table: f"a table, written [{table}]" for table in ("house", "secrets", "welcome")},
    **{table: f"a list of tables, each written [[{table}]]" for table in ("prepare", "process")},
}


def embedded_valkey(port_base: int) -> str:
    """Where the Valkey is that `up` brings along for the copy of `port_base`."""
    return f"redis://127.0.0.1:{port_base + VALKEY_OFFSET}/0"


class HouseBroken(Exception):
    """One `house.toml` can not be used: `file` says which, `where` the field, `problem` what is wrong with it."""

    def __init__(self, file: str, where: str, problem: str) -> None:
        super().__init__(f"{file}: {where}: {problem}" if where else f"{file}: {problem}")
        self.file, self.where, self.problem = file, where, problem


class Process(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One operating-system process. `port` is an offset from the port base.

    `asgi` is an app for the chosen server, `run` a worker. With both, `run` serves the app where uvicorn would. With
    `socket_activation` it is given its listening socket as `LISTEN_FD`, so that nobody is refused while it is replaced.
    `inner` is the offset of a second port, for those inside the network only: `INNER_PORT`. `calls` names the processes
    that it calls, and variables whose address it calls; `websocket` says that it takes WebSockets too. What is
    published is trusted as `trust` says. `nice` is its niceness on the processor.
    """

    name: Name
    port: Offset
    ready: Path
    asgi: Application = ""
    run: Module = ""
    public: Variable = ""
    publish: Path = ""
    trust: Trust = ""
    socket_activation: bool = False
    nice: Nice = 0
    inner: Offset | None = None
    calls: tuple[Call, ...] = ()
    websocket: bool = False

    @property
    def variable(self) -> str:
        """The name under which every process learns this one's address."""
        return self.name.upper().replace("-", "_") + "_URL"


class Secrets(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Names of environment variables whose values are made once and kept."""

    own: tuple[Variable, ...] = ()
    shared: tuple[Variable, ...] = ()
    key_pair: tuple[Variable, ...] = ()


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


class _Step(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    manage: Words


class _Head(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: Name
    settings: Module


class _Document(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`welcome` is label = text, shown by `up` once all is ready; `{url}` is its first public address, `{inner}`
    that of its first inner port.
    """

    house: _Head
    process: tuple[Process, ...] = ()
    prepare: tuple[_Step, ...] = ()
    secrets: Secrets = Secrets()
    welcome: dict[str, Any] = {}


# By the table's name, empty for the file itself: what may stand in it.
TABLES: Mapping[str, type[msgspec.Struct]] = {
    "": _Document,
    "house": _Head,
    "process": Process,
    "prepare": _Step,
    "secrets": Secrets,
}


def decode(text: str, file: str, document: type[Document]) -> Document:
    """`text` as a `document`, whose fields are named as here; or `HouseBroken`."""
    try:
        written = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise HouseBroken(file, "", f"this is not TOML: {error}") from error
    try:
        return msgspec.convert(written, document)
    except msgspec.ValidationError as error:
        raise HouseBroken(file, *_explained(str(error), written)) from error


def parse(text: str, file: str) -> House:
    """The house that `text` describes, or `HouseBroken`."""
    document = decode(text, file, _Document)
    for where, problem in _problems(document):
        raise HouseBroken(file, where, problem)
    return House(
        name=document.house.name,
        settings=document.house.settings,
        file=file,
        processes=document.process,
        prepare=tuple(step.manage for step in document.prepare),
        secrets=document.secrets,
        welcome=document.welcome,
    )


def _problems(document: _Document) -> list[tuple[str, str]]:
    """(the field, what is wrong there) for what no type says."""
    slips = []
    if not document.process:
        slips.append(("process", "a house has at least one [[process]]"))
    for place, process in enumerate(document.process):
        where = f"process[{place}]"
        for key, offset in (("port", process.port), ("inner", process.inner)):
            if offset in _RESERVED:
                slips.append((f"{where}.{key}", f"offset {offset} is {_RESERVED[offset]}"))
        if not (process.asgi or process.run):
            slips.append((where, "needs 'asgi' (an app, served by uvicorn or daphne) or 'run' (a worker)"))
        if process.name == VALKEY_NAME:
            slips.append((f"{where}.name", f"'{VALKEY_NAME}' is the embedded Valkey's name"))
    for label, words in document.welcome.items():
        if not isinstance(words, str):
            slips.append((f"welcome.{label}", "must be a string"))
    return slips


def _explained(message: str, written: dict[str, Any]) -> tuple[str, str]:
    """(the field, what is wrong there and what is wanted), from msgspec's message and what was written."""
    reason, path = re.fullmatch(r"(.*?)(?: - at `\$\.?([^`]*)`)?", message, re.DOTALL).groups("")  # type: ignore[union-attr]
    if "unknown field" in reason or "missing required field" in reason:
        key = reason.split("`")[1]
        where = f"{path}.{key}".strip(".")
        if "missing" in reason:
            return where, f"is missing; wanted: {_WANTED_SHAPES.get(key) or _WANTED[key]}"
        keys = TABLES[path.partition("[")[0]].__struct_fields__
        near = difflib.get_close_matches(key, keys, n=1)
        hint = f"did you mean '{near[0]}'?" if near else f"known here: {', '.join(keys)}"
        return where, f"unknown field; {hint}"
    value: Any = written
    for name, place in re.findall(r"(\w+)|\[(\d+)\]", path):
        value = value[name or int(place)]
    where = re.sub(r"\[\d+\]$", "", path)
    key = where.rpartition(".")[2]
    if key in _WANTED_SHAPES:
        return where, f"must be {_WANTED_SHAPES[key]}"
    if key in _WANTED_IN_LISTS and where == path:
        return where, f"must be a list of strings, each {_WANTED_IN_LISTS[key]}"
    return where, f"{value!r} is not {_WANTED_IN_LISTS.get(key) or _WANTED[key]}"
