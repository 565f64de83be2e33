"""One page: head and layout at once, each slot as it is ready, in any order.

Public: `Composer`, `Composition`, `Opening`, `timing`.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace

from bff.resilience.deadline import Deadline
from bff.resilience.outcome import State
from shell.composition import metrics
from shell.composition.compiler import Compiled, Compiler
from shell.composition.include import Includer
from shell.composition.ladder import Included
from shell.composition.page import PAGE_DEADLINE_MS, Page, Slot, Visit
from shell.composition.page_names import PageNames
from shell.composition.release import Snapshot
from shell.composition.wrap import Wrapper

# A proxy that gathers before it sends on (nginx does, to compress) would hold the head for the slowest slot.
_UNBUFFERED = ("x-accel-buffering", "no")


@dataclass(frozen=True, slots=True)
class Opening:
    """What goes out first: the status, headers of this page, and as bytes head, layout and the slots known by then."""

    status: int
    head: bytes
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Composer:
    """What every composition of this process shares. `not_found` is the page shown when a primary slot says 404."""

    compiler: Compiler
    includer: Includer
    not_found: Page
    wrapper: Wrapper = field(default_factory=Wrapper)
    page_deadline_ms: int = PAGE_DEADLINE_MS
    clock: Callable[[], float] = time.monotonic

    def compose(self, visit: Visit, snapshot: Snapshot, *, answered: Included | None = None) -> "Composition":
        """Start composing. `answered` fills its slot with an outcome that is there already (an action's answer)."""
        return Composition(self, visit, snapshot, answered)

    async def slot(
        self, slot: Slot, visit: Visit, snapshot: Snapshot, page_names: PageNames | None = None, *, attempt: int
    ) -> tuple[Included, bytes]:
        """One slot on its own, for a page that is open in a browser, whose other slots hold `page_names`."""
        deadline = Deadline.after_ms(self.clock(), self.page_deadline_ms)
        included = await self.includer.include(slot, visit, snapshot, deadline)
        return included, self.wrapper.wrap(included, visit, page_names, attempt=attempt)


class Composition:
    """Includes under way for one page. `close` must be called however the page ends."""

    def __init__(self, composer: Composer, visit: Visit, snapshot: Snapshot, answered: Included | None) -> None:
        self._composer = composer
        self._visit = visit
        self._snapshot = snapshot
        self._answered = answered
        self._page_names = PageNames()
        self._deadline = Deadline.after_ms(composer.clock(), composer.page_deadline_ms)
        # What is known already, and what has to be asked for.
        self._known: dict[str, Included] = {}
        self._tasks: dict[str, asyncio.Task[Included]] = {}
        at_once = composer.includer.at_once
        for slot in visit.page.slots:
            known = answered if answered and slot.name == answered.slot.name else at_once(slot, visit, snapshot)
            if known is not None:
                self._known[slot.name] = known
            else:
                self._tasks[slot.name] = asyncio.create_task(self._include(slot))

    async def open(self) -> Opening:
        """Head, layout and the slots that are known. A primary slot is waited for; it alone may change the status."""
        primary = self._primary_slot()
        if primary is not None and primary.name in self._tasks:
            self._known[primary.name] = await asyncio.shield(self._tasks[primary.name])
            del self._tasks[primary.name]
        said = ", ".join([timing(name, included.ms, included.state) for name, included in self._known.items()])
        headers = (_UNBUFFERED, ("server-timing", said)) if said else (_UNBUFFERED,)
        decides = self._known.get(primary.name) if primary is not None else None
        if decides is not None and decides.status in (404, 410) and decides.state is not State.STALE:
            await self.close()
            self._known = {}
            self._visit = replace(
                self._visit, page=self._composer.not_found, params={}, receipts={}, queries={}, min_sequence=""
            )
            return self._opening(404, headers)
        return self._opening(self._answered.status or 200 if self._answered else 200, headers)

    async def rest(self) -> AsyncIterator[tuple[bytes, bool]]:
        """What follows, as (bytes, whether more comes): slots as they are ready, and with the last of them the tail.

        Slots that are ready at the same moment go out together: each write costs more than a slot that has fallen back.
        """
        tail = Compiled.fill(self._page_parts().tail, _late(self._visit))
        waiting = set(self._tasks.values())
        if not waiting:
            yield tail, False
        while waiting:
            done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            ready = [self._wrap(task.result()) for task in self._tasks.values() if task in done]
            yield b"".join(ready if waiting else (*ready, tail)), bool(waiting)

    async def close(self) -> None:
        """End every include that is still under way."""
        tasks, self._tasks = list(self._tasks.values()), {}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _primary_slot(self) -> Slot | None:
        for slot in self._visit.page.slots:
            release = self._snapshot.releases.get(slot.fragment)
            if slot.primary and release is not None and release.manifest.mullion.primary:
                return slot
        return None

    def _opening(self, status: int, headers: tuple[tuple[str, str], ...]) -> Opening:
        metrics.pages(self._visit.page.name, str(status)).inc()
        head = Compiled.fill(self._page_parts().head, _late(self._visit))
        return Opening(status, b"".join((head, *map(self._wrap, self._known.values()))), headers)

    def _page_parts(self) -> Compiled:
        visit = self._visit
        return self._composer.compiler.compiled(
            visit.page, language=visit.language, signed_in=bool(visit.player), snapshot=self._snapshot
        )

    def _wrap(self, included: Included) -> bytes:
        return self._composer.wrapper.wrap(included, self._visit, self._page_names)

    async def _include(self, slot: Slot) -> Included:
        return await self._composer.includer.include(slot, self._visit, self._snapshot, self._deadline)


def timing(slot: str, ms: int, state: State) -> str:
    """What `Server-Timing` says of one slot."""
    return f"{slot};dur={ms};desc={state}"


def _late(visit: Visit) -> dict[str, str]:
    own = {"player_name": visit.player_name, "path": visit.path, "key": visit.page.key(visit.params)}
    return {**visit.words, **own}
