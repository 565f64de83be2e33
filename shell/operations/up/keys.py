"""Secrets of a local run: made once, stored in the data folder, readable by its owner only.

Public: `make_secrets`, `run_key`, `console_token`, `PARTITION_FILE`.
"""

import contextlib
import json
import os
import secrets
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TextIO

from shell.operations.up.house import House
from shell.operations.up.plan import PARTITION_KEY, SecretValues

FILE = "secrets.json"
PARTITION_FILE = "partition.key"
SECRET_BYTES = 48
CONSOLE_BYTES = 24


def make_secrets(houses: Sequence[House], data: Path, environ: Mapping[str, str]) -> SecretValues:
    """Every secret that `houses` ask for. One that the environment gives is used as it is and not written down."""
    path = data / FILE
    stored: dict[str, str] = json.loads(path.read_text("utf-8")) if path.exists() else {}
    before = dict(stored)
    for_all: dict[str, str] = {}
    of_house: dict[str, dict[str, str]] = {}
    for house in houses:
        own = of_house.setdefault(house.name, {})
        for name in house.secrets.own:
            own[name] = environ.get(name) or _made(stored, f"{house.name}/{name}")
        for name in house.secrets.shared:
            for_all[name] = environ.get(name) or _made(stored, name)
        for name in house.secrets.key_pair:
            private, public = f"{name}_PRIVATE_KEY", f"{name}_PUBLIC_KEY"
            if not (environ.get(private) and environ.get(public)):
                _made_pair(stored, private, public)
            own[private] = environ.get(private) or stored[private]
            for_all[public] = environ.get(public) or stored[public]
    if stored != before:
        _write(path, stored)
    return SecretValues(for_all, of_house)


@contextlib.contextmanager
def run_key(data: Path, environ: Mapping[str, str], *, wanted: bool) -> Iterator[Mapping[str, str]]:
    """The key that signs marks of partitions, for this run alone; nothing where it is not `wanted`.

    It lies in the data folder while the run lasts, for its owner's tools. One that the environment gives is used as it
    is, and not written down.
    """
    path = data / PARTITION_FILE
    path.unlink(missing_ok=True)
    if not wanted or environ.get(PARTITION_KEY):
        yield {}
        return
    key = secrets.token_urlsafe(SECRET_BYTES)
    with _for_owner(path) as file:
        file.write(key)
    try:
        yield {PARTITION_KEY: key}
    finally:
        path.unlink(missing_ok=True)


def console_token() -> str:
    """The token that the page of the outage console needs, for this run only."""
    return secrets.token_urlsafe(CONSOLE_BYTES)


def _made(stored: dict[str, str], name: str) -> str:
    return stored.setdefault(name, secrets.token_urlsafe(SECRET_BYTES))


def _made_pair(stored: dict[str, str], private: str, public: str) -> None:
    if private not in stored or public not in stored:
        # Imported here: only the first run of a data folder needs cryptography's 50 ms.
        from bff.contracts.player_context import new_key_pair

        stored[private], stored[public] = new_key_pair()


def _write(path: Path, stored: dict[str, str]) -> None:
    draft = path.with_suffix(".draft")
    with _for_owner(draft) as file:
        json.dump(stored, file, indent=1)
    draft.replace(path)


def _for_owner(path: Path) -> TextIO:
    return open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8")
