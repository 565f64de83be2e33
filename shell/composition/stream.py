"""One page: head and layout at once, each slot as it is ready, in any order.

Public: `Composer`, `Composition`, `Opening`.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

from bff.resilience.deadline import Deadline
from bff.resilience.outcome import State
from shell.composition import metrics
from shell.composition.compiler import Compiled, Compiler
from shell.composition.include import Included, Includer
from shell.composition.page import Page, Slot, Visit
from shell.composition.release import Snapshot
from shell.composition.wrap import Wrapper

PAGE_DEADLINE_MS = 1000


@dataclass(frozen=True, slots=True)
class Opening:
    """What goes out first: the status, headers of this page, and head and layout as bytes."""

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

    async def slot(self, slot: Slot, visit: Visit, snapshot: Snapshot, *, attempt: int) -> tuple[Included, bytes]:
        """One slot on its own, for a page that is open in a browser."""
        deadline = Deadline.after_ms(self.clock(), self.page_deadline_ms)
        included = await self.includer.include(slot, visit, snapshot, deadline)
        return included, self.wrapper.wrap(included, visit, attempt=attempt)


class Composition:
    """Includes under way for one page. `close` must be called however the page ends."""

    def __init__(self, composer: Composer, visit: Visit, snapshot: Snapshot, answered: Included | None) -> None:
        self._composer = composer
        self._visit = visit
        self._snapshot = snapshot
        self._deadline = Deadline.after_ms(composer.clock(), composer.page_deadline_ms)
        self._answered = answered
        self._primary = self._primary_slot()
        waiting = [slot for slot in visit.page.slots if answered is None or slot.name != answered.slot.name]
        self._tasks = {slot.name: asyncio.create_task(self._include(slot)) for slot in waiting}

    async def open(self) -> Opening:
        """Head and layout. A primary slot is waited for, at most its deadline; it alone may change the status."""
        if self._primary is None or self._primary.name not in self._tasks:
            status = self._answered.status if self._answered and self._answered.status else 200
            return self._opening(self._visit, status)
        included = await asyncio.shield(self._tasks[self._primary.name])
        timing = (("server-timing", f"{included.slot.name};dur={included.ms};desc={included.state}"),)
        if included.status in (404, 410) and included.state is not State.STALE:
            await self.close()
            visit = Visit(
                page=self._composer.not_found,
                params={},
                language=self._visit.language,
                locale=self._visit.locale,
                currency=self._visit.currency,
                origin=self._visit.origin,
                player=self._visit.player,
                player_name=self._visit.player_name,
                words=self._visit.words,
            )
            return self._opening(visit, 404, timing)
        return self._opening(self._visit, 200, timing)

    async def slots(self) -> AsyncIterator[bytes]:
        """Each slot's element as it is ready."""
        if self._answered is not None:
            yield self._composer.wrapper.wrap(self._answered, self._visit)
        for done in asyncio.as_completed(list(self._tasks.values())):
            yield self._composer.wrapper.wrap(await done, self._visit)

    def tail(self) -> bytes:
        """What closes the page."""
        return Compiled.fill(self._page_parts(self._visit).tail, _late(self._visit))

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

    def _opening(self, visit: Visit, status: int, headers: tuple[tuple[str, str], ...] = ()) -> Opening:
        metrics.PAGES.labels(visit.page.name, str(status)).inc()
        self._visit = visit
        return Opening(status, Compiled.fill(self._page_parts(visit).head, _late(visit)), headers)

    def _page_parts(self, visit: Visit) -> Compiled:
        return self._composer.compiler.compiled(
            visit.page, language=visit.language, signed_in=bool(visit.player), snapshot=self._snapshot
        )

    async def _include(self, slot: Slot) -> Included:
        return await self._composer.includer.include(slot, self._visit, self._snapshot, self._deadline)


def _late(visit: Visit) -> dict[str, str]:
    own = {"player_name": visit.player_name, "path": visit.path, "key": visit.page.key(visit.params)}
    return {**visit.words, **own}
