"""A run: several drills against one target, one by one or side by side, and the folder of their journals.

Public: `Run`, `Options`, `folder_of`, `scoped`.
"""

import asyncio
import math
import signal
import time
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
from playwright.async_api import Browser
from playwright.async_api import Error as PlaywrightError

from shell.operations.up.console import LOG_FILE
from shell.operations.up.plan import PARTITION_KEY
from tests.drills import journal, mark, run_record
from tests.drills.control import CanNotRun, Control
from tests.drills.evidence.browser import BrowserRecorder, open_browser
from tests.drills.evidence.visitor import Visitor as Watcher
from tests.drills.journal import Journal
from tests.drills.kit.drill import Drill
from tests.drills.run_record import RunDrill, RunRecord
from tests.drills.runner import catalogue, judge
from tests.drills.runner.batches import Batch, Planned, Room, expected_s, next_of
from tests.drills.runner.books import reset_players
from tests.drills.runner.breaking import Breaker
from tests.drills.runner.execute import Execution, Halt
from tests.drills.runner.library import Named
from tests.drills.runner.progress import Progress
from tests.drills.runner.shared_visitor import SharedVisitor
from tests.drills.runner.steady import now
from tests.drills.runner.target import Target
from tests.drills.runner.visitor import Visitor, signed_in
from tests.drills.verdict import Verdict
from tests.support.chromium import NoChromium

FOLDER = "drills"
ONCE_MORE_MIN = 3
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Options:
    """`browser`: the drills that a browser watches; None: all that run one by one. `headed`: show its window.
    `elsewhere`: hops whose events travel elsewhere, as in `catalogue.effect_of`."""

    browser: frozenset[str] | None = None
    headed: bool = False
    elsewhere: frozenset[str] = frozenset()


def folder_of(root: Path) -> Path:
    """A new folder for a run, named by the time so that names sort."""
    return root / FOLDER / datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%fZ")


def scoped(drill: Drill, scope: str) -> Drill:
    """`drill` with another scope instead of the file's."""
    if not scope:
        return drill
    method = [msgspec.structs.replace(step, scope=None) for step in drill.method]
    return msgspec.structs.replace(drill, scope=scope, method=method)


class Run:
    """`asyncio.run(Run(target, folder, command, say, options).all(named, batches))`.

    Raises `CanNotRun` before anything is broken, if nothing answers.
    """

    def __init__(
        self,
        target: Target,
        folder: Path,
        command: str,
        say: Say,
        options: Options = Options(),
        before: RunRecord | None = None,
    ) -> None:
        """`before` is the earlier run that this one continues: its drills are kept in the record."""
        self._target, self._folder, self._say, self._options = target, folder, say, options
        self._record = before or RunRecord(start=now(), end=now(), target=target.base_url, command=command)
        if before:
            self._record.command = f"{before.command}; stopped, and continued by {command}"
        self._before = len(self._record.drills)
        self._cookies: dict[str, Mapping[str, str]] = {}
        self._earlier = defaultdict[str, list[str]](list)
        self._stack = AsyncExitStack()
        self._browser: Browser | None = None
        self._signing_in, self._opening, self._keeping = asyncio.Lock(), asyncio.Lock(), asyncio.Lock()
        self._progress, self._room = Progress({}), Room()
        self._began = time.monotonic()
        self.halt = Halt()

    async def all(self, named: Sequence[Named], batches: Sequence[Batch] = ()) -> RunRecord:
        """Runs the batches, then `named` one by one; returns the record of the run."""
        self._listen()
        self._plan(named, batches)
        async with self._stack:
            control = self._stack.enter_context(Control(self._target.control_url))
            hops, absent = await asyncio.gather(asyncio.to_thread(control.hops), asyncio.to_thread(control.absent))
            self._record.cells = self._cells(hops, absent, named, batches)
            if batches:
                await self._matrix(control, batches)
            for each in named:
                if not self.halt.is_set:
                    if each.drill.player is not None and not catalogue.is_cell(each.name):
                        await reset_players(self._target)
                    await self._keep(each, await self._surely(each, control))
        return self._record

    async def _surely(self, each: Named, control: Control) -> Journal:
        """Runs a drill alone; a second time if the only failures are late siblings. The last verdict counts."""
        found = await self._watched(each, control)
        if self.halt.is_set or not judge.only_late(found.mullion.expectations):
            return found
        self._say(f"{each.name}: a sibling was late, as on a busy machine; run again: {found.mullion.sentence}")
        self._earlier[each.name].append(found.mullion.sentence)
        return await self._watched(each, control)

    def _plan(self, named: Sequence[Named], batches: Sequence[Batch]) -> None:
        expected = {each.name: expected_s(each.drill, watched=self._is_watched(each)) for each in named}
        for batch in batches:
            for one in batch.drills:
                expected[one.name] = expected_s(one.drill, watched=one.watched) / batch.beside
        self._progress = Progress(expected)
        if len(expected) > 1:
            self._say(self._progress.plan)

    # --- the matrix

    async def _matrix(self, control: Control, batches: Sequence[Batch]) -> None:
        holder = Breaker(batches[0].drills[0].drill, self._target, control, "")
        await asyncio.to_thread(holder.hold_clock, held=True)
        try:
            for batch in batches:
                if self.halt.is_set:
                    return
                await self._batch(control, batch)
        finally:
            await asyncio.to_thread(holder.hold_clock, held=False)

    async def _batch(self, control: Control, batch: Batch) -> None:
        """Runs a batch. What did not hold beside others runs again: side by side first if there are several, since one
        slow moment of the machine spoils many, as long as at least half of them hold then; and at last alone."""
        doubtful, before = await self._side_by_side(control, batch), math.inf
        while ONCE_MORE_MIN <= len(doubtful) <= before / 2:
            before = len(doubtful)
            doubtful = await self._side_by_side(control, Batch(tuple(doubtful)))
        for each in doubtful:
            # Side by side a neighbour may have been the cause: only the verdict of the drill alone counts.
            if not self.halt.is_set:
                drill = catalogue.drill_of(each.name, for_s=each.drill.lasts_s, elsewhere=self._options.elsewhere)
                again = Named(each.name, drill)
                await self._keep(again, await self._surely(again, control))

    async def _side_by_side(self, control: Control, batch: Batch) -> list[Planned]:
        """Runs as many at once as fit; returns those that did not hold."""
        waiting, running = [*batch.drills], dict[asyncio.Task[bool], tuple[Planned, float]]()
        doubtful: list[Planned] = []
        async with Visitor(self._target.base_url, cookies=await self._signed_in(waiting[0].drill.player)) as visitor:
            shared = SharedVisitor(visitor)
            try:
                while waiting or running:
                    under_way = [one for one, _ in running.values()]
                    while not self.halt.is_set and (each := next_of(waiting, under_way, self._room)):
                        waiting.remove(each)
                        under_way.append(each)
                        task = asyncio.create_task(self._beside(each, control, batch, shared))
                        running[task] = each, time.monotonic()
                    if not running:
                        break
                    done, _ = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
                    for task in done:
                        each, began_s = running.pop(task)
                        held = await task
                        self._room.learn(held=held, began_s=began_s, now_s=time.monotonic())
                        doubtful += [] if held else [each]
            finally:
                await _ended(running)
        return doubtful

    async def _beside(self, each: Planned, control: Control, batch: Batch, shared: SharedVisitor) -> bool:
        """Runs one beside others; returns whether its verdict is final."""
        named = Named(each.name, each.drill)
        came_to = await self._watched(named, control, shared=shared, alone=not batch.shared)
        if came_to.mullion.verdict is not Verdict.HELD and batch.shared and not self.halt.is_set:
            self._say(f"{each.name}: did not hold beside others, run again: {came_to.mullion.sentence}")
            self._earlier[each.name].append(came_to.mullion.sentence)
            return False
        await self._keep(named, came_to)
        return True

    def _cells(
        self,
        hops: Mapping[str, Mapping[str, object]],
        absent: Mapping[str, str],
        named: Sequence[Named],
        batches: Sequence[Batch],
    ) -> list[run_record.Cell]:
        """The whole matrix if the run has cells of it; else empty."""
        if not batches and not any(catalogue.is_cell(each.name) for each in named):
            return []
        return catalogue.cells(hops, absent)

    # --- one drill

    async def _watched(
        self, each: Named, control: Control, *, shared: SharedVisitor | None = None, alone: bool = True
    ) -> Journal:
        browser = await self._opened() if self._is_watched(each) else None
        return await self._one(each, control, shared=shared, alone=alone, browser=browser)

    def _is_watched(self, each: Named) -> bool:
        wanted = self._options.browser
        return wanted is None or each.name in wanted

    async def _opened(self) -> Browser:
        async with self._opening:
            if self._browser is None:
                try:
                    self._browser = await self._stack.enter_async_context(open_browser(headed=self._options.headed))
                except NoChromium as problem:
                    raise CanNotRun(f"{problem} Without a browser: --http") from problem
            return self._browser

    async def _one(
        self,
        each: Named,
        control: Control,
        *,
        browser: Browser | None = None,
        shared: SharedVisitor | None = None,
        alone: bool = True,
    ) -> Journal:
        drill, value = each.drill, ""
        if "session" in {drill.scope_of(step) for step in drill.method if step.act is None}:
            if not self._target.key:
                raise CanNotRun(
                    f"No session can be marked without the target's key: set {PARTITION_KEY}, or drill everyone."
                )
            value = mark.mint(self._target.key)
        async with AsyncExitStack() as stack:
            recorder, could_not = None, ""
            if browser is not None:
                try:
                    watcher = self._recorder(each, value, browser, await self._signed_in(drill.player))
                    recorder = await stack.enter_async_context(watcher)
                except PlaywrightError as problem:
                    could_not = f"No page could be opened in the browser: {str(problem).splitlines()[0]}"
            execution = Execution(
                each.name,
                drill,
                self._target,
                control,
                self.halt,
                mark=value,
                cookies=await self._signed_in(drill.player),
                actor_cookies=await self._signed_in(drill.actor),
                recorder=recorder,
                shared=shared,
                alone=alone,
                could_not=could_not,
                say=lambda words: self._say(f"{each.name}: {words}") if alone else None,
            )
            found = await execution.run()
        if recorder is not None and found.mullion.evidence is not None:
            # The recorder closes trace and video when its block is left.
            found.mullion.evidence = recorder.evidence()
        return found

    def _recorder(self, each: Named, value: str, browser: Browser, cookies: Mapping[str, str]) -> BrowserRecorder:
        return BrowserRecorder(
            self._target.base_url,
            folder=self._folder / folder_name(each.name),
            path=each.drill.page,
            tester=Watcher(cookies={**cookies, **({mark.COOKIE: value} if value else {})}),
            control=Watcher(cookies=cookies) if value else None,
            browser=browser,
            log_file=self._target.data / LOG_FILE if self._target.data else None,
        )

    async def _signed_in(self, player: str | None) -> Mapping[str, str]:
        """The player's cookies. One sign-in for the whole run, because each costs the target a slow password hash."""
        if player is None:
            return {}
        async with self._signing_in:
            if player not in self._cookies:
                self._cookies[player] = await signed_in(Visitor(self._target.base_url), player)
        return self._cookies[player]

    async def _keep(self, each: Named, found: Journal) -> None:
        async with self._keeping:
            await self._write(each, found)

    async def _write(self, each: Named, found: Journal) -> None:
        folder = folder_name(each.name)
        found.mullion.earlier = [*self._earlier[each.name]]
        await asyncio.to_thread(journal.write, found, self._folder / folder)
        came_to = found.mullion.verdict.value.replace("_", " ")
        self._record.drills.append(
            RunDrill(
                name=each.name,
                title=each.drill.title,
                verdict=found.mullion.verdict,
                sentence=found.mullion.sentence,
                folder=folder,
                duration_s=found.duration,
            )
        )
        done = [drill.name for drill in self._record.drills[self._before :]]
        progress = self._progress.done(done, time.monotonic() - self._began)
        self._say(f"{progress} {each.name}: {came_to}. {found.mullion.sentence}")
        self._record.end = now()
        await asyncio.to_thread(run_record.write, self._record, self._folder)

    def _listen(self) -> None:
        loop = asyncio.get_running_loop()
        for number, why in ((signal.SIGINT, "Ctrl-C"), (signal.SIGTERM, "the halt button")):
            with suppress(NotImplementedError, ValueError, RuntimeError):
                loop.add_signal_handler(number, self.halt.set, why)


async def _ended(tasks: Collection[asyncio.Task[Any]]) -> None:
    """Cancels all and waits until each has healed what it broke, so that a failing one leaves no other running."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def folder_name(name: str) -> str:
    """The name of a drill's folder within the run's folder."""
    return name.replace(":", "-").replace("/", "--")
