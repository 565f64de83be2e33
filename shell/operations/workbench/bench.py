"""One fragment on the bench: its process, the release that its files make, and what a page shows of it in each state.

Public: `Bench`, `BenchKeys`.
"""

import asyncio
import secrets
import time
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from django.conf import settings
from msgspec import structs

from bff.contracts.partition import Partition, sign
from bff.contracts.player_context import new_key_pair
from bff.resilience.deadline import Deadline
from bff.resilience.outcome import Failure, State
from bff.resilience.partition import within
from bff.resilience.reason import Reason
from bff.resilience.transport import Transport
from shell.composition.include import Include
from shell.composition.includer import Includer
from shell.composition.ladder import Included, included_from_failure
from shell.composition.page import PAGE_DEADLINE_MS, Page, Visit
from shell.composition.release import Release, Trust
from shell.composition.upstreams import Upstreams
from shell.operations.fragment_check.copied_files import files_of
from shell.operations.fragment_check.report import FileReport
from shell.operations.up.orphan_guard import OrphanGuard
from shell.operations.workbench.bench_slot import BenchSlot
from shell.operations.workbench.folder import FragmentFolder
from shell.operations.workbench.process import FragmentProcess, NotReady
from shell.operations.workbench.states import BenchState, Cell
from shell.players.context import Minter
from shell.registry.fetch import Fetcher, fetch_policy
from shell.registry.gate.assess import release_of
from shell.registry.origins import Origins
from shell.registry.release_folder import PublishRefused

PAGE = "workbench_page.html"
PLAYER = "pl_fixture"
SHOWN_AGAIN_S = 3.0
COPY_AGE = timedelta(seconds=73)
MARK_LIFE_S = 12 * 3600
STARTING = "It is being started."


IncludeResult = tuple[Include, Included]


@dataclass(frozen=True, slots=True)
class BenchKeys:
    """The signing keys of this run: for players' bearers, and for the marks that tell states apart."""

    private: str
    public: str
    partition: str
    marks_until_s: int

    @classmethod
    def make(cls, now: float) -> "BenchKeys":
        """`now` in seconds since 1970: a mark has to be the same each time, or it marks somebody else."""
        return cls(*new_key_pair(), secrets.token_urlsafe(48), int(now) + MARK_LIFE_S)

    def partition_of(self, state: BenchState) -> Partition:
        return Partition(state.value, sign(self.partition, state.value, expires_s=self.marks_until_s))


@dataclass(slots=True)
class Bench:
    """`problem` is why there is nothing to look at, empty where there is; `generation` counts what was started."""

    folder: FragmentFolder
    looks: list[BenchSlot]
    keys: BenchKeys
    bff_url: str
    orphan_guard: OrphanGuard
    generation: int = 0
    problem: str = STARTING
    release: Release | None = None
    files: dict[str, FileReport] = field(default_factory=dict)
    _process: FragmentProcess | None = None
    _upstreams: Upstreams | None = None
    _includer: Includer | None = None
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    # By the key of its cell; a wall asks for each in every width and theme at once.
    _shown: dict[str, tuple[float, asyncio.Task[IncludeResult | None]]] = field(default_factory=dict)

    async def restart(self) -> None:
        """Restart the fragment from the folder's files; a mistake in it is stored in `problem` with its own message."""
        async with self._lock:
            self.problem = STARTING
            await self._end()
            environ = dict.fromkeys(self.folder.variables, f"{self.bff_url}/bff/{self.folder.name}")
            environ |= {"PLAYER_CONTEXT_PUBLIC_KEY": self.keys.public, "PARTITION_KEY": self.keys.partition}
            self._process = FragmentProcess(self.folder, environ, self.orphan_guard)
            try:
                await self._process.start()
                await self._copy(self._process.url + self.folder.manifest)
                await self._warm_up()
                self.problem = ""
            except (NotReady, PublishRefused, OSError) as error:
                self.problem = str(error)
            self.generation += 1

    async def stop(self) -> None:
        async with self._lock:
            await self._end()

    async def show(self, cell: Cell) -> IncludeResult | None:
        """What a page shows in this state; None where there is nothing to look at, or no such slot.

        Whoever asks again within `SHOWN_AGAIN_S` is shown the same.
        """
        at, held = time.monotonic(), self._shown.get(cell.key)
        if held is None or at > held[0]:
            held = self._shown[cell.key] = (at + SHOWN_AGAIN_S, asyncio.create_task(self._show(cell)))
        return await asyncio.shield(held[1])

    def has(self, cell: Cell, slot: str) -> bool:
        """Whether `slot` is what the cell looks at."""
        return cell.look < len(self.looks) and self.looks[cell.look].slot.name == slot

    async def _show(self, cell: Cell) -> IncludeResult | None:
        if self.release is None or self._includer is None or cell.look >= len(self.looks):
            return None
        include = Include(self.looks[cell.look].slot, self._visit(cell), self.release)
        if cell.state is BenchState.GONE:
            return include, included_from_failure(include, Failure(Reason.CONNECT))
        deadline = Deadline.after_ms(time.monotonic(), PAGE_DEADLINE_MS)
        with self._partition(cell.state):
            included = await self._includer.include(include, deadline)
        if cell.state is BenchState.STALE:
            return include, _as_copy(include, included)
        return include, included

    async def _warm_up(self) -> None:
        """Request each slot once without showing it, as a process's first answer is late and would show another state
        than the chosen one.
        """
        for number in range(len(self.looks)):
            await self._show(Cell(self.folder.name, number))

    async def _copy(self, manifest_url: str) -> None:
        transport = Transport(fetch_policy())
        trust = Trust(self.folder.trust)

        async def trust_of(name: str) -> Trust:
            return trust

        try:
            origins = Origins([manifest_url, *settings.FRAGMENT_ORIGINS], loopback=True)
            copy = await Fetcher(transport, origins, trust_of).copy(manifest_url)
        finally:
            await transport.aclose()
        self.release = release_of(copy, trust)
        self.files = {each.path: each for each in files_of(copy)}
        self._upstreams = Upstreams()
        minter = Minter(self.keys.private)

        def bearer(visit: Visit, audience: str, scopes: frozenset[str], life_s: int) -> str:
            return minter.bearer(visit.player, audience, scopes, currency=visit.currency, locale=visit.locale)

        self._includer = Includer(self._upstreams, bearer)

    def _visit(self, cell: Cell) -> Visit:
        look = self.looks[cell.look]
        return Visit(
            page=Page(cell.key, "/", PAGE, (look.slot,), layout=look.layout),
            params={},
            language=settings.LANGUAGE_CODE,
            locale=settings.LOCALES[0],
            currency=settings.CURRENCY,
            origin=settings.PUBLIC_URL,
            player=PLAYER if cell.signed_in else "",
            player_name="Fixture",
        )

    def _partition(self, state: BenchState) -> AbstractContextManager[None]:
        """Each state has guards of its own, here and in the fragment; the mark selects the fixtures' state."""
        if state in (BenchState.FRESH, BenchState.STALE):
            return nullcontext()
        return within(self.keys.partition_of(state))

    async def _end(self) -> None:
        self._shown = {}
        self.release, includer, upstreams, process = None, self._includer, self._upstreams, self._process
        self._includer = self._upstreams = self._process = None
        if includer is not None:
            await includer.aclose()
        if upstreams is not None:
            await upstreams.aclose()
        if process is not None:
            await process.stop()


def _as_copy(include: Include, included: Included) -> Included:
    """What a page shows once the process has gone: the copy where the manifest allows one, else the fallback."""
    if included.state is not State.FRESH or not include.published.manifest.mullion.stale_s_max:
        return included_from_failure(include, Failure(Reason.CONNECT))
    as_of = datetime.now(UTC) - COPY_AGE
    return structs.replace(included, state=State.STALE, reason=Reason.CONNECT, as_of=as_of, repeated=None)
