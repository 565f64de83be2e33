"""A run: one drill or several against one target, with the folder that their journals go into.

Public: `Run`, `folder_of`.
"""

import asyncio
import signal
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from tests.drills import journal, mark, run_record
from tests.drills.control import CanNotRun, Control
from tests.drills.journal import Journal
from tests.drills.kit.drill import Drill
from tests.drills.run_record import RunDrill, RunRecord
from tests.drills.runner.execute import Execution, Halt
from tests.drills.runner.library import Named
from tests.drills.runner.steady import now
from tests.drills.runner.target import Target

FOLDER = "drills"
Say = Callable[[str], None]


def folder_of(root: Path) -> Path:
    """A new one for a run, named by the time so that names sort."""
    return root / FOLDER / datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%fZ")


def scoped(drill: Drill, scope: str) -> Drill:
    """`drill` for another scope: of every step that names none of its own and breaks a hop."""
    if not scope:
        return drill
    method = [msgspec.structs.replace(step, scope=None) for step in drill.method]
    return msgspec.structs.replace(drill, scope=scope, method=method)


class Run:
    """`asyncio.run(Run(target, folder, command, say).drills(named))`."""

    def __init__(self, target: Target, folder: Path, command: str, say: Say) -> None:
        self._target, self._folder, self._command, self._say = target, folder, command, say
        self.halt = Halt()

    async def drills(self, named: Sequence[Named]) -> RunRecord:
        """One after the other; the record of the run. Raises `CanNotRun` before the first where nothing answers."""
        self._listen()
        record = RunRecord(start=now(), end=now(), target=self._target.base_url, command=self._command)
        with Control(self._target.control_url) as control:
            await asyncio.to_thread(control.hops)
            for number, each in enumerate(named, 1):
                if self.halt.is_set:
                    break
                lead = f"[{number}/{len(named)}] {each.name}"
                began = time.monotonic()
                found = await self._one(each, control, lead)
                await asyncio.to_thread(journal.write, found, self._folder / each.name)
                took_s = time.monotonic() - began
                came_to = found.mullion.verdict.value.replace("_", " ")
                self._say(f"{lead}: {came_to} in {took_s:.0f} s. {found.mullion.sentence}")
                record.drills.append(_line(each, found, took_s))
                record.end = now()
                await asyncio.to_thread(run_record.write, record, self._folder)
        return record

    async def _one(self, each: Named, control: Control, lead: str) -> Journal:
        drill = each.drill
        value = ""
        if "session" in {drill.scope_of(step) for step in drill.method if step.act is None}:
            if not self._target.key:
                raise CanNotRun("without its key no session can be marked: set the key, or run it for everyone")
            value = mark.mint(self._target.key)
        return await Execution(
            each.name,
            drill,
            self._target,
            control,
            self.halt,
            mark=value,
            say=lambda words: self._say(f"{lead}: {words}"),
        ).run()

    def _listen(self) -> None:
        loop = asyncio.get_running_loop()
        for number, why in ((signal.SIGINT, "Ctrl-C"), (signal.SIGTERM, "the halt button")):
            with suppress(NotImplementedError, ValueError):
                loop.add_signal_handler(number, self.halt.set, why)


def _line(each: Named, found: Journal, took_s: float) -> RunDrill:
    return RunDrill(
        name=each.name,
        title=each.drill.title,
        verdict=found.mullion.verdict,
        sentence=found.mullion.sentence,
        folder=each.name,
        duration_s=round(took_s, 2),
    )
