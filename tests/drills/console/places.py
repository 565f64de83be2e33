"""The addresses of everything that the console reads, from the environment that `up --drills` sets.

Public: `Places`, `Process`, `BrokenEnvironment`.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass


class BrokenEnvironment(Exception):
    """A variable can not be used; the message says which."""


@dataclass(frozen=True, slots=True)
class Process:
    """`metrics` is the address of its metrics; sandboxes have none."""

    name: str
    house: str
    metrics: str


@dataclass(frozen=True, slots=True)
class Places:
    """`proxy` is the fault proxy's API, `pages` the shell as browsers see it, `front` the hop from browsers to it."""

    port: int
    token: str
    proxy: str
    pages: str = ""
    front: str = ""
    processes: tuple[Process, ...] = ()

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> "Places":
        try:
            port = int(environ.get("PORT") or "")
            rows = json.loads(environ.get("CONSOLE_PROCESSES") or "[]")
            processes = tuple(Process(row["name"], row["house"], row["metrics"]) for row in rows)
        except (ValueError, KeyError, TypeError) as error:
            raise BrokenEnvironment(
                'PORT is a number, CONSOLE_PROCESSES a JSON list of {"name", "house", "metrics"}: ' + str(error)
            ) from error
        token, proxy = environ.get("CONSOLE_TOKEN", ""), environ.get("CONSOLE_PROXY", "")
        if not token or not proxy:
            raise BrokenEnvironment("CONSOLE_TOKEN and CONSOLE_PROXY are needed; manage.py up --drills sets them")
        return cls(port, token, proxy, environ.get("CONSOLE_PAGES", ""), environ.get("CONSOLE_FRONT", ""), processes)
