"""Carries out one drill: check the steady state, break, watch, always roll back, check again, write the journal.

Public: `Execution`, `Halt`.
"""

import asyncio
import time
from bisect import insort
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack, suppress

from tests.drills import journal
from tests.drills.control import CanNotRun, Control, ControlRefused
from tests.drills.evidence.recorder import Recorder
from tests.drills.journal import Expectation, Hit, Journal, MoneySum, SteadyStates
from tests.drills.kit.drill import Drill, Step
from tests.drills.runner import judge
from tests.drills.runner.acting import Actor, CanNotRead
from tests.drills.runner.breaking import Breaker
from tests.drills.runner.judge_browser import watched
from tests.drills.runner.page import View
from tests.drills.runner.shared_visitor import Looks, SharedVisitor
from tests.drills.runner.steady import now, probed
from tests.drills.runner.target import Target
from tests.drills.runner.visitor import Visitor
from tests.drills.runner.watch import FRESH, Watch
from tests.drills.runner.write_up import WriteUp, failed_step

LOOK_EVERY_S = 0.4
CONTROLS_BEFORE = 3
STEADY_WITHIN_S = 20.0
# A slot that heals too late is watched for so much longer, so that the drill can report how late it was.
LATE_S_MAX = 30.0
Say = Callable[[str], None]


class Halt:
    """Set by the halt button: the running drill heals what it broke and ends at once."""

    def __init__(self) -> None:
        self._event = asyncio.Event()
        self.why = ""

    def set(self, why: str) -> None:
        self.why = why
        self._event.set()

    @property
    def is_set(self) -> bool:
        return self._event.is_set()

    async def sleep(self, seconds: float) -> None:
        """Sleep for so long, or until the halt button is pressed."""
        with suppress(TimeoutError):
            async with asyncio.timeout(max(seconds, 0)):
                await self._event.wait()


class Execution:
    """`await Execution(...).run()` returns the journal. It raises nothing but `CancelledError`: errors are in the
    journal.

    `shared` visits the page without a mark for several drills that run side by side. With `could_not`, the reason why
    the drill can not run, nothing is broken.
    """

    def __init__(
        self,
        name: str,
        drill: Drill,
        target: Target,
        control: Control,
        halt: Halt,
        *,
        mark: str = "",
        cookies: Mapping[str, str] | None = None,
        actor_cookies: Mapping[str, str] | None = None,
        recorder: Recorder | None = None,
        shared: SharedVisitor | None = None,
        alone: bool = True,
        could_not: str = "",
        say: Say = lambda _: None,
    ) -> None:
        self.name, self.drill, self.target = name, drill, target
        self._control, self._halt, self._mark, self._recorder, self._say = control, halt, mark, recorder, say
        self._cookies, self._shared, self._alone = cookies, shared, alone
        self._actor_cookies = cookies if drill.actor is None else actor_cookies
        self._breaker = Breaker(drill, target, control, mark)
        self._states = SteadyStates()
        self._steps: list[journal.Step] = []
        self._rollbacks: list[journal.Step] = []
        self._money: list[MoneySum] = []
        self._hits: list[Hit] = []
        self._watch = Watch(0, 0)
        self._could_not = could_not
        self._broken = asyncio.Event()
        self._faults_left = sum(step.act is None for step in drill.method)
        self._first_visit: asyncio.Task[None] | None = None
        self._stack = AsyncExitStack()

    async def run(self) -> Journal:
        start, began = now(), time.monotonic()
        found: list[Expectation] = []
        async with self._stack:
            try:
                if not self._could_not:
                    await self._prepare()
                if not self._could_not:
                    await self._carry_out()
            except* (CanNotRun, ControlRefused, CanNotRead) as problems:
                self._could_not = self._could_not or _first(problems)
            finally:
                await asyncio.shield(self._roll_back())
            if not self._could_not and not self._halt.is_set:
                await self._act_behind()
            if not self._could_not:
                found = await self._conclude()
                self._could_not = "" if self._watch.aborted else judge.proves_nothing(self.drill, self._hits, found)
        evidence = self._recorder.evidence() if self._recorder is not None and not self._could_not else None
        of = (self.name, self.drill, self.target, self._watch, self._could_not, found, evidence, self._hits)
        return WriteUp(*of).journal(
            start=start,
            duration_s=time.monotonic() - began,
            states=self._states,
            steps=self._steps,
            rollbacks=self._rollbacks,
            money=self._money,
        )

    # --- before

    async def _prepare(self) -> None:
        await asyncio.to_thread(self._breaker.check, alone=self._alone)
        player = await self._visitor(self._mark, self._cookies)
        actor = player if self.drill.actor is None else await self._visitor(self._mark, self._actor_cookies)
        unmarked: Looks = self._shared or (await self._visitor("", self._cookies) if self._mark else player)
        self._tester: Looks = player if self._mark else unmarked
        self._beside = unmarked
        self._actor = Actor(self.drill, actor, self.target, self._breaker.addresses)
        if self.drill.clock == "held":
            await asyncio.to_thread(self._breaker.hold_clock, held=True)
        self._say("is it steady?")
        state = await probed(self.drill.probes, self._tester, self.target, self.drill.page, within_s=STEADY_WITHIN_S)
        self._states.before = state
        if not state.steady_state_met:
            failed = next(step for step in state.probes if not step.tolerance_met)
            self._could_not = f"It was not steady before the fault: {failed.activity.name}: {failed.output}."
            return
        if self.drill.expect.money is not None:
            self._before = await self._actor.holding(settled=True)
        if self._recorder is not None:
            await self._recorder.before()
        for _ in range(CONTROLS_BEFORE):
            self._watch.controls.append(await self._beside.look(self.drill.page))

    async def _visitor(self, mark: str, cookies: Mapping[str, str] | None) -> Visitor:
        return await self._stack.enter_async_context(Visitor(self.target.base_url, mark=mark, cookies=cookies))

    # --- the method

    async def _carry_out(self) -> None:
        watch = self._watch
        watch.began = watch.ended = time.monotonic()
        self._say(f"broken for {self.drill.lasts_s:.0f} s")
        acting = asyncio.create_task(self._method())
        recording = asyncio.create_task(self._record()) if self._recorder is not None else None
        try:
            while not self._ends_early(acting) and not self._is_over():
                await self._look()
            if self._first_visit is not None:
                await self._first_visit
            if not watch.aborted and not _has_failed(acting):
                if self._recorder is not None:
                    self._recorder.fault_ended()
                self._say("waiting until it has healed")
                await self._until_healed()
        finally:
            tasks = [task for task in (acting, recording, self._first_visit) if task is not None]
            if watch.aborted or _has_failed(acting):
                for task in tasks:
                    task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        if _has_failed(acting):
            await acting

    async def _method(self) -> None:
        """Runs every step at its time. A step that `follows` waits for the one before."""
        origin = time.monotonic()
        before: asyncio.Task[None] | None = None
        async with asyncio.TaskGroup() as group:
            for step in self.drill.method:
                before = group.create_task(self._step(step, origin, before))

    async def _step(self, step: Step, origin: float, before: asyncio.Task[None] | None) -> None:
        if step.follows and before is not None:
            await asyncio.wait([before])
            origin = time.monotonic()
        await self._halt.sleep(origin + step.after_s - time.monotonic())
        if self._halt.is_set:
            return
        if step.act is not None and step.act != "result":
            self._steps.append(await self._actor.act(step))
            return
        work = self._breaker.play if step.act == "result" else self._breaker.put_on
        self._steps.append(await _to_its_end(work, step))
        if step.act is None:
            self._notify(step)

    def _notify(self, step: Step) -> None:
        """A fault has been set; the proxy ends it by itself."""
        watch, at = self._watch, time.monotonic()
        self._faults_left -= 1
        if not self._broken.is_set():
            watch.began = at
            self._broken.set()
            # An extra visit: the one that is under way began without the fault, and may hang as long as the fault
            # lasts.
            self._first_visit = asyncio.create_task(self._visit())
            if self._recorder is not None:
                self._recorder.fault_began()
        watch.ended = max(watch.ended, at + step.for_s)

    def _is_over(self) -> bool:
        return not self._faults_left and time.monotonic() >= self._watch.ended

    async def _look(self) -> None:
        began = time.monotonic()
        await self._visit()
        await self._halt.sleep(LOOK_EVERY_S - (time.monotonic() - began))

    async def _visit(self) -> None:
        page, watch = self.drill.page, self._watch
        if self._mark:
            view, control = await asyncio.gather(self._tester.look(page), self._beside.look(page))
            watch.controls.append(control)
        else:
            view = await self._tester.look(page)
        insort(watch.views, view, key=lambda each: each.at)

    def _ends_early(self, acting: asyncio.Task[None]) -> bool:
        watch, abort = self._watch, self.drill.abort
        if self._halt.is_set:
            watch.aborted = self._halt.why
        elif not self.drill.expect.page.broken and _failed_in_a_row(watch.views) >= abort.pages_failed:
            watch.aborted = f"{abort.pages_failed} pages in a row did not come"
        elif _failed_in_a_row(watch.controls) >= abort.controls_failed:
            watch.aborted = f"{abort.controls_failed} pages in a row did not come to visitors without the fault"
        return bool(watch.aborted) or _has_failed(acting)

    async def _until_healed(self) -> None:
        slots = self.drill.expect.slots
        longest = max((each.heals_within_s for each in slots.values()), default=0.0)
        deadline = self._watch.ended + longest + LATE_S_MAX
        well = 0
        while well < 2 and time.monotonic() < deadline and not self._halt.is_set:
            await self._look()
            view = self._watch.views[-1]
            fresh = all(slot in view.slots and view.slots[slot].state == FRESH for slot in self.drill.slots)
            well = well + 1 if fresh and not view.problem else 0
        if self._halt.is_set:
            self._watch.aborted = self._halt.why

    async def _record(self) -> None:
        assert self._recorder is not None
        await self._broken.wait()
        slots = self.drill.expect.slots
        surely = [slot for slot, wanted in slots.items() if FRESH not in wanted.state]
        left_s = self._watch.ended - time.monotonic()
        # If no slot has to show the fault, its second half is left for pictures that prove so.
        within_s = left_s - 1 if surely else left_s / 2
        siblings = [*self.drill.expect.siblings]
        await self._recorder.during([*slots], max(within_s, 1), surely=surely, siblings=siblings)

    # --- after

    async def _roll_back(self) -> None:
        self._rollbacks = await asyncio.to_thread(self._breaker.heal)
        self._hits = await asyncio.to_thread(self._breaker.hits)
        if self.drill.clock == "held":
            with suppress(CanNotRun, ControlRefused):
                await asyncio.to_thread(self._breaker.hold_clock, held=False)

    async def _act_behind(self) -> None:
        """The player's steps of the drill's `rollback`, after everything is healed."""
        for step in self.drill.rollback:
            await self._halt.sleep(step.after_s)
            done = _to_its_end(self._breaker.play, step) if step.act == "result" else self._actor.act(step)
            self._rollbacks.append(await done)

    async def _conclude(self) -> list[Expectation]:
        drill, watch = self.drill, self._watch
        if self._recorder is not None and not watch.aborted:
            await self._recorder.after()
        self._say("is it steady again?")
        state = await probed(drill.probes, self._tester, self.target, drill.page, within_s=STEADY_WITHIN_S)
        self._states.after = state
        found = judge.expectations(drill, watch)
        if self._recorder is not None and not watch.aborted:
            found += watched(drill, self._recorder.evidence())
        if drill.expect.money is not None:
            self._money = [await self._actor.settled(self._before, drill.expect.money)]
            found += judge.money(self._money)
        for step in (*self._steps, *self._rollbacks, *state.probes):
            if step.status == "failed":
                found.append(failed_step(step))
        return found


def _has_failed(task: asyncio.Task[None]) -> bool:
    return task.done() and not task.cancelled() and task.exception() is not None


async def _to_its_end(work: Callable[[Step], journal.Step], step: Step) -> journal.Step:
    """Runs `work` in a thread and waits for its end even if cancelled: what it breaks must be healed afterwards."""
    task = asyncio.create_task(asyncio.to_thread(work, step))
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        raise


def _first(problems: BaseExceptionGroup[BaseException]) -> str:
    """The message of the first of them."""
    first: BaseException = problems
    while isinstance(first, BaseExceptionGroup):
        first = first.exceptions[0]
    return str(first)


def _failed_in_a_row(views: list[View]) -> int:
    count = 0
    for view in reversed(views):
        if not view.problem and view.status < 500 and view.whole:
            break
        count += 1
    return count
