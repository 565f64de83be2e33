"""The state of each process, for the terminal, for waiting, and in `processes.json` for other programs.

Public: `Board`, `State`.
"""

import asyncio
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from pathlib import Path

FILE = "processes.json"


class State(StrEnum):
    """`waiting`: its house is not prepared yet. `refused`: preparing failed. `disabled`: stopped by a file in
    `disabled/`.
    """

    WAITING = "waiting"
    STARTING = "starting"
    READY = "ready"
    DOWN = "down"
    DISABLED = "disabled"
    REFUSED = "refused"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class Row:
    """`pid` is 0 while nothing runs; `starts` counts this run's starts. `function`: a platform of functions runs it."""

    port: int
    state: State = State.WAITING
    pid: int = 0
    starts: int = 0
    function: bool = False


class Board:
    """States of all processes; every change is written down and wakes those who wait."""

    def __init__(self, ports: dict[str, int], folder: Path, functions: frozenset[str] = frozenset()) -> None:
        self._file = folder / FILE
        self._rows = {name: Row(port, function=name in functions) for name, port in ports.items()}
        self._changed = asyncio.Condition()
        self._write()

    async def set(self, name: str, state: State, pid: int = 0) -> None:
        row = self._rows[name]
        self._rows[name] = replace(row, state=state, pid=pid, starts=row.starts + (state is State.STARTING))
        self._write()
        async with self._changed:
            self._changed.notify_all()

    def of(self, name: str) -> State:
        return self._rows[name].state

    def starts(self, name: str) -> int:
        """How often it was started in this run."""
        return self._rows[name].starts

    def ready(self) -> int:
        """How many are."""
        return sum(row.state is State.READY for row in self._rows.values())

    def __len__(self) -> int:
        return len(self._rows)

    async def until(self, holds: Callable[[], bool], timeout_s: float | None = None) -> bool:
        """Wait until `holds()`; False when `timeout_s` passed first."""
        try:
            async with asyncio.timeout(timeout_s), self._changed:
                await self._changed.wait_for(holds)
        except TimeoutError:
            return False
        return True

    def _write(self) -> None:
        draft = self._file.with_suffix(".draft")
        draft.write_text(json.dumps({name: asdict(row) for name, row in self._rows.items()}, indent=1), "utf-8")
        draft.replace(self._file)
