"""One page: head and layout at once, each slot as it is ready, in any order.

Public: `Composer`, `Composition`, `Opening`, `timing`.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from msgspec import structs

from bff.resilience.deadline import Deadline
from bff.resilience.outcome import State
from bff.resilience.reason_properties import PROPERTIES
from shell.composition import metrics
from shell.composition.cold_reload import reload_element
from shell.composition.compiler import Compiled, Compiler
from shell.composition.include import Include
from shell.composition.includer import Includer
from shell.composition.ladder import Included
from shell.composition.nested import pending
from shell.composition.page import PAGE_DEADLINE_MS, Page, Slot, Visit
from shell.composition.page_names import PageNames
from shell.composition.release import Release, Snapshot
from shell.composition.seats import seated
from shell.composition.wrap import Wrapper

# A proxy that gathers before it sends on (nginx does, to compress) would hold the head for the slowest slot.
_UNBUFFERED = ("x-accel-buffering", "no")
_NOTHING: Mapping[str, bytes] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Opening:
    """What goes out first: the status, headers of this page, and as bytes head, layout and the slots ready by then."""

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
        if (page := seated(visit.page, snapshot)) is not visit.page:
            visit = structs.replace(visit, page=page)
        return Composition(self, visit, snapshot, answered)

    async def slot(
        self,
        slot: Slot,
        visit: Visit,
        snapshot: Snapshot,
        page_names: PageNames | None = None,
        *,
        attempt: int,
        tag: str = "",
    ) -> tuple[Included, bytes]:
        """One slot on its own, for a page that is open in a browser, whose other slots hold `page_names`.

        `tag` is that of the release that drew it before.
        """
        deadline = Deadline.after_ms(self.clock(), self.page_deadline_ms)
        if (page := seated(visit.page, snapshot)) is not visit.page:
            visit, slot = structs.replace(visit, page=page), page.slot(slot.name) or slot
        release = snapshot.release_again(slot.fragment, tag, visit.visitor, heals=attempt > 0)
        include = Include(slot, visit, release)
        included = await self.includer.include(include, deadline)
        return included, self.wrapper.wrap(included, include, page_names, attempt=attempt)


class Composition:
    """Includes under way for one page. `close` must be called however the page ends."""

    def __init__(self, composer: Composer, visit: Visit, snapshot: Snapshot, answered: Included | None) -> None:
        self._composer = composer
        self._visit = visit
        self._snapshot = snapshot
        self._answered = answered
        self._page_names = PageNames()
        self._deadline = Deadline.after_ms(composer.clock(), composer.page_deadline_ms)
        self._includes = {slot.name: Include(slot, visit, self._release(slot)) for slot in visit.page.slots}
        # The slots that are ready before the first byte, and those under way.
        self._ready: dict[str, Included] = {}
        self._tasks: dict[str, asyncio.Task[Included]] = {}
        for name, include in self._includes.items():
            ready = answered if answered and name == answered.slot.name else composer.includer.immediate(include)
            if ready is not None:
                self._ready[name] = ready
            else:
                self._tasks[name] = asyncio.create_task(composer.includer.include(include, self._deadline))
        # What was sent of slots that hold other slots, and of the slots inside them.
        self._sent: set[str] = set()
        for name, nested in visit.page.nested.items():
            self._keep_back(name, nested)

    async def open(self) -> Opening:
        """Head, layout and the slots that are ready. A primary slot is waited for; it alone may change the status."""
        primary = self._primary_slot()
        if primary is not None and primary.name in self._tasks:
            self._ready[primary.name] = await asyncio.shield(self._tasks[primary.name])
            del self._tasks[primary.name]
        timings = ", ".join([timing(name, included.ms, included.state) for name, included in self._ready.items()])
        headers = (_UNBUFFERED, ("server-timing", timings)) if timings else (_UNBUFFERED,)
        decides = self._ready.get(primary.name) if primary is not None else None
        if decides is not None and decides.status in (404, 410) and decides.state is not State.STALE:
            await self.close()
            self._ready, self._includes = {}, {}
            self._visit = structs.replace(
                self._visit, page=self._composer.not_found, params={}, receipts={}, queries={}, min_sequence=""
            )
            return self._opening(404, headers)
        return self._opening(self._answered.status or 200 if self._answered else 200, headers)

    async def remaining(self) -> AsyncIterator[tuple[bytes, bool]]:
        """What follows, as (bytes, whether more comes): slots as they are ready, and with the last of them the tail.

        Slots that are ready at the same moment go out together: each write costs more than a slot that has fallen back.
        """
        tail = Compiled.fill(self._page_parts().tail, _hole_values(self._visit))
        waiting = set(self._tasks.values())
        if not waiting:
            yield self._reload() + tail, False
        while waiting:
            done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            ended = [self._element(task.result()) for task in self._tasks.values() if task in done]
            chunk = b"".join(ended if waiting else (*ended, self._reload(), tail))
            if chunk or not waiting:
                yield chunk, bool(waiting)

    def _reload(self) -> bytes:
        """What brings a reader without scripts back, where a function was cold. What answers a form is no address."""
        outcomes = [*self._ready.values(), *(task.result() for task in self._tasks.values())]
        names = [each.slot.name for each in outcomes if each.reason is not None and PROPERTIES[each.reason].continues]
        cold = [self._includes[name] for name in names]
        if not cold or self._answered is not None:
            return b""
        parts = self._page_parts()
        own = (part for part in (*parts.head, *parts.tail) if isinstance(part, bytes))
        # A stale copy is inert: nobody types into it.
        shown = (*own, *(each.html for each in outcomes if each.state is not State.STALE))
        return reload_element(self._visit, self._includes.values(), cold, self._composer.includer.functions, shown)

    async def close(self) -> None:
        """End every include that is still under way."""
        tasks, self._tasks = list(self._tasks.values()), {}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _keep_back(self, name: str, nested: tuple[Slot, ...]) -> None:
        """Have the slot `name` wait for those inside it that the page says are worth it."""
        awaited = [(self._tasks[each.name], each.awaited_ms) for each in nested if each.name in self._tasks]
        if any(awaited_ms for _, awaited_ms in awaited):
            own = self._tasks.get(name) or self._ready.pop(name)
            self._tasks[name] = asyncio.create_task(_with_nested(own, awaited))

    def _release(self, slot: Slot) -> Release | None:
        """What draws this slot of this view: every slot of one fragment the same."""
        answered = self._answered
        if answered is not None and answered.slot.fragment == slot.fragment:
            return answered.release
        return self._snapshot.release_for(slot.fragment, self._visit.visitor)

    def _primary_slot(self) -> Slot | None:
        for include in self._includes.values():
            release = include.release
            if include.slot.primary and release is not None and release.manifest.mullion.primary:
                return include.slot
        return None

    def _opening(self, status: int, headers: tuple[tuple[str, str], ...]) -> Opening:
        metrics.pages(self._visit.page.name, str(status)).inc()
        primary = self._primary_slot()
        decides = self._ready.get(primary.name) if primary is not None else None
        page_head = decides.page_head if decides is not None else None
        head = Compiled.fill(self._page_parts().head, _hole_values(self._visit), page_head, self._visit.origin)
        return Opening(status, b"".join((head, *map(self._element, self._ready.values()))), headers)

    def _page_parts(self) -> Compiled:
        visit = self._visit
        return self._composer.compiler.compiled(
            visit.page, language=visit.language, signed_in=bool(visit.player), snapshot=self._snapshot
        )

    def _element(self, included: Included) -> bytes:
        """The bytes to send for a slot that is ready: none, where it is sent as part of the slot around it."""
        slot = included.slot
        nested = self._visit.page.nested.get(slot.name, ())
        if slot.inside:
            if slot.inside not in self._sent or slot.name in self._sent:
                return b""
        elif nested:
            self._sent.add(slot.name)
            return self._wrap(included, {inner.name: self._inner(inner) for inner in nested})
        return self._wrap(included)

    def _inner(self, slot: Slot) -> bytes:
        """The inner slot's element when the outer slot is sent: its content if it is ready, else its fallback."""
        task, ready = self._tasks.get(slot.name), self._ready.get(slot.name)
        if ready is None and task is not None and task.done():
            ready = task.result()
        if ready is not None:
            self._sent.add(slot.name)
            return self._wrap(ready)
        include = self._includes[slot.name]
        # A pending fallback takes no names: they are left to the content that replaces it.
        return self._composer.wrapper.wrap(pending(include), include, PageNames(everything=True))

    def _wrap(self, included: Included, inner: Mapping[str, bytes] = _NOTHING) -> bytes:
        include = self._includes[included.slot.name]
        return self._composer.wrapper.wrap(included, include, self._page_names, inner=inner)


async def _with_nested(
    own: asyncio.Task[Included] | Included, nested: list[tuple[asyncio.Task[Included], int]]
) -> Included:
    """A slot's outcome, once those inside it are there or have had their time from when it was there itself."""
    included = own if isinstance(own, Included) else await own
    await asyncio.gather(*(asyncio.wait({task}, timeout=awaited_ms / 1000) for task, awaited_ms in nested))
    return included


def timing(slot: str, ms: int, state: State) -> str:
    """One slot's entry in `Server-Timing`."""
    return f"{slot};dur={ms};desc={state}"


def _hole_values(visit: Visit) -> dict[str, str]:
    own = {"player_name": visit.player_name, "path": visit.path, "key": visit.page.key(visit.params)}
    own["page_view"] = visit.page_view
    return {**visit.template_values, **own}
